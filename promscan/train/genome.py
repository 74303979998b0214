"""A model that scans: a classifier of every position of a genome, trained along its sequence.

Segments around listed transcription starts and segments of background are read with the states running on, as the
streaming engine does, and every window of them is labelled. From the second epoch on, part of the background are the
model's own false calls. An epoch is judged as a scan is: by the recall at some false hits per Mb of the dev contigs.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.errors import InputError, RunError
from promscan.log import Progress, logger
from promscan.networks.card import Card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.device import autocast
from promscan.networks.weights import load_model, save_model
from promscan.plots.figure import require_matplotlib
from promscan.plots.training import plot_recall_by_false_hits, plot_recalls
from promscan.seq.dna import Codes
from promscan.seq.records import Interval
from promscan.seq.tss import KnownStarts, Site
from promscan.train.data.labelled_genome import LabelledGenome
from promscan.train.data.promoters import Promoters
from promscan.train.data.segments import SegmentRecipe, Segments, SegmentSampler
from promscan.train.genome_validation import STRANDS, JudgedCalls, call_and_judge, draw_pieces, holds
from promscan.train.loop.distributed import Team, joined
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.run import TrainingRun, starting_model
from promscan.train.loop.seed import seed_epoch
from promscan.train.loop.trainer import Trainer, classifier

WARM_UPS = range(140, 351, 70)
"""Bases of warm-up, drawn for each batch, lest the network learn to count from where its states began."""
FP_PER_MB = (10, 50, 100)
"""False hits per Mb of dev at which the recall is told; its mean chooses the best epoch."""
THRESHOLD_FP_PER_MB = 50
"""False hits per Mb of dev at the threshold that the card names."""
HARD = 500
"""False calls that an epoch learns from."""
NOTHING = 1e-30
"""A weight whose logarithm is still finite, as gradients must be."""


@dataclass(frozen=True, kw_only=True)
class GenomeRecipe(Recipe):
    """Everything that decides the result of a training besides its data.

    segments_per_epoch: an epoch is as long as it is told to be, since segments are drawn anew each time.
    ranking: share of the ranking loss in the loss.
    dev_bases, mining_bases: how much of the dev contigs an epoch is judged on, always the same, and how much of the
        others is searched for false calls before each epoch but the first, drawn anew.
    """

    architecture: Architecture = field(
        default_factory=lambda: Architecture(
            64,
            convolutions=1,
            dropout=0.1,
            composition=(100, 300, 1000, 2500),
            context=32,
            context_bins=(100, 200, 300, 600, 1000),
            half_life=32,
        )
    )
    segments: SegmentRecipe = field(default_factory=SegmentRecipe)
    learning_rate: float = 2e-3
    batch_size: int = 32
    epochs: int = 20
    segments_per_epoch: int = 8000
    dev_bases: int = 4_000_000
    mining_bases: int = 4_000_000
    ranking: float = 0.25
    averaging: float = 0.998


def train_genome(
    genome: LabelledGenome,
    promoters: Promoters | None,
    out: Path,
    recipe: GenomeRecipe,
    *,
    dev: Sequence[str],
    leave_out: Sequence[str] = (),
    device: str = "auto",
    threads: int | None = None,
    init: str | Path | None = None,
    resume: bool = False,
    species: str = "Homo sapiens",
) -> Card:
    """Train a streaming classifier into the run folder `out`; returns the card of the best epoch.

    The processes that torchrun starts train it together, and the first of them writes the folder.

    Args:
        genome: contigs with their listed transcription starts.
        promoters: more promoters to learn from, pasted over listed ones.
        out: run folder, new or empty unless `resume`.
        recipe: everything else that decides the result.
        dev: contigs to choose the best epoch on; a name also stands for all contigs that begin with it and a colon.
        leave_out: contigs that are not used at all, named likewise.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; one of the first three in several processes.
        threads: CPU threads (None: all).
        init: weights to start from, of the same architecture.
        resume: go on with the unfinished run in `out`.
        species: for the card.

    Raises:
        InputError: there is no such contig, or no listed start on the contigs to train on or on those of dev.
        ModelError: `init` does not exist or does not fit the architecture.
        RunError: the folder is in use, or holds another run; a batch has fewer segments than there are processes, or
            one of them has failed.
        DependencyError: matplotlib is missing.
        DeviceError: no such device, or too few for all processes.
    """
    require_matplotlib()
    train_part, dev_part, left_out = _split(genome, dev, leave_out)
    dev_pieces = draw_pieces(dev_part.contigs, recipe.dev_bases, np.random.default_rng(0))
    if not any(holds(piece, site) for piece in dev_pieces for site in dev_part.starts):
        raise InputError("no transcription start is listed on the dev contigs; name others, or judge on more of them")
    sampler = SegmentSampler(train_part.contigs, train_part.starts, promoters, recipe.segments)
    data = {"genome": train_part.describe(), "promoters": None if promoters is None else promoters.describe()}
    splits = {
        "dev": {"names": list(dev), **dev_part.describe()},
        "left_out": {"names": list(leave_out), **left_out.describe()},
    }
    start, start_card = starting_model(load_model, init, recipe.architecture)
    config = {
        "train": data,
        **splits,
        "species": species,
        "init": "" if start_card is None else start_card.sha256,
    }
    run = TrainingRun(out, recipe, config)
    card = _draft_card(run, data, splits, start_card)
    with joined(device) as team:
        trainer = _Trainer(recipe, sampler, start, team, threads)
        run.begin(trainer, resume=resume)
        logger.info("training %s, %.4g Mb; run folder %s", trainer.describe(), train_part.bases / 1e6, out)
        with run.progress("training", "segment", recipe.segments_per_epoch) as bar:
            for epoch in range(len(run.history), recipe.epochs):
                began = time.monotonic()
                learned = trainer.run_epoch(epoch, bar)
                if team.leads:
                    calls = trainer.call(dev_part.contigs, dev_pieces, dev_part.starts)
                    row = run.add_epoch(learned | _figures(calls), began)
                    bar.note(f"dev recall {row['recall']:.4f}")
                    _keep(run, trainer, card, calls)
        team.ask_first(list)  # the others wait: the first one still judges and writes the last epoch
        return run.finish("recall", "dev recall") if team.leads else run.card_of("best")


def _split(
    genome: LabelledGenome, dev: Sequence[str], leave_out: Sequence[str]
) -> tuple[LabelledGenome, LabelledGenome, LabelledGenome]:
    """The parts to train on, to choose on, and not to look at."""
    dev_part, left_out = genome.part(dev), genome.part(leave_out)
    if both := dev_part.contigs.keys() & left_out.contigs.keys():
        raise InputError(f"contig {min(both)!r} is named for dev and to be left out; it can be only one of them")
    return genome.without(dev_part.contigs.keys() | left_out.contigs.keys()), dev_part, left_out


class _Trainer(Trainer[BiGRUAttention]):
    """The classifier and its optimiser, an epoch at a time."""

    def __init__(
        self,
        recipe: GenomeRecipe,
        sampler: SegmentSampler,
        start: BiGRUAttention | None,
        team: Team,
        threads: int | None,
    ) -> None:
        if recipe.batch_size < team.size:
            raise RunError(
                f"{team.size} processes cannot share a batch of {recipe.batch_size}; "
                "start fewer of them, or raise --batch-size"
            )
        self.recipe, self.sampler, self.threads = recipe, sampler, threads
        steps_per_epoch = -(-recipe.segments_per_epoch // recipe.batch_size)
        super().__init__(recipe, lambda: classifier(recipe.architecture, start), steps_per_epoch, team, threads)

    def run_epoch(self, epoch: int, bar: Progress) -> dict[str, float]:
        """One epoch, and before it the search for false calls to learn from; returns learning rate and losses."""
        rng = seed_epoch(self.recipe.seed, epoch, self.team.rank)
        hard = self._mine(rng) if epoch else []
        self.model.train()
        reach, losses = self.recipe.architecture.reach, list[tuple[float, ...]]()
        for _ in range(self.steps_per_epoch):
            warm_up = int(rng.choice(WARM_UPS))
            margin = max(warm_up, reach)
            losses.append(self._step(self.sampler.draw(self.recipe.batch_size, margin, hard, rng), margin, warm_up))
            bar.advance(self.recipe.segments_per_epoch / self.steps_per_epoch)
        self.team.require_equal(self.model.parameters())
        means = dict(zip(("loss_promoters", "loss_background", "loss_ranking"), np.mean(losses, axis=0), strict=True))
        return {"learning_rate": self.optimiser.rate, **{name: float(value) for name, value in means.items()}}

    def call(self, contigs: Mapping[str, Codes], pieces: Sequence[Interval], starts: KnownStarts) -> JudgedCalls:
        """The calls of the weights of the moment on these pieces."""
        return call_and_judge(self.kept, contigs, pieces, starts, self.device, self.threads)

    def _mine(self, rng: np.random.Generator) -> list[Site]:
        """The false calls of the highest logits on some of the training contigs."""
        contigs, chroms = self.sampler.contigs, list(self.sampler.contigs)
        pieces = draw_pieces(contigs, self.recipe.mining_bases, rng)

        def worst() -> list[int]:
            hits = self.call(contigs, pieces, self.sampler.starts).worst(HARD)
            return [n for hit in hits for n in (chroms.index(hit.chrom), hit.tss, STRANDS.index(hit.strand))]

        numbers = iter(self.team.ask_first(worst))
        return [Site(chroms[c], tss, STRANDS[s]) for c, tss, s in zip(numbers, numbers, numbers, strict=True)]

    def _step(self, batch: Segments, margin: int, warm_up: int) -> tuple[float, ...]:
        codes, labels, weights, rates = (torch.from_numpy(values).to(self.device) for values in batch)
        with autocast(self.device, self.precision):
            logits = self.model.along(codes[self.team.share(len(codes))], margin, warm_up)
        logits = self.team.whole(logits.float(), len(codes))
        losses = F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
        promoters = _mean(losses, weights * labels)
        background = _mean(losses, rates[:, None] * weights * (1 - labels))
        ranking = ranking_loss(logits, labels, weights, rates)
        self.optimiser.step(promoters + background + self.recipe.ranking * ranking)
        return promoters.item(), background.item(), ranking.item()


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean, 0 if there is no weight at all."""
    return (values * weights).sum() / weights.sum().clamp(min=1)


