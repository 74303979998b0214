"""A scan that was stopped, however and however often, goes on to the bytes and counts of one that never was."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pysam
import pytest
from genomes import EVERY_WINDOW, TINY, a_few, contigs_of, demo_contigs, random_bases, write_fasta, write_hits
from hypothesis import example, given
from hypothesis import strategies as st

import promscan
from promscan.commands.scanning.journal_file import JOURNAL
from promscan.errors import InputError, RunError
from promscan.inference import streaming
from promscan.inference.streaming import StreamingEngine
from promscan.inference.windowed import WindowedEngine

LANE = 140
LANES = {"lane": LANE, "shorter": (70,), "warm_up": 70, "chunk_step": LANE}
STEP = 50
CONTIGS = {"chr1": demo_contigs()["demo2"][3_400:3_900], "short": "ACGT" * 10, "chr2": demo_contigs()["demo1"][:400]}


@pytest.fixture(autouse=True)
def a_line_for_every_small_chunk(monkeypatch):
    monkeypatch.setattr("promscan.commands.scanning.journal.INTERVAL", 0)
    monkeypatch.setattr(WindowedEngine, "chunk_step", STEP)
    for name, value in LANES.items():
        monkeypatch.setattr(StreamingEngine, name, value)
    # Several units even for a small genome. A lane's bits depend on its column if the columns do not fill the vectors
    # of the processor.
    monkeypatch.setitem(streaming.LANES, "cpu", 16)


@pytest.fixture
def genome(tmp_path):
    return write_fasta(tmp_path / "genome.fa", CONTIGS)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "hits.bed.resume"


def scan_of(genome, folder=None, **options):
    return promscan.scan(genome, resume=folder, **{"model": TINY, "strength": None, "device": "cpu", **options})


def lines_of(folder):
    return (folder / JOURNAL).read_bytes().splitlines()


def stop_after(hits, job):
    """Leave a scan in its midst."""
    running = iter(job)
    for _ in islice(running, hits):
        pass
    running.close()


def counts_of(job):
    counts = dataclasses.asdict(job.statistics)
    del counts["elapsed"]
    return counts


def same_as_never_stopped(genome, folder, **options):
    """Resume the scan; whether it ends as one without a journal does."""
    resumed, whole = scan_of(genome, folder, **options), scan_of(genome, **options)
    with TemporaryDirectory() as name:
        files = [write_hits(job, Path(name) / f"{what}.bed") for what, job in (("resumed", resumed), ("whole", whole))]
        resumed.finish()
        assert not folder.exists()
        return files[0].read_bytes() == files[1].read_bytes() and counts_of(resumed) == counts_of(whole)


# Stopped anywhere


@st.composite
def longer_genomes(draw):
    return {f"chr{i}": draw(contigs_of()) + draw(contigs_of()) for i in range(draw(st.integers(1, 3)))}


@a_few
@given(data=st.data(), contigs=longer_genomes(), distance=st.sampled_from([1, 30, 200]))
def test_a_scan_that_was_stopped_goes_on(tmp_path, model, data, contigs, distance):
    stride = data.draw(st.sampled_from([1, 60]), "stride")  # at 60, some chunks have no window to score
    options = {"model": model, "threshold": 0.1, "min_distance": distance, "stride": stride}
    if data.draw(st.booleans(), "shard"):
        options["shard"] = (data.draw(st.integers(1, 2)), 2)
    folder = tmp_path / "hits.bed.resume"
    for _ in range(data.draw(st.integers(1, 4), "stops")):
        packing = data.draw(st.sampled_from(["plain", "gzip", "bgzip"]), "packing")
        genome = write_fasta(tmp_path / "genome.fa", contigs, packing=packing)
        (tmp_path / "genome.fa.fai").unlink(missing_ok=True)
        if packing == "plain" and all(contigs.values()) and data.draw(st.booleans(), "index"):
            pysam.faidx(str(genome))
        machine = {"threads": data.draw(st.integers(1, 2)), "batch_size": data.draw(st.none() | st.integers(1, 1000))}
        # The step depends on threads and batch size; the one that the journal began with is kept.
        with (
            mock.patch.object(WindowedEngine, "chunk_step", data.draw(st.integers(20, 90))),
            mock.patch.object(StreamingEngine, "chunk_step", data.draw(st.sampled_from([LANE, 2 * LANE]))),
        ):
            hits = data.draw(st.integers(1, 3) | st.integers(1, 300), "hits")
            stop_after(hits, scan_of(genome, folder, **machine, **options))
    assert same_as_never_stopped(genome, folder, **options)


@pytest.mark.parametrize("hits", [1, 400, 1000])
def test_what_is_done_is_not_scored_again(genome, folder, model, hits, monkeypatch):
    scored = list[tuple[str, int]]()
    for engine in (WindowedEngine, StreamingEngine):
        monkeypatch.setattr(engine, "score", noting(engine.score, scored))
    stop_after(hits, scan_of(genome, folder, model=model, **EVERY_WINDOW))
    done = scored[: len(lines_of(folder)) - 1]  # a line for each chunk, after the first one
    list(scan_of(genome, folder, model=model, **EVERY_WINDOW))
    resumed = scored[len(done) :]
    scored.clear()
    list(scan_of(genome, model=model, **EVERY_WINDOW))
    assert done
    assert [*done, *resumed] == scored


def noting(score, scored):
    def run(self, chunks):
        for tracks in score(self, chunks):
            scored.append((tracks[0].chrom, tracks[0].start))
            yield tracks

    return run


@a_few
@given(cut=st.integers(0, 4000), hits=st.integers(1, 250))
@example(cut=1, hits=100)
def test_a_line_that_was_cut_short_does_not_count(tmp_path, folder, cut, hits):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": CONTIGS["chr1"][:300]})
    stop_after(hits, scan_of(genome, folder, **EVERY_WINDOW))
    journal = folder / JOURNAL
    text = journal.read_bytes()
    journal.write_bytes(text[: max(len(text) - cut, 0)])
    stop_after(hits + 200, scan_of(genome, folder, **EVERY_WINDOW))
    assert [json.loads(line) for line in journal.read_text().splitlines()]
    assert same_as_never_stopped(genome, folder, **EVERY_WINDOW)


def test_standard_input_goes_on_with_the_same_pipe(genome, folder, monkeypatch):
    with genome.open() as again, genome.open() as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        stop_after(400, scan_of("-", folder, **EVERY_WINDOW))
        monkeypatch.setattr(sys, "stdin", again)
        assert list(scan_of("-", folder, **EVERY_WINDOW)) == list(scan_of(genome, **EVERY_WINDOW))


DRIVER = f"""
import sys
from unittest import mock
from promscan.cli import main
from promscan.inference import streaming
from promscan.inference.windowed import WindowedEngine
with (
    mock.patch("promscan.commands.scanning.journal.INTERVAL", 0),
    mock.patch.object(WindowedEngine, "chunk_step", 128),
    mock.patch.multiple(streaming.StreamingEngine, **{LANES}),
    mock.patch.dict(streaming.LANES, cpu=16),
):
    main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again(tmp_path, model, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(promscan.__file__).parents[1]))
    (out := tmp_path / "out").mkdir()
    length = 6_000 if model == TINY else 100_000  # so that neither engine is done before it is killed
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": random_bases(length, 1), "chr2": random_bases(2_000, 2)})
    target, journal = out / "hits.gff3.gz", out / "hits.gff3.gz.resume" / JOURNAL
    options = [
        "--model",
        model,
        "--strength",
        "none",
        "--device",
        "cpu",
        "--quiet",
        "--threshold",
        "0.3",
        "--min-distance",
        "30",
    ]
    command = [sys.executable, "-c", DRIVER, "scan", genome, "-o", target, "--resume", *options]
    lines = list[int]()
    while True:
        process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE)
        before = journal.stat().st_size if journal.exists() else 0
        while len(lines) < 3 and process.poll() is None and (not journal.exists() or journal.stat().st_size == before):
            time.sleep(0.002)
        if len(lines) < 3:
            time.sleep(random.uniform(0, 0.1))
            process.kill()
        assert process.communicate()[1] == b""
        if process.returncode == 0:
            break
        lines.append(journal.read_bytes().count(b"\n"))
    assert len(lines) >= 2
    assert lines == sorted(lines)
    whole = write_hits(scan_of(genome, model=model, threshold=0.3, min_distance=30), tmp_path / "hits.gff3.gz")
    assert target.read_bytes() == whole.read_bytes()
    assert {path.name for path in out.iterdir() if not path.name.endswith(".tmp")} == {
        target.name,
        f"{target.name}.tbi",
    }


