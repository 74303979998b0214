"""Networks that teach another one: it learns their mean logits and the labels (Hinton et al. 2015, distillation).

A network that learns from several is about as good as all of them together, at the cost of one. Teachers also keep what
they know of promoters in a network that learns something new, such as places.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from promscan.errors import ModelError
from promscan.inference.streaming import StreamingEngine
from promscan.networks.card import Card
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.weights import load_model
from promscan.train.loop.run import origin_of

SETTLED = 11
"""Half-lives after which the states of a teacher have forgotten where they began, but for 1 part in 2,000."""


class Teachers:
    """Networks whose mean logits are learned.

    networks: the teachers, all on one device.
    cards: their cards, in the same order.
    """

    def __init__(self, networks: Sequence[BiGRUAttention], cards: Sequence[Card]) -> None:
        self.networks = [network.eval().requires_grad_(False) for network in networks]
        self.cards = tuple(cards)

    @classmethod
    def load(cls, weights: Sequence[str | Path]) -> Teachers | None:
        """The teachers of these names or weights files; None if there are none.

        Raises:
            ModelError: a file is not that of a model that scans with running states.
        """
        if not weights:
            return None
        networks, cards = zip(*(load_model(str(each)) for each in weights), strict=True)
        for card in cards:
            if card.engine != "streaming":
                raise ModelError(f"{card.name} cannot teach: it reads single windows; give a model that scans")
        return cls(networks, cards)

    @property
    def reach(self) -> int:
        """Bases before and after a window that a teacher reads, at most."""
        return max(max(network.architecture.reach, _warm_up(network)) for network in self.networks)

    def describe(self) -> list[dict[str, Any]]:
        """What each of them learned from, for a card."""
        return [origin_of(card) for card in self.cards]

    def to(self, device: torch.device) -> Teachers:
        """The same teachers, moved to a device."""
        for network in self.networks:
            network.to(device)
        return self

    @torch.no_grad()
    def logits(self, codes: Tensor, margin: int) -> Tensor:
        """Mean logit of each window, (batch, length - 2 * margin - 69); see `BiGRUAttention.along`.

        Args:
            codes: (batch, length), uint8.
            margin: bases before the first window and behind the last; at least `reach`.
        """
        logits = [network.along(codes, margin, _warm_up(network)).float() for network in self.networks]
        return torch.stack(logits).mean(dim=0)


def _warm_up(network: BiGRUAttention) -> int:
    """Bases that bring the states into shape; those of a scan, if the states have no half-life."""
    half_life = network.architecture.half_life
    return min(SETTLED * half_life, StreamingEngine.warm_up) if half_life else StreamingEngine.warm_up