def ranking_loss(logits: Tensor, labels: Tensor, weights: Tensor, rates: Tensor) -> Tensor:
    """How far promoters stand above the background that would be called in their place, in nats.

    For each segment with a promoter, the cross-entropy of picking one of its promoter windows: out of its own windows,
    as a caller has to, and out of all of the background of the batch, as a threshold has to. The mean of the two.
    Windows compete in proportion to their weight, and segments to their rate.

    Args:
        logits: (segments, windows).
        labels: of these windows, as in `Segments`.
        weights: likewise.
        rates: likewise, (segments,).
    """
    weighed = logits + weights.clamp(min=NOTHING).log()
    promoters = torch.where(labels == 1, weighed, math.log(NOTHING)).logsumexp(dim=1)
    background = torch.where(labels == 0, weighed, math.log(NOTHING)).logsumexp(dim=1)
    held = (labels * weights > 0).any(dim=1)
    if not held.any():
        return 0 * logits.sum()
    promoters = promoters[held]
    own = torch.logaddexp(promoters, background[held]) - promoters
    everywhere = torch.logaddexp(promoters, (background + rates.log()).logsumexp(dim=0)) - promoters
    return (own + everywhere).mean() / 2


def _figures(calls: JudgedCalls) -> dict[str, float]:
    recalls = {f"recall_at_{rate}": calls.recall(rate) for rate in FP_PER_MB}
    return {"recall": sum(recalls.values()) / len(recalls), **recalls}


