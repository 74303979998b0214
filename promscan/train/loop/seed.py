"""The seed of an epoch."""

from __future__ import annotations

import numpy as np
import torch


def seed_epoch(seed: int, epoch: int, rank: int = 0) -> np.random.Generator:
    """The generator of all draws of an epoch; seeds torch (dropout) as well, so that epochs can be resumed between.

    The draws of torch are others in a process of another rank, and those of the generator the same.
    """
    sequence = np.random.SeedSequence([seed, epoch])
    torch.manual_seed(int(sequence.generate_state(rank + 1)[rank]))
    return np.random.default_rng(sequence)
