"""Plots of the training of a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.plots.figure import new_figure, save_figure

Array = npt.NDArray[Any]


def plot_learning_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Plot loss, accuracy, F1 and AUC of training and dev by epoch; a line marks the best epoch."""
    figure, axes = new_figure(2, 2)
    epochs = [row["epoch"] for row in history]
    best = max(history, key=lambda row: row["dev_auc"])["epoch"]
    for ax, name in zip(axes, ("loss", "accuracy", "f1", "auc"), strict=True):
        for split in ("train", "dev"):
            ax.plot(epochs, [row[f"{split}_{name}"] for row in history], marker=".", label=split)
        ax.axvline(best, color="0.6", linestyle=":", label="best dev AUC")
        ax.set(xlabel="epoch", ylabel=name)
    axes[0].legend()
    save_figure(figure, path)


def plot_discrimination(labels: Array, logits: Array, path: Path) -> None:
    """Plot the ROC curve, the precision-recall curve and the confusion matrix at probability 0.5."""
    from sklearn import metrics

    figure, (roc, pr, table) = new_figure(3)
    false_rate, true_rate, _ = metrics.roc_curve(labels, logits)
    roc.plot(false_rate, true_rate)
    roc.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    roc.set(
        xlabel="false positive rate", ylabel="true positive rate", title=f"AUC {metrics.auc(false_rate, true_rate):.3f}"
    )
    precision, recall, _ = metrics.precision_recall_curve(labels, logits)
    pr.plot(recall, precision)
    pr.set(xlabel="recall", ylabel="precision", title=f"AP {metrics.average_precision_score(labels, logits):.3f}")
    counts = metrics.confusion_matrix(labels, np.asarray(logits) > 0)
    table.imshow(counts, cmap="Blues", vmin=0)
    for (row, column), count in np.ndenumerate(counts):
        dark = count > counts.max() / 2
        table.text(column, row, f"{count}", ha="center", va="center", color="white" if dark else "black")
    names = ["other", "promoter"]
    table.set(xticks=[0, 1], yticks=[0, 1], xticklabels=names, yticklabels=names, xlabel="called", ylabel="label")
    save_figure(figure, path)


def plot_recalls(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Plot loss, and recall at several rates of false hits of dev, by epoch; a line marks the best epoch."""
    figure, (loss, recall) = new_figure(2)
    epochs = [row["epoch"] for row in history]
    best = max(history, key=lambda row: row["recall"])["epoch"]
    for ax, kind in ((loss, "loss"), (recall, "recall")):
        for name in (name for name in history[0] if name.startswith(kind)):
            ax.plot(epochs, [row[name] for row in history], marker=".", label=name.replace("_", " "))
        ax.axvline(best, color="0.6", linestyle=":", label="best dev recall")
        ax.set(xlabel="epoch", ylabel=kind)
        ax.legend()
    save_figure(figure, path)


def plot_recall_by_false_hits(fp_per_mb: Array, recall: Array, path: Path) -> None:
    """Plot recall, shape (n,), by false positives per Mb in rising order."""
    figure, (ax,) = new_figure(1)
    ax.step(fp_per_mb, recall, where="post")
    ax.set(xscale="log", ylim=(0, 1), xlabel="false positives per Mb", ylabel="recall")
    save_figure(figure, path)
