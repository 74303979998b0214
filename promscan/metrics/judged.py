"""Metrics of hits in a genome, ranked by their scores: recall and precision by false positives per Mb (FP/Mb)."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from promscan.metrics.blocks import DRAWS, FEW_BLOCKS, draw_blocks, wilson_interval
from promscan.metrics.ranking import Array, at_least, lowest_threshold
from promscan.seq.dna import Mask
from promscan.seq.intervals import Positions
from promscan.seq.records import Scores

OTHER_STRAND, NEAR, ELSEWHERE = range(3)
"""Kinds of false hits; see `FalseHits`."""
WITHIN = (2, 10, 50)
"""Distances (bp) from a start that are reported of the hits that find it."""


class FoundStarts(NamedTuple):
    """Listed starts, shape (m,), and the hits that find them.

    scores: of the best hit near each start; -inf if there is none.
    blocks: numbers of the blocks of the genome that the starts stand in.
    distances: how far (bp) that hit lies beyond the start, read 5' to 3'; 0 if there is none.
    """

    scores: Scores
    blocks: Positions
    distances: Positions


class FalseHits(NamedTuple):
    """False hits, shape (n,).

    scores: theirs.
    blocks: numbers of the blocks of the genome that they stand in.
    kinds: `OTHER_STRAND` near a start of the other strand, `NEAR` farther from a start of either, or `ELSEWHERE`.
    """

    scores: Scores
    blocks: Positions
    kinds: Positions


class StartClass(NamedTuple):
    """Listed starts of one class.

    kind: what decides about the class.
    name: of the class.
    members: which of the listed starts are in it, shape (m,).
    """

    kind: str
    name: str
    members: Mask


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
    false_other_strand: int
    false_near: int
    false_elsewhere: int
    ignored_near: int
    median_distance: float | None
    within_2: float | None
    within_10: float | None
    within_50: float | None


class Recall(NamedTuple):
    """Recall of a class of starts at a threshold, None without a start, with its 95 % intervals.

    interval95: by a bootstrap over blocks of the genome.
    wilson95: of as many independent starts, at a fixed threshold.
    """

    found: int
    recall: float | None
    interval95: tuple[float, float]
    wilson95: tuple[float, float]

    def interval(self, blocks: int) -> tuple[float, float]:
        """The interval to show: Wilson's where the class stands in few blocks."""
        return self.wilson95 if blocks < FEW_BLOCKS else self.interval95


