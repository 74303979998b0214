"""Training of a strength model, from sequence to expression, on tables of measured or predicted expression.

Tables in different units share the trunk of the network; each unit has its own head. All tables together are divided
into training, dev and test by sequence family. All random draws of an epoch come from the seed and the number of the
epoch, so a resumed run ends with the weights of a run without interruption.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promscan.errors import InputError, ModelError
from promscan.log import logger
from promscan.metrics.classification import require_sklearn
from promscan.networks.card import STRENGTH, Card
from promscan.networks.card_parts import Construct, StrengthPart
from promscan.networks.device import memory_errors
from promscan.networks.expression import ExpressionNetwork
from promscan.networks.weights import load_strength, save_model
from promscan.plots.figure import require_matplotlib
from promscan.plots.strength import plot_strength_curves
from promscan.strength.measurements import DEV, PARTS, TRAIN, Division, Measurements, divide
from promscan.train.data.unit_rows import UnitRows, require_differences, rows_of
from promscan.train.loop.distributed import single_process
from promscan.train.loop.run import UNKNOWN_SPECIES, TrainingRun, checksum_of, choose_threads, starting_model
from promscan.train.loop.session import MORE_MEMORY, training_session
from promscan.train.strength_trainer import StrengthRecipe, StrengthTrainer
from promscan.train.strength_validation import StrengthValidation, validate

MOST_DEV_ROWS = 6000
"""Largest number of dev rows of a unit on which an epoch is validated."""


@memory_errors(MORE_MEMORY)
def train_strength(
    tables: Sequence[Measurements],
    out: str | Path,
    recipe: StrengthRecipe,
    *,
    held_out: Sequence[Measurements] = (),
    hits: str = "",
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
        hits: unit of the strengths of hits in a genome, for the card; empty: that of the scores.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        threads: CPU threads (None: 1 for a small network, else all that the process may use).
        init: weights to start from, with a trunk of the same sizes.
        resume: go on with the unfinished run in `out`.
        species: species of the measurements, for the card.

    Raises:
        InputError: a unit has no rows for training, or that of the scores none for dev; or the network does not read
            the longest construct.
        ModelError: `init` does not exist, does not fit, or has learned from rows that are dev or test here.
        RunError: the folder is in use, or holds another run; or torchrun has started several processes.
        DependencyError: scikit-learn or matplotlib is missing.
        DeviceError: no such device, or too little memory.
    """
    require_sklearn()
    require_matplotlib()
    start, start_card = starting_model(load_strength, init, recipe.architecture)
    division = divide(tables, held_out, dev_share=recipe.dev_share, test_share=recipe.test_share, seed=recipe.seed)
    train, dev = _train_and_dev(recipe, tables, division)
    strength = _strength_part(recipe, train, hits)
    data = _describe_data(tables, held_out, division)
    config = {"strength": strength.describe(), **data, "species": species, "init": checksum_of(start_card)}
    if start_card is not None:
        _refuse_other_division(start_card, data["tables"], recipe.seed)
    group = single_process(device)
    chosen = choose_threads(threads, lambda: ExpressionNetwork(recipe.architecture), Path(out), group, resume=resume)
    run = TrainingRun(Path(out), recipe, config, threads=chosen)
    with training_session(chosen, group.device):
        trainer = StrengthTrainer(recipe, train, start, group)
        run.begin(trainer, resume=resume)
        logger.info(
            "training %s, %d rows in %d families; run folder %s",
            trainer.describe(), sum(map(len, train)), division.families, out,
        )  # fmt: skip
        _run_epochs(run, trainer, _draft_card(run, recipe, strength, start_card), dev)
    return run.finish("dev_pearson", "dev correlation")


def _train_and_dev(
    recipe: StrengthRecipe, tables: Sequence[Measurements], division: Division
) -> tuple[list[UnitRows], list[UnitRows]]:
    """The rows of each unit for training, and for the validation of an epoch."""
    units = recipe.architecture.units
    train = [rows_of(unit, tables, division, TRAIN) for unit in units]
    dev = [
        rows_of(unit, tables, division, DEV, may_be_empty=unit != recipe.scored).sample(MOST_DEV_ROWS, recipe.seed)
        for unit in units
    ]
    require_differences(train, dev[units.index(recipe.scored)])
    return train, dev


def _run_epochs(run: TrainingRun, trainer: StrengthTrainer, card: Card, dev: Sequence[UnitRows]) -> None:
    """Train, validate and save the epochs that are left."""
    recipe = trainer.recipe
    main_unit = recipe.architecture.units.index(recipe.scored)
    with run.progress("training", "rows", trainer.epoch_rows) as bar:
        while len(run.history) < recipe.epochs and not run.is_exhausted("dev_pearson", recipe.patience):
            began = time.monotonic()
            learned = trainer.run_epoch(len(run.history), bar)
            validation = validate(trainer.ema_model, dev, main_unit, recipe.comparable, trainer.device)
            row = run.add_epoch(learned | validation.epoch_metrics(), began)
            bar.note(f"dev correlation {row['dev_pearson']:.4f}")
            _save_epoch(run, trainer, card, validation)


def _save_epoch(run: TrainingRun, trainer: StrengthTrainer, card: Card, validation: StrengthValidation) -> None:
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


def _strength_part(recipe: StrengthRecipe, train: Sequence[UnitRows], hits: str) -> StrengthPart:
    """What the scores of the model mean.

    Raises:
        InputError: the network does not read the longest construct.
    """
    constructs = {rows.unit: Construct(**vars(rows.reporter)) for rows in train}
    reporter = constructs[recipe.scored]
    longest = max(construct.read for construct in constructs.values())
    if longest != recipe.architecture.length:
        raise InputError(f"the longest construct has {longest} bp, and the network reads {recipe.architecture.length}")
    others = {unit: construct for unit, construct in constructs.items() if construct != reporter}
    return StrengthPart(recipe.scored, reporter, reporters=others, hits=hits)


def _draft_card(run: TrainingRun, recipe: StrengthRecipe, strength: StrengthPart, start: Card | None) -> Card:
    made = {key: run.config[key] for key in ("tables", "held_out", "families", "recipe")}
    return run.draft_card(
        task=STRENGTH,
        engine="whole",
        strand_trusted=True,
        training=made,
        start=start,
        splits={"by": "sequence families over all tables", "dev": recipe.dev_share, "test": recipe.test_share},
        strength=strength,
        window=strength.reporter.insert,
        tss_index=None,
    )
