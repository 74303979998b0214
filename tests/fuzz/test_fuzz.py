"""Readers of files from anywhere: each damaged file gives a result or one line, never anything else."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from mutator import Mutator
from seeds import CORPUS
from targets import TARGETS, try_file

RUN = Path(__file__).parent / "run.py"
CORPUS_LIMIT = 100_000
"""Bytes of all of its files together."""
SECONDS = 10
"""CPU seconds of each reader, in the slow tests."""


@pytest.fixture(params=TARGETS)
def name(request):
    return request.param


def test_good_files_are_read_and_known_bad_ones_refused(name, tmp_path):
    target = TARGETS[name]
    assert [try_file(target, text, tmp_path) for text in target.seeds().values()].count(True)


def test_damaged_files_are_read_or_refused(name, tmp_path):
    target = TARGETS[name]
    mutator = Mutator(list(target.seeds().values()), seed=0, packed=target.packed)
    for text in islice(iter(mutator.next, None), 25):
        try_file(target, text, tmp_path)


def test_the_same_seed_gives_the_same_files():
    seeds = list(TARGETS["bed"].seeds().values())
    first, second = (list(islice(iter(Mutator(seeds, 5).next, None), 50)) for _ in range(2))
    assert first == second


def test_the_corpus_is_small():
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < CORPUS_LIMIT


@pytest.mark.slow
def test_seconds_of_fuzzing_find_nothing(name, tmp_path):
    command = [sys.executable, RUN, name, "--seconds", str(SECONDS), "--save", tmp_path]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    assert " files, " in done.stdout
