"""An evaluation as text: the tables for people, and the table of the curve for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from promscan.commands.evaluating.classes import BY_SEQUENCE
from promscan.commands.evaluating.evaluation import Evaluation
from promscan.commands.evaluating.judge import NEAR_BP
from promscan.log import counted
from promscan.metrics.blocks import FEW_BLOCKS
from promscan.metrics.judged import WITHIN, Point, Recall
from promscan.seq.islands import DEFINITION

RANKING = "{:>13}  {:<22}  {:>9}  {:>10}  {:>6}  {:>6}  {:>16}\n"
PLACES = "{:>13}  {:>7}  {:>15}" + "  {:>12}" * len(WITHIN) + "  {:>12}  {:>7}  {:>9}{}\n"
CLASS_RATES = ("10", "50", "100")
"""Rates (FP/Mb) at which the recall of classes is shown."""


def write_curve(evaluation: Evaluation, file: TextIO) -> None:
    """Write the ranking from its top, a row for each point, with the recall of each class at the end."""
    points = evaluation.curve()
    classes = evaluation.class_recalls(points)
    names = ["_".join(f"recall {name}".split()) for name in classes]
    file.write("\t".join([*Point._fields, *names]) + "\n")
    for i, point in enumerate(points):
        recalls = [_text(shares[i]) for shares in classes.values()]
        # Ten digits, as a threshold that was rounded up would not let its own hit pass.
        file.write("\t".join([f"{point.threshold:.10g}", *map(_text, point[1:]), *recalls]) + "\n")


def write_summary(evaluation: Evaluation, file: TextIO) -> None:
    """Write what people read: the ranking, the recall of classes, and where right and false hits lie."""
    ranking, whole, scale = evaluation.ranking, evaluation.whole, evaluation.scale
    median = "none" if evaluation.median_distance is None else f"{evaluation.median_distance:g} bp"
    file.write(
        f"{whole.found:,} of {len(ranking.found.scores):,} TSSs found by {counted(whole.hits, 'hit')}, ranked "
        f"by {evaluation.score}, on {ranking.bases:,} bp\n"
        f"{counted(whole.right, 'hit')} right (within {evaluation.tolerance:,} bp; median distance {median}), "
        f"{whole.false:,} false (beyond {evaluation.false_beyond:,} bp)\n"
        f"{counted(whole.background_hits, 'hit')} on {ranking.background_bases:,} bp of background (beyond "
        f"{scale.clearance:,} bp); distances from {evaluation.scale_from}\n"
    )
    for part in (_ranking, _classes, _places):
        file.write("\n")
        file.writelines(part(evaluation))


def _ranking(evaluation: Evaluation) -> Iterator[str]:
    """Recall and precision by rate."""
    yield RANKING.format("FP/Mb", "recall (95 %)", "precision", "threshold", "right", "false", "background FP/Mb")
    blocks = evaluation.ranking.blocks_of_classes()[0]
    for name, point in _points(evaluation).items():
        recall = evaluation.recalls[0]["all" if name.startswith("all") else name]
        precision = "." if point.precision is None else f"{point.precision:.3f}"
        background = "." if point.background_fp_per_mb is None else f"{point.background_fp_per_mb:.4g}"
        yield RANKING.format(
            name, _interval(recall, blocks), precision, _text(point.threshold), point.right, point.false, background
        )
    yield _method(blocks)


def _points(evaluation: Evaluation) -> dict[str, Point]:
    whole = evaluation.whole
    return {**{str(rate): point for rate, point in evaluation.rates.items()}, f"all: {whole.fp_per_mb:.4g}": whole}


def _method(blocks: int) -> str:
    """Say how the intervals were made."""
    if blocks < FEW_BLOCKS:
        return f"intervals: Wilson's, as fewer than {FEW_BLOCKS} blocks of 100 kb have TSSs; they may be too narrow\n"
    return f"intervals: bootstrap over blocks of 100 kb; {blocks:,} of them have TSSs\n"


def _classes(evaluation: Evaluation) -> Iterator[str]:
    """Recall of each class of starts."""
    classes, blocks = evaluation.ranking.classes, evaluation.ranking.blocks_of_classes()
    names = ["all", *(each.name for each in classes)]
    width = max(map(len, ["recall (95 %)", *names]))
    row = "{:>" + f"{width}" + "}  {:>7}" + "  {:<22}" * len(CLASS_RATES)
    yield row.format("recall (95 %)", "TSSs", *(f"{rate} FP/Mb" for rate in CLASS_RATES)).rstrip() + "\n"
    sizes = evaluation.ranking.members.sum(axis=1).tolist()
    for name, size, count, recalls in zip(names, sizes, blocks, evaluation.recalls, strict=True):
        cells = (_interval(recalls[rate], count) for rate in CLASS_RATES)
        yield row.format(name, f"{size:,}", *cells).rstrip() + "\n"
    if any(each.kind == BY_SEQUENCE for each in classes):
        yield f"{DEFINITION}\n"


def _interval(recall: Recall, blocks: int) -> str:
    low, high = recall.interval(blocks)
    return "." if recall.recall is None else f"{recall.recall:.3f} ({low:.3f} to {high:.3f})"


def _places(evaluation: Evaluation) -> Iterator[str]:
    """Distances of the starts that are found, and kinds of false hits, by rate."""
    ignored = bool(len(evaluation.ranking.ignored))
    within = [f"within {near} bp" for near in WITHIN]
    yield PLACES.format(
        "FP/Mb", "found", "median distance", *within, "other strand", "near", "elsewhere",
        "    ignored" if ignored else "",
    )  # fmt: skip
    for name, point in _points(evaluation).items():
        shares = ("." if share is None else f"{share:.3f}" for share in point[-len(WITHIN) :])
        yield PLACES.format(
            name, point.found, "." if point.median_distance is None else f"{point.median_distance:g}", *shares,
            point.false_other_strand, point.false_near, point.false_elsewhere,
            f"  {point.ignored_near:>9}" if ignored else "",
        )  # fmt: skip
    yield (
        f"false hits: within {evaluation.scale.opposite_reach:,} bp of a TSS of the other strand, else near (within "
        f"{NEAR_BP:,} bp of) a TSS, else elsewhere\n"
    )
    if ignored:
        yield "ignored: neither true nor false, as they lie near a TSS of --ignore-near\n"


def _text(value: float | None) -> str:
    return "." if value is None or value == float("inf") else f"{value:.6g}" if isinstance(value, float) else f"{value}"