# Another scan


def changed(contigs, chrom, at):
    bases = contigs[chrom]
    return {**contigs, chrom: bases[:at] + ("A" if bases[at] != "A" else "C") + bases[at + 1 :]}


@pytest.mark.parametrize(
    "other",
    [
        changed(CONTIGS, "chr1", 0),
        changed(CONTIGS, "chr1", 499),
        changed(CONTIGS, "short", 5),
        {"chr1": CONTIGS["chr1"]},
        {"chrA": CONTIGS["chr1"], "short": CONTIGS["short"], "chr2": CONTIGS["chr2"]},
        {"chr2": CONTIGS["chr2"], "chr1": CONTIGS["chr1"], "short": CONTIGS["short"]},
    ],
    ids=["first base", "last base of a contig", "a short contig", "too few contigs", "another name", "another order"],
)
def test_another_genome_is_refused(genome, folder, other):
    stop_after(900, scan_of(genome, folder, **EVERY_WINDOW))
    before = lines_of(folder)
    assert json.loads(before[-1])["place"]["chrom"] == "chr2"
    write_fasta(genome, other)
    with pytest.raises(
        RunError, match=r"resume: the genome differs from the one .*; give that one, or remove this folder"
    ):
        list(scan_of(genome, folder, **EVERY_WINDOW))
    assert lines_of(folder) == before


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"stride": 2}, "stride is 1 here and 2"),
        ({"threshold": 0.5}, "threshold_logit is -69.0776 here and 0"),
        ({"regions": ["chr1"]}, "within is absent here and [0-9a-f]{16}"),
        ({"shard": (1, 2)}, "shard is absent here and 1/2"),
    ],
)
def test_other_settings_are_refused(genome, folder, options, difference):
    stop_after(900, scan_of(genome, folder, **EVERY_WINDOW))
    before = lines_of(folder)
    with pytest.raises(
        RunError, match=f"resume: {difference} in this scan; go on with the options and the kind of machine"
    ):
        list(scan_of(genome, folder, **EVERY_WINDOW | options))
    assert lines_of(folder) == before


