"""Plots of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promscan.plots.figure import new_figure, save_figure
from promscan.plots.training import Array


def plot_evaluation(
    points: Sequence[Any],
    at_rates: Mapping[float, tuple[float, tuple[float, float]]],
    classes: Mapping[str, Sequence[float | None]],
    distances: Array,
    path: Path,
) -> None:
    """Plot recall by FP/Mb, also by class, precision by recall, and the distances of right hits from their starts.

    Args:
        points: points of the ranking, from the highest logit on.
        at_rates: recall and its interval at several numbers of FP/Mb.
        classes: recall of each class of starts at each of `points`.
        distances: distances in bp of right hits from their starts, shape (n,).
        path: picture to write, in the format of its suffix.
    """
    figure, (recall, by_class, precision, distance) = new_figure(4)
    found = [point.recall for point in points]
    recall.step([point.fp_per_mb for point in points], found, where="post", label="of all sequence")
    if all(point.background_fp_per_mb is not None for point in points):
        background = [point.background_fp_per_mb for point in points]
        recall.step(background, found, where="post", color="0.6", label="of background")
    for rate, (height, (low, high)) in at_rates.items():
        recall.vlines(rate, low, high, color="C0", alpha=0.5)
        recall.plot(rate, height, ".", color="C0")
    recall.set(xscale="log", ylim=(0, 1), xlabel="FP/Mb", ylabel="recall (bars: 95 %)")
    recall.legend()
    by_class.step([point.fp_per_mb for point in points], found, where="post", color="0.6", label="all")
    for name, shares in classes.items():
        if any(share is not None for share in shares):
            by_class.step([point.fp_per_mb for point in points], shares, where="post", label=name)
    scale = "log" if any(point.fp_per_mb > 0 for point in points) else "linear"
    by_class.set(xscale=scale, ylim=(0, 1), xlabel="FP/Mb", ylabel="recall by class of TSS")
    by_class.legend(fontsize="small")
    known = [point for point in points if point.precision is not None]
    precision.plot([point.recall for point in known], [point.precision for point in known])
    precision.set(xlim=(0, 1), ylim=(0, 1), xlabel="recall", ylabel="precision")
    distance.hist(distances, bins=41)
    distance.axvline(0, color="0.6", linestyle=":")
    distance.set(xlabel="bp from the listed start to the hit, 5' to 3'", ylabel="right hits")
    save_figure(figure, path)
