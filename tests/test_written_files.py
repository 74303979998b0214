"""Written files through the eyes of others: hypothesis, bedtools, tabix and gffutils."""

import dataclasses
import math
import shutil
from pathlib import Path
from urllib.parse import unquote

import gffutils
import pybedtools
import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_hits import HITS, ODD_NAMES, SUFFIXES, expected_place, grades_of, make_hit, place_of, rows_of, write

from promscan.errors import RunError
from promscan.io.row_files import TBI_LIMIT
from promscan.io.schemas import GRADES

# Independent readers

names = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=12).filter(
    lambda name: not name.startswith("#")
)
grades = st.none() | st.floats(-1e6, 1e6)
hits = st.builds(
    make_hit,
    start=st.integers(0, 2**31 - 100),
    strand=st.sampled_from("+-"),
    chrom=names,
    logit=st.floats(-50, 50, width=32),
    fp_per_mb=st.none() | st.floats(0, 1e6),
    strength=grades,
    strength_sd=st.none() | st.floats(0, 1e3),
)
in_a_fresh_file = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@in_a_fresh_file
@given(st.lists(hits, max_size=4))
def test_all_formats_contain_the_same(tmp_path, drawn):
    rows = {suffix: rows_of(write(tmp_path / f"hits{suffix}", drawn)) for suffix in SUFFIXES.values()}
    for suffix, of_format in rows.items():
        assert [place_of(row, suffix) for row in of_format] == [expected_place(hit) for hit in drawn]
    for bed, gff, peak in zip(*rows.values(), strict=True):
        assert grades_of(bed, ".bed") == grades_of(gff, ".gff3")
        assert grades_of(bed, ".bed")["logit"] == grades_of(peak, ".narrowPeak")["logit"]
        assert bed[:6] == peak[:6]
        assert 0 <= int(bed[4]) <= 1000
        assert not any(float(text) == 0 and text.startswith("-") for text in grades_of(bed, ".bed").values())


@in_a_fresh_file
@given(drawn=hits)
def test_printed_numbers_are_the_grades(tmp_path, drawn):
    (row,) = rows_of(write(tmp_path / "hits.bed", [drawn]))
    printed = {name: float(text) for name, text in grades_of(row, ".bed").items()}
    known = {name: getattr(drawn, name) for name in GRADES if getattr(drawn, name) is not None}
    assert printed.keys() == known.keys()
    for name, value in known.items():
        rel, absolute = (5e-4, 0) if name == "fp_per_mb" else (1e-12, 5.0001e-5)
        assert math.isclose(printed[name], value, rel_tol=rel, abs_tol=absolute)


UNGRADED = [dataclasses.replace(hit, fp_per_mb=None) for hit in HITS]
needs_bedtools = pytest.mark.skipif(shutil.which("bedtools") is None, reason="needs bedtools")


def test_pybedtools_reads_the_bed_file(tmp_path):
    bed = pybedtools.BedTool(str(write(tmp_path / "hits.bed", HITS)))
    assert [(f.chrom, f.start, f.end, f.name, f.strand) for f in bed] == [expected_place(hit)[:5] for hit in HITS]


@needs_bedtools
@pytest.mark.parametrize("suffix", [".bed", ".bed.gz", ".gff3", ".narrowPeak"])
def test_bedtools_intersects_the_file(tmp_path, suffix):
    path = write(tmp_path / f"hits{suffix}", UNGRADED)
    (tmp_path / "query.bed").write_text("chr1\t5060\t5061\n")
    found = pybedtools.BedTool(str(path)).intersect(str(tmp_path / "query.bed"), u=True)
    assert [place_of(feature.fields, suffix) for feature in found] == [expected_place(HITS[2])]


@needs_bedtools
def test_bedtools_does_not_take_the_grades_for_blocks(tmp_path):
    """With numbers in columns 7, 8 and 10, twelve columns would be BED12 to it."""
    path = write(tmp_path / "hits.bed", HITS)
    assert grades_of(rows_of(path)[0], ".bed").keys() == set(GRADES)
    assert len(pybedtools.BedTool(str(path)).intersect(str(path), u=True)) == len(HITS)