def test_another_version_is_refused(genome, folder, monkeypatch):
    stop_after(900, scan_of(genome, folder, **EVERY_WINDOW))
    monkeypatch.setattr(promscan, "__version__", "99.0")
    with pytest.raises(RunError, match=r"promscan is [0-9.]+ here and 99.0 in this scan"):
        list(scan_of(genome, folder, **EVERY_WINDOW))


@pytest.mark.parametrize(
    ("name", "other", "difference"),
    [
        ("torch.__version__", "99.0", "torch is [0-9.a-z+]+ here and 99.0"),
        ("torch.backends.cpu.get_cpu_capability", lambda: "ABACUS", "processor is [A-Z0-9 ]+ here and ABACUS"),
        ("promscan.commands.scanning.run.lanes_on", lambda *_: 32, "lanes is 16 here and 32"),
        ("promscan.inference.windowed.WindowedEngine.by_kernels", True, "kernels is no here and yes"),
    ],
    ids=["torch", "instruction set", "lanes in a unit", "kernels"],
)
def test_another_machine_is_refused(genome, folder, monkeypatch, name, other, difference):
    stop_after(900, scan_of(genome, folder, **EVERY_WINDOW))
    before = lines_of(folder)
    monkeypatch.setattr(name, other)
    with pytest.raises(
        RunError, match=f"resume: {difference} in this scan; go on with the options and the kind of machine"
    ):
        list(scan_of(genome, folder, **EVERY_WINDOW))
    assert lines_of(folder) == before


# When there is one


def test_the_folder_is_there_from_the_start(genome, folder, monkeypatch):
    monkeypatch.setattr("promscan.commands.scanning.journal.INTERVAL", 60)
    stop_after(1, scan_of(genome, folder, **EVERY_WINDOW))
    assert len(lines_of(folder)) == 1
    assert same_as_never_stopped(genome, folder, **EVERY_WINDOW)


def test_two_scans_do_not_write_one_journal(genome, folder):
    running = iter(scan_of(genome, folder, **EVERY_WINDOW))
    next(running)
    with pytest.raises(RunError, match=r"hits.bed.resume: a scan that runs writes there; let it end"):
        list(scan_of(genome, folder, **EVERY_WINDOW))
    running.close()
    assert same_as_never_stopped(genome, folder, **EVERY_WINDOW)


@pytest.mark.parametrize("killed_before", [False, True])
def test_bad_input_leaves_no_journal_of_nothing(genome, folder, monkeypatch, killed_before):
    monkeypatch.setattr("promscan.commands.scanning.journal.INTERVAL", 60)
    if killed_before:
        stop_after(100, scan_of(genome, folder, **EVERY_WINDOW))
        assert len(lines_of(folder)) == 1
    genome.write_text(genome.read_text() + ">protein\nMEEPQSDPSVEPPLSQ\n")
    job = iter(scan_of(genome, folder, **EVERY_WINDOW))
    next(job)
    assert folder.exists()
    with pytest.raises(InputError, match="is not a nucleotide letter"):
        list(job)
    assert not folder.exists()


