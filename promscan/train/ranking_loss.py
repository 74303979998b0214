"""Loss that ranks promoters above background."""

from __future__ import annotations

import math

import torch
from torch import Tensor

NOTHING = 1e-30
"""Weight for windows that do not count; its logarithm is finite, as gradients need it."""


def ranking_loss(logits: Tensor, labels: Tensor, weights: Tensor, rates: Tensor) -> Tensor:
    """How far promoters stand above background that competes with them, in nats.

    For each segment with a promoter this is the mean of two cross-entropies of picking one of its promoter windows: out
    of all windows of the segment, as the peak caller does, and out of all background of the batch, as a threshold does.
    Windows compete in proportion to their weight, and segments to their rate.

    Args:
        logits: (segments, windows).
        labels: labels of the windows, as in `Segments`.
        weights: weights of the windows, as in `Segments`.
        rates: rates of the segments, (segments,).
    """
    weighed = logits + weights.clamp(min=NOTHING).log()
    promoters = torch.where(labels == 1, weighed, math.log(NOTHING)).logsumexp(dim=1)
    background = torch.where(labels == 0, weighed, math.log(NOTHING)).logsumexp(dim=1)
    with_promoter = (labels * weights > 0).any(dim=1)
    if not with_promoter.any():
        return 0 * logits.sum()
    promoters = promoters[with_promoter]
    own = torch.logaddexp(promoters, background[with_promoter]) - promoters
    everywhere = torch.logaddexp(promoters, (background + rates.log()).logsumexp(dim=0)) - promoters
    return (own + everywhere).mean() / 2
