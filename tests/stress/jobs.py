"""Commands for the tests of stress, each with the files that it needs; small, but long enough to be stopped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import strength_tables
from genomes import DATA, DEMO, TINY, random_bases, tiny_streaming, write_fasta, write_hits
from processes import Running, contents
from test_train import planted

import promscan
from promscan.seq import dna

_FOLDER = TemporaryDirectory(prefix="promscan-stress-")
"""For what lives as long as the test process."""
RUNNING = ["--model", TINY, "--strength", "none", "--device", "cpu", "--threads", 1, "--quiet"]
FULL = r"out/.* cannot be written: .*space left"
NO_ROOM = rf"/out: the tracks may take .* are free; free some|{FULL}"
"""Tracks are refused before the work if they find no room; hits that come later may still find none."""
LEARNING = ["--device", "cpu", "--threads", 1, "--quiet"]


class Job(NamedTuple):
    """A command.

    line: its arguments; outputs are named relative to the folder where it runs.
    outputs: the files or the folder that it makes, in `out`.
    resumes: whether `--resume` goes on where it stopped.
    varying: names of files whose bytes are not the same in every run.
    full: what the message says if the disk is full, as a pattern.
    """

    line: list[object]
    resumes: bool = False
    varying: tuple[str, ...] = ()
    full: str = FULL


def inputs() -> Path:
    return Path(_FOLDER.name)


@cache
def genome() -> Path:
    contigs = {"chr1": random_bases(3_000, 1), "short": "ACGT" * 5, "chr2": random_bases(1_000, 2)}
    return write_fasta(inputs() / "genome.fa", contigs)


@cache
def hits() -> Path:
    """More hits than a buffer holds."""
    job = promscan.scan(genome(), model=TINY, strength=None, device="cpu", threshold=0.001, min_distance=2)
    return write_hits(job, inputs() / "hits.bed")


@cache
def genes() -> Path:
    path = inputs() / "genes.bed"
    rows = (f"chr1\t{at}\t{at + 90}\tg{at}\t0\t{'+-'[at // 100 % 2]}\n" for at in range(100, 2_800, 100))
    path.write_text("".join(rows))
    return path


@cache
def shards() -> list[Path]:
    paths = []
    for index in (1, 2, 3):
        job = promscan.scan(
            genome(), model=TINY, strength=None, device="cpu", threshold=0.001, min_distance=2, shard=(index, 3)
        )
        paths.append(write_hits(job, inputs() / f"part{index}.bed"))
    return paths


@cache
def tracks_of_shards() -> list[Path]:
    for index in (1, 2, 3):
        job = promscan.scan(
            genome(), model=TINY, strength=None, device="cpu", shard=(index, 3), track=inputs() / f"part{index}"
        )
        write_hits(job, inputs() / "hits of a track.bed")
    return [inputs() / f"part{index}.plus.bw" for index in (1, 2, 3)]


@cache
def windows(name: str, seed: int, count: int = 300) -> Path:
    data = planted(count, seed)
    rows = [f"{dna.decode(codes)},{label}" for codes, label in zip(data.codes, data.labels, strict=True)]
    path = inputs() / f"{name}.csv"
    path.write_text("\n".join(["sequence,label", *rows]) + "\n")
    return path


def _scan(out: str, *options: object) -> list[object]:
    return ["scan", genome(), "-o", f"out/{out}", "--threshold", 0.001, "--min-distance", 2, *RUNNING, *options]


def _sequences() -> list[object]:
    around = ["--flank-up", 20, "--flank-down", 20, "--quiet"]
    return ["annotate", hits(), "--fasta", "out/hits.fa", "--genome", genome(), *around]


def _calibrate() -> list[object]:
    machine = ["--device", "cpu", "--threads", 1, "--quiet"]
    tss = DATA / "demo_tss.bed"
    return ["calibrate", tiny_streaming(), "--genome", DEMO, "--exclude", tss, "-o", "out/m.safetensors", *machine]


def _train_windows() -> list[object]:
    files = [windows("train", 1), "--dev", windows("dev", 2)]
    return ["train", "windows", *files, "-o", "out/run", "--hidden", 8, "--epochs", 2, *LEARNING]


def _pretrain() -> list[object]:
    sizes = ["--hidden", 8, "--epochs", 2, "--windows-per-epoch", 400]
    path = write_fasta(inputs() / "unlabelled.fa", {"chr1": random_bases(3_000, 5)})
    return ["train", "pretrain", path, "-o", "out/run", *sizes, *LEARNING]


def _train_genome() -> list[object]:
    data = [DEMO, DATA / "demo_tss.bed", "--dev", "demo2", "--species", "Synthetic"]
    sizes = ["--hidden", 4, "--dropout", 0, "--epochs", 2, "--segments-per-epoch", 10, "--batch-size", 5]
    return ["train", "genome", *data, "-o", "out/run", *sizes, *LEARNING]


def _train_strength() -> list[object]:
    table = strength_tables.write(inputs() / "strength.tsv", strength_tables.planted(150, 1))
    return ["train", "strength", table, "-o", "out/run", "--hidden", 8, "--epochs", 2, *LEARNING]


JOBS: dict[str, Callable[[], Job]] = {
    "scan to BED": lambda: Job(_scan("hits.bed")),
    "scan to packed GFF3": lambda: Job(_scan("hits.gff3.gz")),
    "scan to narrowPeak": lambda: Job(_scan("hits.narrowPeak")),
    "scan with a journal": lambda: Job(_scan("hits.bed", "--resume"), resumes=True),
    "scan with tracks": lambda: Job(_scan("hits.bed", "--track", "out/score"), full=NO_ROOM),
    "scan with tracks and a journal": lambda: Job(
        _scan("hits.bed", "--track", "out/score", "--resume"), resumes=True, full=NO_ROOM
    ),
    "merge": lambda: Job(["merge", *shards(), "-o", "out/merged.bed"]),
    "merge of tracks": lambda: Job(["merge", *tracks_of_shards(), "-o", "out/merged.plus.bw"]),
    "annotate": lambda: Job(["annotate", hits(), genes(), "-o", "out/annotated.tsv", "--quiet"]),
    "annotate with sequences": lambda: Job(_sequences()),
    "calibrate": lambda: Job(_calibrate()),
    "train windows": lambda: Job(_train_windows(), resumes=True, varying=("metrics.tsv",)),
    "train pretrain": lambda: Job(_pretrain(), resumes=True, varying=("metrics.tsv",)),
    "train genome": lambda: Job(_train_genome(), resumes=True, varying=("metrics.tsv",)),
    "train strength": lambda: Job(_train_strength(), resumes=True, varying=("metrics.tsv",)),
}


class Reference(NamedTuple):
    """A run that nothing disturbed.

    files: what it made, without what varies.
    seconds: processor time that it took.
    """

    files: dict[str, bytes]
    seconds: float


@cache
def job_of(name: str) -> Job:
    return JOBS[name]()


@cache
def reference(name: str) -> Reference:
    folder = inputs() / f"reference of {name}"
    (folder / "out").mkdir(parents=True)
    running, seconds = Running(job_of(name).line, folder), 0.0
    while not running.has_ended():
        seconds = max(seconds, running.seconds())
        time.sleep(0.005)
    end = running.end()
    assert end.status == 0, end.messages
    return Reference(made(folder / "out", job_of(name)), seconds)


def made(folder: Path, job: Job) -> dict[str, bytes]:
    """The files below a folder, without the times and paths in them that vary."""
    files = contents(folder)
    return {name: content for name, content in files.items() if not _varies(name, job)}


def _varies(name: str, job: Job) -> bool:
    # The state of a training holds the metrics, and they the seconds of an epoch; a plot may show neither.
    return name.split("/")[-1] in (*job.varying, *(["state.safetensors"] if job.varying else []))


def fresh(folder: Path) -> Path:
    """An empty folder with an empty folder `out` in it."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "out").mkdir(parents=True)
    return folder
