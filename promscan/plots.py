"""The pictures of trainings and evaluations. matplotlib is loaded only here, and only when a picture is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.errors import DependencyError, RunError
from promscan.files import atomic_path

Array = npt.NDArray[Any]

FORMATS: Mapping[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""What a picture may be, and the metadata that it must not have."""


def require_matplotlib() -> None:
    """Check up front that pictures can be drawn.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise DependencyError("plots need matplotlib: pip install 'promscan[plot]'") from error


def _figure(columns: int, rows: int = 1) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * columns, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)


def format_of(path: Path) -> str:
    """The format that a picture gets by its suffix.

    Raises:
        RunError: by the suffix, it is none of `FORMATS`.
    """
    format = path.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        raise RunError(f"{path}: a plot cannot have this suffix; end it in {', '.join(f'.{name}' for name in FORMATS)}")
    return format


def _save(figure: Any, path: Path) -> None:
    import matplotlib

    format = format_of(path)
    # Neither times nor random names, so that the same figures give the same bytes.
    with atomic_path(path) as temporary, matplotlib.rc_context({"svg.hashsalt": "promscan"}):
        figure.savefig(temporary, format=format, dpi=120, metadata=FORMATS[format])


def plot_learning_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Loss, accuracy, F1 and AUC by epoch, training and dev, the best epoch marked."""
    figure, axes = _figure(2, 2)
    epochs = [row["epoch"] for row in history]
    best = max(history, key=lambda row: row["dev_auc"])["epoch"]
    for ax, name in zip(axes, ("loss", "accuracy", "f1", "auc"), strict=True):
        for split in ("train", "dev"):
            ax.plot(epochs, [row[f"{split}_{name}"] for row in history], marker=".", label=split)
        ax.axvline(best, color="0.6", linestyle=":", label="best dev AUC")
        ax.set(xlabel="epoch", ylabel=name)
    axes[0].legend()
    _save(figure, path)


def plot_discrimination(labels: Array, logits: Array, path: Path) -> None:
    """ROC curve, precision-recall curve and the confusion matrix at probability 0.5."""
    from sklearn import metrics

    figure, (roc, pr, table) = _figure(3)
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
    _save(figure, path)


def plot_recalls(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Loss, and recall at some false hits per Mb of dev, by epoch, the best epoch marked."""
    figure, (loss, recall) = _figure(2)
    epochs = [row["epoch"] for row in history]
    best = max(history, key=lambda row: row["recall"])["epoch"]
    for ax, kind in ((loss, "loss"), (recall, "recall")):
        for name in (name for name in history[0] if name.startswith(kind)):
            ax.plot(epochs, [row[name] for row in history], marker=".", label=name.replace("_", " "))
        ax.axvline(best, color="0.6", linestyle=":", label="best dev recall")
        ax.set(xlabel="epoch", ylabel=kind)
        ax.legend()
    _save(figure, path)


def plot_recall_by_false_hits(fp_per_mb: Array, recall: Array, path: Path) -> None:
    """Recall, shape (n,), by false hits per Mb, which rise."""
    figure, (ax,) = _figure(1)
    ax.step(fp_per_mb, recall, where="post")
    ax.set(xscale="log", ylim=(0, 1), xlabel="false hits per Mb", ylabel="recall")
    _save(figure, path)


def plot_strength_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Training loss, and correlation and error on dev, by epoch and unit, the best epoch marked."""
    figure, axes = _figure(3)
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
    _save(figure, path)


def plot_predictions(measured: Array, predicted: Array, unit: str, path: Path) -> None:
    """Predicted against measured expression, shape (n,), and the errors by prediction."""
    figure, (both, errors) = _figure(2)
    both.hexbin(measured, predicted, gridsize=50, mincnt=1, bins="log", cmap="viridis")
    ends = [float(min(measured.min(), predicted.min())), float(max(measured.max(), predicted.max()))]
    both.plot(ends, ends, color="0.5", linestyle=":")
    both.set(xlabel=f"measured ({unit})", ylabel="predicted")
    errors.hexbin(predicted, measured - predicted, gridsize=50, mincnt=1, bins="log", cmap="viridis")
    errors.axhline(0, color="0.5", linestyle=":")
    errors.set(xlabel=f"predicted ({unit})", ylabel="measured - predicted")
    _save(figure, path)


def plot_coverage(coverage: Mapping[float, float], path: Path) -> None:
    """Share of the measurements inside an interval, by the share that the interval promises."""
    figure, (ax,) = _figure(1)
    ax.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    ax.plot(list(coverage), list(coverage.values()), marker="o")
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="promised share", ylabel="share inside the interval")
    _save(figure, path)


def plot_evaluation(
    points: Sequence[Any], at_rates: Mapping[float, tuple[float, tuple[float, float]]], distances: Array, path: Path
) -> None:
    """Recall by false hits per Mb, precision by recall, and how far right hits lie from their starts.

    Args:
        points: along the ranking from the top, `figures.Point`s.
        at_rates: recall and its interval at some numbers of false hits per Mb.
        distances: of right hits to their starts (bp), shape (n,).
        path: picture to write, in the format of its suffix.
    """
    figure, (recall, precision, distance) = _figure(3)
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
    _save(figure, path)