@pytest.mark.parametrize("suffix", SUFFIXES.values())
def test_tabix_fetches_a_region(tmp_path, suffix):
    path = write(tmp_path / f"hits{suffix}.gz", HITS)
    with pysam.TabixFile(str(path)) as file:
        assert file.contigs == ["chr1", "chr2"]
        found = [place_of(row.split("\t"), suffix)[1:3] for row in file.fetch("chr1", 5069, 5070)]
        assert found == [(5000, 5070)]
        assert list(file.fetch("chr1", 5070, 5071)) == []
        assert len(list(file.fetch("chr2"))) == 1


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # gffutils leaves its database to the garbage collector
def test_gffutils_reads_the_gff3_file(tmp_path):
    odd = [make_hit(chrom=name) for name in ODD_NAMES]
    path = write(tmp_path / "hits.gff3", [*HITS, *odd])
    database = gffutils.create_db(str(path), ":memory:")
    features = {feature.id: feature for feature in database.all_features()}
    assert len(features) == len(HITS) + len(odd)
    for hit in [*HITS, *odd]:
        feature = features[hit.name]
        assert (unquote(feature.seqid), feature.start, feature.end, feature.strand) == (
            hit.chrom, hit.start + 1, hit.end, hit.strand,
        )  # fmt: skip
        assert (feature.featuretype, feature.source) == ("promoter", "promscan")
        assert float(feature.attributes["logit"][0]) == pytest.approx(hit.logit, abs=1e-4)
        # The attribute names the same base as the 1-based coordinates of the feature.
        assert int(feature.attributes["tss"][0]) - feature.start == hit.tss - hit.start


# Indexes


@pytest.mark.parametrize("suffix", SUFFIXES.values())
def test_csi_index_beyond_the_reach_of_tbi(tmp_path, suffix):
    path = tmp_path / f"hits{suffix}.gz"
    far = make_hit(start=TBI_LIMIT - 69)
    write(path, [make_hit(), far])
    assert {p.name for p in tmp_path.iterdir()} == {path.name, f"{path.name}.csi"}
    with pysam.TabixFile(str(path), index=f"{path}.csi") as file:
        assert len(list(file.fetch("chr1", TBI_LIMIT, TBI_LIMIT + 1))) == 1


@pytest.mark.parametrize("suffix", SUFFIXES.values())
def test_tbi_index_up_to_its_last_base(tmp_path, suffix):
    path = write(tmp_path / f"hits{suffix}.gz", [make_hit(start=TBI_LIMIT - 70)])
    assert Path(f"{path}.tbi").exists()
    with pysam.TabixFile(str(path)) as file:
        assert len(list(file.fetch("chr1", TBI_LIMIT - 1, TBI_LIMIT))) == 1


def test_no_stale_index_stays(tmp_path):
    path = tmp_path / "hits.bed.gz"
    near, far = make_hit(), make_hit(start=TBI_LIMIT)
    for hit, kind in ((near, "tbi"), (far, "csi"), (near, "tbi"), (near, "tbi")):
        write(path, [hit])
        assert {p.name for p in tmp_path.iterdir()} == {path.name, f"{path.name}.{kind}"}


def test_index_is_not_older_than_its_file(tmp_path):
    """htslib warns about that."""
    path = write(tmp_path / "hits.bed.gz", HITS)
    assert Path(f"{path}.tbi").stat().st_mtime_ns >= path.stat().st_mtime_ns


def test_hits_out_of_order_leave_nothing(tmp_path, capfd):
    with pytest.raises(RunError, match=r"hits\.bed\.gz"):
        write(tmp_path / "hits.bed.gz", [make_hit(), make_hit(chrom="chr2"), make_hit()])
    assert list(tmp_path.iterdir()) == []
