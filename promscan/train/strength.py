"""A strength model: sequence to expression, from tables of measured or predicted expression.

Several tables, each in a unit of its own, share the trunk of the network and have a head each. All of them together are
divided into training, dev and test by sequence family. Every random draw of an epoch comes from the seed and the
epoch's number, so a run that is killed and resumed ends in the same weights.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.errors import ModelError
from promscan.log import Progress, logger
from promscan.metrics.classification import require_sklearn
from promscan.networks.card import STRENGTH, Card
from promscan.networks.card_parts import StrengthPart
from promscan.networks.device import autocast
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.networks.weights import load_strength, save_model
from promscan.plots.figure import require_matplotlib
from promscan.plots.strength import plot_strength_curves
from promscan.strength.measurements import DEV, PARTS, TRAIN, Division, Measurements, divide
from promscan.strength.reporter import Reporter
from promscan.train.data.unit_rows import Rows, UnitRows, draw_rows, epoch_counts, rows_of
from promscan.train.loop.distributed import Team, alone
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.run import TrainingRun, starting_model
from promscan.train.loop.seed import seed_epoch
from promscan.train.loop.trainer import Trainer
from promscan.train.strength_validation import Judgement, judge

Array = npt.NDArray[Any]

MOST_DEV_ROWS = 6000
"""Dev rows of a unit that an epoch is judged on, at most."""


@dataclass(frozen=True, kw_only=True)
class StrengthRecipe(Recipe):
    """Everything that decides the result of a training besides its tables.

    unit: the unit that scores will be in, and by whose dev families the best epoch is chosen; empty: the first.
    comparable: units on the scale of `unit`; what was measured in them counts as much as its own in how far its
        uncertainties are widened.
    shares: how much of an epoch each unit is, by name; empty: each by its rows.
    rows_per_epoch: rows of an epoch; 0: as many as there are.
    dev_share, test_share: shares of the families that are dev and test; test is used for nothing.
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
        """The unit that scores will be in."""
        return self.unit or self.architecture.units[0]


def train_strength(
    tables: Sequence[Measurements],
    out: Path,
    recipe: StrengthRecipe,
    *,
    held_out: Sequence[Measurements] = (),
    reporter: Reporter | None = None,
    device: str = "auto",
    threads: int | None = None,
    init: str | Path | None = None,
    resume: bool = False,
    species: str = "Saccharomyces cerevisiae",
) -> Card:
    """Train a strength model into the run folder `out`; returns the card of the best epoch.

    Args:
        tables: to learn from; those of the same unit share a head.
        out: run folder, new or empty unless `resume`.
        recipe: everything else that decides the result; its architecture has the units of the tables.
        held_out: what the model will be judged on: whatever shares a family with it is left out.
        reporter: what the inserts stand in (None: that of de Boer 2020).
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        threads: CPU threads (None: all).
        init: weights to start from, whose trunk has the same sizes.
        resume: go on with the unfinished run in `out`.
        species: for the card.

    Raises:
        InputError: a unit has no rows for training or dev.
        ModelError: `init` does not exist, does not fit, or learned from rows that are dev or test here.
        RunError: the folder is in use, or holds another run; or torchrun has started several processes.
        DependencyError: scikit-learn or matplotlib is missing.
        DeviceError: no such device.
    """
    require_sklearn()
    require_matplotlib()
    reporter = reporter or Reporter()
    start, start_card = starting_model(load_strength, init, recipe.architecture)
    division = divide(tables, held_out, dev_share=recipe.dev_share, test_share=recipe.test_share, seed=recipe.seed)
    units = recipe.architecture.units
    train = [rows_of(unit, tables, division, TRAIN) for unit in units]
    dev = [rows_of(unit, tables, division, DEV).some(MOST_DEV_ROWS, recipe.seed) for unit in units]
    config = {
        "reporter": dataclasses.asdict(reporter),
        **_describe_data(tables, held_out, division),
        "species": species,
        "init": "" if start_card is None else start_card.sha256,
    }
    if start_card is not None:
        _refuse_other_division(start_card, config["tables"], recipe.seed)
    trainer = _Trainer(recipe, train, reporter, start, alone(device), threads)
    run = TrainingRun(out, recipe, config)
    run.begin(trainer, resume=resume)
    logger.info(
        "training %s, %d rows in %d families; run folder %s",
        trainer.describe(), sum(map(len, train)), division.families, out,
    )  # fmt: skip
    card = _draft_card(run, recipe, reporter, start_card)
    judged = units.index(recipe.scored)
    with run.progress("training", "row", trainer.epoch_rows) as bar:
        while len(run.history) < recipe.epochs and not run.is_exhausted("dev_pearson", recipe.patience):
            began = time.monotonic()
            learned = trainer.run_epoch(len(run.history), bar)
            judgement = judge(trainer.kept, dev, judged, recipe.comparable, reporter, trainer.device)
            row = run.add_epoch(learned | judgement.row(), began)
            bar.note(f"dev correlation {row['dev_pearson']:.4f}")
            _keep(run, trainer, card, judgement)
    return run.finish("dev_pearson", "dev correlation")


def soft_bins(targets: Tensor, centres: Tensor) -> Tensor:
    """Targets (n,) to probabilities of bins around `centres` (k,), evenly spaced: a bell one bin wide; (n, k)."""
    width = centres[1] - centres[0]
    inside = targets.clamp(float(centres[0]), float(centres[-1]))
    return torch.softmax(-0.5 * ((inside.unsqueeze(1) - centres) / width) ** 2, dim=1)


