"""The founding recipe: a classifier of labelled 70-bp windows.

AdamW under a one-cycle learning rate (Smith & Topin 2018), clipped gradients, mixed precision on CUDA, class-balanced
batches, reverse complements by the flip of a coin, and early stopping on the AUC of a dev set. Every random draw of an
epoch comes from the seed and the epoch's number, so a run that is killed and resumed ends in the same weights.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import promscan
from promscan import plots
from promscan.card import Card
from promscan.checkpoint import load_model, save_model, source_commit
from promscan.datasets import LabelledWindows, epoch_batches, seed_epoch
from promscan.device import autocast, describe, make_repeatable, resolve_device, training_precision
from promscan.errors import ModelError
from promscan.figures import classification_figures, cross_entropy, require_sklearn
from promscan.log import Progress, logger, progress
from promscan.model import Architecture, BiGRUAttention, count_parameters
from promscan.train.folder import RunFolder
from promscan.train.optimiser import Optimiser, Recipe, TensorGroups

Array = npt.NDArray[Any]
History = list[dict[str, float]]

EVALUATION_BATCH = 512


@dataclass(frozen=True, kw_only=True)
class WindowRecipe(Recipe):
    """Everything that decides the result of a training besides its data; the defaults are the founding recipe.

    reverse_complement: show each window on a strand drawn by coin flip; the model then cannot tell strands apart.
    patience: epochs without a better dev AUC before the training stops.
    sampler: `balanced` (as many promoters as others in every batch) or `shuffled`.
    label_smoothing: labels are moved this far towards 1/2 (0: not at all).
    """

    architecture: Architecture = field(default_factory=Architecture)
    learning_rate: float = 1e-4
    epochs: int = 50
    reverse_complement: bool = True
    patience: int = 15
    sampler: str = "balanced"
    label_smoothing: float = 0.0


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
        RunError: the folder is in use, or holds another run.
        DependencyError: scikit-learn or matplotlib is missing.
        DeviceError: no such device.
    """
    require_sklearn()
    plots.require_matplotlib()
    make_repeatable()
    if threads is not None:
        torch.set_num_threads(threads)
    folder = RunFolder(out)
    config = {
        "promscan_version": promscan.__version__,
        "recipe": dataclasses.asdict(recipe),
        "train": train.describe(),
        "dev": dev.describe(),
        "species": species,
    }
    start, start_card = (None, None) if init is None else load_model(str(init))
    if start is not None and start.architecture.sizes != recipe.architecture.sizes:
        raise ModelError(f"{init}: of another architecture, {start.architecture}; ask for the same sizes")
    config["init"] = "" if start_card is None else start_card.sha256
    resuming = folder.begin(config, resume=resume)
    trainer = _Trainer(recipe, train, resolve_device(device), start)
    history: History = trainer.restore(*folder.load_state()) if resuming else []
    logger.info(
        "training %d parameters on %s, %d windows; run folder %s",
        count_parameters(trainer.model), describe(trainer.device), len(train), out,
    )  # fmt: skip
    card = _draft_card(out.resolve().name, train, dev, recipe, species)
    with progress(recipe.epochs * len(train), "training", "window") as bar:
        bar.advance(len(history) * len(train))
        while len(history) < recipe.epochs and not _exhausted(history, recipe.patience):
            began = time.monotonic()
            row: dict[str, float] = {"epoch": len(history) + 1.0, **trainer.run_epoch(len(history), bar)}
            dev_logits = predict_logits(trainer.kept, dev, trainer.device)
            row |= _prefixed("dev", dev.labels, dev_logits) | {"seconds": time.monotonic() - began}
            history.append(row)
            bar.note(f"dev AUC {row['dev_auc']:.4f}, accuracy {row['dev_accuracy']:.4f}")
            _keep(folder, trainer, card, history, dev, dev_logits)
    best = max(history, key=lambda row: row["dev_auc"])
    logger.info("best epoch %d of %d: dev AUC %.4f", best["epoch"], len(history), best["dev_auc"])
    return Card.parse((out / "best.json").read_text(encoding="utf-8"), str(out / "best.json"))