def test_what_is_done_outlives_input_that_cannot_be_read_on(tmp_path, folder, monkeypatch):
    for limit in ("fasta._BLOCK", "text._BLOCK", "text.HEAD_BYTES", "unpacking._PIECE"):
        monkeypatch.setattr(f"promscan.io.{limit}", 64)  # so that what comes before the gap is scanned
    genome = write_fasta(tmp_path / "genome.fa.gz", CONTIGS, packing="gzip")
    whole = genome.read_bytes()
    genome.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="the compressed data ends too early"):
        list(scan_of(genome, folder, **EVERY_WINDOW))
    before = lines_of(folder)
    assert len(before) > 1
    monkeypatch.setattr("promscan.commands.scanning.journal.INTERVAL", 60)  # nor is it lost by a scan that adds nothing
    with pytest.raises(InputError, match="the compressed data ends too early"):
        list(scan_of(genome, folder, **EVERY_WINDOW))
    assert lines_of(folder) == before
    genome.write_bytes(whole)
    assert same_as_never_stopped(genome, folder, **EVERY_WINDOW)


def test_a_journal_that_cannot_be_written_is_an_error_of_one_line(genome, tmp_path):
    with pytest.raises(RunError, match=r"nosuch/hits.resume: cannot be written: No such file"):
        list(scan_of(genome, tmp_path / "nosuch" / "hits.resume"))


# The command line


@pytest.fixture
def run(promscan_cli, genome, tmp_path):
    """`promscan scan` of the genome to out/hits.bed."""
    (tmp_path / "out").mkdir()
    common = ["--model", TINY, "--strength", "none", "--device", "cpu", "--threshold", "0.3", "--min-distance", "30"]

    def run(*options, out=tmp_path / "out" / "hits.bed"):
        return promscan_cli("scan", genome, "-o", out, *common, *options)

    return run


def interrupted(score):
    def run(self, chunks):
        yield from islice(score(self, chunks), 6)
        raise KeyboardInterrupt

    return run


def test_ctrl_c_keeps_the_journal_and_resume_uses_it_up(run, tmp_path):
    out = tmp_path / "out"
    with mock.patch.object(WindowedEngine, "score", interrupted(WindowedEngine.score)):
        outcome = run("--resume", "--quiet")
    assert (outcome.status, outcome.err.splitlines()[-1]) == (130, "promscan: interrupted")
    assert [path.name for path in out.iterdir()] == ["hits.bed.resume"]
    resumed = run("--resume", "--summary", tmp_path / "resumed.json")
    assert (resumed.status, resumed.err.splitlines()[0]) == (0, f"{out}/hits.bed.resume: going on at chr1:300")
    assert [path.name for path in out.iterdir()] == ["hits.bed"]
    assert run(out=tmp_path / "whole.bed").status == 0
    assert (out / "hits.bed").read_bytes() == (tmp_path / "whole.bed").read_bytes()
    assert run("--summary", tmp_path / "whole.json").status == 0
    told = [json.loads((tmp_path / name).read_text()) for name in ("resumed.json", "whole.json")]
    for key in ("contigs", "bases", "unknown_bases", "windows", "skipped_contigs", "hits", "settings"):
        assert told[0][key] == told[1][key]


def test_a_failure_to_resume_is_one_line(run, tmp_path):
    with mock.patch.object(WindowedEngine, "score", interrupted(WindowedEngine.score)):
        run("--resume")
    outcome = run("--resume", "--quiet", "--strand", "+")
    assert outcome.status == 1
    assert re.fullmatch(
        "promscan: error: .*/hits.bed.resume: strand is both here and [+] in this scan; .*\n", outcome.err
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["hits.bed.resume"]


def test_the_folder_is_next_to_the_file_that_a_link_points_to(run, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out" / "hits.bed").symlink_to(tmp_path / "disk" / "real.bed")
    with mock.patch.object(WindowedEngine, "score", interrupted(WindowedEngine.score)):
        run("--resume")
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["real.bed.resume"]


@pytest.mark.parametrize("target", ["-", "/dev/null"])
def test_resume_needs_a_file(run, target):
    outcome = run("--resume", "--format", "bed", out=target)
    assert outcome.status == 2
    assert "--resume needs an output file, and OUT is not one: name a file" in outcome.err


def test_without_resume_there_is_no_folder(run, tmp_path):
    with mock.patch.object(WindowedEngine, "score", interrupted(WindowedEngine.score)):
        assert run().status == 130
    assert list((tmp_path / "out").iterdir()) == []