@dataclass(frozen=True)
class Ranking:
    """Hits of all contigs and strands, judged. Hits of equal score pass together.

    hits: scores of all, those that are neither right nor false as well.
    found: the listed starts, at least one.
    right: scores of the right hits.
    false: the false hits.
    ignored: scores of the hits that a second list of starts keeps from being false.
    background: scores of the hits on promoter-free background.
    block_bases: scanned bases, counted once, of each block.
    background_bases: those that are background.
    classes: of the listed starts.
    """

    hits: Scores
    found: FoundStarts
    right: Scores
    false: FalseHits
    ignored: Scores
    background: Scores
    block_bases: Positions
    background_bases: int
    classes: tuple[StartClass, ...] = ()

    @property
    def bases(self) -> int:
        """Scanned bases, counted once."""
        return int(self.block_bases.sum())

    def threshold(self, fp_per_mb: float) -> float:
        """The lowest score of a hit at which there are no more false hits than this per Mb; inf if there is none."""
        allowed = min(fp_per_mb * self.bases / 1e6, len(self.false.scores))
        limit = lowest_threshold(self.false.scores, math.floor(allowed))
        return float(self.hits[self.hits >= limit].min(initial=np.inf))

    def points(self, thresholds: Sequence[float]) -> list[Point]:
        """The hits that pass at each threshold, none of which is -inf."""
        at, false = np.array(thresholds, dtype=np.float64), self.false
        counts = np.stack(
            [
                at_least(scores, at)
                for scores in (
                    self.hits, self.found.scores, self.right, false.scores, self.background,
                    *(false.scores[false.kinds == kind] for kind in (OTHER_STRAND, NEAR, ELSEWHERE)), self.ignored,
                )
            ]
        )  # fmt: skip
        close = [at_least(self.found.scores[np.abs(self.found.distances) <= near], at) for near in WITHIN]
        medians = self._median_distances(counts[1])
        rows = zip(thresholds, counts.T.tolist(), medians, np.stack(close, axis=1).tolist(), strict=True)
        return [self._point(*row) for row in rows]

    def _point(self, threshold: float, counts: list[int], median: float | None, close: list[int]) -> Point:
        """The metrics of these counts of hits."""
        hits, found, right, false, background, other_strand, near, elsewhere, ignored = counts
        within = [count / found if found else None for count in close]
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
            false_other_strand=other_strand,
            false_near=near,
            false_elsewhere=elsewhere,
            ignored_near=ignored,
            median_distance=median,
            within_2=within[0],
            within_10=within[1],
            within_50=within[2],
        )

    def _median_distances(self, counts: Positions) -> list[float | None]:
        """Median distance (bp), either way, of the hits that find the best `counts` starts; shape (k,)."""
        ranked = np.abs(self.found.distances)[np.argsort(-self.found.scores, kind="stable")].tolist()
        medians, distances = dict[int, float | None](), list[int]()
        for count in np.unique(counts).tolist():
            for distance in ranked[len(distances) : count]:
                insort(distances, distance)
            middle = (distances[(count - 1) // 2] + distances[count // 2]) / 2 if count else None
            medians[count] = middle
        return [medians[count] for count in counts.tolist()]

    @cached_property
    def members(self) -> Mask:
        """Which listed starts are in each class, shape (1 + classes, m); the first class is that of all starts."""
        return np.stack([np.ones(len(self.found.scores), dtype=np.bool_), *(each.members for each in self.classes)])

    @cached_property
    def _false_order(self) -> tuple[Positions, Positions]:
        """The blocks of the false hits from the highest score on, and how many reach the score of each start."""
        order = np.argsort(-self.false.scores, kind="stable")
        return self.false.blocks[order], at_least(self.false.scores, self.found.scores)

    def false_before(self, weights: Array | None = None) -> Scores:
        """How many false hits pass at the threshold that just finds each start, (m,); NaN if no hit finds it.

        Args:
            weights: how often each block counts; None: once.
        """
        blocks, reached = self._false_order
        passed = np.arange(len(blocks) + 1) if weights is None else np.append(0, np.cumsum(weights[blocks]))
        return np.where(self.found.scores > -np.inf, passed[reached], np.nan)

    def rates_before(self, weights: Array | None = None) -> Scores:
        """FP/Mb at the threshold that just finds each start; see `false_before`."""
        bases = self.bases if weights is None else int(weights @ self.block_bases)
        return self.false_before(weights) / bases * 1e6

    def recalls(self, fp_per_mb: Sequence[float], seed: int = 0) -> list[list[Recall]]:
        """Recall of all starts, and of those of each class, at these rates; shape (1 + classes, rates)."""
        at = np.array([self.threshold(rate) for rate in fp_per_mb])
        passed = self.found.scores >= at[:, None]
        found = (self.members[:, None, :] & passed).sum(axis=2)
        with np.errstate(invalid="ignore"):
            bounds = _percentiles(self._drawn_recalls(fp_per_mb, seed))
        return [
            [
                Recall(count, count / size if size else None, bounds[i][j], wilson_interval(count, size))
                for j, count in enumerate(counts)
            ]
            for i, (counts, size) in enumerate(zip(found.tolist(), self.members.sum(axis=1).tolist(), strict=True))
        ]

    def blocks_of_classes(self) -> list[int]:
        """Number of blocks that hold starts: of any class, and of each class."""
        return [len(np.unique(self.found.blocks[members])) for members in self.members]

    def _drawn_recalls(self, fp_per_mb: Sequence[float], seed: int) -> Scores:
        """Recall by draw, class and rate; NaN where a draw has no start of the class.

        Each draw of blocks has its own threshold, as the threshold is uncertain too.
        """
        recalls = np.full((DRAWS, len(self.members), len(fp_per_mb)), np.nan)
        rates = np.array(fp_per_mb)
        for recall, weights in zip(recalls, draw_blocks(len(self.block_bases), seed), strict=True):
            allowed = np.floor(rates * int(weights @ self.block_bases) / 1e6)
            starts = self.members * weights[self.found.blocks]
            totals = starts.sum(axis=1)[:, None]
            passed = self.false_before(weights) <= allowed[:, None]
            recall[:] = np.where(totals > 0, starts @ passed.T / np.maximum(totals, 1), np.nan)
        return recalls


def _percentiles(recalls: Scores) -> list[list[tuple[float, float]]]:
    """95 % intervals over the draws, by class and rate; 0 to 1 for a class without a start."""
    known = np.isfinite(recalls).any(axis=0)
    low, high = np.nanpercentile(np.where(known, recalls, 0.5), [2.5, 97.5], axis=0)
    low, high = np.where(known, low, 0.0), np.where(known, high, 1.0)
    return [list(zip(*pair, strict=True)) for pair in zip(low.tolist(), high.tolist(), strict=True)]
