"""A network with its optimiser on a device: what the trainers of all recipes share."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import nn

from promscan.networks.classifier import Architecture, BiGRUAttention, count_parameters
from promscan.networks.device import describe, training_precision
from promscan.train.loop.distributed import ProcessGroup
from promscan.train.loop.optimiser import Optimiser, Recipe, TensorGroups

Network = TypeVar("Network", bound=nn.Module)

EVALUATION_BATCH = 512
"""Rows that a validation computes at once."""


class Trainer(Generic[Network]):
    """A network and its optimiser; the trainer of each recipe adds the epoch.

    model: the network that is trained.
    ema_model: the network that is validated and saved. It has the EMA weights, or is `model` itself without EMA.

    Args:
        recipe: settings of the training.
        build: makes the network, after torch was seeded.
        steps_per_epoch: steps of an epoch.
        group: processes that train the network, and the device of this process.
    """

    def __init__(self, recipe: Recipe, build: Callable[[], Network], steps_per_epoch: int, group: ProcessGroup) -> None:
        self.group, self.device = group, group.device
        self.precision = training_precision(recipe.precision, self.device)
        torch.manual_seed(recipe.seed)
        self.model = build().to(self.device)
        self.ema_model = copy.deepcopy(self.model) if recipe.averaging else self.model
        self.steps_per_epoch = steps_per_epoch
        self.optimiser = Optimiser(self.model, self.ema_model, recipe, recipe.epochs * steps_per_epoch, group)

    def describe(self) -> str:
        """Size of the network, its device and the number of processes, for a message."""
        processes = f", {self.group.size} processes" if self.group.size > 1 else ""
        return f"{count_parameters(self.model)} parameters on {describe(self.device)}{processes}"

    def restore(self, groups: TensorGroups, epochs: int) -> None:
        """Continue from the state after this many epochs."""
        self.optimiser.restore(groups, epochs * self.steps_per_epoch)


def new_classifier(architecture: Architecture, start: BiGRUAttention | None) -> BiGRUAttention:
    """Make a classifier, with the weights of `start` if it is given; only a head for places may be new."""
    network = BiGRUAttention(architecture)
    if start is not None:
        new = {name: values for name, values in network.state_dict().items() if name.startswith("place.")}
        network.load_state_dict(new | start.state_dict())
    return network
