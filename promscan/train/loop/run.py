"""A training run: what it starts from, its folder, its configuration, and the metrics of its epochs so far."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import promscan
from promscan.errors import ModelError
from promscan.log import Progress, logger, progress
from promscan.networks.card import Card, read_card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.networks.weights import source_commit
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.run_folder import RunFolder
from promscan.train.loop.trainer import Trainer

Saved = TypeVar("Saved", BiGRUAttention, ExpressionNetwork)


def starting_model(
    load: Callable[[str], tuple[Saved, Card]],
    init: str | Path | None,
    wanted: Architecture | ExpressionArchitecture,
) -> tuple[Saved | None, Card | None]:
    """The network to start from and its card, as `load` finds them; neither if `init` is None.

    Raises:
        ModelError: `init` does not exist, or has other sizes than are wanted.
    """
    if init is None:
        return None, None
    network, card = load(str(init))
    if network.architecture.sizes != wanted.sizes:
        raise ModelError(f"{init}: of another architecture, {network.architecture}; ask for the same sizes")
    return network, card


class TrainingRun:
    """A run in its folder, begun or found again; `history` has a row of metrics for each epoch that is done.

    Args:
        path: run folder.
        recipe: how it is trained.
        config: what else decides the result: `species`, the data, and the weights to start from.
    """

    def __init__(self, path: Path, recipe: Recipe, config: Mapping[str, Any]) -> None:
        self.path = path
        self.config = {"promscan_version": promscan.__version__, "recipe": dataclasses.asdict(recipe), **config}
        self.history: list[dict[str, float]] = []
        self._epochs = recipe.epochs
        self._folder = RunFolder(path)

    def begin(self, trainer: Trainer[Any], *, resume: bool) -> None:
        """Begin in a new or empty folder; or, to `resume`, bring the trainer and the history to where it was left.

        Raises:
            RunError: the folder is in use, or holds another run.
        """
        if any(trainer.team.ask_first(lambda: [self._folder.begin(self.config, resume=resume)])):
            groups, self.history = self._folder.load_state()
            trainer.restore(groups, len(self.history))

    def progress(self, label: str, unit: str, per_epoch: int) -> AbstractContextManager[Progress]:
        """A display of all epochs, from those on that are done, in units of which an epoch has `per_epoch`."""
        return progress(self._epochs * per_epoch, label, unit, done=len(self.history) * per_epoch)

    def add_epoch(self, figures: Mapping[str, float], began: float) -> dict[str, float]:
        """Add the row of an epoch that began at this time of `time.monotonic`; returns it."""
        row = {"epoch": len(self.history) + 1.0, **figures, "seconds": time.monotonic() - began}
        self.history.append(row)
        return row

    def save(self, trainer: Trainer[Any]) -> None:
        """Write the metrics, and last the state that makes the epoch just done official."""
        self._folder.write_metrics(self.history)
        self._folder.save_state(trainer.optimiser.state(), self.history)

    def draft_card(self, *, training: Mapping[str, Any], start: Card | None = None, **fields: Any) -> Card:
        """A card with these fields, and with what every run knows; the weights are not described yet.

        How the weights of `start` were made belongs to how these were.
        """
        if start is not None:
            made = {"sha256": start.sha256, "git_commit": start.git_commit, "training": start.training}
            training = {**training, "init": made}
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

    def best(self, figure: str) -> dict[str, float]:
        """The row of the epoch in which this figure is highest; of equal ones the first."""
        return max(self.history, key=lambda row: row[figure])

    def is_exhausted(self, figure: str, patience: int) -> bool:
        """Whether as many epochs as `patience` have passed without a better figure."""
        return bool(self.history) and len(self.history) - self.best(figure)["epoch"] >= patience

    def finish(self, figure: str, name: str) -> Card:
        """Tell users of the best epoch, with the figure under this name; returns the card of its weights."""
        best = self.best(figure)
        logger.info("best epoch %d of %d: %s %.4f", best["epoch"], len(self.history), name, best[figure])
        return self.card_of("best")

    def card_of(self, weights: str) -> Card:
        """The card of the `best` or the `last` weights."""
        return read_card(self.path / f"{weights}.safetensors")
