"""Tracks of a scan: the scores of `score_genome` in bigWig files, whole or not at all, however a scan is divided."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from collections import namedtuple
from itertools import islice

import numpy as np
import pyBigWig
import pytest
from genomes import EVERY_WINDOW, TINY, demo_contigs, random_bases, tiny_streaming, write_fasta, write_hits

import promscan
from promscan.commands.scanning.journal_file import JOURNAL
from promscan.errors import InputError, RunError
from promscan.inference.streaming import StreamingEngine
from promscan.inference.windowed import WindowedEngine
from promscan.networks.calling_rule import CallingRule, Feature
from promscan.networks.weights import load_model, save_model

LANE = 140
CONTIGS = {
    "chr1": demo_contigs()["demo2"][3_400:3_900] + "N" * 90 + random_bases(300, 1),
    "short": "ACGT" * 10,
    "unknown": "N" * 200,
    "chr2": "CGTATAAA" * 30,
    "one": random_bases(70, 2),
}
NAMES = {"+": "plus", "-": "minus"}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("promscan.commands.scanning.journal.INTERVAL", 0)
    monkeypatch.setattr("promscan.commands.scanning.plan.SHARD_GRID", LANE)
    monkeypatch.setattr(WindowedEngine, "chunk_step", 90)
    for name, value in {"lane": LANE, "shorter": (70,), "warm_up": 70, "chunk_step": LANE}.items():
        monkeypatch.setattr(StreamingEngine, name, value)
    monkeypatch.setattr("promscan.inference.streaming.LANES", {"cpu": 16, "cuda": 16})


@pytest.fixture
def genome(tmp_path):
    return write_fasta(tmp_path / "genome.fa", CONTIGS)


def scan_of(genome, prefix, **options):
    job = promscan.scan(genome, track=prefix, **{"model": TINY, "strength": None, "device": "cpu", **options})
    write_hits(job, prefix.parent / f"{prefix.name}.bed")
    return job


def read(prefix, strand):
    with pyBigWig.open(f"{prefix}.{NAMES[strand]}.bw") as file:
        return {contig: file.values(contig, 0, length, numpy=True) for contig, length in file.chroms().items()}


def expected(contigs, strand, **options):
    """What `score_genome` says, rounded to three decimals."""
    values = {contig: np.full(len(bases), np.nan, dtype=np.float32) for contig, bases in contigs.items()}
    for contig, _, first, scores in promscan.score_genome(contigs, device="cpu", strand=strand, **options):
        values[contig][first : first + len(scores)] = np.round(scores.astype(np.float64), 3)
    return values


def tracks_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".bw"}


@pytest.mark.parametrize(
    "options", [{}, {"regions": ["chr1:151-400", "one"]}, {"skip_masked": True}, {"smoothing": 31}]
)
def test_a_track_has_the_scores_of_score_genome(genome, tmp_path, model, options):
    if "smoothing" in options and model == TINY:
        model = tiny_streaming()
    scan_of(genome, tmp_path / "x", model=model, **options)
    for strand in "+-":
        np.testing.assert_equal(read(tmp_path / "x", strand), expected(CONTIGS, strand, model=model, **options))


def test_a_track_of_one_strand_is_one_file(genome, tmp_path):
    scan_of(genome, tmp_path / "x", strand="-")
    assert [path.name for path in sorted(tmp_path.glob("*.bw"))] == ["x.minus.bw"]
    np.testing.assert_equal(read(tmp_path / "x", "-"), expected(CONTIGS, "-", model=TINY))


def test_a_track_at_a_stride_has_the_scores_of_its_windows(genome, tmp_path):
    scan_of(genome, tmp_path / "x", stride=7)
    for strand, first in (("+", 33), ("-", 36)):
        whole = expected(CONTIGS, strand, model=TINY)
        for contig, values in read(tmp_path / "x", strand).items():
            scored = (np.arange(len(values)) - first) % 7 == 0
            np.testing.assert_array_equal(values, np.where(scored, whole[contig], np.nan))


def test_a_graded_model_has_the_logits_of_its_windows(genome, tmp_path):
    network, card = load_model(str(tiny_streaming()))
    rule = CallingRule(candidates=-4.0, features=(Feature("own", 0, 1.0), Feature("other", 25, 0.3)), bias=0.25)
    path = tmp_path / "graded.safetensors"
    save_model(path, network, dataclasses.replace(card, name="graded", calling=rule))
    scan_of(genome, tmp_path / "x", model=path, to_rank=True, strand="+")
    np.testing.assert_equal(read(tmp_path / "x", "+"), expected(CONTIGS, "+", model=path))


def test_a_track_leaves_the_hits_of_an_exhaustive_scan(genome, tmp_path, model):
    scan_of(genome, tmp_path / "x", model=model)
    job = promscan.scan(genome, model=model, strength=None, device="cpu", exhaustive=True)
    assert (tmp_path / "x.bed").read_bytes() == write_hits(job, tmp_path / "y.bed").read_bytes()


def test_a_screened_model_scores_every_window_of_a_track_and_says_so(tmp_path, capfd):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": random_bases(200, 1)})
    job = scan_of(genome, tmp_path / "x", model="core70", strand="+")
    assert job.calling.floor is None
    assert np.count_nonzero(~np.isnan(read(tmp_path / "x", "+")["chr1"])) == 131


@pytest.mark.parametrize("count", [2, 5])
def test_tracks_of_shards_joined_are_the_bytes_of_the_whole(genome, tmp_path, model, count):
    (tmp_path / "whole").mkdir()
    scan_of(genome, tmp_path / "whole" / "x", model=model)
    for index in range(1, count + 1):
        scan_of(genome, tmp_path / f"part{index}", model=model, shard=(index, count))
    for name in ("plus", "minus"):
        parts = [tmp_path / f"part{index}.{name}.bw" for index in range(count, 0, -1)]
        promscan.merge(parts, tmp_path / f"joined.{name}.bw")
        assert (tmp_path / f"joined.{name}.bw").read_bytes() == (tmp_path / "whole" / f"x.{name}.bw").read_bytes()


def test_a_shard_holds_the_bases_that_it_owns(genome, tmp_path):
    seen = {contig: np.zeros(len(bases), dtype=int) for contig, bases in CONTIGS.items()}
    for index in (1, 2, 3):
        scan_of(genome, tmp_path / f"part{index}", shard=(index, 3), strand="+")
        for contig, values in read(tmp_path / f"part{index}", "+").items():
            seen[contig] += ~np.isnan(values)
    whole = expected(CONTIGS, "+", model=TINY)
    assert all((seen[contig] == ~np.isnan(whole[contig])).all() for contig in CONTIGS)


def test_tracks_that_are_not_one_set_are_refused(genome, tmp_path):
    for index in (1, 2):
        scan_of(genome, tmp_path / f"part{index}", shard=(index, 2))
    scan_of(genome, tmp_path / "other2", shard=(2, 2), threshold=0.7)
    scan_of(genome, tmp_path / "whole")
    one, two = (tmp_path / f"part{index}.plus.bw" for index in (1, 2))
    for parts, message in {
        (one,): "there are 2 shards, and these are missing: 2",
        (one, one): "are the same shard, 1",
        (one, tmp_path / "part2.minus.bw"): "track is minus here and plus",
        (one, tmp_path / "other2.plus.bw"): "threshold_logit is ",
        (one, tmp_path / "part2.bed"): r"part2.bed: is no bigWig, and other shards are",
        (tmp_path / "whole.plus.bw",): "holds no shard, but a whole scan",
    }.items():
        with pytest.raises(InputError, match=message):
            promscan.merge(parts, tmp_path / "joined.plus.bw")
    with pytest.raises(RunError, match=r"joined.bed: the shards are tracks, and this suffix is not; end it in .bw"):
        promscan.merge([one, two], tmp_path / "joined.bed")
    assert not list(tmp_path.glob("joined*"))


def test_a_track_that_is_cut_short_is_not_merged(genome, tmp_path):
    for index in (1, 2):
        scan_of(genome, tmp_path / f"part{index}", shard=(index, 2), strand="+")
    part = tmp_path / "part2.plus.bw"
    part.write_bytes(part.read_bytes()[:-50])
    with pytest.raises(InputError, match=r"part2.plus.bw: is not a complete track of promscan; copy it again"):
        promscan.merge([tmp_path / "part1.plus.bw", part], tmp_path / "joined.plus.bw")


# Stopped scans


def stop_after(job, hits):
    running = iter(job)
    for _ in islice(running, hits):
        pass
    running.close()


@pytest.mark.parametrize("stops", [(1,), (300, 700), (1200,), (50, 51, 1000)])
def test_a_stopped_scan_ends_in_the_same_tracks(genome, tmp_path, model, stops):
    options = {"model": model, "strength": None, "device": "cpu", **EVERY_WINDOW}
    (tmp_path / "whole").mkdir()
    (tmp_path / "out").mkdir()
    list(promscan.scan(genome, track=tmp_path / "whole" / "x", **options))
    resume = {"track": tmp_path / "out" / "x", "resume": tmp_path / "out" / "hits.resume"}
    for stop in stops:
        stop_after(promscan.scan(genome, **resume, **options), stop)
        assert not tracks_of(tmp_path / "out")
    job = promscan.scan(genome, **resume, **options)
    list(job)
    job.finish()
    assert tracks_of(tmp_path / "out") == tracks_of(tmp_path / "whole")
    assert not (tmp_path / "out" / "hits.resume").exists()


KILLED = """
import os, signal, sys
from promscan.cli import main
from promscan.commands.scanning import journal
from promscan.commands.scanning.journal_file import JournalFile
from promscan.inference.windowed import WindowedEngine

