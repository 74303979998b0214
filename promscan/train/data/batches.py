"""Order of the windows in an epoch, and their batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from promscan.seq import dna
from promscan.seq.dna import Codes, Mask
from promscan.seq.windows import WINDOW
from promscan.train.data.labelled_windows import LabelledWindows

SAMPLERS = ("balanced", "shuffled")
"""Orders of an epoch."""


def epoch_order(promoters: Mask, sampler: str, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Row numbers of one epoch, as many as there are rows.

    Args:
        promoters: which rows are promoters.
        sampler: `shuffled` takes every row once. `balanced` alternates promoters and other rows, each class in its own
            random order. The smaller class begins again at its end; the larger shows its other rows in other epochs.
        rng: source of the order.
    """
    if sampler == "shuffled":
        return rng.permutation(len(promoters))
    half = (len(promoters) + 1) // 2
    order = np.empty(2 * half, dtype=np.int64)
    for offset, label in enumerate((True, False)):
        rows = np.flatnonzero(promoters == label)
        rounds = -(-half // len(rows))
        order[offset::2] = np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:half]
    return order[: len(promoters)]


def flip_some(codes: Codes, rng: np.random.Generator) -> Codes:
    """Replace each row of (n, 70) by its reverse complement with probability 1/2."""
    flipped = rng.random(len(codes)) < 0.5
    return np.where(flipped[:, None], dna.reverse_complement(codes), codes)


def with_surroundings(codes: Codes, longest: int, rng: np.random.Generator) -> tuple[Codes, int]:
    """Put windows (n, 70) between bases of other windows; returns (n, before + 70 + after) and `before`.

    With probability 1/4, each side gets a random number of bases up to `longest`, the same for all rows; else none.
    """
    if longest == 0 or rng.random() < 0.75:
        return codes, 0
    before, after = rng.integers(0, longest + 1, 2).tolist()
    left, right = (codes[rng.permutation(len(codes))] for _ in range(2))
    return np.concatenate([left[:, WINDOW - before :], codes, right[:, :after]], axis=1), before


def epoch_batches(
    data: LabelledWindows, *, sampler: str, flip: bool, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[Codes, npt.NDArray[np.float32]]]:
    """Draw the batches of one epoch, codes (b, 70) and labels (b,); the last batch may be smaller."""
    order = epoch_order(data.promoters, sampler, rng)
    for begin in range(0, len(order), batch_size):
        rows = order[begin : begin + batch_size]
        codes = data.codes[rows]
        yield flip_some(codes, rng) if flip else codes, data.labels[rows]