def _keep(run: TrainingRun, trainer: _Trainer, card: Card, calls: JudgedCalls) -> None:
    """Write weights, plots and metrics of the epoch just done."""
    row, threshold = run.history[-1], calls.threshold(THRESHOLD_FP_PER_MB)
    dev = {name: value for name, value in row.items() if name.startswith("recall")}
    dev |= {"bases": calls.bases, "starts": len(calls.found)}
    card = dataclasses.replace(
        card,
        metrics={"dev": dev, "epoch": row["epoch"]},
        default_threshold=threshold if math.isfinite(threshold) else None,
        threshold_basis=f"{THRESHOLD_FP_PER_MB} false hits per Mb in {calls.bases / 1e6:.4g} Mb of the dev contigs",
    )
    save_model(run.path / "last.safetensors", trainer.kept, card)
    if row is run.best("recall"):
        save_model(run.path / "best.safetensors", trainer.kept, card)
        plot_recall_by_false_hits(*calls.curve(), run.path / "dev_recall.png")
    plot_recalls(run.history, run.path / "learning_curves.png")
    run.save(trainer)


def _draft_card(run: TrainingRun, data: Mapping[str, Any], splits: Mapping[str, Any], start: Card | None) -> Card:
    return run.draft_card(
        task="promoter",
        engine="streaming",
        strand_trusted=True,
        training={**data, "recipe": run.config["recipe"]},
        start=start,
        splits=splits,
        limits=(
            "Knows promoters like those of the list that it was trained on, and the background of that genome only. "
            "Starts that the list lacks count as false hits. The dev contigs chose the epoch and the threshold, so "
            "figures on them are a little too good. A probability of 0.5 means nothing: choose a threshold on genome."
        ),
    )
