"""Metrics of hits in a genome, ranked by their scores: recall and precision by false hits per Mb."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.seq.intervals import Positions
from promscan.seq.records import Scores
from promscan.seq.tss import distances, offsets

Array = npt.NDArray[Any]

DRAWS = 1000
"""Bootstrap draws of an interval."""


def found_at(listed: Array, tss: Array, scores: Array, tolerance: int) -> Scores:
    """The score down to which one must call to find each listed start; two hits on one start find it once.

    Args:
        listed: transcription starts of one strand of a contig, shape (m,).
        tss: those of the hits there, shape (n,), in any order.
        scores: of the hits, shape (n,).
        tolerance: a start is found by a hit at most this far (bp) from it.

    Returns:
        shape (m,); -inf for a start that no hit finds.
    """
    order = np.argsort(tss, kind="stable")
    first = np.searchsorted(tss[order], listed - tolerance)
    last = np.searchsorted(tss[order], listed + tolerance, side="right")
    ranges = zip(first.tolist(), last.tolist(), strict=True)
    return np.array([scores[order[lo:hi]].max(initial=-np.inf) for lo, hi in ranges], dtype=np.float64)


def right_hits(tss: Array, scores: Array, listed: Array, tolerance: int) -> Positions:
    """Which hits of one strand of a contig are right: each counts for the nearest start, and the best one for each.

    Of two hits of equal score the nearer one is the best, and then the one before the start.

    Args:
        tss: shape (n,).
        scores: shape (n,).
        listed: the listed starts there, sorted.
        tolerance: a right hit is at most this far (bp) from its start.

    Returns:
        their indices, shape (r,), by position of their starts.
    """
    away = offsets(tss, listed)
    near = np.flatnonzero(np.abs(away) <= tolerance)
    order = near[np.lexsort([away[near], np.abs(away[near]), -scores[near], (tss - away)[near]])]
    _, best = np.unique((tss - away)[order], return_index=True)
    right: Positions = order[best]
    return right


def are_false(tss: Array, listed: Array, beyond: int) -> Array:
    """Which hits, shape (n,), of one strand of a contig are farther (bp) than `beyond` from every known TSS; bool (n,).

    Args:
        tss: of the hits.
        listed: known TSSs there, sorted.
        beyond: at least the distance at which a hit finds a TSS.
    """
    return distances(tss, listed) > beyond


def at_least(scores: Array, thresholds: Array) -> Positions:
    """How many of `scores`, in any order, reach each of `thresholds`, shape (k,)."""
    counts: Positions = len(scores) - np.searchsorted(np.sort(scores), thresholds)
    return counts


def recall_by_false_hits(found: Array, false: Array) -> Array:
    """Recall along the ranking of the hits.

    Args:
        found: of all contigs and strands, as from `found_at`, shape (m,), m at least 1.
        false: scores of all false hits, shape (n,).

    Returns:
        entry k: share of the listed starts found if at most k false hits may pass, shape (n + 1,), never falling.
    """
    limits = np.append(np.sort(false)[::-1].astype(np.float64), -np.inf)
    return at_least(found, np.nextafter(limits, np.inf)) / len(found)


def lowest_threshold(false: Array, allowed: int) -> float:
    """The lowest threshold that at most `allowed` false hits, of these scores, reach; -inf if all of them may."""
    ranked = np.sort(false)[::-1].astype(np.float64)
    return float(np.nextafter(ranked[allowed], np.inf)) if allowed < len(ranked) else -np.inf


class Placed(NamedTuple):
    """Scores, shape (n,), and the numbers of the blocks of the genome that they stand in, shape (n,)."""

    scores: Scores
    blocks: Positions


class Point(NamedTuple):
    """Counts and rates at a threshold (inf if no hit passes); a share of nothing is None."""

    threshold: float
    hits: int
    found: int
    recall: float
    right: int
    false: int
    precision: float | None
    fp_per_mb: float
    background_hits: int
    background_fp_per_mb: float | None


@dataclass(frozen=True)
class Ranking:
    """Hits of all contigs and strands, judged. Hits of equal score pass together.

    hits: scores of all, those that are neither right nor false as well.
    found: as from `found_at`, by listed start, at least one.
    right: scores of the right hits.
    false: of the false hits.
    background: scores of the hits on promoter-free background.
    block_bases: scanned bases, counted once, of each block.
    background_bases: those that are background.
    """

    hits: Scores
    found: Placed
    right: Scores
    false: Placed
    background: Scores
    block_bases: Positions
    background_bases: int

    @property
    def bases(self) -> int:
        """Scanned bases, counted once."""
        return int(self.block_bases.sum())

    def threshold(self, fp_per_mb: float) -> float:
        """The lowest score of a hit at which there are no more false hits than this per Mb; inf if there is none."""
        limit = lowest_threshold(self.false.scores, math.floor(fp_per_mb * self.bases / 1e6))
        return float(self.hits[self.hits >= limit].min(initial=np.inf))

    def points(self, thresholds: Sequence[float]) -> list[Point]:
        """The hits that pass at each threshold, none of which is -inf."""
        at = np.array(thresholds, dtype=np.float64)
        hits, found, right = (at_least(scores, at) for scores in (self.hits, self.found.scores, self.right))
        false, background = (at_least(scores, at) for scores in (self.false.scores, self.background))
        return [
            self._point(threshold, int(hits[i]), int(found[i]), int(right[i]), int(false[i]), int(background[i]))
            for i, threshold in enumerate(thresholds)
        ]

    def _point(self, threshold: float, hits: int, found: int, right: int, false: int, background: int) -> Point:
        """The metrics of these counts of hits."""
        return Point(
            threshold=float(threshold),
            hits=hits,
            found=found,
            recall=found / len(self.found.scores),
            right=right,
            false=false,
            precision=right / (right + false) if right + false else None,
            fp_per_mb=false / self.bases * 1e6,
            background_hits=background,
            background_fp_per_mb=background / self.background_bases * 1e6 if self.background_bases else None,
        )

    def recall_intervals(self, rates: Sequence[float], seed: int = 0) -> list[tuple[float, float]]:
        """95 % intervals of the recall at these rates of false hits per Mb, by a bootstrap over the blocks.

        Each draw of blocks has its own threshold, as the threshold is uncertain too.
        """
        rng, blocks = np.random.default_rng(seed), len(self.block_bases)
        order = np.argsort(-self.false.scores, kind="stable")
        ranked = np.append(self.false.scores[order], -np.inf)
        recalls = np.full((DRAWS, len(rates)), np.nan)
        for draw in recalls:
            weights = np.bincount(rng.integers(blocks, size=blocks), minlength=blocks)
            passed = np.cumsum(weights[self.false.blocks[order]])
            allowed = np.floor(np.array(rates) * int(weights @ self.block_bases) / 1e6)
            first_too_many = ranked[np.searchsorted(passed, allowed, side="right")]
            starts = weights[self.found.blocks]
            if starts.any():  # else the draw has no listed start, and no recall
                draw[:] = (self.found.scores > first_too_many[:, None]) @ starts / starts.sum()
        return [(low, high) for low, high in np.nanpercentile(recalls, [2.5, 97.5], axis=0).T.tolist()]
