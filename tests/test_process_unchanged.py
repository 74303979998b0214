"""A library call leaves the process that it runs in as it was."""

from __future__ import annotations

import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import pytest
import torch
from genomes import EVERY_WINDOW, TINY, TINY_STRENGTH, demo_contigs, tiny_streaming, write_fasta

import promscan

THREADS_OF_THE_CALLER = 3


@pytest.fixture
def process():
    """A process whose flags and numbers of threads are not those that a scan computes with."""
    flags = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = True, False
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS_OF_THE_CALLER)
    yield
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = flags


def state_of_the_process():
    in_a_new_thread = list[int]()
    thread = threading.Thread(target=lambda: in_a_new_thread.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    flags = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    return flags, torch.get_num_threads(), in_a_new_thread, dict(os.environ)


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("model", [TINY, tiny_streaming()], ids=["windowed", "streaming"])
def test_a_scan_leaves_the_torch_settings_of_its_caller_when_it_ends_or_is_left(tmp_path, model):
    before = state_of_the_process()
    assert before[1:3] == (THREADS_OF_THE_CALLER, [THREADS_OF_THE_CALLER])
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": demo_contigs()["demo2"][3400:4400]})
    job = promscan.scan(genome, model=model, strength=None, device="cpu", threads=2, **EVERY_WINDOW)
    assert state_of_the_process() == before
    running = iter(job)
    assert list(islice(running, 3))
    assert torch.get_num_threads() == THREADS_OF_THE_CALLER  # while the caller has a hit in hand
    running.close()
    assert state_of_the_process() == before
    list(job)
    assert state_of_the_process() == before


def random_numbers_to_come():
    of_numpy = np.random.get_state()[1].tolist()  # noqa: NPY002 - what users of the old interface draw from
    return random.getstate(), of_numpy, torch.random.get_rng_state().tolist()


BASES = demo_contigs()["demo2"][3400:3900]
GENOME = {"chr1": BASES}
CALLS = {
    "scan": lambda _: list(promscan.scan(GENOME, model=TINY, strength=TINY_STRENGTH, device="cpu", threshold=0.5)),
    "score_genome": lambda _: list(promscan.score_genome(GENOME, model=TINY, device="cpu")),
    "score": lambda _: list(promscan.score([BASES[:70]], model=TINY, device="cpu")),
    "score with a strength model": lambda _: list(promscan.score([BASES[:80]], model=TINY_STRENGTH, device="cpu")),
    "variants": lambda _: list(
        promscan.variants([("chr1", 200, BASES[200], "N")], GENOME, model=TINY, device="cpu", threshold=0.5)
    ),
    "explain": lambda _: list(promscan.explain([BASES[:70]], model=TINY, device="cpu")),
    "design": lambda _: promscan.design([8.0], model=TINY_STRENGTH, count=1, device="cpu", tolerance=9),
    "annotate": lambda genes: list(
        promscan.annotate(promscan.scan(GENOME, model=TINY, strength=None, device="cpu", threshold=0.5), genes)
    ),
    "load_model": lambda _: promscan.load_model(TINY),
}


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("call", CALLS)
def test_no_call_draws_random_numbers_of_its_caller_or_changes_its_settings(tmp_path, call):
    (genes := tmp_path / "genes.bed").write_text("chr1\t100\t400\tgene\t0\t+\n")
    before = state_of_the_process()
    numbers = random_numbers_to_come()
    CALLS[call](genes)
    assert state_of_the_process() == before
    assert random_numbers_to_come() == numbers


@pytest.mark.usefixtures("process")
def test_scans_in_several_threads_leave_the_torch_settings(tmp_path):
    before = state_of_the_process()
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": demo_contigs()["demo2"][3400:4000]})

    def hits(_):
        return list(promscan.scan(genome, model=TINY, strength=None, device="cpu", threads=2, **EVERY_WINDOW))

    with ThreadPoolExecutor(3) as pool:
        first, *others = pool.map(hits, range(3))
    assert first
    assert all(other == first for other in others)
    assert state_of_the_process() == before
