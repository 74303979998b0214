"""A network with its optimiser, on a device: what all trainings have, whatever an epoch of theirs is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import nn

from promscan.networks.classifier import Architecture, BiGRUAttention, count_parameters
from promscan.networks.device import describe, make_repeatable, training_precision
from promscan.train.loop.distributed import Team
from promscan.train.loop.optimiser import Optimiser, Recipe, TensorGroups

Network = TypeVar("Network", bound=nn.Module)


class Trainer(Generic[Network]):
    """A network and its optimiser; the trainer of a recipe adds what an epoch is.

    `model` is what steps, `kept` what is evaluated and saved: the average of its weights, or `model` itself.

    Args:
        recipe: how it steps, and the seed.
        build: makes the network; called when torch draws from the seed.
        steps_per_epoch: steps of an epoch.
        team: the processes that train it, and the device of this one.
        threads: CPU threads (None: all).
    """

    def __init__(
        self, recipe: Recipe, build: Callable[[], Network], steps_per_epoch: int, team: Team, threads: int | None
    ) -> None:
        make_repeatable()
        if threads is not None:
            torch.set_num_threads(threads)
        self.team, self.device = team, team.device
        self.precision = training_precision(recipe.precision, self.device)
        torch.manual_seed(recipe.seed)
        self.model = build().to(self.device)
        self.kept = copy.deepcopy(self.model) if recipe.averaging else self.model
        self.steps_per_epoch = steps_per_epoch
        self.optimiser = Optimiser(self.model, self.kept, recipe, recipe.epochs * steps_per_epoch, team)

    def describe(self) -> str:
        """What is trained and where, for people."""
        processes = f", {self.team.size} processes" if self.team.size > 1 else ""
        return f"{count_parameters(self.model)} parameters on {describe(self.device)}{processes}"

    def restore(self, groups: TensorGroups, epochs: int) -> None:
        """Continue from a state that was reached after so many epochs."""
        self.optimiser.restore(groups, epochs * self.steps_per_epoch)


def classifier(architecture: Architecture, start: BiGRUAttention | None) -> BiGRUAttention:
    """A new classifier, with the weights of `start` if there is one."""
    network = BiGRUAttention(architecture)
    if start is not None:
        network.load_state_dict(start.state_dict())
    return network
