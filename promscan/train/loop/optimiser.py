"""Optimiser of all trainings: AdamW with a one-cycle learning rate, clipped gradients and EMA weights.

One-cycle: Smith & Topin 2018, super-convergence. EMA: exponential moving average.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from promscan.errors import RunError
from promscan.train.loop.distributed import ProcessGroup
from promscan.train.loop.recipe_bounds import check_settings

WARM_UP_SHARE = 0.15
"""Share of the steps in which the learning rate rises to its peak."""
EMA_WARM_UP = 50
"""Steps in which the decay of the EMA grows to its value, so that the random first weights lose their share quickly."""

TensorGroups = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings that every training has; together with the data they decide its result.

    learning_rate: peak of the one-cycle schedule.
    weight_decay: weight decay of AdamW.
    batch_size: examples of a step.
    epochs: number of epochs, at most.
    clip: largest norm of a gradient.
    averaging: decay of the EMA weights in each step (0: no EMA). The EMA weights are validated and saved.
    precision: `auto` is bfloat16 on CUDA, float32 elsewhere.
    seed: seed of all random draws.

    Raises:
        InputError: a setting is out of range.
    """

    learning_rate: float
    weight_decay: float = 0.01
    batch_size: int = 128
    epochs: int
    clip: float = 1.0
    averaging: float = 0.0
    precision: str = "auto"
    seed: int = 1

    def __post_init__(self) -> None:
        check_settings(vars(self))


def require_finite(values: Tensor | npt.NDArray[Any]) -> None:
    """Check that losses or scores are numbers.

    Raises:
        RunError: they are not.
    """
    if not (torch.isfinite(values) if isinstance(values, Tensor) else np.isfinite(values)).all():
        raise RunError(
            "the training has diverged: its scores are no finite numbers any more; train anew with a smaller "
            "--learning-rate, or with smaller weights of the loss"
        )


class Optimiser:
    """Moves a model down the gradient and updates its EMA model.

    Args:
        model: model to train.
        ema_model: copy of the model that receives the EMA weights; `model` itself for no EMA.
        recipe: learning rate, weight decay, clipping, EMA decay.
        steps: largest number of steps.
        group: processes that train the model together.
    """

    def __init__(self, model: nn.Module, ema_model: nn.Module, recipe: Recipe, steps: int, group: ProcessGroup) -> None:
        self.model, self.ema_model, self.recipe, self.group = model, ema_model, recipe, group
        rate = recipe.learning_rate
        self.adam = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=recipe.weight_decay)
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(
            self.adam, rate, total_steps=steps + 1, pct_start=WARM_UP_SHARE
        )

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        return float(self.cycle.get_last_lr()[0])

    def step(self, loss: Tensor) -> None:
        """Take one step down the gradient of `loss`; each process holds its part of the gradient.

        Raises:
            RunError: the loss is no finite number.
        """
        require_finite(loss.detach())
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.group.sum_gradients(self.model.parameters())
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.adam.step()
        self.cycle.step()
        if self.ema_model is not self.model:
            self._update_ema()

    @torch.no_grad()
    def _update_ema(self) -> None:
        done = self.cycle.last_epoch
        weight = 1 - min(self.recipe.averaging, done / (done + EMA_WARM_UP))
        for average, current in zip(self.ema_model.parameters(), self.model.parameters(), strict=True):
            average.lerp_(current, weight)
        for buffer, latest in zip(self.ema_model.buffers(), self.model.buffers(), strict=True):
            buffer.copy_(latest)  # the buffers of batch norm are averages already

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Tensors that `restore` needs."""
        groups = {"model": self.model.state_dict()}
        groups |= {f"adam.{index}": values for index, values in self.adam.state_dict()["state"].items()}
        if self.ema_model is not self.model:
            groups["ema"] = self.ema_model.state_dict()
        return groups

    def restore(self, groups: TensorGroups, steps: int) -> None:
        """Continue from the state after `steps` steps."""
        self.model.load_state_dict(groups["model"])
        if self.ema_model is not self.model:
            self.ema_model.load_state_dict(groups["ema"])
        for _ in range(steps):
            self.adam.step()  # no parameter has a gradient yet: only the schedule moves
            self.cycle.step()
        moments = {int(name.partition(".")[2]): dict(v) for name, v in groups.items() if name.startswith("adam.")}
        groups_of_parameters = self.adam.state_dict()["param_groups"]
        self.adam.load_state_dict({"state": moments, "param_groups": groups_of_parameters})