def predict_logits(model: nn.Module, data: LabelledWindows, device: torch.device) -> Array:
    """Logits (n,) float32 of labelled windows, in evaluation mode."""
    model.eval()
    with torch.inference_mode():
        batches = torch.from_numpy(data.codes).split(EVALUATION_BATCH)
        return torch.cat([model(codes.to(device)).float().cpu() for codes in batches]).numpy()


class _Trainer:
    """The model and its optimiser, an epoch at a time."""

    def __init__(
        self, recipe: WindowRecipe, train: LabelledWindows, device: torch.device, init: BiGRUAttention | None
    ) -> None:
        self.recipe, self.train, self.device = recipe, train, device
        self.precision = training_precision(recipe.precision, device)
        torch.manual_seed(recipe.seed)
        self.model = BiGRUAttention(recipe.architecture).to(device)
        if init is not None:
            self.model.load_state_dict(init.state_dict())
        self.kept = copy.deepcopy(self.model) if recipe.averaging else self.model
        self.steps_per_epoch = -(-len(train) // recipe.batch_size)
        self.optimiser = Optimiser(self.model, self.kept, recipe, recipe.epochs * self.steps_per_epoch)

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
            logits = self._step(torch.from_numpy(codes).to(self.device), torch.from_numpy(labels).to(self.device))
            labels_seen.append(labels)
            logits_seen.append(logits.float().cpu().numpy())
            bar.advance(len(labels))
        figures = _prefixed("train", np.concatenate(labels_seen), np.concatenate(logits_seen))
        return {"learning_rate": self.optimiser.rate} | figures

    def _step(self, codes: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.recipe.label_smoothing
        with autocast(self.device, self.precision):
            logits: Tensor = self.model(codes)
        targets = labels.float() * (1 - smoothing) + smoothing / 2
        self.optimiser.step(F.binary_cross_entropy_with_logits(logits.float(), targets))
        return logits.detach()

    def restore(self, groups: TensorGroups, history: History) -> History:
        """Continue after the last epoch of `history`."""
        self.optimiser.restore(groups, len(history) * self.steps_per_epoch)
        return history


def _prefixed(split: str, labels: Array, logits: Array) -> dict[str, float]:
    figures = {"loss": cross_entropy(labels, logits), **classification_figures(labels, logits)}
    return {f"{split}_{name}": value for name, value in figures.items()}


def _exhausted(history: Sequence[Mapping[str, float]], patience: int) -> bool:
    if not history:
        return False
    best = max(range(len(history)), key=lambda i: history[i]["dev_auc"])
    return len(history) - 1 - best >= patience


def _keep(
    folder: RunFolder, trainer: _Trainer, card: Card, history: History, dev: LabelledWindows, dev_logits: Array
) -> None:
    """Write weights, metrics and plots of the epoch just done, and last the state that makes it official."""
    row = history[-1]
    dev_figures = {name.removeprefix("dev_"): value for name, value in row.items() if name.startswith("dev_")}
    card = dataclasses.replace(card, metrics={"dev": dev_figures, "epoch": row["epoch"]})
    save_model(folder.path / "last.safetensors", trainer.kept, card)
    if row["dev_auc"] == max(r["dev_auc"] for r in history):
        save_model(folder.path / "best.safetensors", trainer.kept, card)
        plots.plot_discrimination(dev.labels, dev_logits, folder.path / "dev_curves.png")
    plots.plot_learning_curves(history, folder.path / "learning_curves.png")
    folder.write_metrics(history)
    folder.save_state(trainer.optimiser.state(), history)


def _draft_card(name: str, train: LabelledWindows, dev: LabelledWindows, recipe: WindowRecipe, species: str) -> Card:
    return Card(
        name=name,
        task="promoter",
        engine="windowed",
        species=species,
        architecture={},
        sha256="",
        strand_trusted=not recipe.reverse_complement,
        training={"data": train.describe(), "recipe": dataclasses.asdict(recipe)},
        splits={"dev": dev.describe()},
        promscan_version=promscan.__version__,
        git_commit=source_commit(),
    )
