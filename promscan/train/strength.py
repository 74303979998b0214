"""A strength model: sequence to expression, from tables of measured or predicted expression.

Several tables, each in a unit of its own, share the trunk of the network and have a head each. All of them together are
divided into training, dev and test by sequence family. Every random draw of an epoch comes from the seed and the
epoch's number, so a run that is killed and resumed ends in the same weights.
"""

from __future__ import annotations

import copy
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

import promscan
from promscan import figures, plots
from promscan.card import STRENGTH, Card
from promscan.checkpoint import load_strength, save_model, source_commit
from promscan.datasets import seed_epoch
from promscan.device import autocast, describe, make_repeatable, resolve_device, training_precision
from promscan.dna import Codes
from promscan.errors import ModelError
from promscan.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.log import Progress, logger, progress
from promscan.measurements import DEV, TRAIN, Division, Measurements, divide
from promscan.model import count_parameters
from promscan.reporter import Reporter
from promscan.train.folder import RunFolder
from promscan.train.optimiser import Optimiser, Recipe, TensorGroups
from promscan.train.unit_rows import Rows, UnitRows, draw_rows, epoch_counts, rows_of

Array = npt.NDArray[Any]
History = list[dict[str, float]]

EVALUATION_BATCH = 512
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
        ModelError: `init` does not exist or does not fit.
        RunError: the folder is in use, or holds another run.
        DependencyError: scikit-learn or matplotlib is missing.
        DeviceError: no such device.
    """
    figures.require_sklearn()
    plots.require_matplotlib()
    make_repeatable()
    if threads is not None:
        torch.set_num_threads(threads)
    reporter = reporter or Reporter()
    start, start_card = (None, None) if init is None else load_strength(str(init))
    if start is not None:
        _require_same_trunk(start.architecture, recipe.architecture, str(init))
    division = divide(tables, held_out, dev_share=recipe.dev_share, test_share=recipe.test_share, seed=recipe.seed)
    units = recipe.architecture.units
    train = [rows_of(unit, tables, division, TRAIN) for unit in units]
    dev = [rows_of(unit, tables, division, DEV).some(MOST_DEV_ROWS, recipe.seed) for unit in units]
    data = _describe_data(tables, held_out, division)
    config = {
        "promscan_version": promscan.__version__,
        "recipe": dataclasses.asdict(recipe),
        "reporter": dataclasses.asdict(reporter),
        **data,
        "species": species,
        "init": "" if start_card is None else start_card.sha256,
    }
    folder = RunFolder(out)
    resuming = folder.begin(config, resume=resume)
    trainer = _Trainer(recipe, train, reporter, resolve_device(device), start)
    history: History = trainer.restore(*folder.load_state()) if resuming else []
    logger.info(
        "training %d parameters on %s, %d rows in %d families; run folder %s",
        count_parameters(trainer.model), describe(trainer.device), sum(map(len, train)), division.families, out,
    )  # fmt: skip
    card = _draft_card(out.resolve().name, config, recipe, reporter, start_card)
    run = _Run(folder, trainer, card, dev, judged=units.index(recipe.unit or units[0]))
    with progress(recipe.epochs * trainer.epoch_rows, "training", "row") as bar:
        bar.advance(len(history) * trainer.epoch_rows)
        while len(history) < recipe.epochs and not _exhausted(history, recipe.patience):
            run.epoch(history, bar)
    best = max(history, key=lambda row: row["dev_pearson"])
    logger.info("best epoch %d of %d: dev correlation %.4f", best["epoch"], len(history), best["dev_pearson"])
    return Card.parse((out / "best.json").read_text(encoding="utf-8"), str(out / "best.json"))


def predict_inserts(
    network: ExpressionNetwork, inserts: Codes, reporter: Reporter, device: torch.device
) -> tuple[Array, Array]:
    """Expression and uncertainty, (n, units) float32 each, of inserts (n, insert length), in evaluation mode."""
    network.eval()
    means, deviations = list[Tensor](), list[Tensor]()
    with torch.inference_mode():
        for begin in range(0, len(inserts), EVALUATION_BATCH):
            codes = torch.from_numpy(reporter.constructs(inserts[begin : begin + EVALUATION_BATCH]))
            mean, deviation = network.predict(codes.to(device))
            means.append(mean.cpu())
            deviations.append(deviation.cpu())
    return torch.cat(means).numpy(), torch.cat(deviations).numpy()


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


class _Trainer:
    """The network and its optimiser, an epoch at a time."""

    def __init__(
        self,
        recipe: StrengthRecipe,
        train: Sequence[UnitRows],
        reporter: Reporter,
        device: torch.device,
        init: ExpressionNetwork | None,
    ) -> None:
        self.recipe, self.train, self.reporter, self.device = recipe, train, reporter, device
        self.precision = training_precision(recipe.precision, device)
        torch.manual_seed(recipe.seed)
        self.model = ExpressionNetwork(recipe.architecture)
        self.model.scale(
            [float(rows.expression.mean()) for rows in train],
            [max(float(rows.expression.std()), 1e-6) for rows in train],
        )
        if init is not None:
            _take_over(self.model, init)
        self.model.to(device)
        self.kept = copy.deepcopy(self.model) if recipe.averaging else self.model
        self.counts = epoch_counts(train, recipe.shares, recipe.rows_per_epoch)
        self.epoch_rows = sum(self.counts)
        self.steps_per_epoch = -(-self.epoch_rows // recipe.batch_size)
        self.optimiser = Optimiser(self.model, self.kept, recipe, recipe.epochs * self.steps_per_epoch)

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

    def restore(self, groups: TensorGroups, history: History) -> History:
        """Continue after the last epoch of `history`."""
        self.optimiser.restore(groups, len(history) * self.steps_per_epoch)
        return history


@dataclass(frozen=True)
class _Run:
    """What an epoch is written to and judged on; `judged` is the index of the unit that decides."""

    folder: RunFolder
    trainer: _Trainer
    card: Card
    dev: Sequence[UnitRows]
    judged: int

    def epoch(self, history: History, bar: Progress) -> None:
        """One more epoch, judged, with its weights, metrics and plots, and last the state that makes it official."""
        began = time.monotonic()
        row: dict[str, float] = {"epoch": len(history) + 1.0, **self.trainer.run_epoch(len(history), bar)}
        by_unit, predictions = self._judge()
        row |= {f"dev_{unit}_{name}": value for unit, found in by_unit.items() for name, value in found.items()}
        unit = self.dev[self.judged].unit
        row |= {"dev_pearson": by_unit[unit]["pearson"], "seconds": time.monotonic() - began}
        history.append(row)
        bar.note(f"dev correlation {row['dev_pearson']:.4f}")
        card = dataclasses.replace(
            self.card,
            metrics={"dev": by_unit, "dev_by_set": self._by_set(predictions), "epoch": row["epoch"]},
            headline={"dev correlation": row["dev_pearson"]},
        )
        save_model(self.folder.path / "last.safetensors", self.trainer.kept, card)
        if row["dev_pearson"] == max(past["dev_pearson"] for past in history):
            save_model(self.folder.path / "best.safetensors", self.trainer.kept, card)
            mean, deviation = predictions[self.judged]
            measured = self.dev[self.judged].expression
            plots.plot_predictions(measured, mean, unit, self.folder.path / "dev_predictions.png")
            plots.plot_coverage(figures.coverage(measured, mean, deviation), self.folder.path / "dev_coverage.png")
        plots.plot_strength_curves(history, self.folder.path / "learning_curves.png")
        self.folder.write_metrics(history)
        self.folder.save_state(self.trainer.optimiser.state(), history)

    def _judge(self) -> tuple[dict[str, dict[str, float]], list[tuple[Array, Array]]]:
        """Figures of each unit on dev by name, and its predictions; sets how far uncertainties are widened."""
        network, device, reporter = self.trainer.kept, self.trainer.device, self.trainer.reporter
        network.widening.fill_(1.0)
        by_head = [predict_inserts(network, rows.inserts, reporter, device) for rows in self.dev]
        by_unit, predictions = dict[str, dict[str, float]](), list[tuple[Array, Array]]()
        for unit, rows in enumerate(self.dev):
            factor = figures.widening([
                (self.dev[other].expression, by_head[other][0][:, unit], by_head[other][1][:, unit])
                for other in self._calibrates(unit)
            ])  # fmt: skip
            network.widening[unit] = factor
            mean, deviation = (values[:, unit] for values in by_head[unit])
            by_unit[rows.unit] = figures.regression_figures(rows.expression, mean)
            predictions.append((mean, deviation * factor))
        return by_unit, predictions

    def _calibrates(self, unit: int) -> list[int]:
        """The units whose dev rows say how far uncertainties of a unit are widened.

        A score is asked for inserts of any origin, so that of the scores is calibrated on all that share its scale.
        """
        names = self.trainer.recipe.comparable if unit == self.judged else ()
        return [other for other, rows in enumerate(self.dev) if other == unit or rows.unit in names]

    def _by_set(self, predictions: Sequence[tuple[Array, Array]]) -> dict[str, dict[str, dict[str, float]]]:
        """Figures on dev of each unit whose rows name several sets, by unit and set."""
        found: dict[str, dict[str, dict[str, float]]] = {}
        for rows, (mean, _) in zip(self.dev, predictions, strict=True):
            names, counts = np.unique(rows.sets, return_counts=True)
            for name in names[counts > 1].tolist() if len(names) > 1 else ():
                chosen = rows.sets == name
                of_set = figures.regression_figures(rows.expression[chosen], mean[chosen])
                found.setdefault(rows.unit, {})[name or "."] = {"rows": float(chosen.sum()), **of_set}
        return found


def _require_same_trunk(start: ExpressionArchitecture, wanted: ExpressionArchitecture, source: str) -> None:
    if dataclasses.replace(start, units=wanted.units, dropout=wanted.dropout, bins=wanted.bins) != wanted:
        raise ModelError(f"{source}: of another architecture, {start}; ask for the same sizes")


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


def _exhausted(history: History, patience: int) -> bool:
    if not history:
        return False
    best = max(range(len(history)), key=lambda i: history[i]["dev_pearson"])
    return len(history) - 1 - best >= patience


def _describe_data(
    tables: Sequence[Measurements], held_out: Sequence[Measurements], division: Division
) -> dict[str, Any]:
    return {
        "tables": [table.describe() | division.describe(i) for i, table in enumerate(tables)],
        "held_out": [table.describe() for table in held_out],
        "families": division.families,
    }


def _draft_card(
    name: str, config: Mapping[str, Any], recipe: StrengthRecipe, reporter: Reporter, start: Card | None
) -> Card:
    made = {key: config[key] for key in ("tables", "held_out", "families", "recipe")}
    if start is not None:
        made["init"] = {"sha256": start.sha256, "git_commit": start.git_commit, "training": start.training}
    return Card(
        name=name,
        task=STRENGTH,
        engine="whole",
        species=str(config["species"]),
        architecture={},
        sha256="",
        strand_trusted=True,
        training=made,
        splits={"by": "sequence families over all tables", "dev": recipe.dev_share, "test": recipe.test_share},
        strength={"unit": recipe.unit or recipe.architecture.units[0], "reporter": dataclasses.asdict(reporter)},
        window=reporter.insert,
        tss_index=None,
        promscan_version=promscan.__version__,
        git_commit=source_commit(),
    )
