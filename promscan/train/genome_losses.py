"""Losses of a training on a genome: promoters, background, their ranking, places, and what teachers say."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from promscan.train.place_loss import place_loss
from promscan.train.ranking_loss import ranking_loss


class Losses(NamedTuple):
    """Losses of a batch; `place` is None for a network without a head for places, `teaching` without teachers."""

    promoters: Tensor
    background: Tensor
    ranking: Tensor
    place: Tensor | None
    teaching: Tensor | None = None

    def total(self, background: float, ranking: float, placing: float, teaching: float = 0.0) -> Tensor:
        """Their sum, with the weights of the losses of background, ranking, places and teaching."""
        total = self.promoters + background * self.background + ranking * self.ranking
        for weight, loss in ((placing, self.place), (teaching, self.teaching)):
            total = total if loss is None else total + weight * loss
        return total

    def numbers(self) -> dict[str, float]:
        """Their values by the name of their column."""
        return {f"loss_{name}": loss.item() for name, loss in self._asdict().items() if loss is not None}


def losses_of(
    logits: Tensor,
    places: Tensor | None,
    labels: Tensor,
    weights: Tensor,
    rates: Tensor,
    targets: Tensor,
    taught: Tensor | None = None,
) -> Losses:
    """Compute the losses of a batch from what the network says, what `Segments` holds, and the logits of teachers.

    Teachers know every window, so those that labels leave out count as well: the loss is the mean squared difference.
    """
    losses = F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
    return Losses(
        _mean(losses, weights * labels),
        _mean(losses, rates[:, None] * weights * (1 - labels)),
        ranking_loss(logits, labels, weights, rates),
        None if places is None else place_loss(places, targets),
        None if taught is None else F.mse_loss(logits, taught),
    )


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean; 0 if all weights are 0."""
    return (values * weights).sum() / weights.sum().clamp(min=1)
