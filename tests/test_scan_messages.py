"""What a scan says: empty results are named for what they are, defaults give no warning, mistakes are found at once."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from unittest import mock

import click
import pytest
from genomes import TINY, demo_contigs, random_bases, write_fasta

import promscan
from promscan.cli import cli
from promscan.inference.windowed import WindowedEngine
from promscan.seq.bounds import MAX_BATCH, MAX_BP, MAX_THREADS

COMMON = ("--model", TINY, "--strength", "none", "--device", "cpu")
BASES = demo_contigs()["demo2"][3_400:3_900]
NOTHING = {
    "all N": ({"chr1": "N" * 300}, ()),
    "all masked": ({"chr1": BASES.lower()}, ("--skip-masked",)),
    "a peptide of nucleotide letters": ({"P1": "MKVSTADKHYNRWGCVBSHKD" * 10}, ()),
    "short contigs": ({"chr1": "ACGT" * 10}, ()),
    "unknown bases everywhere": ({"chr1": "ACGTACGN" * 40}, ()),
}


@pytest.fixture
def out(tmp_path):
    (folder := tmp_path / "out").mkdir()
    return folder


@pytest.fixture
def genome(tmp_path):
    return write_fasta(tmp_path / "genome.fa", {"chr1": BASES})


def result_of(outcome):
    """The last line of a scan that succeeded."""
    assert outcome.status == 0, outcome.err
    return outcome.err.splitlines()[-1]


# Empty results


@pytest.mark.parametrize("what", NOTHING)
@pytest.mark.parametrize("output", ["hits.bed", "hits.gff3.gz", "-"])
def test_a_genome_without_a_window_to_score_is_an_error(promscan_cli, tmp_path, out, what, output):
    contigs, options = NOTHING[what]
    genome = write_fasta(tmp_path / "genome.fa", contigs)
    target = output if output == "-" else out / output
    outcome = promscan_cli("scan", genome, "-o", target, "--summary", out / "s.json", "--quiet", *COMMON, *options)
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.startswith(f"promscan: error: {genome}: no window could be scored: ")
    assert outcome.err.count("\n") == 1
    assert list(out.iterdir()) == []


def test_a_genome_that_is_excluded_as_a_whole_is_an_error(promscan_cli, tmp_path, out, genome):
    (tmp_path / "all.bed").write_text("chr1\t0\t500\n")
    outcome = promscan_cli("scan", genome, "-o", out / "hits.bed", *COMMON, "--exclude", tmp_path / "all.bed")
    assert outcome.status == 1
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("part", [("--shard", "1/2"), ("--region", "chr1:1-200"), ("--bed", "part.bed")])
def test_a_part_of_a_genome_may_be_empty_which_is_said_in_one_line(promscan_cli, tmp_path, out, monkeypatch, part):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "part.bed").write_text("chr1\t0\t200\n")
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": "N" * 300})
    outcome = promscan_cli("scan", genome, "-o", out / "hits.bed", "--summary", out / "s.json", *COMMON, *part)
    assert outcome.err.count("\n") == 1
    assert f"{out}/hits.bed: no window could be scored; 0 hits of model tiny" in result_of(outcome)
    lines = [line for line in (out / "hits.bed").read_text().splitlines()[2:] if not line.startswith("#end ")]
    assert lines == ["#no window could be scored"]
    told = json.loads((out / "s.json").read_text())
    assert [told[key] for key in ("windows", "scored_bases", "hits")] == [0, 0, 0]


def test_windows_without_a_hit_are_a_success_which_is_said(promscan_cli, out, genome):
    outcome = promscan_cli("scan", genome, "-o", out / "hits.bed", *COMMON, "--threshold", "0.9999999")
    assert result_of(outcome).startswith(
        f"{out}/hits.bed: no window reaches the threshold; 0 hits of model tiny at logit 16.12 or more; "
        "500 bp scanned, 862 windows on both strands, "
    )
    assert len((out / "hits.bed").read_text().splitlines()) == 2


# The line of the result


def test_the_result_names_file_model_threshold_and_reporter(promscan_cli, tmp_path, out):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": demo_contigs()["demo1"][:3000]})
    outcome = promscan_cli("scan", genome, "-o", out / "hits.bed", "--fp-per-mb", 1000, "--device", "cpu")
    result = result_of(outcome)
    assert result.startswith(f"{out}/hits.bed: ")
    assert " of model human at logit " in result
    assert "(1e+03 FP/Mb) or more; " in result
    assert result.endswith("; strength: relative expression in a yeast reporter, glucose (model yeast-strength)")
    assert outcome.err.count("\n") == 1  # no warning with the default models


def test_a_strand_that_cannot_be_trusted_is_said_in_plain_words(promscan_cli, tmp_path, out):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": demo_contigs()["demo2"][3_400:3_600]})
    options = ("--model", "core70", "--strength", "none", "--threshold", "0.01", "--device", "cpu")
    result = result_of(promscan_cli("scan", genome, "-o", out / "hits.bed", *options))
    assert result.endswith("this model does not tell the strands apart: the strand of a hit may be wrong")


def test_one_is_singular(promscan_cli, tmp_path, out):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": BASES[:70]})
    outcome = promscan_cli("scan", genome, "-o", out / "x.bed", *COMMON, "--threshold", "1e-9", "--strand", "+")
    assert "x.bed: 1 hit of model tiny" in result_of(outcome)
    assert "70 bp scanned, 1 window on the + strand, " in result_of(outcome)


@pytest.mark.parametrize(
    ("options", "bases", "windows"),
    [
        ({}, 500, 862),
        ({"stride": 100}, 5 * 70, 10),
        ({"stride": 50}, 9 * 50 + 20, 18),
        ({"exclude": [(0, 100)]}, 400, 662),
        ({"exclude": [(100, 400)]}, 200, 124),
        ({"exclude": [(60, 440)]}, 0, 0),
        ({"regions": ["chr1:234-234"], "min_distance": 1}, 70 + 3, 4 * 2),
        ({"strand": "-"}, 500, 431),
    ],
)
def test_scanned_bases_are_those_of_scored_windows(options, bases, windows):
    from promscan.seq.intervals import Intervals
    from promscan.seq.records import Interval

    if "exclude" in options:
        options = {**options, "exclude": Intervals.of(Interval("chr1", *place) for place in options["exclude"])}
    job = promscan.scan({"chr1": BASES}, model=TINY, strength=None, device="cpu", **options)
    for step in (37, 100, 1000):
        with mock.patch.object(WindowedEngine, "chunk_step", step):
            list(job)
        assert (job.statistics.scored.bases, job.statistics.windows) == (bases, windows)


def test_quiet_means_errors_only(promscan_cli, tmp_path, out):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": BASES, "short": "ACGT"})
    outcome = promscan_cli(
        "scan", genome, "-o", out / "x.bed", "--model", TINY, "--strength", TINY.with_name("tiny-strength.safetensors"),
        "--device", "cpu", "--quiet",
    )  # fmt: skip
    assert (outcome.status, outcome.err) == (0, "")


# Mistakes are found at once

LOADED = """
import sys
from promscan.cli import main
try:
    main(sys.argv[1:])
