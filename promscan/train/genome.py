"""Training of a model that scans: a classifier of every position of a genome, trained along its sequence.

The network reads segments around listed transcription starts and segments of background with running states, as the
streaming engine does, and learns from every window of them. From the second epoch on, a part of the background are
false hits of the model itself. Each epoch is validated like a scan: by the recall at a few false positives per Mb of
the dev contigs.
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

from promscan.errors import RunError
from promscan.inference.streaming import StreamingEngine
from promscan.log import Progress, logger
from promscan.networks.calling_rule import OWN, CallingRule, Feature
from promscan.networks.card import MIN_DISTANCE, Card
from promscan.networks.card_parts import Scale
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.device import autocast, memory_errors
from promscan.networks.weights import load_model, save_model
from promscan.plots.figure import require_matplotlib
from promscan.plots.training import plot_recall_by_false_hits, plot_recalls
from promscan.seq.dna import Codes
from promscan.seq.records import Interval
from promscan.seq.tss import KnownStarts, Site
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome
from promscan.train.data.promoters import Promoters
from promscan.train.data.segments import SegmentRecipe, Segments, SegmentSampler
from promscan.train.genome_init import MAY_HAVE_SEEN, is_unseen
from promscan.train.genome_losses import losses_of
from promscan.train.genome_parts import GenomeParts, dev_pieces_of, not_held_out, split
from promscan.train.genome_validation import (
    STRANDS,
    GenomeValidation,
    draw_pieces,
    scan_and_validate,
)
from promscan.train.loop.distributed import ProcessGroup, process_group
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.run import TrainingRun, checksum_of, choose_threads, starting_model
from promscan.train.loop.seed import seed_epoch
from promscan.train.loop.session import MORE_MEMORY, training_session
from promscan.train.loop.trainer import Trainer, new_classifier

WARM_UPS = tuple(half_lives / 32 for half_lives in range(140, 351, 70))
"""Warm-up in half-lives of the states. It is drawn for each batch, so that the network cannot count from its first
state."""
USUAL_HALF_LIFE = 32
"""Half-life in bp that decides the warm-up of a network without one."""
FP_PER_MB = (10, 50, 100)
"""False positives per Mb of dev at which the recall is measured; the mean of these recalls chooses the best epoch."""
THRESHOLD_FP_PER_MB = 50
"""False positives per Mb of dev at the threshold in the card."""
MINED_FALSE_HITS = 500
"""False hits that an epoch learns from."""
BY_PLACE = CallingRule(-4.0, (Feature(OWN, 0, 1.0),), place_weight=1.0, log_odds=True, basis="places of the network")
"""How a scan places the hits of a network with a head for places. Their logits stay as they are."""


@dataclass(frozen=True, kw_only=True)
class GenomeRecipe(Recipe):
    """Settings that, together with the data, decide the result of a training on a genome.

    segments: size and labels of the segments.
    scale: distances on the genome and the default rate of false positives, for the card too.
    min_distance: least distance in bp between two hits of a strand, for the card too.
    segments_per_epoch: segments of an epoch; they are drawn anew in each epoch.
    background: weight of the mean loss of background; that of promoters is 1. With 1, a logit of 0 means that both are
        equally likely where they are equally common. A large weight makes the network learn what tells promoters from
        the rare background that resembles them most.
    ranking: weight of the ranking loss.
    placing: weight of the place loss, for a network with a head for places.
    dev_bases: bases of the dev contigs on which each epoch is validated; always the same.
    mining_bases: bases of the other contigs that are scanned for false hits before each epoch but the first; drawn
        anew each time. 0: no false hits are searched for.
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
    scale: Scale = field(default_factory=Scale)
    min_distance: int = MIN_DISTANCE
    learning_rate: float = 2e-3
    batch_size: int = 32
    epochs: int = 20
    segments_per_epoch: int = 8000
    dev_bases: int = 4_000_000
    mining_bases: int = 4_000_000
    background: float = 1.0
    ranking: float = 0.25
    placing: float = 0.2
    averaging: float = 0.998


Source = LabelledGenome | tuple[str | Path, str | Path]