journal.INTERVAL, WindowedEngine.chunk_step, lines = 0, 90, int(sys.argv.pop(1))
append = JournalFile.append

def append_and_die(self, line):
    global lines
    append(self, line)
    lines -= 1
    if lines == 0:
        os.kill(os.getpid(), signal.SIGKILL)

JournalFile.append = append_and_die
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_process_that_is_killed_ends_in_the_same_tracks(genome, tmp_path, promscan_cli):
    (out := tmp_path / "out").mkdir()
    options = ["--model", TINY, "--strength", "none", "--device", "cpu", "--quiet", "--threads", "1"]
    command = ["scan", genome, "-o", out / "x.bed", "--track", out / "x", "--resume", *options]
    for lines in (3, 4, 0):  # the first line is that of the scan
        done = subprocess.run([sys.executable, "-c", KILLED, str(lines), *map(str, command)], check=False)
        assert done.returncode == (-signal.SIGKILL if lines else 0)
    assert sorted(path.name for path in out.iterdir()) == ["x.bed", "x.minus.bw", "x.plus.bw"]
    assert promscan_cli("scan", genome, "-o", tmp_path / "x.bed", "--track", tmp_path / "x", *options).status == 0
    assert tracks_of(out) == tracks_of(tmp_path)
    assert (out / "x.bed").read_bytes() == (tmp_path / "x.bed").read_bytes()


