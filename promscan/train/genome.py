"""Training of a model that scans: a classifier of every position of a genome, trained along its sequence.

The network reads segments around listed transcription starts and segments of background with running states, as the
streaming engine does, and learns from every window of them. Each epoch is validated like a scan: by the recall at a
few false positives per Mb of the dev contigs.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promscan.inference.streaming import StreamingEngine
from promscan.log import logger
from promscan.networks.calling_rule import OWN, CallingRule, Feature
from promscan.networks.card import PROMOTER, Card
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.device import memory_errors
from promscan.networks.weights import load_model, save_model
from promscan.plots.figure import require_matplotlib
from promscan.plots.training import plot_recall_by_false_hits, plot_recalls
from promscan.seq.records import Interval
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome
from promscan.train.data.promoters import Promoters
from promscan.train.data.segments import SegmentSampler
from promscan.train.genome_init import MAY_HAVE_SEEN, are_unseen
from promscan.train.genome_parts import GenomeParts, dev_pieces_of, not_held_out, split
from promscan.train.genome_trainer import GenomeRecipe, GenomeTrainer
from promscan.train.genome_validation import GenomeValidation
from promscan.train.loop.distributed import process_group
from promscan.train.loop.run import TrainingRun, checksum_of, choose_threads, starting_model
from promscan.train.loop.session import MORE_MEMORY, training_session
from promscan.train.teachers import Teachers

FP_PER_MB = (10, 50, 100)
"""False positives per Mb of dev at which the recall is measured; the mean of these recalls chooses the best epoch."""
THRESHOLD_FP_PER_MB = 50
"""False positives per Mb of dev at the threshold in the card."""
BY_PLACE = CallingRule(-4.0, (Feature(OWN, 0, 1.0),), place_weight=1.0, log_odds=True, basis="places of the network")
"""How a scan places the hits of a network with a head for places. Their logits stay as they are."""

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
    teachers: Sequence[str | Path] = (),
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
        teachers: models that scan; the network learns their mean logits as well as the labels.
        allow_seen: accept weights in `init` and `teachers` that may have learned from the dev or left-out contigs.
        resume: go on with the unfinished run in `out`.

    Raises:
        InputError: there is no such contig, or no start is listed on the training or on the dev contigs.
        ModelError: `init` or a teacher does not exist, does not fit, or may have learned from the dev or left-out
            contigs.
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
    data: dict[str, Any] = {"genome": parts.train.describe(), "promoters": promoters and promoters.describe()}
    start, start_card = starting_model(load_model, init, recipe.architecture)
    taught_by = Teachers.load(teachers)
    data |= {"teachers": taught_by.describe()} if taught_by else {}
    cards = [card for card in (start_card, *(taught_by.cards if taught_by else ())) if card is not None]
    if not are_unseen(cards, species, parts.held_out, allow_seen):
        data[MAY_HAVE_SEEN] = True
    config = {"train": data, **parts.describe_held_out(), "species": species, "init": checksum_of(start_card)}
    with process_group(device) as group:
        chosen = choose_threads(threads, lambda: BiGRUAttention(recipe.architecture), out, group, resume=resume)
        run = TrainingRun(out, recipe, config, threads=chosen)
        with training_session(chosen, group.device):
            trainer = GenomeTrainer(recipe, _sampler(parts, promoters, recipe), start, group, threads, taught_by)
            run.begin(trainer, resume=resume)
            logger.info("training %s, %.4g Mb; run folder %s", trainer.describe(), parts.train.bases / 1e6, out)
            _run_epochs(run, trainer, _draft_card(run, recipe, data, parts, start_card), parts.dev, dev_pieces)
            group.wait_for_main()  # it still validates and writes the last epoch
    return run.finish("recall", "dev recall") if group.is_main else run.card_of("best")


def _sampler(parts: GenomeParts, promoters: Promoters | None, recipe: GenomeRecipe) -> SegmentSampler:
    train, reach = parts.train, recipe.scale.opposite_reach
    return SegmentSampler(train.contigs, train.starts, promoters, recipe.segments, train.evidence, reach)


def _run_epochs(
    run: TrainingRun, trainer: GenomeTrainer, card: Card, dev: LabelledGenome, dev_pieces: Sequence[Interval]
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


def _metrics(validation: GenomeValidation) -> dict[str, float]:
    recalls = {f"recall_at_{rate}": validation.recall(rate) for rate in FP_PER_MB}
    return {"recall": sum(recalls.values()) / len(recalls), **recalls}


def _save_epoch(run: TrainingRun, trainer: GenomeTrainer, card: Card, validation: GenomeValidation) -> None:
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
        limits += " It started or learned from weights that may have learned from the dev and left-out contigs."
    return run.draft_card(
        task=PROMOTER,
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