@memory_errors(MORE_MEMORY)
def train_genome(
    genome: Source,
    out: str | Path,
    recipe: GenomeRecipe,
    *,
    dev: Sequence[str],
    species: str,
    leave_out: Sequence[str] = (),
    promoters: Promoters | None = None,
    device: str = "auto",
    threads: int | None = None,
    init: str | Path | None = None,
    allow_seen: bool = False,
    resume: bool = False,
) -> Card:
    """Train a streaming classifier into the run folder `out`; returns the card of the best epoch.

    All processes that torchrun starts train it together. The main process writes the folder.

    Args:
        genome: paths of a FASTA file and of the list of its transcription starts, or what `read_labelled_genome` gave.
        out: run folder, new or empty unless `resume`.
        recipe: settings of the training.
        dev: contigs to choose the best epoch on; a name also stands for all contigs that begin with it and a colon.
            Regions of contigs (`II:1-900,000`) divide a contig. Around them, bases that the network could read from
            a window of theirs are not used.
        species: species of the genome, for the card.
        leave_out: contigs and regions that are not used at all; same rules.
        promoters: additional promoters, which are pasted over listed ones. Promoters that lie on dev or left-out
            contigs are left out.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; one of the first three in several processes.
        threads: CPU threads (None: 1 for a small network, else all that the process may use).
        init: weights to start from, with the same architecture.
        allow_seen: accept weights in `init` that may have learned from the dev or left-out contigs.
        resume: go on with the unfinished run in `out`.

    Raises:
        InputError: there is no such contig, or no start is listed on the training or on the dev contigs.
        ModelError: `init` does not exist, does not fit, or may have learned from the dev or left-out contigs.
        RunError: the folder is in use, or holds another run; a batch has fewer segments than there are processes, or
            one of them has failed.
        DependencyError: matplotlib is missing.
        DeviceError: no such device, fewer devices than processes, or too little memory.
    """
    require_matplotlib()
    out = Path(out)
    labelled = genome if isinstance(genome, LabelledGenome) else read_labelled_genome(*genome)
    parts = split(labelled, dev, leave_out, guard=max(recipe.architecture.reach, StreamingEngine.warm_up))
    dev_pieces = dev_pieces_of(parts.dev, recipe.dev_bases)
    promoters = not_held_out(promoters, parts)
    sampler = SegmentSampler(
        parts.train.contigs, parts.train.starts, promoters, recipe.segments, parts.train.evidence,
        recipe.scale.opposite_reach,
    )  # fmt: skip
    data: dict[str, Any] = {"genome": parts.train.describe(), "promoters": promoters and promoters.describe()}
    start, start_card = starting_model(load_model, init, recipe.architecture)
    if start_card is not None and not is_unseen(start_card, species, parts.held_out, allow_seen):
        data[MAY_HAVE_SEEN] = True
    config = {"train": data, **parts.describe_held_out(), "species": species, "init": checksum_of(start_card)}
    with process_group(device) as group:
        chosen = choose_threads(threads, lambda: BiGRUAttention(recipe.architecture), out, group, resume=resume)
        run = TrainingRun(out, recipe, config, threads=chosen)
        with training_session(chosen, group.device):
            trainer = _Trainer(recipe, sampler, start, group, threads)
            run.begin(trainer, resume=resume)
            logger.info("training %s, %.4g Mb; run folder %s", trainer.describe(), parts.train.bases / 1e6, out)
            _run_epochs(run, trainer, _draft_card(run, recipe, data, parts, start_card), parts.dev, dev_pieces)
            group.wait_for_main()  # it still validates and writes the last epoch
    return run.finish("recall", "dev recall") if group.is_main else run.card_of("best")


def _run_epochs(
    run: TrainingRun, trainer: _Trainer, card: Card, dev: LabelledGenome, dev_pieces: Sequence[Interval]
) -> None:
    """Train the epochs that are left; the main process validates and saves each of them."""
    with run.progress("training", "segments", trainer.recipe.segments_per_epoch) as bar:
        for epoch in range(len(run.history), trainer.recipe.epochs):
            began = time.monotonic()
            learned = trainer.run_epoch(epoch, bar)
            if trainer.group.is_main:
                validation = trainer.scan(dev.contigs, dev_pieces, dev.starts, dev.evidence.doubtful)
                row = run.add_epoch(learned | _metrics(validation), began)
                bar.note(f"dev recall {row['recall']:.4f}")
                _save_epoch(run, trainer, card, validation)


