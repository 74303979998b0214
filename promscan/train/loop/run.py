"""Training run: the weights it starts from, its folder, its configuration, and the metrics of its epochs."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

import promscan
from promscan.errors import ModelError, RunError
from promscan.log import Progress, logger, progress
from promscan.networks.card import Card, read_card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.networks.weights import source_commit
from promscan.train.loop.distributed import ProcessGroup
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.run_folder import RunFolder
from promscan.train.loop.session import default_threads
from promscan.train.loop.trainer import Trainer

UNKNOWN_SPECIES = "unknown"
"""Species in the card of a model whose species was not named."""

Saved = TypeVar("Saved", BiGRUAttention, ExpressionNetwork)


def starting_model(
    load: Callable[[str], tuple[Saved, Card]],
    init: str | Path | None,
    wanted: Architecture | ExpressionArchitecture,
) -> tuple[Saved | None, Card | None]:
    """Load the network to start from and its card; None and None if `init` is None.

    Raises:
        ModelError: `init` does not exist, or has other sizes than `wanted`. It may lack the head for places.
    """
    if init is None:
        return None, None
    network, card = load(str(init))
    if wanted.sizes not in _sizes_that_fit(network.architecture, wanted):
        raise ModelError(f"{init}: of another architecture, {network.architecture}; ask for the same sizes")
    return network, card


def _sizes_that_fit(
    architecture: Architecture | ExpressionArchitecture, wanted: Architecture | ExpressionArchitecture
) -> list[object]:
    """Sizes of the networks that can take the weights of a network with this architecture."""
    fitting: list[object] = [architecture.sizes]
    if isinstance(architecture, Architecture) and isinstance(wanted, Architecture) and not architecture.place:
        fitting.append(architecture.sizes | {"place": wanted.place})
    return fitting


def checksum_of(start: Card | None) -> str:
    """sha256 of the weights to start from; empty for random weights."""
    return "" if start is None else start.sha256


def origin_of(card: Card) -> dict[str, Any]:
    """What the card of a model says of weights that it began with or learned from, so that its history stays known."""
    names = ("sha256", "species", "git_commit", "training")
    return {name: getattr(card, name) for name in names}


class TrainingRun:
    """A run in its folder, new or resumed; `history` has a row of metrics for each finished epoch.

    Args:
        path: run folder.
        recipe: settings of the training.
        config: everything else that decides the result: species, data, weights to start from, and the number of CPU
            threads, which decides the order of sums.

    Raises:
        RunError: the name of the folder, or the species, cannot stand in a card.
    """

    def __init__(self, path: Path, recipe: Recipe, config: Mapping[str, Any], *, threads: int) -> None:
        self.path = path
        for what, text in (("the name of the folder", path.resolve().name), ("species", str(config["species"]))):
            if not text.isprintable():
                raise RunError(f"{path}: {what} stands in the card, and must be printable UTF-8 in one line; change it")
        self.config = {
            "promscan_version": promscan.__version__,
            "recipe": dataclasses.asdict(recipe),
            "threads": threads,
            **config,
        }
        self.history: list[dict[str, float]] = []
        self._epochs, self._saved = recipe.epochs, 0
        self._folder = RunFolder(path)

    def begin(self, trainer: Trainer[Any], *, resume: bool) -> None:
        """Begin in a new or empty folder; or, to `resume`, restore the trainer and the history.

        Raises:
            RunError: the folder is in use, or it holds another run.
        """
        if any(trainer.group.broadcast(lambda: [self._folder.begin(self.config, resume=resume)])):
            groups, self.history = self._folder.load_state()
            self._saved = len(self.history)
            trainer.restore(groups, self._saved)

    @contextmanager
    def progress(self, label: str, unit: str, per_epoch: int) -> Iterator[Progress]:
        """Show the progress of all epochs, which have `per_epoch` units each; after a stop, say how to go on."""
        try:
            with progress(self._epochs * per_epoch, label, unit, done=self._saved * per_epoch) as bar:
                yield bar
        except KeyboardInterrupt:
            message = "%s: %d of %d epochs are finished; give the same command with --resume to go on"
            logger.info(message, self.path, self._saved, self._epochs)
            raise

    def add_epoch(self, metrics: Mapping[str, float], began: float) -> dict[str, float]:
        """Add the row of an epoch that began at this time of `time.monotonic`; returns the row."""
        row = {"epoch": len(self.history) + 1.0, **metrics, "seconds": time.monotonic() - began}
        self.history.append(row)
        return row

    def save(self, trainer: Trainer[Any]) -> None:
        """Write the metrics and then the state, with which the epoch counts as finished."""
        self._folder.write_metrics(self.history)
        self._folder.save_state(trainer.optimiser.state(), self.history)
        self._saved = len(self.history)

    def draft_card(self, *, training: Mapping[str, Any], start: Card | None = None, **fields: Any) -> Card:
        """Make a card with these fields and those that every run knows; the weights are added later.

        The training of `start`, if there is such a model, becomes part of the training of this one.
        """
        training = {**training, "threads": self.config["threads"]}
        if start is not None:
            training = {**training, "init": origin_of(start)}
        return Card(
            name=self.path.resolve().name,
            species=self.config["species"],
            architecture={},
            sha256="",
            promscan_version=promscan.__version__,
            git_commit=source_commit(),
            training=training,
            **fields,
        )

    def best(self, metric: str) -> dict[str, float]:
        """Row of the epoch with the highest value of this metric, the first of equal ones; a number goes before NaN."""
        return max(self.history, key=lambda row: -math.inf if math.isnan(row[metric]) else row[metric])

    def is_exhausted(self, metric: str, patience: int) -> bool:
        """Whether the metric has not improved for `patience` epochs."""
        return bool(self.history) and len(self.history) - self.best(metric)["epoch"] >= patience

    def finish(self, metric: str, name: str) -> Card:
        """Write a message on the best epoch, with the metric under this name; returns the card of its weights."""
        best = self.best(metric)
        logger.info("best epoch %d of %d: %s %.4f", best["epoch"], len(self.history), name, best[metric])
        return self.card_of("best")

    def card_of(self, weights: str) -> Card:
        """Card of the `best` or the `last` weights."""
        return read_card(self.path / f"{weights}.safetensors")


def choose_threads(
    threads: int | None, build: Callable[[], nn.Module], path: Path, group: ProcessGroup, *, resume: bool
) -> int:
    """CPU threads of a training: the number asked for, that of the run to resume, or the default for the network.

    Raises:
        RunError: the run to resume has another number of threads than the one asked for.
    """
    recorded = RunFolder(path).recorded_threads() if resume and group.is_main else None
    if recorded is not None and threads not in (None, recorded):
        raise RunError(
            f"{path}: this run trains on {recorded} CPU threads, and another number gives other weights; "
            "resume without --threads"
        )
    (chosen,) = group.broadcast(lambda: [threads or recorded or default_threads(build)])
    return chosen
