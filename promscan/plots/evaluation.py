"""Plots of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promscan.plots.figure import new_figure, save_figure
from promscan.plots.training import Array


def plot_evaluation(
    points: Sequence[Any], at_rates: Mapping[float, tuple[float, tuple[float, float]]], distances: Array, path: Path
) -> None:
    """Plot recall by false hits per Mb, precision by recall, and the distances of true hits from their starts.

    Args:
        points: points of the ranking, from the highest logit on.
        at_rates: recall and its interval at several numbers of false hits per Mb.
        distances: distances in bp of true hits from their starts, shape (n,).
        path: picture to write, in the format of its suffix.
    """
    figure, (recall, precision, distance) = new_figure(3)
    found = [point.recall for point in points]
    recall.step([point.fp_per_mb for point in points], found, where="post", label="of all sequence")
    if all(point.background_fp_per_mb is not None for point in points):
        background = [point.background_fp_per_mb for point in points]
        recall.step(background, found, where="post", color="0.6", label="of background")
    for rate, (height, (low, high)) in at_rates.items():
        recall.vlines(rate, low, high, color="C0", alpha=0.5)
        recall.plot(rate, height, ".", color="C0")
    recall.set(xscale="log", ylim=(0, 1), xlabel="false hits per Mb", ylabel="recall (bars: 95 %)")
    recall.legend()
    known = [point for point in points if point.precision is not None]
    precision.plot([point.recall for point in known], [point.precision for point in known])
    precision.set(xlim=(0, 1), ylim=(0, 1), xlabel="recall", ylabel="precision")
    distance.hist(distances, bins=41)
    distance.axvline(0, color="0.6", linestyle=":")
    distance.set(xlabel="bp from the listed start to the hit, 5' to 3'", ylabel="right hits")
    save_figure(figure, path)
