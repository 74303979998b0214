"""Settings of torch during a training: threads, repeatable arithmetic, random state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from promscan.networks.classifier import count_parameters
from promscan.networks.device import available_threads, cpu_threads, no_denormals, repeatable
from promscan.train.loop.distributed import processes_on_this_machine

MORE_MEMORY = "train with a smaller --batch-size or a smaller network, or where more memory is free"
"""Cure for too little memory in a training."""
SMALL_NETWORK = 100_000
"""Parameters from which on a network trains on several threads. Smaller products are over before threads have met."""


@contextmanager
def training_session(threads: int, device: torch.device) -> Iterator[None]:
    """Train inside the block: equal inputs give equal bits, on `threads` CPU threads.

    The flags, the thread count, the random state and the denormal numbers of the caller come back after the block.
    """
    seeded = device.type == "cuda" or torch.cuda.is_initialized()
    gpus = range(torch.cuda.device_count()) if seeded else ()
    with repeatable(), no_denormals(), cpu_threads(threads), torch.random.fork_rng(gpus):
        yield


def default_threads(build: Callable[[], nn.Module]) -> int:
    """CPU threads of a training that was not given a number: 1 for a small network, else all that it may use.

    Processes of torchrun on one machine share its processors.

    Args:
        build: makes the network; here without memory for its weights.
    """
    with torch.device("meta"):
        parameters = count_parameters(build())
    return 1 if parameters < SMALL_NETWORK else max(1, available_threads() // processes_on_this_machine())
