"""The meaning of a logit on a genome: how many false positives per Mb of background are at least that high.

Hits are called on promoter-free sequence, and every one of them is false. Between the logits of the counted hits the
logarithm of the rate is interpolated linearly; beyond them nothing was seen, so nothing is said. The logit that a
scan calls at is found the other way round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError, ModelError
from promscan.seq.bounds import check_number, rounded_inwards

MAX_MEGABASES = 1e6
STEP = 1.1
"""Each row of the table has at least this many times the hits of the row before."""


@dataclass(frozen=True)
class Calibration:
    """False positives per Mb by logit.

    background: what was scanned, in words.
    megabases: how much of it, sequence counted once.
    logits: descending; `hits[i]` hits of both strands were at least `logits[i]` high.

    Raises:
        InputError: the numbers are no such table.
    """

    background: str
    megabases: float
    logits: tuple[float, ...]
    hits: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0 < self.megabases <= MAX_MEGABASES:
            raise InputError(f"megabases must be more than 0 and at most {MAX_MEGABASES:g}, got {self.megabases:g}")
        if not 0 < len(self.logits) == len(self.hits):
            raise InputError(f"{len(self.logits)} logits and {len(self.hits)} numbers of hits, which must be as many")
        if not all(a > b for a, b in pairwise(self.logits)) or not all(a < b for a, b in pairwise((0, *self.hits))):
            raise InputError("the logits must fall and the hits must rise")

    @classmethod
    def measure(cls, logits: npt.NDArray[Any], megabases: float, background: str) -> Calibration:
        """Make the table from the logits of all hits on a background, in any order.

        Raises:
            ModelError: there was no hit.
        """
        ranked = np.sort(logits)[::-1]
        if not len(ranked):
            raise ModelError(f"no hit on {background}: there is nothing to calibrate with; give more sequence")
        ranks = [1]
        while (rank := max(ranks[-1] + 1, math.ceil(STEP * ranks[-1]))) <= len(ranked):
            ranks.append(rank)
        knots: dict[float, int] = {}
        for rank in ranks:  # equal logits count together
            knots[round(float(ranked[rank - 1]), 4)] = int((ranked >= ranked[rank - 1]).sum())
        return cls(background, round(megabases, 6), tuple(knots), tuple(knots.values()))

    def describe(self) -> dict[str, Any]:
        """The table, as JSON has it."""
        return {
            "background": self.background,
            "megabases": self.megabases,
            "logits": list(self.logits),
            "hits": list(self.hits),
        }

    @property
    def least(self) -> float:
        """The lowest rate that was seen: one hit in all of the background."""
        return self.hits[0] / self.megabases

    @property
    def most(self) -> float:
        """The highest rate in the table."""
        return self.hits[-1] / self.megabases

    @property
    def lowest_rate(self) -> str:
        """The lowest rate in a few digits, which can be typed back."""
        return rounded_inwards(self.least, 1)

    @property
    def highest_rate(self) -> str:
        """The highest rate in a few digits, which can be typed back."""
        return rounded_inwards(self.most, -1)

    def fp_per_mb(self, logit: float) -> float:
        """False positives per Mb at least as high as `logit`.

        No higher hit was seen above the table, so the rate is at most `least` there, which is returned; below the
        table it is at least `most`.
        """
        hits = np.log(self.hits)
        return float(np.exp(np.interp(-logit, -np.array(self.logits), hits))) / self.megabases

    def logit_at(self, fp_per_mb: float) -> float:
        """The logit to call at for a rate of false positives per Mb.

        Raises:
            ModelError: the table does not reach that far.
        """
        check_number("fp_per_mb", fp_per_mb)
        if not self.least <= fp_per_mb <= self.most:
            raise ModelError(
                f"{fp_per_mb:g} false positives per Mb cannot be measured on {self.megabases:g} Mb of "
                f"{self.background}: ask for {self.lowest_rate} to {self.highest_rate}, or calibrate on more sequence"
            )
        return float(np.interp(math.log(fp_per_mb * self.megabases), np.log(self.hits), self.logits))

    def interval(self, fp_per_mb: float) -> tuple[float, float]:
        """95 % interval of a Poisson rate, per Mb, as counted on this background (Byar; Breslow & Day 1987)."""
        count = fp_per_mb * self.megabases
        low, high = (
            n * (1 - 1 / (9 * n) + z / (3 * math.sqrt(n))) ** 3 for n, z in ((count, -1.96), (count + 1, 1.96))
        )
        return max(0.0, low) / self.megabases, high / self.megabases
