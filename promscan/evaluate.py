"""Figures of merit: of a classifier on windows, of the calls in a genome, and of predicted expression."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.errors import DependencyError
from promscan.tss import distances

Array = npt.NDArray[Any]

TOLERANCE = 100
"""A listed transcription start is found if a hit of its strand lies at most this far (bp) from it."""
FALSE_BEYOND = 500
"""A hit farther (bp) than this from every listed start of its strand is false; between the two it is neither."""
NORMAL_WITHIN_ONE = 0.6827
"""Share of a normal distribution within one standard deviation of its mean."""
COVERAGES = (0.5, 0.6827, 0.8, 0.9, 0.95)
"""Shares that intervals promise, for `coverage`."""


def require_sklearn() -> None:
    """Check up front that the metrics can be computed.

    Raises:
        DependencyError: scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise DependencyError("training needs scikit-learn: pip install 'promscan[train]'") from error


def classification_figures(labels: Array, logits: Array) -> dict[str, float]:
    """Accuracy, F1 and Matthews correlation at probability 0.5; areas under the ROC and precision-recall curves.

    Args:
        labels: 0 or 1, shape (n,).
        logits: shape (n,).
    """
    from sklearn import metrics

    called = logits > 0
    return {
        "accuracy": float(metrics.accuracy_score(labels, called)),
        "f1": float(metrics.f1_score(labels, called)),
        "mcc": float(metrics.matthews_corrcoef(labels, called)),
        "auc": float(metrics.roc_auc_score(labels, logits)),
        "auprc": float(metrics.average_precision_score(labels, logits)),
    }


def cross_entropy(labels: Array, logits: Array) -> float:
    """Mean binary cross-entropy in nats."""
    z = logits.astype(np.float64)
    return float(np.mean(np.logaddexp(0.0, z) - labels * z))


def found_at(listed: Array, tss: Array, logits: Array) -> Array:
    """The logit down to which one must call to find each listed start; two hits on one start find it once.

    Args:
        listed: transcription starts of one strand of a contig, shape (m,).
        tss: those of the hits there, shape (n,), in any order.
        logits: of the hits, shape (n,).

    Returns:
        shape (m,); -inf for a start that no hit finds.
    """
    order = np.argsort(tss, kind="stable")
    first = np.searchsorted(tss[order], listed - TOLERANCE)
    last = np.searchsorted(tss[order], listed + TOLERANCE, side="right")
    ranges = zip(first.tolist(), last.tolist(), strict=True)
    return np.array([logits[order[lo:hi]].max(initial=-np.inf) for lo, hi in ranges], dtype=np.float64)


def are_false(tss: Array, listed: Array) -> Array:
    """Which hits, shape (n,), of one strand of a contig are false, given its sorted listed starts; bool (n,)."""
    return distances(tss, listed) > FALSE_BEYOND


def recall_by_false_hits(found: Array, false: Array) -> Array:
    """Recall along the ranking of the hits.

    Args:
        found: of all contigs and strands, as from `found_at`, shape (m,), m at least 1.
        false: logits of all false hits, shape (n,).

    Returns:
        entry k: share of the listed starts found if at most k false hits may pass, shape (n + 1,), never falling.
    """
    limits = np.append(np.sort(false)[::-1].astype(np.float64), -np.inf)
    return 1 - np.searchsorted(np.sort(found), limits, side="right") / len(found)


def lowest_logit(false: Array, allowed: int) -> float:
    """The lowest threshold that at most `allowed` false hits, of these logits, reach; -inf if all of them may."""
    ranked = np.sort(false)[::-1].astype(np.float64)
    return float(np.nextafter(ranked[allowed], np.inf)) if allowed < len(ranked) else -np.inf


def regression_figures(measured: Array, predicted: Array) -> dict[str, float]:
    """Pearson's and Spearman's correlation and the root mean square error of predictions, shape (n,)."""
    with np.errstate(invalid="ignore"):  # a constant has no correlation
        pearson = float(np.corrcoef(measured, predicted)[0, 1])
        spearman = float(np.corrcoef(_ranks(measured), _ranks(predicted))[0, 1])
    error = np.asarray(measured, dtype=np.float64) - predicted
    return {"pearson": pearson, "spearman": spearman, "rmse": float(np.sqrt(np.mean(error**2)))}


def _ranks(values: Array) -> Array:
    """Ranks from 0; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[inverse]


def widening(measured: Array, predicted: Array, deviation: Array) -> float:
    """The factor that makes standard deviations (n,) right: then 68 % of the errors are smaller than theirs."""
    return max(float(np.quantile(np.abs(measured - predicted) / deviation, NORMAL_WITHIN_ONE)), 1e-6)


def coverage(measured: Array, predicted: Array, deviation: Array) -> dict[float, float]:
    """Share of the measurements inside a central interval of the normal distribution, by the share it promises."""
    distance = np.abs(measured - predicted) / deviation
    bounds = {share: NormalDist().inv_cdf((1 + share) / 2) for share in COVERAGES}
    return {share: float(np.mean(distance <= bound)) for share, bound in bounds.items()}
