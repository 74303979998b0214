"""What the hits are worth: the calibration of their model, and known transcription starts, where they are given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from promscan.commands.evaluating.evaluation import RATES, Evaluation
from promscan.commands.reporting.numbers import three_digits
from promscan.commands.reporting.sample import Sample
from promscan.log import counted
from promscan.metrics.judged import Point

CURVE_POINTS = 300
"""Points of a curve of recall, at most."""
_ROUNDING = 1e-4
"""Logits in files have four decimals."""


def calibration_rows(sample: Sample, contigs: Mapping[str, int]) -> list[dict[str, str]]:
    """Rows of the calibration table, down to the threshold of the scan.

    Each has the rate, its logit, the hits of the sample that reach it, and the false ones to expect.
    """
    table = None if sample.card is None else sample.card.calibration
    if table is None or sample.score != "logit":
        return []
    scanned, rows = sample.scanned_bases(contigs), list[dict[str, str]]()
    called_at = -math.inf if sample.threshold is None else sample.threshold
    for rate in RATES:
        if not table.least <= rate <= table.most or (logit := table.logit_at(rate)) < called_at - _ROUNDING:
            continue
        rows.append({
            "rate": f"{rate:g}",
            "logit": f"{logit:.3f}",
            "hits": f"{int((sample.scores >= logit - _ROUNDING).sum()):,}",
            "false": "-" if scanned is None else three_digits(rate * scanned / 1e6),
        })  # fmt: skip
    return rows


def accuracy(evaluation: Evaluation) -> dict[str, Any]:
    """Tables and curve of an evaluation, as text and as points."""
    blocks = evaluation.ranking.blocks_of_classes()
    points = {**{str(rate): point for rate, point in evaluation.rates.items()}, "all": evaluation.whole}
    rows = []
    for name, point in points.items():
        recall = evaluation.recalls[0][name]
        low, high = recall.interval(blocks[0])
        rows.append({
            "rate": name if name != "all" else f"all hits: {three_digits(point.fp_per_mb)}",
            "recall": f"{point.recall:.1%} ({low:.1%} to {high:.1%})",
            "precision": "-" if point.precision is None else f"{point.precision:.1%}",
            "right": f"{point.right:,}",
            "false": f"{point.false:,}",
            "other_strand": f"{point.false_other_strand:,}",
            "near": f"{point.false_near:,}",
            "elsewhere": f"{point.false_elsewhere:,}",
        })  # fmt: skip
    return {
        "summary": _summary(evaluation),
        "rows": rows,
        "classes": _classes(evaluation, blocks[1:]),
        "curve": _thinned([[point.fp_per_mb, point.recall] for point in evaluation.curve()]),
    }


def _summary(evaluation: Evaluation) -> str:
    whole: Point = evaluation.whole
    median = "-" if evaluation.median_distance is None else f"{evaluation.median_distance:g} bp"
    return (
        f"{whole.found:,} of {len(evaluation.ranking.found.scores):,} listed TSSs found by "
        f"{counted(whole.hits, 'hit')}. A TSS is found by a hit at most {evaluation.tolerance:,} bp from it on its "
        f"strand (median distance {median}); a hit more than {evaluation.false_beyond:,} bp from every TSS of its "
        "strand is false."
    )


def _classes(evaluation: Evaluation, blocks: Sequence[int]) -> list[dict[str, str]]:
    """Recall of each class of starts, of all hits."""
    rows = []
    for each, recalls, count in zip(evaluation.ranking.classes, evaluation.recalls[1:], blocks, strict=True):
        recall = recalls["all"]
        low, high = recall.interval(count)
        shown = "-" if recall.recall is None else f"{recall.recall:.1%} ({low:.1%} to {high:.1%})"
        rows.append({"name": each.name, "tss": f"{int(each.members.sum()):,}", "recall": shown})
    return rows


def _thinned(points: list[list[float]]) -> list[list[float]]:
    """Leave out points, so that a curve has no more than it needs; the last one stays."""
    step = max(1, math.ceil(len(points) / CURVE_POINTS))
    return [[round(x, 4), round(y, 5)] for x, y in [*points[:-1:step], *points[-1:]]]
