"""AdamW under a one-cycle learning rate, clipped gradients, averaged weights; and the state to resume from.

One-cycle: Smith & Topin 2018, super-convergence. A step is the same whatever is being learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from promscan.train.loop.distributed import Team

WARM_UP_SHARE = 0.15
"""Share of the steps in which the learning rate climbs to its peak."""
AVERAGING_WARM_UP = 50
"""Steps over which the decay of the average grows, so that the random beginning is forgotten."""

TensorGroups = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides the result of every training besides its data, whatever is being learned.

    learning_rate: peak of the one-cycle schedule.
    clip: largest norm of a gradient.
    averaging: decay a step of the exponential moving average of the weights that is evaluated and kept (0: none).
    precision: `auto` is bfloat16 on CUDA, float32 elsewhere.
    """

    learning_rate: float
    weight_decay: float = 0.01
    batch_size: int = 128
    epochs: int
    clip: float = 1.0
    averaging: float = 0.0
    precision: str = "auto"
    seed: int = 1


class Optimiser:
    """Steps a model along the gradient, and keeps its moving average when asked to.

    Args:
        model: what is trained.
        kept: the copy that receives the average of the weights; `model` itself for no average.
        recipe: peak learning rate, weight decay, largest gradient norm, decay of the average.
        steps: how many steps there will be at most.
        team: the processes that step together.
    """

    def __init__(self, model: nn.Module, kept: nn.Module, recipe: Recipe, steps: int, team: Team) -> None:
        self.model, self.kept, self.recipe, self.team = model, kept, recipe, team
        rate = recipe.learning_rate
        self.adam = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=recipe.weight_decay)
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(
            self.adam, rate, total_steps=steps + 1, pct_start=WARM_UP_SHARE
        )

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self.cycle.get_last_lr()[0])

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of `loss`, of which each process of the team has its part."""
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.team.sum_gradients(self.model.parameters())
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.adam.step()
        self.cycle.step()
        if self.kept is not self.model:
            self._average()

    @torch.no_grad()
    def _average(self) -> None:
        done = self.cycle.last_epoch
        weight = 1 - min(self.recipe.averaging, done / (done + AVERAGING_WARM_UP))
        for kept, current in zip(self.kept.parameters(), self.model.parameters(), strict=True):
            kept.lerp_(current, weight)
        for counted, latest in zip(self.kept.buffers(), self.model.buffers(), strict=True):
            counted.copy_(latest)  # those of batch norm are averages already

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Tensors from which `restore` continues."""
        groups = {"model": self.model.state_dict()}
        groups |= {f"adam.{index}": values for index, values in self.adam.state_dict()["state"].items()}
        if self.kept is not self.model:
            groups["average"] = self.kept.state_dict()
        return groups

    def restore(self, groups: TensorGroups, steps: int) -> None:
        """Continue from a state that was reached after `steps` steps."""
        self.model.load_state_dict(groups["model"])
        if self.kept is not self.model:
            self.kept.load_state_dict(groups["average"])
        for _ in range(steps):
            self.adam.step()  # nothing has a gradient yet: only the schedule moves
            self.cycle.step()
        moments = {int(name.partition(".")[2]): dict(v) for name, v in groups.items() if name.startswith("adam.")}
        groups_of_parameters = self.adam.state_dict()["param_groups"]
        self.adam.load_state_dict({"state": moments, "param_groups": groups_of_parameters})
