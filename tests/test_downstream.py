"""Files of a scan in the hands of programs downstream: data frames of intervals, and deepTools on a track.

bedtools, pybedtools, gffutils and tabix read the files in test_written_files.py.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyBigWig
import pytest
from genomes import DEMO, TINY, TINY_STRENGTH

import promscan
from promscan.io.hit_writers import open_writer

REGION = "demo1:21,001-24,500"
PLACE = ["chrom", "start", "end", "name", "score", "strand"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Hits of one scan in every format, and its tracks."""
    folder = tmp_path_factory.mktemp("scan")
    job = promscan.scan(
        DEMO, model=TINY, strength=TINY_STRENGTH, device="cpu", regions=[REGION], track=folder / "scores"
    )
    hits = list(job)
    for name in ("hits.bed", "hits.bed.gz", "hits.gff3", "hits.narrowPeak"):
        with open_writer(str(folder / name), None, job.settings) as writer:
            for hit in hits:
                writer.write(hit)
    rows = [line.split("\t") for line in (folder / "hits.bed").read_text().splitlines() if not line.startswith("#")]
    assert len(rows) > 3
    (folder / "bed6.bed").write_text("".join("\t".join(row[:6]) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def hits(folder):
    return [line.split("\t") for line in (folder / "bed6.bed").read_text().splitlines()]


@pytest.mark.filterwarnings("ignore:Length of header or names")
@pytest.mark.parametrize(
    ("name", "schema"),
    [("hits.bed", "bed6"), ("hits.bed", "bed12"), ("hits.bed.gz", "bed6"), ("hits.narrowPeak", "narrowPeak")],
)
def test_bioframe_reads_hits_when_it_skips_comments(folder, hits, name, schema):
    bioframe = pytest.importorskip("bioframe")
    table = bioframe.read_table(str(folder / name), schema=schema, comment="#")
    assert table[PLACE].astype(str).values.tolist() == hits


def test_bioframe_reads_gff3_when_it_skips_comments(folder, hits):
    bioframe = pytest.importorskip("bioframe")
    table = bioframe.read_table(str(folder / "hits.gff3"), schema="gff", comment="#")
    found = [[row.chrom, str(row.start - 1), str(row.end), row.strand] for row in table.itertuples()]
    assert found == [[chrom, start, end, strand] for chrom, start, end, _, _, strand in hits]


def test_bioframe_needs_six_columns_without_comments_else(folder):
    """As formats.md says."""
    bioframe = pytest.importorskip("bioframe")
    assert len(bioframe.read_table(str(folder / "bed6.bed"), schema="bed"))
    with pytest.raises(ValueError, match="Expected 6 fields"):
        bioframe.read_table(str(folder / "hits.bed"), schema="bed")


@pytest.mark.filterwarnings("ignore")
def test_pyranges_reads_gff3_and_six_columns(folder, hits):
    pyranges = pytest.importorskip("pyranges")
    places = sorted([chrom, int(start), int(end), strand] for chrom, start, end, _, _, strand in hits)
    for read, name in ((pyranges.read_gff3, "hits.gff3"), (pyranges.read_bed, "bed6.bed")):
        table = read(str(folder / name)).df
        assert sorted(table[["Chromosome", "Start", "End", "Strand"]].values.tolist()) == places


@pytest.mark.filterwarnings("ignore")
def test_pyranges_does_not_read_thirteen_columns(folder):
    """As formats.md says."""
    pyranges = pytest.importorskip("pyranges")
    with pytest.raises(AssertionError, match="does not have all the columns"):
        pyranges.read_bed(str(folder / "hits.bed"))


@pytest.mark.filterwarnings("ignore")
def test_data_frames_read_tracks(folder):
    with pyBigWig.open(str(folder / "scores.plus.bw")) as file:
        scores = file.values("demo1", 21_300, 21_400, numpy=True)
    bioframe = pytest.importorskip("bioframe")
    table = bioframe.read_bigwig(str(folder / "scores.plus.bw"), "demo1", 21_300, 21_400, engine="pybigwig")
    np.testing.assert_array_equal(table["value"].to_numpy(np.float32), scores)
    pyranges = pytest.importorskip("pyranges")
    table = pyranges.read_bigwig(str(folder / "scores.plus.bw")).df
    inside = table[(table.Start >= 21_300) & (table.End <= 21_400)]
    np.testing.assert_array_equal(inside["Value"].to_numpy(np.float32), scores)


@pytest.mark.slow
def test_deeptools_centres_a_track_on_the_hits(folder, tmp_path, hits):
    pytest.importorskip("deeptools")
    forward = tmp_path / "forward.bed"
    forward.write_text("".join("\t".join(row) + "\n" for row in hits if row[5] == "+"))
    command = [
        sys.executable, "-c", "from deeptools.computeMatrix import main; main()", "reference-point", "-S",
        folder / "scores.plus.bw", "-R", forward, "--referencePoint", "center", "-b", "100", "-a", "100", "-bs", "1",
        "-o", tmp_path / "matrix.gz", "--outFileNameMatrix", tmp_path / "matrix.tsv", "--sortRegions", "keep",
        "-p", "1",
    ]  # fmt: skip
    run = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    matrix = np.genfromtxt(tmp_path / "matrix.tsv", skip_header=3)
    with pyBigWig.open(str(folder / "scores.plus.bw")) as file:
        for values, row in zip(np.atleast_2d(matrix), [row for row in hits if row[5] == "+"], strict=True):
            middle = (int(row[1]) + int(row[2])) // 2
            np.testing.assert_allclose(values, file.values(row[0], middle - 100, middle + 100), atol=1e-3)
            assert np.nanargmax(values) == 98  # the TSS, 33 bases after the start
