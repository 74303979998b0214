"""Plots of the training of a strength model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from promscan.plots.figure import new_figure, save_figure
from promscan.plots.training import Array


def plot_strength_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Plot training loss, and correlation and error on dev, by epoch and unit; a line marks the best epoch."""
    figure, axes = new_figure(3)
    epochs = [row["epoch"] for row in history]
    best = max(history, key=lambda row: row["dev_pearson"])["epoch"]
    kinds = (
        ("train_", "_loss", "training loss"),
        ("dev_", "_pearson", "dev correlation"),
        ("dev_", "_rmse", "dev error"),
    )
    for ax, (first, last, label) in zip(axes, kinds, strict=True):
        for name in (name for name in history[0] if name.startswith(first) and name.endswith(last)):
            if unit := name.removeprefix(first).removesuffix(last):
                ax.plot(epochs, [row[name] for row in history], marker=".", label=unit)
        ax.axvline(best, color="0.6", linestyle=":")
        ax.set(xlabel="epoch", ylabel=label)
    axes[0].legend()
    save_figure(figure, path)


def plot_predictions(measured: Array, predicted: Array, unit: str, path: Path) -> None:
    """Plot predicted by measured expression, shape (n,), and the errors by prediction."""
    figure, (both, errors) = new_figure(2)
    both.hexbin(measured, predicted, gridsize=50, mincnt=1, bins="log", cmap="viridis")
    ends = [float(min(measured.min(), predicted.min())), float(max(measured.max(), predicted.max()))]
    both.plot(ends, ends, color="0.5", linestyle=":")
    both.set(xlabel=f"measured ({unit})", ylabel="predicted")
    errors.hexbin(predicted, measured - predicted, gridsize=50, mincnt=1, bins="log", cmap="viridis")
    errors.axhline(0, color="0.5", linestyle=":")
    errors.set(xlabel=f"predicted ({unit})", ylabel="measured - predicted")
    save_figure(figure, path)


def plot_coverage(coverage: Mapping[float, float], path: Path) -> None:
    """Plot the share of measurements inside an interval by the share that the interval promises."""
    figure, (ax,) = new_figure(1)
    ax.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    ax.plot(list(coverage), list(coverage.values()), marker="o")
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="promised share", ylabel="share inside the interval")
    save_figure(figure, path)
