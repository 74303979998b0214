"""Training of a strength model, from sequence to expression, on tables of measured or predicted expression.

Tables in different units share the trunk of the network; each unit has its own head. All tables together are divided
into training, dev and test by sequence family. All random draws of an epoch come from the seed and the number of the
epoch, so a resumed run ends with the weights of a run without interruption.
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
from promscan.networks.device import autocast, memory_errors
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.networks.weights import load_strength, save_model
from promscan.plots.figure import require_matplotlib
from promscan.plots.strength import plot_strength_curves
from promscan.strength.measurements import DEV, PARTS, TRAIN, Division, Measurements, divide
from promscan.strength.reporter import Reporter
from promscan.train.data.unit_rows import Rows, UnitRows, draw_rows, epoch_counts, rows_of
from promscan.train.loop.distributed import ProcessGroup, single_process
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.run import UNKNOWN_SPECIES, TrainingRun, checksum_of, choose_threads, starting_model
from promscan.train.loop.seed import seed_epoch
from promscan.train.loop.session import MORE_MEMORY, training_session
from promscan.train.loop.trainer import Trainer
from promscan.train.strength_validation import StrengthValidation, validate

Array = npt.NDArray[Any]

MOST_DEV_ROWS = 6000
"""Largest number of dev rows of a unit on which an epoch is validated."""


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


@memory_errors(MORE_MEMORY)
def train_strength(
    tables: Sequence[Measurements],
    out: str | Path,
    recipe: StrengthRecipe,
    *,
    held_out: Sequence[Measurements] = (),
    reporter: Reporter | None = None,
    device: str = "auto",
    threads: int | None = None,
    init: str | Path | None = None,
    resume: bool = False,
    species: str = UNKNOWN_SPECIES,
) -> Card:
    """Train a strength model into the run folder `out`; returns the card of the best epoch.

    Args:
        tables: training tables; tables of the same unit share a head.
        out: run folder, new or empty unless `resume`.
        recipe: settings of the training; its architecture has the units of the tables.
        held_out: tables on which the model will be judged; rows that share a family with them are left out.
        reporter: reporter construct around the inserts (None: that of de Boer 2020).
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        threads: CPU threads (None: 1 for a small network, else all that the process may use).
        init: weights to start from, with a trunk of the same sizes.
        resume: go on with the unfinished run in `out`.
        species: species of the measurements, for the card.

    Raises:
        InputError: a unit has no rows for training or dev.
        ModelError: `init` does not exist, does not fit, or has learned from rows that are dev or test here.
        RunError: the folder is in use, or holds another run; or torchrun has started several processes.
        DependencyError: scikit-learn or matplotlib is missing.
        DeviceError: no such device, or too little memory.
    """
    require_sklearn()
    require_matplotlib()
    out, reporter = Path(out), reporter or Reporter()
    start, start_card = starting_model(load_strength, init, recipe.architecture)
    division = divide(tables, held_out, dev_share=recipe.dev_share, test_share=recipe.test_share, seed=recipe.seed)
    units = recipe.architecture.units
    train = [rows_of(unit, tables, division, TRAIN) for unit in units]
    dev = [rows_of(unit, tables, division, DEV).sample(MOST_DEV_ROWS, recipe.seed) for unit in units]
    config = {
        "reporter": dataclasses.asdict(reporter),
        **_describe_data(tables, held_out, division),
        "species": species,
        "init": checksum_of(start_card),
    }
    if start_card is not None:
        _refuse_other_division(start_card, config["tables"], recipe.seed)
    group = single_process(device)
    chosen = choose_threads(threads, lambda: ExpressionNetwork(recipe.architecture), out, group, resume=resume)
    run = TrainingRun(out, recipe, config, threads=chosen)
    with training_session(chosen, group.device):
        trainer = _Trainer(recipe, train, reporter, start, group)
        run.begin(trainer, resume=resume)
        message = "training %s, %d rows in %d families; run folder %s"
        logger.info(message, trainer.describe(), sum(map(len, train)), division.families, out)
        _run_epochs(run, trainer, _draft_card(run, recipe, reporter, start_card), dev)
    return run.finish("dev_pearson", "dev correlation")


def _run_epochs(run: TrainingRun, trainer: _Trainer, card: Card, dev: Sequence[UnitRows]) -> None:
    """Train, validate and save the epochs that are left."""
    recipe = trainer.recipe
    main_unit = recipe.architecture.units.index(recipe.scored)
    with run.progress("training", "row", trainer.epoch_rows) as bar:
        while len(run.history) < recipe.epochs and not run.is_exhausted("dev_pearson", recipe.patience):
            began = time.monotonic()
            learned = trainer.run_epoch(len(run.history), bar)
            validation = validate(
                trainer.ema_model, dev, main_unit, recipe.comparable, trainer.reporter, trainer.device
            )
            row = run.add_epoch(learned | validation.epoch_metrics(), began)
            bar.note(f"dev correlation {row['dev_pearson']:.4f}")
            _save_epoch(run, trainer, card, validation)


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


class _Trainer(Trainer[ExpressionNetwork]):
    """The network and its optimiser, an epoch at a time."""

    def __init__(
        self,
        recipe: StrengthRecipe,
        train: Sequence[UnitRows],
        reporter: Reporter,
        start: ExpressionNetwork | None,
        group: ProcessGroup,
    ) -> None:
        self.recipe, self.train, self.reporter = recipe, train, reporter
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


def _save_epoch(run: TrainingRun, trainer: _Trainer, card: Card, validation: StrengthValidation) -> None:
    """Write weights, plots and metrics of the last epoch."""
    row = run.history[-1]
    card = dataclasses.replace(
        card,
        metrics={"dev": validation.by_unit, "dev_by_set": validation.by_set(), "epoch": row["epoch"]},
        headline={"dev correlation": row["dev_pearson"]},
    )
    save_model(run.path / "last.safetensors", trainer.ema_model, card)
    if row is run.best("dev_pearson"):
        save_model(run.path / "best.safetensors", trainer.ema_model, card)
        validation.plot(run.path)
    plot_strength_curves(run.history, run.path / "learning_curves.png")
    run.save(trainer)


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


def _refuse_other_division(start: Card, tables: Sequence[Mapping[str, Any]], seed: int) -> None:
    """Raise a ModelError if `start` has learned from one of the tables with another division.

    A few of its training rows would be dev or test rows now, and the metrics on them would be too good.
    """
    before = {table["sha256"]: table for table in start.training.get("tables", ())}
    for table in tables:
        known = before.get(table["sha256"])
        if known and (start.training["recipe"]["seed"] != seed or any(known[p] != table[p] for p in PARTS)):
            raise ModelError(
                f"{start.name} has learned from the table of {table['unit']} with another division, so from rows that "
                "are dev or test now: give the same tables, held-out tables, shares and --seed, or start from other "
                "weights"
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
