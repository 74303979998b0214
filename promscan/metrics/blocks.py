"""Blocks of a genome, for intervals and standard errors: neighbouring promoters are found or missed together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from promscan.seq.intervals import Intervals, Positions

BLOCK = 100_000
"""bp of a block."""
DRAWS = 1000
"""Bootstrap draws of an interval."""
FEW_BLOCKS = 20
"""With fewer blocks than this a bootstrap interval is too narrow."""
_Z = 1.959964


class Blocks:
    """The blocks of a genome that have bases in a scope, numbered from 0.

    Args:
        scope: the bases that count.
        lengths: contig to bases.
    """

    def __init__(self, scope: Intervals, lengths: Mapping[str, int]) -> None:
        self._numbers = dict[str, Positions]()
        """Numbers of the blocks of each contig; the number of a block without bases means nothing."""
        bases, count = [np.empty(0, dtype=np.int64)], 0
        for chrom in scope.chroms:
            edges = np.append(np.arange(0, lengths[chrom], BLOCK), lengths[chrom])
            covered = np.diff(scope.bases_before(chrom, edges))
            self._numbers[chrom] = count + np.cumsum(covered > 0) - 1
            bases.append(covered[covered > 0])
            count += len(bases[-1])
        self.bases = np.concatenate(bases)

    def at(self, chrom: str, positions: Positions) -> Positions:
        """The numbers of the blocks of positions in the scope."""
        return self._numbers[chrom][positions // BLOCK]


def draw_blocks(count: int, seed: int = 0, draws: int = DRAWS) -> Iterator[Positions]:
    """Bootstrap draws of `count` blocks: how often each block was drawn, shape (count,), the same for the same seed."""
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(rng.integers(count, size=count), minlength=count)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share of independent trials (Wilson 1927); 0 to 1 without any trial."""
    if not trials:
        return 0.0, 1.0
    share, weight = successes / trials, _Z**2 / trials
    middle = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * math.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)
