"""Recall over a range of false positives per Mb (FP/Mb), as one number that sees small differences between models."""

from __future__ import annotations

import math

import numpy as np

from promscan.metrics.ranking import Array
from promscan.seq.records import Scores

LOWEST_RATE, HIGHEST_RATE = 1.0, 400.0
"""Ends of the range in FP/Mb."""


def log_rate_shares(rates: Array, lowest: float = LOWEST_RATE, highest: float = HIGHEST_RATE) -> Scores:
    """The share of the range, on a logarithmic scale, at which each start is found.

    Their mean is the mean of the recall over the range.

    Args:
        rates: FP/Mb at the threshold that just finds each start, shape (m,); NaN if no hit finds it.
        lowest: lower end of the range.
        highest: upper end.
    """
    needed = np.where(np.isnan(rates), np.inf, np.maximum(rates, lowest))
    return np.clip(1 - np.log(needed / lowest) / math.log(highest / lowest), 0.0, 1.0)
