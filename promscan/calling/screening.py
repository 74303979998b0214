"""Screening of scans with a model of single windows: measured on a background, written in the card, used by scans.

A streaming pass gives an approximate logit for every window. If it falls short of the calling logit by more than a
margin, the window is not scored exactly. So a hit can only be lost where its two logits differ by more than the margin;
then a lower hit nearby can take its place.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from promscan.metrics.calibration import Calibration
from promscan.networks.card import Card
from promscan.seq.records import Logits

LOST = 0.001
"""A screened scan loses at most this share of the hits."""
ENOUGH = 1000
"""Hits needed to measure such a share."""
FP_PER_MB = 100.0
"""The highest rate of false positives per Mb at which scans are screened."""
WORTH = 0.5
"""Screening pays if exact scores take at most this share of their time in an exhaustive scan, at the default rate."""
STILL_WORTH = 0.75
"""A screening network pays at lower logits if lanes take at most this share of their time."""
COARSEST = 16
"""At strides of more bp than this, scoring every window costs no more than the streaming pass saves."""
STEP = 0.01
"""Margins are multiples of this."""
FEWEST = 100
"""Hits needed to find the floor of a screening network at a logit; with fewer, that of a lower logit holds."""
RATES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, FP_PER_MB)
"""False positives per Mb at which such floors are measured, in addition to the rate that scans call at by default."""
STEPS = 10_000
"""The widest margin, in steps."""


class Needs(NamedTuple):
    """Exact logits that the score of a hit reads, apart from its own.

    same: how far they reach on its strand, in bp.
    other: the same on the other strand; None: it reads none there.
    """

    same: int = 0
    other: int | None = None


class Shortfalls:
    """Histogram of how far the logits of windows fall short of a logit, of constant size."""

    def __init__(self, logit: float) -> None:
        self.logit = logit
        self._counts = np.zeros(STEPS, dtype=np.int64)

    def add(self, logits: Logits) -> None:
        """Count windows; NaN were not scored, and do not count."""
        short = self.logit - logits[np.isfinite(logits)].astype(np.float64)
        steps = np.clip(np.ceil(short / STEP), 0, STEPS - 1).astype(np.int64)
        self._counts += np.bincount(steps, minlength=STEPS)

    def share_within(self, margin: float) -> float:
        """Share of the windows that fall short by no more than a margin."""
        return float(self._counts[: round(margin / STEP) + 1].sum() / self._counts.sum())


def lowest_logit(table: Calibration) -> float | None:
    """The lowest calling logit to measure a margin for, which enough hits reach; None if there are fewer."""
    if table.hits[-1] < ENOUGH:
        return None
    return table.logit_at(min(table.most, max(FP_PER_MB, ENOUGH / table.megabases)))


def least_margin(exact: Logits, streaming: Logits) -> float:
    """The least margin at which at most `LOST` of the hits are lost, whichever of their logits they are called at.

    Args:
        exact: logits (n,) of all hits down to the lowest calling logit.
        streaming: logits of the same windows in a streaming pass.
    """
    short = (exact.astype(np.float64) - streaming)[np.argsort(-exact, kind="stable")]
    allowed = LOST * np.arange(1, len(short) + 1)

    def suffices(margin: float) -> bool:
        return bool((np.cumsum(short > margin) <= allowed).all())

    margins = np.sort(short)
    least = float(margins[bisect_left(margins, True, key=suffices)])
    return round(max(0, math.ceil(least / STEP)) * STEP, 2)


def floors_of(exact: Logits, estimates: Logits, logits: Iterable[float]) -> tuple[tuple[float, float], ...]:
    """Pairs of a calling logit and of an estimate, at or above which all hits lie but at most `LOST` of them.

    A logit that fewer than `FEWEST` hits reach is left out.

    Args:
        exact: logits (n,) of hits.
        estimates: the highest estimates at which these hits are found.
        logits: calling logits.
    """
    pairs, highest = list[tuple[float, float]](), math.inf
    for logit in sorted(logits, reverse=True):
        reached = np.sort(estimates[exact >= logit])
        if len(reached) >= FEWEST:
            highest = min(highest, math.floor(reached[int(LOST * len(reached))] / STEP) * STEP)
            pairs.append((logit, round(highest, 2)))
    return tuple(reversed(pairs))


def screening_floor(card: Card, threshold: float, stride: int, smoothing: int) -> float | None:
    """The estimate below which a window cannot be a hit; None if all windows are to be scored.

    Args:
        card: card of the model.
        threshold: logit to call at.
        stride: only windows whose start is divisible by this are scored.
        smoothing: width in bp over which logits are averaged; the margin holds for that of the card.
    """
    screening = card.screening
    if screening is None or smoothing != card.smoothing or (screening.network is None and stride > COARSEST):
        return None
    return screening.floor(threshold)
