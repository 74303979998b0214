"""The founding recipe: a classifier of labelled 70-bp windows.

AdamW under a one-cycle learning rate (Smith & Topin 2018), clipped gradients, mixed precision on CUDA, class-balanced
batches, reverse complements by the flip of a coin, and early stopping on the AUC of a dev set. Every random draw of an
epoch comes from the seed and the epoch's number, so a run that is killed and resumed ends in the same weights.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from promscan.log import Progress, logger
from promscan.metrics.classification import classification_metrics, cross_entropy, require_sklearn
from promscan.networks.card import Card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.device import autocast
from promscan.networks.weights import load_model, save_model
from promscan.plots.figure import require_matplotlib
from promscan.plots.training import plot_discrimination, plot_learning_curves
from promscan.train.data.batches import epoch_batches, with_surroundings
from promscan.train.data.labelled_windows import LabelledWindows
from promscan.train.loop.distributed import Team, alone
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.run import TrainingRun, starting_model
from promscan.train.loop.seed import seed_epoch
from promscan.train.loop.trainer import Trainer, classifier

Array = npt.NDArray[Any]

EVALUATION_BATCH = 512


@dataclass(frozen=True, kw_only=True)
class WindowRecipe(Recipe):
    """Everything that decides the result of a training besides its data; the defaults are the founding recipe.

    reverse_complement: show each window on a strand drawn by coin flip; the model then cannot tell strands apart.
    patience: epochs without a better dev AUC before the training stops.
    sampler: `balanced` (as many promoters as others in every batch) or `shuffled`.
    label_smoothing: labels are moved this far towards 1/2 (0: not at all).
    surroundings: bases of other windows on each side of a window, at most, in every fourth batch. The states then learn
        not to rely on where a window begins, and the network can be run along a sequence as well.
    """

    architecture: Architecture = field(default_factory=Architecture)
    learning_rate: float = 1e-4
    epochs: int = 50
    reverse_complement: bool = True
    patience: int = 15
    sampler: str = "balanced"
    label_smoothing: float = 0.0
    surroundings: int = 0


def train_windows(
    train: LabelledWindows,
    dev: LabelledWindows,
    out: Path,
    recipe: WindowRecipe,
    *,
    device: str = "auto",
    threads: int | None = None,
    init: str | Path | None = None,
    resume: bool = False,
    species: str = "Homo sapiens",
) -> Card:
    """Train a classifier into the run folder `out`; returns the card of the best epoch.

    Args:
        train: windows to learn from.
        dev: windows to choose the best epoch on.
        out: run folder, new or empty unless `resume`.
        recipe: everything else that decides the result.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        threads: CPU threads (None: all).
        init: weights to start from, of the same architecture.
        resume: go on with the unfinished run in `out`.
        species: for the card.

    Raises:
        ModelError: `init` does not exist or does not fit the architecture.
        RunError: the folder is in use, or holds another run; or torchrun has started several processes.
        DependencyError: scikit-learn or matplotlib is missing.
        DeviceError: no such device.
    """
    require_sklearn()
    require_matplotlib()
    start, start_card = starting_model(load_model, init, recipe.architecture)
    config = {
        "train": train.describe(),
        "dev": dev.describe(),
        "species": species,
        "init": "" if start_card is None else start_card.sha256,
    }
    trainer = _Trainer(recipe, train, start, alone(device), threads)
    run = TrainingRun(out, recipe, config)
    run.begin(trainer, resume=resume)
    logger.info("training %s, %d windows; run folder %s", trainer.describe(), len(train), out)
    card = run.draft_card(
        task="promoter",
        engine="windowed",
        strand_trusted=not recipe.reverse_complement,
        training={"data": train.describe(), "recipe": run.config["recipe"]},
        start=start_card,
        splits={"dev": dev.describe()},
    )
    with run.progress("training", "window", len(train)) as bar:
        while len(run.history) < recipe.epochs and not run.is_exhausted("dev_auc", recipe.patience):
            began = time.monotonic()
            learned = trainer.run_epoch(len(run.history), bar)
            dev_logits = predict_logits(trainer.kept, dev, trainer.device)
            row = run.add_epoch(learned | _prefixed("dev", dev.labels, dev_logits), began)
            bar.note(f"dev AUC {row['dev_auc']:.4f}, accuracy {row['dev_accuracy']:.4f}")
            _keep(run, trainer, card, dev, dev_logits)
    return run.finish("dev_auc", "dev AUC")


def predict_logits(model: nn.Module, data: LabelledWindows, device: torch.device) -> Array:
    """Logits (n,) float32 of labelled windows, in evaluation mode."""
    model.eval()
    with torch.inference_mode():
        batches = torch.from_numpy(data.codes).split(EVALUATION_BATCH)
        return torch.cat([model(codes.to(device)).float().cpu() for codes in batches]).numpy()


class _Trainer(Trainer[BiGRUAttention]):
    """The classifier and its optimiser, an epoch at a time."""

    def __init__(
        self,
        recipe: WindowRecipe,
        train: LabelledWindows,
        start: BiGRUAttention | None,
        team: Team,
        threads: int | None,
    ) -> None:
        self.recipe, self.train = recipe, train
        steps_per_epoch = -(-len(train) // recipe.batch_size)
        super().__init__(recipe, lambda: classifier(recipe.architecture, start), steps_per_epoch, team, threads)

    def run_epoch(self, epoch: int, bar: Progress) -> dict[str, float]:
        """One pass over the training data; returns its learning rate and training figures."""
        rng = seed_epoch(self.recipe.seed, epoch)
        self.model.train()
        labels_seen, logits_seen = list[Array](), list[Array]()
        batches = epoch_batches(
            self.train,
            sampler=self.recipe.sampler,
            flip=self.recipe.reverse_complement,
            batch_size=self.recipe.batch_size,
            rng=rng,
        )
        for codes, labels in batches:
            codes, begin = with_surroundings(codes, self.recipe.surroundings, rng)
            logits = self._step(
                torch.from_numpy(codes).to(self.device), torch.from_numpy(labels).to(self.device), begin
            )
            labels_seen.append(labels)
            logits_seen.append(logits.float().cpu().numpy())
            bar.advance(len(labels))
        figures = _prefixed("train", np.concatenate(labels_seen), np.concatenate(logits_seen))
        return {"learning_rate": self.optimiser.rate} | figures

    def _step(self, codes: Tensor, labels: Tensor, begin: int) -> Tensor:
        smoothing = self.recipe.label_smoothing
        with autocast(self.device, self.precision):
            logits: Tensor = self.model(codes, begin)
        targets = labels * (1 - smoothing) + smoothing / 2
        self.optimiser.step(F.binary_cross_entropy_with_logits(logits.float(), targets))
        return logits.detach()


def _prefixed(split: str, labels: Array, logits: Array) -> dict[str, float]:
    figures = {"loss": cross_entropy(labels, logits), **classification_metrics(labels >= 0.5, logits)}
    return {f"{split}_{name}": value for name, value in figures.items()}


def _keep(run: TrainingRun, trainer: _Trainer, card: Card, dev: LabelledWindows, dev_logits: Array) -> None:
    """Write weights, plots and metrics of the epoch just done."""
    row = run.history[-1]
    dev_figures = {name.removeprefix("dev_"): value for name, value in row.items() if name.startswith("dev_")}
    card = dataclasses.replace(card, metrics={"dev": dev_figures, "epoch": row["epoch"]})
    save_model(run.path / "last.safetensors", trainer.kept, card)
    if row is run.best("dev_auc"):
        save_model(run.path / "best.safetensors", trainer.kept, card)
        plot_discrimination(dev.promoters, dev_logits, run.path / "dev_curves.png")
    plot_learning_curves(run.history, run.path / "learning_curves.png")
    run.save(trainer)