finally:
    print("torch" in sys.modules)
"""
MISTAKES = [
    "-o x.txt",
    "-o no/x.bed",
    "-o x.bed --format vcf",
    "-o x.bed --threshold 0.5 --fp-per-mb 10",
    "-o x.bed --threshold 2",
    "-o x.bed --fp-per-mb 1000000",
    "-o x.bed --model nosuch",
    "-o x.bed --model yeast-strength",
    "-o x.bed --strength human",
    "-o x.bed --bed bad.bed",
    "-o x.bed --exclude nosuch.bed",
    "-o x.bed --region chrX",
    "-o x.bed --shard 3/2",
    "-o - --resume",
    "-o x.bed --region chr1:1-{digits}",
    "-o x.bed --shard 1/{digits}",
    "-o x.bed --stride {digits}",
    "-o x.bed --threads {digits}",
]


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_before_anything_is_loaded(tmp_path, genome, line):
    (tmp_path / "bad.bed").write_text("chr1\tfive\t10\n")
    words = line.format(digits="9" * 5000).split()
    command = [sys.executable, "-c", LOADED, "scan", genome.name, *words]
    environment = {"PYTHONPATH": str(Path(promscan.__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
    assert outcome.returncode in (1, 2)
    assert outcome.stdout == "False\n"
    assert "Traceback" not in outcome.stderr
    (complaint,) = [text for text in outcome.stderr.splitlines() if "rror: " in text]
    assert len(complaint) < 300 or "{digits}" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.bed", "genome.fa"]


def test_a_missing_genome_is_found_before_anything_is_loaded(tmp_path):
    command = [sys.executable, "-c", LOADED, "scan", "nosuch.fa", "-o", "x.bed"]
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stdout) == (1, "False\n")


def test_every_whole_number_of_scan_has_both_bounds():
    options = {option.name: option for option in cli.commands["scan"].params if isinstance(option, click.Option)}
    ranges = {
        name: option.type for name, option in options.items() if isinstance(option.type, click.types.IntParamType)
    }
    assert {name: kind.max for name, kind in ranges.items()} == {
        "min_distance": MAX_BP,
        "min_length": MAX_BP,
        "stride": MAX_BP,
        "threads": MAX_THREADS,
        "batch_size": MAX_BATCH,
    }
    assert all(kind.min == 1 for kind in ranges.values())
    assert "-t" in options["threads"].opts


@pytest.mark.parametrize(
    "wrong", [{"threads": 10**6}, {"batch_size": 10**30}, {"stride": 10**30}, {"shard": (1, 10**9)}]
)
def test_numbers_without_measure_are_refused_from_python_too(wrong):
    with pytest.raises(ValueError, match=r"over|at most|more than"):
        promscan.scan({"chr1": BASES}, model=TINY, strength=None, **wrong)


def test_two_thresholds_are_refused_from_python_too():
    with pytest.raises(ValueError, match="three ways to say the same"):
        promscan.scan({"chr1": BASES}, model=TINY, threshold=0.5, fp_per_mb=10)


def test_one_region_instead_of_a_list_is_refused():
    with pytest.raises(ValueError, match="regions must be a list of regions, not the text 'chr1'"):
        promscan.scan({"chr1": BASES}, model=TINY, regions="chr1")


def test_region_and_bed_together_are_a_union(tmp_path, promscan_cli):
    (tmp_path / "x.bed").write_text("chr1\t300\t400\n")
    both = promscan.scan(
        {"chr1": BASES}, model=TINY, strength=None, regions=["chr1:101-200"], bed=tmp_path / "x.bed", device="cpu",
        threshold=1e-30, min_distance=1,
    )  # fmt: skip
    assert {hit.tss for hit in both} == {*range(100, 200), *range(300, 400)}
    assert "together with --region: in" in " ".join(promscan_cli("scan", "--help").out.split())


# Stopped, or without memory


def stopped(score):
    def run(self, chunks):
        yield from islice(score(self, chunks), 1)
        raise KeyboardInterrupt

    return run


def test_ctrl_c_says_how_to_go_on_if_there_is_a_journal(promscan_cli, out, genome):
    with mock.patch.object(WindowedEngine, "score", stopped(WindowedEngine.score)):
        without = promscan_cli("scan", genome, "-o", out / "x.bed", *COMMON)
        with_journal = promscan_cli("scan", genome, "-o", out / "x.bed", *COMMON, "--resume")
    assert (without.status, without.err.split("\n")) == (130, ["", "promscan: interrupted", ""])  # after the ^C
    assert with_journal.status == 130
    assert with_journal.err.splitlines() == [
        f"{out}/x.bed.resume: holds what is done so far; give the same command again to go on",
        "",
        "promscan: interrupted",
    ]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 9.31 GiB for an array with shape (10000000000,) and data type uint8"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you ..."
        ),
    ],
)
def test_too_little_memory_is_one_line(promscan_cli, out, genome, error):
    def fail(*_):
        raise error

    with mock.patch.object(WindowedEngine, "score", fail):
        outcome = promscan_cli("scan", genome, "-o", out / "x.bed", *COMMON)
    assert outcome.status == 1
    assert outcome.err.startswith("promscan: error: the memory of this machine is too small; use fewer --threads")
    assert outcome.err.count("\n") == 1
    assert list(out.iterdir()) == []


def test_hits_of_random_bases_need_no_file(promscan_cli):
    """The class and the function are one, and can be used without options."""
    assert promscan.scan is promscan.Scan
    job = promscan.Scan(random_bases(300, 1), model=TINY, strength=None, device="cpu")
    assert [hit.chrom for hit in job] == ["sequence"] * job.statistics.hits
