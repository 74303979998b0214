"""The result of `promscan evaluate`: all metrics of hits that were judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

import promscan
from promscan.metrics.blocks import BLOCK, DRAWS, FEW_BLOCKS
from promscan.metrics.judged import Point, Ranking, Recall
from promscan.metrics.log_rate import HIGHEST_RATE, LOWEST_RATE, log_rate_shares
from promscan.networks.card_parts import Scale
from promscan.seq.intervals import Positions

RATES = (1, 5, 10, 20, 50, 100, 500)
"""False positives per Mb at which recall and precision are reported."""


@dataclass(frozen=True)
class Evaluation:
    """Hits judged by listed transcription starts.

    ranking: the scores, by what they are worth.
    distances: how far (bp) each right hit lies beyond its start, read 5' to 3'; negative: before it. Shape (r,).
    scale: the distances that decide: a start is found by a hit at most `tolerance` bp from it, and a hit farther than
        `false_beyond` bp from every start of its strand is false.
    scale_from: where the scale comes from, in words.
    score: what the hits are ranked by, in words.
    position: which base of a hit is its start, in words.
    tss_reading: which base of the intervals of the lists is the start, in words.
    """

    ranking: Ranking
    distances: Positions
    scale: Scale
    scale_from: str
    score: str
    position: str
    tss_reading: str

    @property
    def tolerance(self) -> int:
        """A start is found by a hit at most this far (bp) from it."""
        return self.scale.tolerance

    @property
    def false_beyond(self) -> int:
        """A hit farther (bp) than this from every start of its strand is false."""
        return max(self.scale.false_beyond, self.scale.tolerance)

    @property
    def whole(self) -> Point:
        """The point of all hits."""
        return self.at(float(self.ranking.hits.min(initial=np.inf)))

    @cached_property
    def rates(self) -> dict[int, Point]:
        """Points with the most hits that have no more false ones per Mb than each of `RATES`."""
        points = self.ranking.points([self.ranking.threshold(rate) for rate in RATES])
        return dict(zip(RATES, points, strict=True))

    @cached_property
    def recalls(self) -> list[dict[str, Recall]]:
        """Recall of all starts, and of those of each class, at each of `RATES` and of all hits (`all`)."""
        names = [*map(str, RATES), "all"]
        return [dict(zip(names, row, strict=True)) for row in self.ranking.recalls([*RATES, np.inf])]

    @property
    def intervals(self) -> list[tuple[float, float]]:
        """95 % intervals of the recall at each of `RATES`, and of all hits, by a bootstrap over 100-kb blocks."""
        return [recall.interval95 for recall in self.recalls[0].values()]

    @property
    def median_distance(self) -> float | None:
        """Median distance in bp of the right hits from their starts, either way; None if there is no right hit."""
        return float(np.median(np.abs(self.distances))) if len(self.distances) else None

    @property
    def mean_log_rate_recall(self) -> float:
        """Mean of the recall over rates from 1 to 400 FP/Mb, on a logarithmic scale."""
        return float(log_rate_shares(self.ranking.rates_before()).mean())

    def at(self, threshold: float) -> Point:
        """Hits that pass at a threshold, and what they are worth."""
        return self.ranking.points([threshold])[0]

    def curve(self) -> list[Point]:
        """Along the ranking, from the top: where a start is found or a hit is right, the points of `rates`, the end."""
        found = self.ranking.found.scores
        reported = [point.threshold for point in (*self.rates.values(), self.whole)]
        scores = np.unique(np.concatenate([found[found > -np.inf], self.ranking.right, reported]))
        return self.ranking.points(scores[np.isfinite(scores)][::-1].tolist())

    def class_recalls(self, points: list[Point]) -> dict[str, list[float | None]]:
        """Recall of the starts of each class, by the name of the class, at each of `points`."""
        at = np.array([point.threshold for point in points])
        recalls = dict[str, list[float | None]]()
        for each in self.ranking.classes:
            scores = np.sort(self.ranking.found.scores[each.members])
            shares = 1 - np.searchsorted(scores, at) / max(len(scores), 1)
            recalls[each.name] = shares.tolist() if len(scores) else [None] * len(points)
        return recalls

    def describe(self) -> dict[str, Any]:
        """All metrics but the curve, as JSON has them; no paths, no times."""
        points = {**{str(rate): point for rate, point in self.rates.items()}, "all": self.whole}
        return {
            "promscan": promscan.__version__,
            "score": self.score,
            "position": self.position,
            "tss_reading": self.tss_reading,
            "tolerance": self.tolerance,
            "false_beyond": self.false_beyond,
            "clearance": self.scale.clearance,
            "scale_from": self.scale_from,
            "bases": self.ranking.bases,
            "background_bases": self.ranking.background_bases,
            "tss": len(self.ranking.found.scores),
            "hits": len(self.ranking.hits),
            "bootstrap": {
                "block": BLOCK,
                "blocks": len(self.ranking.block_bases),
                "blocks_with_tss": self.ranking.blocks_of_classes()[0],
                "too_few_below": FEW_BLOCKS,
                "draws": DRAWS,
            },
            "mean_log_rate_recall": {"from": LOWEST_RATE, "to": HIGHEST_RATE, "recall": self.mean_log_rate_recall},
            "at_fp_per_mb": {
                name: {
                    **point._asdict(),
                    "threshold": point.threshold if point.hits else None,  # JSON has no infinity
                    "recall_interval95": self.recalls[0][name].interval95,
                    "recall_wilson95": self.recalls[0][name].wilson95,
                }
                for name, point in points.items()
            },
            "distance": {
                "median": self.median_distance,
                "hits": {str(distance): count for distance, count in sorted(Counter(self.distances.tolist()).items())},
            },
            "classes": self._describe_classes(),
        }

    def _describe_classes(self) -> Mapping[str, Any]:
        """The recall of each class, by its kind and its name."""
        described = dict[str, dict[str, Any]]()
        blocks = self.ranking.blocks_of_classes()[1:]
        for each, recalls, count in zip(self.ranking.classes, self.recalls[1:], blocks, strict=True):
            described.setdefault(each.kind, {})[each.name] = {
                "tss": int(each.members.sum()),
                "blocks_with_tss": count,
                "at_fp_per_mb": {
                    rate: {
                        "found": recall.found,
                        "recall": recall.recall,
                        "recall_interval95": recall.interval95,
                        "recall_wilson95": recall.wilson95,
                    }
                    for rate, recall in recalls.items()
                },
            }
        return described
