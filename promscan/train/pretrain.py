"""Learning what unlabelled sequence looks like, before a classifier is trained on few labelled windows.

The task needs no labels: tell windows cut from the given sequences from the same kind of windows with pieces of random
bases in them, and tell which bases are random (as in replaced-token detection, Clark et al. 2020).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
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
from promscan.networks.card import Card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.device import autocast
from promscan.networks.weights import save_model
from promscan.seq.dna import Codes, Mask
from promscan.seq.windows import WINDOW
from promscan.train.data.batches import flip_some
from promscan.train.data.labelled_windows import LabelledWindows
from promscan.train.data.scramble import scramble
from promscan.train.data.unlabelled import UnlabelledSequences
from promscan.train.loop.distributed import Team, alone
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.run import TrainingRun
from promscan.train.loop.seed import seed_epoch
from promscan.train.loop.trainer import Trainer

Array = npt.NDArray[Any]

KMER = 25
"""A sequence that shares this many bp with a held-out window is too close to it."""
SAMPLED_ROWS = 8
"""One row in so many is kept for the figure on bases."""


@dataclass(frozen=True, kw_only=True)
class PretrainRecipe(Recipe):
    """Everything that decides the result of a pretraining besides its sequences.

    reverse_complement: show each window on a strand drawn by coin flip; the model then cannot tell strands apart.
    windows_per_epoch: an epoch is as long as it is told to be, since windows are drawn anew each time.
    """

    architecture: Architecture = field(default_factory=Architecture)
    learning_rate: float = 2e-3
    epochs: int = 10
    reverse_complement: bool = True
    windows_per_epoch: int = 48_000


class _Pretrainer(nn.Module):
    """The classifier, and a mark for each base that is dropped after pretraining."""

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
    """The sequences that have no 25-mer in common with the held-out windows (n, 70)."""

    def kmers(codes: Codes) -> npt.NDArray[np.int64]:
        windows = np.lib.stride_tricks.sliding_window_view(codes, KMER, axis=-1)
        numbers: npt.NDArray[np.int64] = windows.astype(np.int64) @ (5 ** np.arange(KMER, dtype=np.int64))
        return numbers

    forbidden = set(kmers(held_out).ravel().tolist())
    return [codes for codes in sequences if forbidden.isdisjoint(kmers(codes).tolist())]


def train_unlabelled(
    sequences: UnlabelledSequences,
    held_out: Sequence[LabelledWindows],
    out: Path,
    recipe: PretrainRecipe,
    *,
    device: str = "auto",
    threads: int | None = None,
    resume: bool = False,
    species: str = "Homo sapiens",
) -> Card:
    """Train on unlabelled sequences into the run folder `out`; returns the card of the weights, for `--init`.

    Args:
        sequences: to learn from.
        held_out: windows that a later training is judged on; sequences that share a 25-mer with one are left out.
        out: run folder, new or empty unless `resume`.
        recipe: everything else that decides the result.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        threads: CPU threads (None: all).
        resume: go on with the unfinished run in `out`.
        species: for the card.

    Raises:
        InputError: no sequence is left.
        RunError: the folder is in use, or holds another run; or torchrun has started several processes.
        DeviceError: no such device.
    """
    require_sklearn()
    usable = _usable(sequences, held_out)
    source = {
        "rows": len(sequences.codes),
        "sha256": sequences.sha256,
        "used": len(usable),
        "held_out": [windows.describe() for windows in held_out],
    }
    trainer = _Trainer(recipe, usable, alone(device), threads)
    run = TrainingRun(out, recipe, {"sequences": source, "species": species})
    run.begin(trainer, resume=resume)
    logger.info("pretraining %s; run folder %s", trainer.describe(), out)
    card = run.draft_card(
        task="promoter",
        engine="windowed",
        strand_trusted=False,
        description="Pretrained only: a start for `promscan train windows --init`.",
        training={"sequences": source, "recipe": run.config["recipe"]},
    )
    with run.progress("pretraining", "window", trainer.steps_per_epoch * recipe.batch_size) as bar:
        while len(run.history) < recipe.epochs:
            began = time.monotonic()
            row = run.add_epoch(trainer.run_epoch(len(run.history), bar), began)
            bar.note(f"base AUC {row['base_auc']:.4f}, window AUC {row['window_auc']:.4f}")
            card = dataclasses.replace(card, metrics={"train": row})
            save_model(out / "last.safetensors", trainer.kept.classifier, card)
            run.save(trainer)
    return run.card_of("last")


class _Trainer(Trainer[_Pretrainer]):
    """The network and its optimiser, an epoch at a time."""

    def __init__(self, recipe: PretrainRecipe, sequences: Sequence[Codes], team: Team, threads: int | None) -> None:
        self.recipe, self.sequences = recipe, sequences
        steps_per_epoch = -(-recipe.windows_per_epoch // recipe.batch_size)
        super().__init__(recipe, lambda: _Pretrainer(recipe.architecture), steps_per_epoch, team, threads)

    def run_epoch(self, epoch: int, bar: Progress) -> dict[str, float]:
        """`windows_per_epoch` windows; returns the learning rate and how well both questions are answered."""
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
            replaced.append(marks[::SAMPLED_ROWS])
            replaced_logits.append(base_logits[::SAMPLED_ROWS])
            bar.advance(len(codes))
        return {
            "learning_rate": self.optimiser.rate,
            "window_auc": _auc(natural, natural_logits),
            "base_auc": _auc(replaced, replaced_logits),
        }

    def _draw_batch(self, rng: np.random.Generator) -> tuple[Codes, Mask]:
        """Windows (b, 70), the second half of them scrambled, and which bases were replaced."""
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
    figures = classification_metrics(np.concatenate(truth).ravel(), np.concatenate(logits).ravel())
    return figures["auc"]


def _usable(sequences: UnlabelledSequences, held_out: Sequence[LabelledWindows]) -> list[Codes]:
    if not held_out:
        return sequences.codes
    usable = share_no_kmer(sequences.codes, np.concatenate([windows.codes for windows in held_out]))
    if not usable:
        raise InputError(f"{sequences.source}: every sequence shares {KMER} bp with a held-out window; none is left")
    return usable


def _draw(sequences: Sequence[Codes], count: int, rng: np.random.Generator) -> Codes:
    """`count` windows at random places of random sequences, (count, 70)."""
    rows = rng.integers(0, len(sequences), count)
    starts = (rng.random(count) * [len(sequences[row]) - WINDOW + 1 for row in rows]).astype(np.int64)
    return np.stack([sequences[row][start : start + WINDOW] for row, start in zip(rows, starts, strict=True)])