def test_what_a_killed_scan_wrote_after_its_last_line_does_not_count(genome, tmp_path):
    options = {"model": TINY, "strength": None, "device": "cpu", **EVERY_WINDOW}
    folder = tmp_path / "hits.resume"
    stop_after(promscan.scan(genome, track=tmp_path / "x", resume=folder, **options), 500)
    with (folder / "plus.track").open("ab") as spool:
        spool.write(b"half a record")
    list(promscan.scan(genome, track=tmp_path / "x", resume=folder, **options))
    np.testing.assert_equal(read(tmp_path / "x", "+"), expected(CONTIGS, "+", model=TINY))


@pytest.mark.parametrize("most", [0, 300, 900, 1_400])
def test_a_spool_or_journal_that_cannot_grow_is_one_line_and_goes_on_later(genome, tmp_path, file_size, most):
    options = {"model": TINY, "strength": None, "device": "cpu", **EVERY_WINDOW}
    folder = tmp_path / "hits.resume"
    with file_size(most), pytest.raises(RunError, match=r"hits.resume\S*: cannot be written: File too large; check"):
        list(promscan.scan(genome, track=tmp_path / "x", resume=folder, **options))
    assert not tracks_of(tmp_path)
    list(promscan.scan(genome, track=tmp_path / "x", resume=folder, **options))
    np.testing.assert_equal(read(tmp_path / "x", "+"), expected(CONTIGS, "+", model=TINY))


@pytest.mark.parametrize("change", ["shorter", "other", "link"])
def test_a_spool_that_was_changed_is_refused(genome, tmp_path, change):
    options = {"model": TINY, "strength": None, "device": "cpu", **EVERY_WINDOW}
    folder = tmp_path / "hits.resume"
    stop_after(promscan.scan(genome, track=tmp_path / "x", resume=folder, **options), 900)
    spool = folder / "plus.track"
    content = bytearray(spool.read_bytes())
    if change == "shorter":
        spool.write_bytes(content[:-1])
    elif change == "other":
        content[40] ^= 1
        spool.write_bytes(content)
    else:
        spool.rename(tmp_path / "elsewhere")
        spool.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=r"plus.track: (was changed after a scan wrote it|is not a journal of a scan)"):
        list(promscan.scan(genome, track=tmp_path / "x", resume=folder, **options))
    assert not tracks_of(tmp_path)


