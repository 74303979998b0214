"""Metrics of predicted expression."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from promscan.metrics.ranking import Array

NORMAL_WITHIN_ONE = 0.6827
"""Share of a normal distribution within one standard deviation of its mean."""
COVERAGES = (0.5, 0.6827, 0.8, 0.9, 0.95)
"""Shares that intervals promise, for `coverage`."""


def regression_metrics(measured: Array, predicted: Array) -> dict[str, float]:
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


def widening(groups: Sequence[tuple[Array, Array, Array]]) -> float:
    """The factor that makes standard deviations right: then 68 % of the errors are smaller than theirs.

    Args:
        groups: measured, predicted and standard deviation, (n,) each. Each group counts the same, large or
            small.
    """
    distances = np.concatenate([np.abs(measured - predicted) / deviation for measured, predicted, deviation in groups])
    weights = np.concatenate([np.full(len(measured), 1 / len(measured)) for measured, _, _ in groups])
    order = np.argsort(distances)
    before = np.cumsum(weights[order]) - weights[order]
    return max(float(distances[order][before <= NORMAL_WITHIN_ONE * before[-1]][-1]), 1e-6)


def coverage(measured: Array, predicted: Array, deviation: Array) -> dict[float, float]:
    """Share of the measurements inside a central interval of the normal distribution, by the share it promises."""
    distance = np.abs(measured - predicted) / deviation
    bounds = {share: NormalDist().inv_cdf((1 + share) / 2) for share in COVERAGES}
    return {share: float(np.mean(distance <= bound)) for share, bound in bounds.items()}
