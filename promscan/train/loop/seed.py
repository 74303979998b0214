"""Seed of an epoch."""

from __future__ import annotations

import numpy as np
import torch


def seed_epoch(seed: int, epoch: int, rank: int = 0) -> np.random.Generator:
    """Seed torch (for dropout) and return the generator of all other draws of an epoch.

    An epoch depends on nothing that was drawn before it, so a run can be resumed between any two epochs. Processes of
    different rank draw different numbers from torch and the same numbers from the generator.
    """
    sequence = np.random.SeedSequence([seed, epoch])
    torch.manual_seed(int(sequence.generate_state(rank + 1)[rank]))
    return np.random.default_rng(sequence)
