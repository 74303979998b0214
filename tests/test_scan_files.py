"""The files of a scan: golden ones, the same promoters in every format, true counts, the same bytes again.

`PROMSCAN_UPDATE_GOLDEN=1` rewrites the golden files.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import gffutils
import numpy as np
import pybedtools
import pytest
from genomes import DEMO, TINY, demo_contigs, write_fasta

import promscan
from promscan.commands.scanning import statistics
from promscan.seq.dna import UNKNOWN, encode
from promscan.seq.windows import MAX_UNKNOWN, WINDOW

GOLDEN = Path(__file__).parent / "golden"
UPDATE = os.environ.get("PROMSCAN_UPDATE_GOLDEN") == "1"
TOLERANCE = 2e-4

NUMBER = re.compile(r"-?\d+\.\d+")
VERSION = re.compile(r"^#promscan \S+", re.MULTILINE)
COMMON = ("--model", TINY, "--strength", "none", "--device", "cpu", "--quiet")


# Golden files


def same_but_for_rounding(text, golden):
    """Other processors round the last digits otherwise; a new version alone changes no hit."""
    words = [NUMBER.sub("", VERSION.sub("", each)) for each in (text, golden)]
    numbers = [[float(number) for number in NUMBER.findall(VERSION.sub("", each))] for each in (text, golden)]
    return words[0] == words[1] and np.allclose(*numbers, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("demo.bed", ["--stride", 5]),
        ("demo.gff3", ["--stride", 5, "--strand", "-", "--threshold", 0.8]),
        ("demo.narrowPeak", ["--stride", 7, "--min-distance", 100, "--region", "demo1:10,001-30,000", "--skip-masked"]),
    ],
)
def test_demo_genome_has_the_golden_hits(promscan_cli, tmp_path, name, options):
    outcome = promscan_cli("scan", DEMO, "-o", tmp_path / name, *COMMON, *options)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    text = (tmp_path / name).read_text()
    if UPDATE:
        (GOLDEN / name).write_text(text)
    assert same_but_for_rounding(text, (GOLDEN / name).read_text())


def test_the_comparison_sees_a_difference():
    golden = "#promscan 0.1.0 stride=5\nchr1\t5\t75\t0.1234\n"
    assert same_but_for_rounding("#promscan 0.2.0 stride=5\nchr1\t5\t75\t0.1235\n", golden)
    assert not same_but_for_rounding(golden.replace("0.1234", "0.1239"), golden)
    assert not same_but_for_rounding(golden.replace("75", "76"), golden)
    assert not same_but_for_rounding(golden + golden, golden)


# Every format


SUFFIXES = [".bed", ".bed.gz", ".gff3", ".gff3.gz", ".narrowPeak", ".narrowPeak.gz"]
EXCERPT = {
    "first": demo_contigs()["demo1"][:700] + demo_contigs()["demo1"][11_300:11_800],
    "short": "ACGT" * 10,
    "second": demo_contigs()["demo2"][3_400:3_900].lower(),
}


@pytest.fixture(scope="module")
def excerpt(tmp_path_factory):
    """A genome of 1.7 kb with promoters, unknown bases and a contig that is too short."""
    return write_fasta(tmp_path_factory.mktemp("genome") / "excerpt.fa", EXCERPT)


@pytest.fixture
def files(promscan_cli, tmp_path, excerpt):
    """The same scan in every format, by suffix."""
    paths = {suffix: tmp_path / f"hits{suffix}" for suffix in SUFFIXES}
    for path in paths.values():
        options = ["--min-distance", 50, "--threshold", 0.5, "--stride", 2]
        assert promscan_cli("scan", excerpt, "-o", path, *COMMON, *options).status == 0
    return paths


def rows_of(path):
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [line.split("\t") for line in text.decode().splitlines() if not line.startswith("#")]


def place_of(row, suffix):
    """Contig, window, strand and tss of a row, 0-based and half-open, and its logit."""
    if suffix.startswith(".gff3"):
        attributes = dict(pair.split("=") for pair in row[8].split(";"))
        return row[0], int(row[3]) - 1, int(row[4]), row[6], int(attributes["tss"]) - 1, attributes["logit"]
    tss, logit = (int(row[6]), row[7]) if suffix.startswith(".bed") else (int(row[1]) + int(row[9]), row[6])
    return row[0], int(row[1]), int(row[2]), row[5], tss, logit


def tabix(path, region):
    if (program := shutil.which("tabix")) is None:
        pytest.skip("the program tabix is not installed")
    found = subprocess.run([program, str(path), region], check=True, capture_output=True, text=True)
    return [line.split("\t") for line in found.stdout.splitlines()]


def test_every_format_says_the_same(files):
    said = [[place_of(row, suffix) for row in rows_of(path)] for suffix, path in files.items()]
    assert len(said[0]) > 10
    assert {row[0] for row in said[0]} == {"first", "second"}
    assert {row[3] for row in said[0]} == {"+", "-"}
    assert all(other == said[0] for other in said)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # gffutils leaves its database to the garbage collector
def test_independent_readers_agree(files):
    bed = [(f.chrom, f.start, f.end, f.name, f.strand) for f in pybedtools.BedTool(str(files[".bed"]))]
    features = gffutils.create_db(str(files[".gff3"]), ":memory:").all_features()
    gff = [(f.seqid, f.start - 1, f.end, unquote(f.id), f.strand) for f in features]
    assert sorted(gff) == sorted(bed)
    assert len(bed) == len(rows_of(files[".bed"]))


@pytest.mark.parametrize("suffix", [".bed", ".gff3", ".narrowPeak"])
def test_tabix_fetches_what_lies_in_a_region(files, suffix):
    compressed = files[f"{suffix}.gz"]
    rows = [row for row in rows_of(files[suffix]) if row[0] == "first"]
    assert tabix(compressed, "first") == rows
    _, start, end, *_ = place_of(rows[-1], suffix)
    overlapping = [row for row in rows if place_of(row, suffix)[2] > start]
    assert tabix(compressed, f"first:{start + 1}-{end}") == overlapping


def test_same_bytes_on_every_run(promscan_cli, tmp_path, excerpt):
    for suffix in (".bed", ".bed.gz", ".gff3"):
        runs = []
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir(exist_ok=True)
            path = tmp_path / folder / f"hits{suffix}"
            assert promscan_cli("scan", excerpt, "-o", path, *COMMON, "--stride", 4).status == 0
            runs.append([each.read_bytes() for each in sorted(path.parent.glob(f"*{suffix}*"))])
        assert runs[0] == runs[1]


def test_standard_output_gets_the_bytes_of_the_file(promscan_cli, tmp_path, excerpt):
    path = tmp_path / "hits.bed"
    promscan_cli("scan", excerpt, "-o", path, *COMMON, "--stride", 4)
    assert promscan_cli("scan", excerpt, "-o", "-", *COMMON, "--stride", 4).out == path.read_text()


# Header and summary


def scorable_windows(contigs):
    """How many windows there are with few enough unknown bases, of one strand."""
    codes = [encode(bases) for bases in contigs.values()]
    unknown = [(one[i : i + WINDOW] == UNKNOWN).sum() for one in codes for i in range(len(one) - WINDOW + 1)]
    return sum(count <= MAX_UNKNOWN for count in unknown)


def test_summary_counts_what_was_scanned(promscan_cli, tmp_path, excerpt):
    summary = tmp_path / "summary.json"
    target = tmp_path / "hits.bed"
    outcome = promscan_cli("scan", excerpt, "-o", target, *COMMON[:-1], "--summary", summary)
    told = json.loads(summary.read_text())
    counts = {key: told[key] for key in ("contigs", "bases", "unknown_bases", "windows", "skipped_contigs", "hits")}
    assert counts == {
        "contigs": 3,
        "bases": sum(map(len, EXCERPT.values())),
        "unknown_bases": sum(bases.upper().count("N") for bases in EXCERPT.values()),
        "windows": 2 * scorable_windows(EXCERPT),
        "skipped_contigs": 1,
        "hits": len(rows_of(tmp_path / "hits.bed")),
    }
    assert counts["hits"] > 0 < counts["unknown_bases"]
    assert told["seconds"].keys() == {"read", "score", "call", "strength"}
    assert sum(told["seconds"].values()) <= told["total_seconds"]
    assert (told["device"], told["promscan"]) == ("cpu", promscan.__version__)
    warning, result = outcome.err.splitlines()
    assert warning == "warning: skipped contigs shorter than 70 bp: 1 (short)"
    assert result.startswith(f"{target}: {counts['hits']} hits of model tiny at logit 2 or more; ")
    assert f"{told['scored_bases']:,} bp scanned, {counts['windows']:,} windows on both strands, " in result


def test_memory_is_reported_where_a_container_hides_its_mark(tmp_path, monkeypatch):
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmRSS:\t1 kB\n")
    monkeypatch.setattr(statistics, "Path", lambda _: status)
    assert statistics.peak_memory() > 50e6  # torch alone


def test_header_lists_the_options_and_no_paths(promscan_cli, tmp_path, excerpt):
    bed, path = tmp_path / "wanted.bed", tmp_path / "hits.bed"
    bed.write_text("first\t0\t1000\n")
    places = ["--bed", bed, "--exclude", bed, "--region", "second"]
    promscan_cli("scan", excerpt, "-o", path, *COMMON, *places, "--strand", "+", "--stride", 9, "--threads", 2)
    header = path.read_text().splitlines()[0]
    told = dict(word.split("=") for word in header.split()[2:])
    card = json.loads(TINY.with_suffix(".json").read_text())
    assert told.keys() == {
        *("model", "sha256", "threshold_logit", "min_distance", "strand", "stride", "skip_masked", "within", "exclude")
    }
    assert (told["model"], told["sha256"]) == ("tiny", card["sha256"])
    assert (told["threshold_logit"], told["min_distance"], told["strand"], told["stride"]) == ("2", "500", "+", "9")
    assert "/" not in header