def test_a_scan_goes_on_with_its_tracks_or_not_at_all(genome, tmp_path):
    options = {"model": TINY, "strength": None, "device": "cpu", **EVERY_WINDOW}
    folder = tmp_path / "hits.resume"
    stop_after(promscan.scan(genome, track=tmp_path / "x", resume=folder, **options), 500)
    with pytest.raises(RunError, match="tracks is yes here and absent in this scan"):
        list(promscan.scan(genome, resume=folder, exhaustive=True, **options))


def test_lines_of_a_journal_do_not_repeat_the_contigs_that_are_done(genome, tmp_path):
    options = {"model": TINY, "strength": None, "device": "cpu", **EVERY_WINDOW}
    folder = tmp_path / "hits.resume"
    stop_after(promscan.scan(genome, resume=folder, **options), 1500)
    lines = [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()[1:]]
    assert list(lines[0]["contigs"]) == ["chr1"]
    assert all(len(line["contigs"]) <= 1 for line in lines)
    assert {contig for line in lines for contig in line["contigs"]} >= {"chr1", "chr2"}


# Whole or not at all


def test_an_interrupted_scan_leaves_no_track(genome, tmp_path):
    stop_after(promscan.scan(genome, track=tmp_path / "x", model=TINY, strength=None, **EVERY_WINDOW), 100)
    assert [path.name for path in tmp_path.iterdir()] == ["genome.fa"]


def test_a_genome_without_a_scored_window_leaves_no_track(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": "N" * 300})
    outcome = promscan_cli("scan", genome, "-o", tmp_path / "x.bed", "--track", tmp_path / "x", "--model", TINY)
    assert outcome.status == 1
    assert "no window could be scored" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["genome.fa"]


def test_standard_input_is_refused_with_the_cure(promscan_cli, tmp_path):
    outcome = promscan_cli("scan", "-", "-o", tmp_path / "x.bed", "--track", tmp_path / "x", "--model", TINY)
    assert outcome.status == 1
    assert outcome.err == (
        "promscan: error: standard input: regions, shards, lists and tracks need the contig lengths beforehand, and a "
        "pipe is read only once; save the sequences to a file\n"
    )


@pytest.mark.parametrize("prefix", ["", "out/"])
def test_a_prefix_needs_a_name(promscan_cli, genome, tmp_path, prefix):
    outcome = promscan_cli("scan", genome, "-o", tmp_path / "x.bed", "--track", prefix)
    assert outcome.status == 1
    assert "a prefix of tracks ends in a name, as out/genome, for out/genome.plus.bw" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["genome.fa"]


def test_a_track_cannot_replace_what_is_read_or_lie_in_no_folder(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "x.plus.bw", CONTIGS)
    for prefix, message in ((tmp_path / "x", "is read by this command"), (tmp_path / "no" / "x", "cannot be written")):
        outcome = promscan_cli("scan", genome, "-o", tmp_path / "x.bed", "--track", prefix, "--model", TINY)
        assert outcome.status == 1
        assert message in outcome.err


def test_a_disk_that_is_too_small_is_found_before_the_work(genome, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("promscan.commands.scanning.tracks.shutil.disk_usage", lambda _: usage(10**9, 10**9, 5_000))
    with pytest.raises(
        RunError, match=r"the tracks may take 1.15e-05 GB there, and 5e-06 GB are free; free some, name another"
    ):
        promscan.scan(genome, track=tmp_path / "x", model=TINY)


def test_the_command_writes_tracks_and_joins_them(promscan_cli, genome, tmp_path):
    common = ["--model", TINY, "--strength", "none", "--device", "cpu", "--quiet"]
    for index in (1, 2):
        parts = ["-o", tmp_path / f"{index}.bed", "--track", tmp_path / str(index), "--shard", f"{index}/2"]
        assert promscan_cli("scan", genome, *parts, *common) == (0, "", "")
    merged = tmp_path / "all.minus.bw"
    assert promscan_cli("merge", tmp_path / "1.minus.bw", tmp_path / "2.minus.bw", "-o", merged) == (0, "", "")
    np.testing.assert_equal(read(tmp_path / "all", "-"), expected(CONTIGS, "-", model=TINY))
