"""Many processes at once, one of them that dies, and a clock that goes back: the same bytes, or one line."""

from __future__ import annotations

import os
import shutil
import threading

import pysam
import pytest
from jobs import RUNNING, fresh, genome, job_of, made, reference
from processes import Running, run, run_alone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CROWD = 8
DIES = """#!/bin/sh
case "$1" in
    --version) echo "bedtools v2.31.0" ;;
    *) kill -KILL $$ ;;
esac
"""


def together(lines, folder):
    return [running.end() for running in [Running(line, folder) for line in lines]]


def renamed(line, out):
    return [word if not str(word).startswith("out/") else out for word in line]


@pytest.mark.parametrize("name", ["scan to BED", "scan with a journal"])
def test_eight_scans_write_eight_files_of_one_folder(name, tmp_path):
    folder, job = fresh(tmp_path / "work"), job_of(name)
    ends = together([renamed(job.line, f"out/{i}.bed") for i in range(CROWD)], folder)
    assert [end.status for end in ends] == [0] * CROWD, ends
    (content,) = reference(name).files.values()
    assert made(folder / "out", job) == {f"{i}.bed": content for i in range(CROWD)}


@pytest.mark.parametrize("name", ["scan to BED", "scan to packed GFF3"])
def test_eight_scans_of_one_name_leave_one_whole_file(name, tmp_path):
    folder, job = fresh(tmp_path / "work"), job_of(name)
    ends = together([job.line] * CROWD, folder)
    assert [end.status for end in ends] == [0] * CROWD, ends
    assert made(folder / "out", job) == reference(name).files


def test_of_eight_scans_with_one_journal_one_runs_at_a_time(tmp_path):
    folder, job = fresh(tmp_path / "work"), job_of("scan with a journal")
    ends = together([job.line] * CROWD, folder)
    assert 0 in {end.status for end in ends}, ends
    for end in ends:
        assert end.status in (0, 1)
        assert end.messages.count("\n") == end.status
        assert end.status == 0 or end.messages.startswith("promscan: error: ")
        assert end.status == 0 or "hits.bed.resume" in end.messages
    assert made(folder / "out", job) == reference("scan with a journal").files


def test_processes_that_read_an_index_while_another_writes_it(tmp_path):
    folder = fresh(tmp_path / "work")
    shutil.copy(genome(), folder / "genome.fa")
    line = ["scan", "genome.fa", "--region", "chr2", "--threshold", 0.3, *RUNNING]
    assert run([*line, "-o", "out/without.bed"], folder).status == 0
    expected, done = (folder / "out" / "without.bed").read_bytes(), threading.Event()

    def write_index() -> None:
        while not done.wait(0.003):
            pysam.faidx(str(folder / "genome.fa"))

    writer = threading.Thread(target=write_index)
    writer.start()
    try:
        ends = [end for _ in range(3) for end in together([[*line, "-o", f"out/{i}.bed"] for i in range(2)], folder)]
    finally:
        done.set()
        writer.join()
    for end in ends:
        assert end.status == 0 or (end.messages.startswith("promscan: error: ") and "genome.fa" in end.messages)
        assert end.messages.count("\n") <= 1
    pysam.faidx(str(folder / "genome.fa"))
    assert together([[*line, "-o", f"out/{i}.bed"] for i in range(2)], folder) == [(0, "")] * 2
    assert [(folder / "out" / f"{i}.bed").read_bytes() for i in range(2)] == [expected] * 2


def test_bedtools_that_is_killed_is_one_line(tmp_path, monkeypatch):
    folder, programs = fresh(tmp_path / "work"), tmp_path / "bin"
    programs.mkdir()
    (programs / "bedtools").write_text(DIES)
    (programs / "bedtools").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    end = run_alone(job_of("annotate").line, folder)
    assert end.status == 1
    assert end.messages.startswith("promscan: error: bedtools closest")
    assert end.messages.count("\n") == 1
    assert made(folder / "out", job_of("annotate")) == {}


WORKER_DIES = """
import sys
from promscan.inference.windowed import WindowedEngine
from promscan.io import fasta
place = {place!r}
def die(*_, **__):
    raise SystemExit(3)
if place == "reader":
    def parse(stream, source, table, original=fasta.parse):
        for number, piece in enumerate(original(stream, source, table)):
            if number == 2:
                die()
            yield piece
    import promscan.io.genome
    promscan.io.genome.parse = parse
else:
    import promscan.inference.work_units as units
    units.UnitRunner._attempt = die
from promscan.cli import main
main()
"""


@pytest.mark.parametrize("place", ["reader", "unit"])
def test_a_thread_that_dies_ends_the_scan_and_leaves_nothing(place, tmp_path):
    folder = fresh(tmp_path / "work")
    end = run_alone(job_of("scan to BED").line, folder, code=WORKER_DIES.format(place=place))
    assert end.status != 0
    assert made(folder / "out", job_of("scan to BED")) == {}
    assert not list(folder.rglob("*.tmp"))


@pytest.mark.parametrize("name", ["scan with a journal", "train windows", "merge"])
def test_a_clock_that_goes_back_changes_nothing(name, tmp_path):
    folder, job = fresh(tmp_path / "work"), job_of(name)
    end = Running(job.line, folder, clock_goes_back=True).end()
    assert end.status == 0, end.messages
    assert made(folder / "out", job) == reference(name).files
