"""The network of a strength model and its optimiser, an epoch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.log import Progress
from promscan.networks.device import autocast
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.train.data.unit_rows import Rows, UnitRows, draw_rows, epoch_counts
from promscan.train.loop.distributed import ProcessGroup
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.seed import seed_epoch
from promscan.train.loop.trainer import Trainer

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class StrengthRecipe(Recipe):
    """Settings that, together with the tables, decide the result of a training.

    unit: unit of the scores; its dev rows choose the best epoch. Empty: the first unit.
    comparable: units on the scale of `unit`; the uncertainties of `unit` are fitted on their dev rows too.
    shares: share of each unit in an epoch, by name; empty: by the rows of each unit.
    rows_per_epoch: rows of an epoch; 0: all rows.
    dev_share, test_share: shares of the families for dev and for test; test is not used.
    patience: epochs without a better dev correlation before the training stops.
    """

    architecture: ExpressionArchitecture = field(default_factory=ExpressionArchitecture)
    learning_rate: float = 3e-3
    batch_size: int = 256
    epochs: int = 20
    averaging: float = 0.999
    unit: str = ""
    comparable: Sequence[str] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    rows_per_epoch: int = 0
    dev_share: float = 0.1
    test_share: float = 0.1
    patience: int = 5

    @property
    def scored(self) -> str:
        """Unit of the scores."""
        return self.unit or self.architecture.units[0]


def soft_bins(targets: Tensor, centres: Tensor) -> Tensor:
    """Spread targets (n,) over evenly spaced bins around `centres` (k,), as bells one bin wide; returns (n, k)."""
    width = centres[1] - centres[0]
    inside = targets.clamp(float(centres[0]), float(centres[-1]))
    return torch.softmax(-0.5 * ((inside.unsqueeze(1) - centres) / width) ** 2, dim=1)


def row_losses(network: ExpressionNetwork, outputs: Tensor, targets: Tensor) -> Tensor:
    """Loss of each row (n,), from the output of its head (n, bins or 1) and its target in deviations of its unit."""
    if network.architecture.bins:
        return -(soft_bins(targets, network.centres) * F.log_softmax(outputs, dim=1)).sum(dim=1)
    return (outputs.squeeze(1) - targets) ** 2


class StrengthTrainer(Trainer[ExpressionNetwork]):
    """The network and its optimiser, an epoch at a time."""

    def __init__(
        self,
        recipe: StrengthRecipe,
        train: Sequence[UnitRows],
        start: ExpressionNetwork | None,
        group: ProcessGroup,
    ) -> None:
        self.recipe, self.train = recipe, train
        self.counts = epoch_counts(train, recipe.shares, recipe.rows_per_epoch)
        self.epoch_rows = sum(self.counts)
        steps_per_epoch = -(-self.epoch_rows // recipe.batch_size)
        super().__init__(recipe, lambda: _network(recipe.architecture, train, start), steps_per_epoch, group)

    def run_epoch(self, epoch: int, bar: Progress) -> dict[str, float]:
        """Train one epoch; returns the learning rate and the training loss of each unit."""
        rng = seed_epoch(self.recipe.seed, epoch)
        self.model.train()
        sums = np.zeros((2, len(self.train)))
        for units, rows in self._batches(epoch, rng):
            losses, weights = self._step(units, rows)
            np.add.at(sums[0], units, losses * weights)
            np.add.at(sums[1], units, weights)
            bar.advance(len(units))
        losses = sums[0] / np.maximum(sums[1], 1e-12)
        return {"learning_rate": self.optimiser.rate} | {
            f"train_{rows.unit}_loss": float(loss) for rows, loss in zip(self.train, losses, strict=True)
        }

    def _batches(self, epoch: int, rng: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
        """Draw the rows of each step: their units and their numbers within the unit, (b,) each."""
        drawn = [
            draw_rows(len(rows), count, epoch, (self.recipe.seed, unit))
            for unit, (rows, count) in enumerate(zip(self.train, self.counts, strict=True))
        ]
        units = np.repeat(np.arange(len(drawn)), self.counts)
        order = rng.permutation(len(units))
        units, numbers = units[order], np.concatenate(drawn)[order]
        for begin in range(0, len(units), self.recipe.batch_size):
            step = slice(begin, begin + self.recipe.batch_size)
            yield units[step], numbers[step]

    def _step(self, units: Rows, numbers: Rows) -> tuple[Array, Array]:
        length = self.recipe.architecture.length
        constructs = np.empty((len(units), length), dtype=np.uint8)
        expression, weights = (np.empty(len(units), dtype=np.float32) for _ in range(2))
        for unit, rows in enumerate(self.train):
            chosen = numbers[units == unit]
            constructs[units == unit] = rows.reporter.padded(rows.inserts[chosen], length)
            expression[units == unit] = rows.expression[chosen]
            weights[units == unit] = rows.weights[chosen]
        codes, heads = (torch.from_numpy(values).to(self.device) for values in (constructs, units))
        targets = (torch.from_numpy(expression).to(self.device) - self.model.mean[heads]) / self.model.spread[heads]
        with autocast(self.device, self.precision):
            outputs = self.model.by_member(codes)
        of_members = outputs[:, torch.arange(len(units)), heads].float()
        losses = torch.stack([row_losses(self.model, each, targets) for each in of_members]).mean(dim=0)
        counted = torch.from_numpy(weights).to(self.device)
        self.optimiser.step((losses * counted).sum() / counted.sum().clamp(min=1e-6))
        return losses.detach().cpu().numpy(), weights


def _network(
    architecture: ExpressionArchitecture, train: Sequence[UnitRows], start: ExpressionNetwork | None
) -> ExpressionNetwork:
    """Make a network on the scales of its units, with the weights of `start` that fit, if there is one."""
    network = ExpressionNetwork(architecture)
    network.scale(
        [float(rows.expression.mean()) for rows in train],
        [max(float(rows.expression.std()), 1e-6) for rows in train],
    )
    if start is not None:
        _take_over(network, start)
    return network


def _take_over(network: ExpressionNetwork, start: ExpressionNetwork) -> None:
    """Copy the trunk of `start`, and the heads and scales of the units that both networks have."""
    network.trunk.load_state_dict(start.trunk.state_dict())
    if network.architecture.bins != start.architecture.bins:
        return
    outputs = max(1, network.architecture.bins)
    with torch.no_grad():
        for index, unit in enumerate(network.architecture.units):
            if unit in start.architecture.units:
                before = start.architecture.units.index(unit)
                here, there = (slice(i * outputs, (i + 1) * outputs) for i in (index, before))
                network.heads.weight[here] = start.heads.weight[there]
                network.heads.bias[here] = start.heads.bias[there]
                network.mean[index], network.spread[index] = start.mean[before], start.spread[before]
