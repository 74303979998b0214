"""Training of a classifier of labelled 70-bp windows.

AdamW with a one-cycle learning rate (Smith & Topin 2018), clipped gradients, mixed precision on CUDA, class-balanced
batches, each window on a random strand, and early stopping by the AUC on a dev set. All random draws of an epoch come
from the seed and the number of the epoch, so a resumed run ends with the weights of a run without interruption.
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
from promscan.networks.card import PROMOTER, Card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.device import autocast, memory_errors
from promscan.networks.weights import load_model, save_model
from promscan.plots.figure import require_matplotlib
from promscan.plots.training import plot_discrimination, plot_learning_curves
from promscan.train.data.batches import epoch_batches, with_surroundings
from promscan.train.data.labelled_windows import LabelledWindows, as_windows
from promscan.train.loop.distributed import ProcessGroup, single_process
from promscan.train.loop.optimiser import Recipe, require_finite
from promscan.train.loop.run import UNKNOWN_SPECIES, TrainingRun, checksum_of, choose_threads, starting_model
from promscan.train.loop.seed import seed_epoch
from promscan.train.loop.session import MORE_MEMORY, training_session
from promscan.train.loop.trainer import EVALUATION_BATCH, Trainer, new_classifier

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class WindowRecipe(Recipe):
    """Settings that, together with the data, decide the result; the defaults are those of the original PromoterRNN.

    reverse_complement: show each window on a random strand; the model then cannot tell the strands apart.
    patience: epochs without a better dev AUC before the training stops.
    sampler: `balanced` (as many promoters as others in every batch) or `shuffled`.
    label_smoothing: labels move this far towards 1/2 (0: not at all).
    surroundings: largest number of bases of other windows on each side of a window, in every fourth batch. The states
        then do not depend on where a window begins, and the network can also run along a sequence.
    """

    architecture: Architecture = field(default_factory=Architecture)
    learning_rate: float = 1e-4
    epochs: int = 50
    reverse_complement: bool = True
    patience: int = 15
    sampler: str = "balanced"
    label_smoothing: float = 0.0
    surroundings: int = 0


@memory_errors(MORE_MEMORY)
def train_windows(
    train: LabelledWindows | str | Path,
    dev: LabelledWindows | str | Path,
    out: str | Path,
    recipe: WindowRecipe,
    *,
    device: str = "auto",
    threads: int | None = None,
    init: str | Path | None = None,
    resume: bool = False,
    species: str = UNKNOWN_SPECIES,
) -> Card:
    """Train a classifier into the run folder `out`; returns the card of the best epoch.

    Args:
        train: training windows, or the path of their file.
        dev: windows to choose the best epoch on, or the path of their file.
        out: run folder, new or empty unless `resume`.
        recipe: settings of the training.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        threads: CPU threads (None: 1 for a small network, else all that the process may use).
        init: weights to start from, with the same architecture.
        resume: go on with the unfinished run in `out`.
        species: species of the windows, for the card.

    Raises:
        ModelError: `init` does not exist or does not fit the architecture.
        RunError: the folder is in use, or holds another run; or torchrun has started several processes.
        DependencyError: scikit-learn or matplotlib is missing.
        DeviceError: no such device, or too little memory.
    """
    require_sklearn()
    require_matplotlib()
    train, dev, out = as_windows(train), as_windows(dev), Path(out)
    start, start_card = starting_model(load_model, init, recipe.architecture)
    config = {
        "train": train.describe(),
        "dev": dev.describe(),
        "species": species,
        "init": checksum_of(start_card),
    }
    group = single_process(device)
    chosen = choose_threads(threads, lambda: BiGRUAttention(recipe.architecture), out, group, resume=resume)
    run = TrainingRun(out, recipe, config, threads=chosen)
    with training_session(chosen, group.device):
        trainer = _Trainer(recipe, train, start, group)
        run.begin(trainer, resume=resume)
        logger.info("training %s, %d windows; run folder %s", trainer.describe(), len(train), out)
        _run_epochs(run, trainer, _draft_card(run, train, dev, start_card), dev)
    return run.finish("dev_auc", "dev AUC")


def _run_epochs(run: TrainingRun, trainer: _Trainer, card: Card, dev: LabelledWindows) -> None:
    """Train, validate and save the epochs that are left."""
    recipe = trainer.recipe
    with run.progress("training", "windows", len(trainer.train)) as bar:
        while len(run.history) < recipe.epochs and not run.is_exhausted("dev_auc", recipe.patience):
            began = time.monotonic()
            learned = trainer.run_epoch(len(run.history), bar)
            dev_logits = predict_logits(trainer.ema_model, dev, trainer.device)
            row = run.add_epoch(learned | _prefixed("dev", dev.labels, dev_logits), began)
            bar.note(f"dev AUC {row['dev_auc']:.4f}, accuracy {row['dev_accuracy']:.4f}")
            _save_epoch(run, trainer, card, dev, dev_logits)


def _draft_card(run: TrainingRun, train: LabelledWindows, dev: LabelledWindows, start: Card | None) -> Card:
    return run.draft_card(
        task=PROMOTER,
        engine="windowed",
        strand_trusted=not run.config["recipe"]["reverse_complement"],
        training={"data": train.describe(), "recipe": run.config["recipe"]},
        start=start,
        splits={"dev": dev.describe()},
    )


def predict_logits(model: nn.Module, data: LabelledWindows, device: torch.device) -> Array:
    """Compute the logits (n,) float32 of labelled windows, in evaluation mode."""
    model.eval()
    with torch.inference_mode():
        batches = torch.from_numpy(data.codes).split(EVALUATION_BATCH)
        logits = torch.cat([model(codes.to(device)).float().cpu() for codes in batches]).numpy()
    require_finite(logits)
    return logits


class _Trainer(Trainer[BiGRUAttention]):
    """The classifier and its optimiser, an epoch at a time."""

    def __init__(
        self,
        recipe: WindowRecipe,
        train: LabelledWindows,
        start: BiGRUAttention | None,
        group: ProcessGroup,
    ) -> None:
        self.recipe, self.train = recipe, train
        steps_per_epoch = -(-len(train) // recipe.batch_size)
        super().__init__(recipe, lambda: new_classifier(recipe.architecture, start), steps_per_epoch, group)

    def run_epoch(self, epoch: int, bar: Progress) -> dict[str, float]:
        """Train on all windows once; returns the learning rate and the training metrics."""
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
        metrics = _prefixed("train", np.concatenate(labels_seen), np.concatenate(logits_seen))
        return {"learning_rate": self.optimiser.rate} | metrics

    def _step(self, codes: Tensor, labels: Tensor, begin: int) -> Tensor:
        smoothing = self.recipe.label_smoothing
        with autocast(self.device, self.precision):
            logits: Tensor = self.model(codes, begin)
        targets = labels * (1 - smoothing) + smoothing / 2
        self.optimiser.step(F.binary_cross_entropy_with_logits(logits.float(), targets))
        return logits.detach()


def _prefixed(split: str, labels: Array, logits: Array) -> dict[str, float]:
    metrics = {"loss": cross_entropy(labels, logits), **classification_metrics(labels >= 0.5, logits)}
    return {f"{split}_{name}": value for name, value in metrics.items()}


def _save_epoch(run: TrainingRun, trainer: _Trainer, card: Card, dev: LabelledWindows, dev_logits: Array) -> None:
    """Write weights, plots and metrics of the last epoch."""
    row = run.history[-1]
    dev_metrics = {name.removeprefix("dev_"): value for name, value in row.items() if name.startswith("dev_")}
    card = dataclasses.replace(card, metrics={"dev": dev_metrics, "epoch": row["epoch"]})
    save_model(run.path / "last.safetensors", trainer.ema_model, card)
    if row is run.best("dev_auc"):
        save_model(run.path / "best.safetensors", trainer.ema_model, card)
        plot_discrimination(dev.promoters, dev_logits, run.path / "dev_curves.png")
    plot_learning_curves(run.history, run.path / "learning_curves.png")
    run.save(trainer)
