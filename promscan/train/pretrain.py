"""Pretraining of a classifier on sequences without labels, for the case that labelled windows are few.

The network learns to separate windows of the given sequences from windows with pieces of random bases, and to find the
random bases (as in replaced-token detection, Clark et al. 2020).
"""

from __future__ import annotations

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

from promscan.errors import InputError
from promscan.log import Progress, logger
from promscan.metrics.classification import classification_metrics, require_sklearn
from promscan.networks.card import PROMOTER, Card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.device import autocast, memory_errors
from promscan.networks.weights import save_model
from promscan.seq.bounds import MAX_STEP, check_whole
from promscan.seq.dna import Codes, Mask
from promscan.seq.windows import WINDOW
from promscan.train.data.batches import flip_some
from promscan.train.data.labelled_windows import LabelledWindows, as_windows
from promscan.train.data.overlap import share_stretch
from promscan.train.data.scramble import scramble
from promscan.train.data.unlabelled import UnlabelledSequences, read_unlabelled
from promscan.train.loop.distributed import ProcessGroup, single_process
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.run import UNKNOWN_SPECIES, TrainingRun, choose_threads
from promscan.train.loop.seed import seed_epoch
from promscan.train.loop.session import MORE_MEMORY, training_session
from promscan.train.loop.trainer import Trainer

Array = npt.NDArray[Any]

KMER = 25
"""A sequence that shares this many bp with a held-out window, on either strand, is left out."""
SAMPLED_ROWS = 8
"""The metric on bases is computed from one of this many rows."""


@dataclass(frozen=True, kw_only=True)
class PretrainRecipe(Recipe):
    """Settings that, together with the sequences, decide the result of a pretraining.

    reverse_complement: show each window on a random strand; the model then cannot tell the strands apart.
    windows_per_epoch: windows of an epoch; they are drawn anew in each epoch.
    """

    architecture: Architecture = field(default_factory=Architecture)
    learning_rate: float = 2e-3
    epochs: int = 10
    reverse_complement: bool = True
    windows_per_epoch: int = 48_000

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("batch_size", self.batch_size, 2, MAX_STEP)  # half of the windows get random pieces


class _Pretrainer(nn.Module):
    """The classifier, and an output for each base that is dropped after pretraining."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.classifier = BiGRUAttention(architecture)
        self.mark = nn.Linear(2 * architecture.hidden, 1)

    def forward(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (batch, 70) to logits of being natural (batch,) and of each base being random (batch, 70)."""
        states = self.classifier.states(codes)
        natural = self.classifier.head(self.classifier.pool(states)).squeeze(-1)
        return natural, self.mark(states).squeeze(-1)


def share_no_kmer(sequences: Sequence[Codes], held_out: Codes) -> list[Codes]:
    """The sequences that share no 25 bp with a held-out window (n, 70) on either strand."""
    shared = share_stretch(sequences, held_out, KMER).tolist()
    return [codes for codes, too_close in zip(sequences, shared, strict=True) if not too_close]


@memory_errors(MORE_MEMORY)
def train_unlabelled(
    sequences: UnlabelledSequences | str | Path,
    held_out: Sequence[LabelledWindows | str | Path],
    out: str | Path,
    recipe: PretrainRecipe,
    *,
    device: str = "auto",
    threads: int | None = None,
    resume: bool = False,
    species: str = UNKNOWN_SPECIES,
) -> Card:
    """Train on sequences without labels into the run folder `out`; returns the card of the weights, for `--init`.

    Args:
        sequences: training sequences, or the path of their file.
        held_out: windows on which a later training is judged, or paths of their files. Sequences that share 25 bp with
            one of them, on either strand, are left out.
        out: run folder, new or empty unless `resume`.
        recipe: settings of the training.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        threads: CPU threads (None: 1 for a small network, else all that the process may use).
        resume: go on with the unfinished run in `out`.
        species: species of the sequences, for the card.

    Raises:
        InputError: no sequence is left.
        RunError: the folder is in use, or holds another run; or torchrun has started several processes.
        DeviceError: no such device, or too little memory.
    """
    require_sklearn()
    out = Path(out)
    sequences = sequences if isinstance(sequences, UnlabelledSequences) else read_unlabelled(sequences)
    windows = [as_windows(source) for source in held_out]
    usable = _usable(sequences, windows)
    source = {
        "rows": len(sequences.codes),
        "sha256": sequences.sha256,
        "used": len(usable),
        "held_out": [part.describe() for part in windows],
    }
    group = single_process(device)
    chosen = choose_threads(threads, lambda: _Pretrainer(recipe.architecture), out, group, resume=resume)
    run = TrainingRun(out, recipe, {"sequences": source, "species": species}, threads=chosen)
    with training_session(chosen, group.device):
        trainer = _Trainer(recipe, usable, group)
        run.begin(trainer, resume=resume)
        logger.info("pretraining %s; run folder %s", trainer.describe(), out)
        _run_epochs(run, trainer, _draft_card(run, source))
    return run.card_of("last")