def row_losses(network: ExpressionNetwork, outputs: Tensor, targets: Tensor) -> Tensor:
    """Loss of each row (n,) from what its head says (n, bins or 1) and its target in deviations of its unit (n,)."""
    if network.architecture.bins:
        return -(soft_bins(targets, network.centres) * F.log_softmax(outputs, dim=1)).sum(dim=1)
    return (outputs.squeeze(1) - targets) ** 2


class _Trainer(Trainer[ExpressionNetwork]):
    """The network and its optimiser, an epoch at a time."""

    def __init__(
        self,
        recipe: StrengthRecipe,
        train: Sequence[UnitRows],
        reporter: Reporter,
        start: ExpressionNetwork | None,
        team: Team,
        threads: int | None,
    ) -> None:
        self.recipe, self.train, self.reporter = recipe, train, reporter
        self.counts = epoch_counts(train, recipe.shares, recipe.rows_per_epoch)
        self.epoch_rows = sum(self.counts)
        steps_per_epoch = -(-self.epoch_rows // recipe.batch_size)
        super().__init__(recipe, lambda: _network(recipe.architecture, train, start), steps_per_epoch, team, threads)

    def run_epoch(self, epoch: int, bar: Progress) -> dict[str, float]:
        """One epoch; returns its learning rate and the training loss of each unit."""
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
        """Unit and row number within its unit, (b,) each, of the rows of a step."""
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
        inserts = np.empty((len(units), self.reporter.insert), dtype=np.uint8)
        expression, weights = (np.empty(len(units), dtype=np.float32) for _ in range(2))
        for unit, rows in enumerate(self.train):
            chosen = numbers[units == unit]
            inserts[units == unit] = rows.inserts[chosen]
            expression[units == unit] = rows.expression[chosen]
            weights[units == unit] = rows.weights[chosen]
        codes = torch.from_numpy(self.reporter.constructs(inserts)).to(self.device)
        heads = torch.from_numpy(units).to(self.device)
        targets = (torch.from_numpy(expression).to(self.device) - self.model.mean[heads]) / self.model.spread[heads]
        with autocast(self.device, self.precision):
            outputs = self.model(codes)
        losses = row_losses(self.model, outputs[torch.arange(len(units)), heads].float(), targets)
        counted = torch.from_numpy(weights).to(self.device)
        self.optimiser.step((losses * counted).sum() / counted.sum().clamp(min=1e-6))
        return losses.detach().cpu().numpy(), weights


def _keep(run: TrainingRun, trainer: _Trainer, card: Card, judgement: Judgement) -> None:
    """Write weights, plots and metrics of the epoch just done."""
    row = run.history[-1]
    card = dataclasses.replace(
        card,
        metrics={"dev": judgement.by_unit, "dev_by_set": judgement.by_set(), "epoch": row["epoch"]},
        headline={"dev correlation": row["dev_pearson"]},
    )
    save_model(run.path / "last.safetensors", trainer.kept, card)
    if row is run.best("dev_pearson"):
        save_model(run.path / "best.safetensors", trainer.kept, card)
        judgement.plot(run.path)
    plot_strength_curves(run.history, run.path / "learning_curves.png")
    run.save(trainer)


def _network(
    architecture: ExpressionArchitecture, train: Sequence[UnitRows], start: ExpressionNetwork | None
) -> ExpressionNetwork:
    """A new network on the scales of its units, with what it can take over from `start` if there is one."""
    network = ExpressionNetwork(architecture)
    network.scale(
        [float(rows.expression.mean()) for rows in train],
        [max(float(rows.expression.std()), 1e-6) for rows in train],
    )
    if start is not None:
        _take_over(network, start)
    return network


def _take_over(network: ExpressionNetwork, start: ExpressionNetwork) -> None:
    """Copy the trunk of `start`, and the heads and scales of the units that both have."""
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


def _refuse_other_division(start: Card, tables: Sequence[Mapping[str, Any]], seed: int) -> None:
    """Raise a ModelError if `start` learned from one of the tables, and had it divided otherwise.

    Its training rows would be among those of dev and test, and the figures too good.
    """
    before = {table["sha256"]: table for table in start.training.get("tables", ())}
    for table in tables:
        known = before.get(table["sha256"])
        if known and (start.training["recipe"]["seed"] != seed or any(known[p] != table[p] for p in PARTS)):
            raise ModelError(
                f"{start.name} learned from the table of {table['unit']}, divided otherwise, so from dev and test rows "
                "of today: give the same tables, held-out tables, shares and --seed, or start from other weights"
            )


def _describe_data(
    tables: Sequence[Measurements], held_out: Sequence[Measurements], division: Division
) -> dict[str, Any]:
    return {
        "tables": [table.describe() | division.describe(i) for i, table in enumerate(tables)],
        "held_out": [table.describe() for table in held_out],
        "families": division.families,
    }


def _draft_card(run: TrainingRun, recipe: StrengthRecipe, reporter: Reporter, start: Card | None) -> Card:
    made = {key: run.config[key] for key in ("tables", "held_out", "families", "recipe")}
    return run.draft_card(
        task=STRENGTH,
        engine="whole",
        strand_trusted=True,
        training=made,
        start=start,
        splits={"by": "sequence families over all tables", "dev": recipe.dev_share, "test": recipe.test_share},
        strength=StrengthPart(recipe.scored, reporter),
        window=reporter.insert,
        tss_index=None,
    )
