"""The logit that a scan calls at."""

from __future__ import annotations

import math

from promscan.errors import InputError, ModelError
from promscan.metrics.calibration import Calibration
from promscan.networks.card import Card

DEFAULT_FP_PER_MB = 10.0
"""False hits per Mb that a scan with a calibrated model calls at."""
CLEARANCE = 1000
"""Background keeps so many bp from every known promoter."""


def calling_logit(card: Card, threshold: float | None, fp_per_mb: float | None) -> float:
    """The logit to call at, from what was asked for or else from the card.

    Raises:
        ModelError: the card cannot tell.
        InputError: the probability is none.
    """
    if threshold is not None:
        if not 0 < threshold < 1:
            raise InputError(f"threshold {threshold} is not a probability between 0 and 1")
        return math.log(threshold) - math.log1p(-threshold)
    if card.calibration:
        return Calibration.parse(card.calibration).logit_at(DEFAULT_FP_PER_MB if fp_per_mb is None else fp_per_mb)
    if fp_per_mb is not None:
        raise ModelError(f"model {card.name} is not calibrated to false hits per Mb: use --threshold, or calibrate it")
    if card.default_threshold is None:
        raise ModelError(f"model {card.name} names no default threshold: use --threshold")
    return card.default_threshold
