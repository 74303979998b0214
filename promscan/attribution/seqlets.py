"""Seqlets: short stretches on which scores rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.seq.dna import UNKNOWN, Codes

CORE = 8
"""Bases whose contributions are summed."""
ARM = 4
"""Bases on each side of the core that belong to a seqlet, too."""
WIDTH = CORE + 2 * ARM
RARE = 0.01
"""Share of the sums of shuffled contributions that reach the least sum of a seqlet."""
_SHUFFLES = 5
_SEED = 20

Values = npt.NDArray[np.float64]


class Seqlet(NamedTuple):
    """A stretch of bases.

    sequence: which of the sequences holds it.
    start: index of its first base in that sequence.
    bases: codes, (WIDTH,); unknown past the ends of the sequence.
    values: contribution of each base, (WIDTH,).
    """

    sequence: int
    start: int
    bases: Codes
    values: Values

    @property
    def total(self) -> float:
        """Contribution of its core."""
        return float(self.values[ARM : ARM + CORE].sum())


def find_seqlets(sequences: Sequence[Codes], contributions: Sequence[Values]) -> list[Seqlet]:
    """The stretches whose contributions are larger than those of shuffled positions, by sequence and start.

    Their cores do not overlap: the largest comes first. The shuffle is the same every time.

    Args:
        sequences: codes of each sequence, at least `CORE` of them.
        contributions: what each base is worth, of the same shapes.
    """
    least = _least_sum(contributions)
    found = list[Seqlet]()
    for number, (bases, values) in enumerate(zip(sequences, contributions, strict=True)):
        sums = _sums(values)
        taken = np.zeros(len(sums), dtype=np.bool_)
        for start in np.argsort(-sums, kind="stable").tolist():
            if sums[start] < least or sums[start] <= 0:
                break
            if not taken[start]:
                taken[max(0, start - CORE + 1) : start + CORE] = True
                found.append(_cut(number, start - ARM, bases, values))
    return sorted(found, key=lambda seqlet: (seqlet.sequence, seqlet.start))


def _sums(values: Values) -> Values:
    return np.convolve(values, np.ones(CORE), mode="valid")


def _least_sum(contributions: Sequence[Values]) -> float:
    """The sum that few stretches of shuffled contributions reach."""
    random = np.random.default_rng(_SEED)
    shuffled = [_sums(random.permutation(values)) for values in contributions for _ in range(_SHUFFLES)]
    return float(np.quantile(np.concatenate(shuffled), 1 - RARE)) if shuffled else 0.0


def _cut(number: int, start: int, bases: Codes, values: Values) -> Seqlet:
    room = max(0, -start), max(0, start + WIDTH - len(bases))
    inside = slice(max(0, start), start + WIDTH)
    return Seqlet(
        number, start, np.pad(bases[inside], room, constant_values=UNKNOWN), np.pad(values[inside], room)
    )  # fmt: skip