def _run_epochs(run: TrainingRun, trainer: _Trainer, card: Card) -> None:
    """Train and save the epochs that are left."""
    recipe = trainer.recipe
    with run.progress("pretraining", "windows", trainer.steps_per_epoch * recipe.batch_size) as bar:
        while len(run.history) < recipe.epochs:
            began = time.monotonic()
            row = run.add_epoch(trainer.run_epoch(len(run.history), bar), began)
            bar.note(f"base AUC {row['base_auc']:.4f}, window AUC {row['window_auc']:.4f}")
            metrics = {name: value for name, value in row.items() if name != "seconds"}  # they differ from run to run
            card = dataclasses.replace(card, metrics={"train": metrics})
            save_model(run.path / "last.safetensors", trainer.ema_model.classifier, card)
            run.save(trainer)


def _draft_card(run: TrainingRun, source: Mapping[str, Any]) -> Card:
    return run.draft_card(
        task=PROMOTER,
        engine="windowed",
        strand_trusted=False,
        description="Pretrained only: a start for `promscan train windows --init`.",
        training={"sequences": source, "recipe": run.config["recipe"]},
    )


class _Trainer(Trainer[_Pretrainer]):
    """The network and its optimiser, an epoch at a time."""

    def __init__(self, recipe: PretrainRecipe, sequences: Sequence[Codes], group: ProcessGroup) -> None:
        self.recipe, self.sequences = recipe, sequences
        steps_per_epoch = -(-recipe.windows_per_epoch // recipe.batch_size)
        super().__init__(recipe, lambda: _Pretrainer(recipe.architecture), steps_per_epoch, group)

    def run_epoch(self, epoch: int, bar: Progress) -> dict[str, float]:
        """Train on `windows_per_epoch` windows; returns the learning rate and the AUC of both outputs."""
        rng = seed_epoch(self.recipe.seed, epoch)
        self.model.train()
        natural, natural_logits = list[Array](), list[Array]()
        replaced, replaced_logits = list[Array](), list[Array]()
        for _ in range(self.steps_per_epoch):
            codes, marks = self._draw_batch(rng)
            whole: Mask = np.all(~marks, axis=1)
            window_logits, base_logits = self._step(codes, whole, marks)
            natural.append(whole)
            natural_logits.append(window_logits)
            sampled = slice(len(codes) // 2 % SAMPLED_ROWS, None, SAMPLED_ROWS)  # the second half has random pieces
            replaced.append(marks[sampled])
            replaced_logits.append(base_logits[sampled])
            bar.advance(len(codes))
        return {
            "learning_rate": self.optimiser.rate,
            "window_auc": _auc(natural, natural_logits),
            "base_auc": _auc(replaced, replaced_logits),
        }

    def _draw_batch(self, rng: np.random.Generator) -> tuple[Codes, Mask]:
        """Draw windows (b, 70), the second half of them with random pieces; returns them and which bases are random."""
        half = self.recipe.batch_size // 2
        codes = _draw(self.sequences, 2 * half, rng)
        if self.recipe.reverse_complement:
            codes = flip_some(codes, rng)
        scrambled, replaced = scramble(codes[half:], rng)
        return np.concatenate([codes[:half], scrambled]), np.concatenate([np.zeros_like(replaced), replaced])

    def _step(self, codes: Codes, whole: Mask, marks: Mask) -> tuple[Array, Array]:
        def loss(logits: Tensor, truth: Mask) -> Tensor:
            return F.binary_cross_entropy_with_logits(logits.float(), torch.from_numpy(truth).float().to(self.device))

        with autocast(self.device, self.precision):
            window, base = self.model(torch.from_numpy(codes).to(self.device))
        self.optimiser.step(loss(window, whole) + loss(base, marks))
        return window.detach().float().cpu().numpy(), base.detach().float().cpu().numpy()


def _auc(truth: Sequence[Array], logits: Sequence[Array]) -> float:
    return classification_metrics(np.concatenate(truth).ravel(), np.concatenate(logits).ravel())["auc"]


def _usable(sequences: UnlabelledSequences, held_out: Sequence[LabelledWindows]) -> list[Codes]:
    if not held_out:
        return sequences.codes
    usable = share_no_kmer(sequences.codes, np.concatenate([windows.codes for windows in held_out]))
    if not usable:
        raise InputError(f"{sequences.source}: every sequence shares {KMER} bp with a held-out window; none is left")
    return usable


def _draw(sequences: Sequence[Codes], count: int, rng: np.random.Generator) -> Codes:
    """Draw `count` windows from random places of random sequences, (count, 70)."""
    rows = rng.integers(0, len(sequences), count)
    starts = (rng.random(count) * [len(sequences[row]) - WINDOW + 1 for row in rows]).astype(np.int64)
    return np.stack([sequences[row][start : start + WINDOW] for row, start in zip(rows, starts, strict=True)])