class _Trainer(Trainer[BiGRUAttention]):
    """The classifier and its optimiser, an epoch at a time.

    threads: threads of the scans of an epoch (None: all that the process may use), which decide no result.
    """

    def __init__(
        self,
        recipe: GenomeRecipe,
        sampler: SegmentSampler,
        start: BiGRUAttention | None,
        group: ProcessGroup,
        threads: int | None,
    ) -> None:
        if recipe.batch_size < group.size:
            raise RunError(
                f"{group.size} processes cannot share a batch of {recipe.batch_size}; "
                "start fewer of them, or raise --batch-size"
            )
        self.recipe, self.sampler, self.threads = recipe, sampler, threads
        steps_per_epoch = -(-recipe.segments_per_epoch // recipe.batch_size)
        super().__init__(recipe, lambda: new_classifier(recipe.architecture, start), steps_per_epoch, group)

    def run_epoch(self, epoch: int, bar: Progress) -> dict[str, float]:
        """Search for false hits, train one epoch; returns the learning rate and the losses."""
        rng = seed_epoch(self.recipe.seed, epoch, self.group.rank)
        hard = self._mine(rng) if epoch and self.recipe.mining_bases else []
        self.model.train()
        reach, losses = self.recipe.architecture.reach, list[dict[str, float]]()
        for _ in range(self.steps_per_epoch):
            warm_up = round(rng.choice(WARM_UPS) * (self.recipe.architecture.half_life or USUAL_HALF_LIFE))
            margin = max(warm_up, reach)
            losses.append(self._step(self.sampler.draw(self.recipe.batch_size, margin, hard, rng), margin, warm_up))
            bar.advance(self.recipe.segments_per_epoch / self.steps_per_epoch)
        self.group.require_equal(self.model.parameters())
        means = {name: float(np.mean([each[name] for each in losses])) for name in losses[0]}
        return {"learning_rate": self.optimiser.rate, **means}

    def scan(
        self, contigs: Mapping[str, Codes], pieces: Sequence[Interval], starts: KnownStarts, doubtful: KnownStarts
    ) -> GenomeValidation:
        """Scan these pieces with the EMA model and compare the hits with the listed starts."""
        return scan_and_validate(
            self.ema_model, contigs, pieces, starts, self.device, self.threads, doubtful, scale=self.recipe.scale,
            min_distance=self.recipe.min_distance,
        )  # fmt: skip

    def _mine(self, rng: np.random.Generator) -> list[Site]:
        """Find the false hits with the highest logits on pieces of the training contigs."""
        contigs, chroms = self.sampler.contigs, list(self.sampler.contigs)
        pieces = draw_pieces(contigs, self.recipe.mining_bases, rng)

        def false_hits() -> list[int]:
            validation = self.scan(contigs, pieces, self.sampler.starts, self.sampler.evidence.doubtful)
            hits = validation.top_false_hits(MINED_FALSE_HITS)
            return [n for hit in hits for n in (chroms.index(hit.chrom), hit.tss, STRANDS.index(hit.strand))]

        numbers = np.array(self.group.broadcast(false_hits), dtype=np.int64).reshape(-1, 3)
        return [Site(chroms[chrom], tss, STRANDS[strand]) for chrom, tss, strand in numbers.tolist()]

    def _step(self, batch: Segments, margin: int, warm_up: int) -> dict[str, float]:
        codes, *given = (torch.from_numpy(values).to(self.device) for values in batch)
        with autocast(self.device, self.precision):
            logits, places = self.model.along_with_places(codes[self.group.own_rows(len(codes))], margin, warm_up)
        logits = self.group.gather(logits.float(), len(codes))
        places = None if places is None else self.group.gather(places.float(), len(codes))
        losses = losses_of(logits, places, *given)
        self.optimiser.step(losses.total(self.recipe.background, self.recipe.ranking, self.recipe.placing))
        return losses.numbers()


def _metrics(validation: GenomeValidation) -> dict[str, float]:
    recalls = {f"recall_at_{rate}": validation.recall(rate) for rate in FP_PER_MB}
    return {"recall": sum(recalls.values()) / len(recalls), **recalls}


def _save_epoch(run: TrainingRun, trainer: _Trainer, card: Card, validation: GenomeValidation) -> None:
    """Write weights, plots and metrics of the last epoch."""
    row, threshold, megabases = run.history[-1], validation.threshold(THRESHOLD_FP_PER_MB), validation.bases / 1e6
    dev = {name: value for name, value in row.items() if name.startswith("recall")}
    dev |= {"bases": validation.bases, "starts": len(validation.found)}
    card = dataclasses.replace(
        card,
        metrics={"dev": dev, "epoch": row["epoch"]},
        default_threshold=threshold if math.isfinite(threshold) else None,
        threshold_basis=f"{THRESHOLD_FP_PER_MB} false positives per Mb in {megabases:.4g} Mb of the dev contigs",
    )
    save_model(run.path / "last.safetensors", trainer.ema_model, card)
    if row is run.best("recall"):
        save_model(run.path / "best.safetensors", trainer.ema_model, card)
        plot_recall_by_false_hits(*validation.curve(), run.path / "dev_recall.png")
    plot_recalls(run.history, run.path / "learning_curves.png")
    run.save(trainer)


def _draft_card(
    run: TrainingRun, recipe: GenomeRecipe, data: Mapping[str, Any], parts: GenomeParts, start: Card | None
) -> Card:
    limits = (
        "Knows promoters like those of its training list, and the background of that genome. Starts that the list "
        "lacks count as false hits. The dev contigs chose the epoch and the threshold, so the metrics on them are a "
        "little too good. A probability of 0.5 means nothing: choose a threshold on a genome."
    )
    if MAY_HAVE_SEEN in data:
        limits += " It started from weights that may have learned from the dev and left-out contigs."
    return run.draft_card(
        task="promoter",
        engine="streaming",
        strand_trusted=True,
        training={**data, "recipe": run.config["recipe"]},
        start=start,
        splits=parts.describe_held_out(),
        limits=limits,
        scale=recipe.scale,
        min_distance=recipe.min_distance,
        calling=BY_PLACE if recipe.architecture.has_places else None,
    )
