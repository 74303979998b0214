"""`promscan train genome`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from promscan import log
from promscan.cli.options import Count, Number, quiet_option, tss_from_option
from promscan.cli.train.allocator import reuse_freed_memory
from promscan.cli.train.options import (
    RUN,
    SIZES,
    architecture_of,
    epoch_options,
    init_option,
    learning_rate_option,
    output_option,
    run_options,
    size_options,
    step_options,
    taken_from,
)
from promscan.networks.architecture import MAX_CONTEXT, MAX_HIDDEN, MAX_REACH
from promscan.networks.card import MIN_DISTANCE
from promscan.networks.card_parts import Scale
from promscan.seq.bounds import MAX_BP, MAX_COUNT, MAX_WIDTH
from promscan.train.genome_settings import CHOSEN, settings_for

if TYPE_CHECKING:
    from promscan.train.genome_trainer import GenomeRecipe

MOST_WIDTHS = 32
"""Largest number of `--composition` or `--context-bins`."""


def _comma_list(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...]:
    return tuple(word for word in (text or "").split(",") if word)


def _widths(_context: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",") if word]
    if not all(word.isdecimal() and word.isascii() for word in words):
        raise click.BadParameter("give whole numbers with commas between them")
    if len(words) > MOST_WIDTHS or any(len(word) > len(str(MAX_WIDTH)) for word in words):
        raise click.BadParameter(f"give at most {MOST_WIDTHS} numbers, none above {MAX_WIDTH:,}")
    return tuple(int(word) for word in words)


@click.command()
@click.argument("sequences", metavar="GENOME")
@click.argument("starts", metavar="TSS")
@tss_from_option
@click.option(
    "--tss", "more_starts", multiple=True, type=(str, Number(min=0, min_open=True), Number(min=0)),
    metavar="FILE WEIGHT PLACE",
    help="Another list of starts. WEIGHT: how much each of them counts as a promoter. PLACE: how much its base counts "
    "for --place. For the starts of TSS, both are 1. Starts of two lists at most 50 bp apart are one start, at its "
    "position in the earlier list. May be repeated.",
)  # fmt: skip
@click.option(
    "--ignore-near", "doubtful", multiple=True, metavar="FILE",
    help="Starts that may be real or not: nothing is learned from what lies around them. May be repeated.",
)  # fmt: skip
@click.option(
    "--dev", required=True, metavar="NAMES", callback=_comma_list,
    help="Contigs or regions (II:1-900,000) to choose the best epoch on, with commas between them; chr9 also stands "
    "for all chr9:...",
)  # fmt: skip
@click.option(
    "--leave-out", metavar="NAMES", callback=_comma_list,
    help="Contigs or regions that the training does not use, for a later test.",
)  # fmt: skip
@click.option(
    "--positives", metavar="TABLE",
    help="Additional promoters, pasted over listed ones; needs --positives-tss. Positives on dev or left-out contigs "
    "are not used.",
)  # fmt: skip
@click.option(
    "--positives-tss", type=Count(0, MAX_WIDTH), metavar="N", help="0-based index of the start in each positive."
)  # fmt: skip
@click.option(
    "--drop", multiple=True, metavar="FILE",
    help="70-bp sequences, one on each line; positives that contain one are left out. May be repeated.",
)  # fmt: skip
@output_option
@size_options(hidden=64, convolutions=1, dropout=0.1)
@click.option(
    "--composition", default="100,300,1000,2500", show_default=True, metavar="BP,...", callback=_widths,
    help="Widths in bp around a window whose base composition the network sees.",
)  # fmt: skip
@click.option(
    "--context", type=Count(0, MAX_CONTEXT), default=32, show_default=True,
    help="Learned features; the network sees their means in bins around a window.",
)  # fmt: skip
@click.option(
    "--context-bins", default="100,200,300,600,1000", show_default=True, metavar="BP,...", callback=_widths,
    help="Ends of these bins, in bp from the middle of the window, on each side.",
)  # fmt: skip
@click.option(
    "--frames", default="", metavar="BP,...", callback=_widths,
    help="Ends of bins, in bp from the start on each side, in which the network sees stop codons by reading frame: for "
    "genomes full of genes, such as 40,120,240,480 for bacteria.",
)  # fmt: skip
@click.option(
    "--half-life", type=Count(0, MAX_REACH), default=32, show_default=True, metavar="BP",
    help="A state of the GRU loses at least half of its value in this many bases; 0: no limit.",
)  # fmt: skip
@click.option(
    "--place", type=Count(0, MAX_HIDDEN), default=0, show_default=True,
    help="Hidden units of the head that grades every base as the start, and so places the hits; 0: no such head.",
)  # fmt: skip
@click.option(
    "--place-in-logit", is_flag=True,
    help="Let that grade be a part of the logit of a window; use it with a small --near.",
)  # fmt: skip
@learning_rate_option(2e-3)
@epoch_options(rows="Segments", batch_size=32, epochs=20)
@click.option(
    "--segments-per-epoch", type=Count(1, MAX_COUNT), default=8000, show_default=True,
    help="Segments of an epoch; drawn anew in each epoch.",
)  # fmt: skip
@click.option("--windows", type=Count(1, MAX_WIDTH), default=512, show_default=True, help="Windows of a segment.")
@click.option(
    "--near", type=Count(0, MAX_WIDTH), default=10, show_default=True,
    help="A window with its TSS at most this many bp from a start is a promoter.",
)  # fmt: skip
@click.option(
    "--ignored", type=Count(0, MAX_WIDTH), default=100, show_default=True,
    help="Other windows at most this many bp from a start are ignored.",
)  # fmt: skip
@click.option(
    "--opposite-weight", type=Number(min=0), default=3.0, show_default=True,
    help="Weight of background within --opposite-reach of a start of the other strand.",
)  # fmt: skip
@click.option(
    "--flank-weight", type=Number(min=0, min_open=True), default=0.1, show_default=True,
    help="Weight of the background around a start, in a segment drawn for it.",
)  # fmt: skip
@click.option(
    "--mined-weight", type=Number(min=0, min_open=True), default=1.0, show_default=True,
    help="Weight of the background of a segment drawn for a false hit.",
)  # fmt: skip
@click.option(
    "--pasted", type=Number(min=0, max=1), default=0.75, show_default=True,
    help="Share of the segments with a promoter that show one of --positives instead.",
)  # fmt: skip
@click.option(
    "--mutations", type=Number(min=0, max=1), default=0.08, show_default=True,
    help="Largest share of the bases of a segment that are replaced by random ones.",
)  # fmt: skip
@click.option(
    "--tolerance", type=Count(0, MAX_BP), default=Scale.tolerance, show_default=True, metavar="BP",
    help="A start is found by a hit of its strand at most this far from it.",
)  # fmt: skip
@click.option(
    "--false-beyond", type=Count(0, MAX_BP), default=Scale.false_beyond, show_default=True, metavar="BP",
    help="A hit farther than this from every start of its strand is false.",
)  # fmt: skip
@click.option(
    "--clearance", type=Count(0, MAX_BP), default=Scale.clearance, show_default=True, metavar="BP",
    help="Background of a later calibration lies at least this far from every start.",
)  # fmt: skip
@click.option(
    "--opposite-reach", type=Count(0, MAX_BP), default=Scale.opposite_reach, show_default=True, metavar="BP",
    help="Background at most this far from a start of the other strand has --opposite-weight.",
)  # fmt: skip
@click.option(
    "--fp-per-mb", type=Number(min=1e-6, max=1e6), default=Scale.fp_per_mb, show_default=True, metavar="RATE",
    help="False positives per Mb that scans with the calibrated model call at by default.",
)  # fmt: skip
@click.option(
    "--min-distance", type=Count(1, MAX_BP), default=MIN_DISTANCE, show_default=True, metavar="BP",
    help="Least distance between two hits of a strand.",
)  # fmt: skip
@click.option(
    "--background-weight", "background", type=Number(min=0, min_open=True), default=1.0, show_default=True,
    help="Weight of the loss of background; that of promoters is 1.",
)  # fmt: skip
@click.option("--ranking", type=Number(min=0), default=0.25, show_default=True, help="Weight of the ranking loss.")
@click.option(
    "--placing", type=Number(min=0), default=0.2, show_default=True,
    help="Weight of the loss of the head for places.",
)  # fmt: skip
@click.option(
    "--dev-bases", type=Count(1, MAX_COUNT), default=4_000_000, show_default=True,
    help="Bases of the dev contigs on which an epoch is validated.",
)  # fmt: skip
@click.option(
    "--mining-bases", type=Count(0, MAX_COUNT), default=4_000_000, show_default=True,
    help="Bases that are scanned for false hits before an epoch; 0: none, for a list that lacks many real starts.",
)  # fmt: skip
@step_options(averaging=0.998)
@init_option
@click.option(
    "--teacher", "teachers", multiple=True, metavar="NAME|PATH",
    help="Model that scans; the network learns its logits and the labels. Of several, the mean. May be repeated.",
)  # fmt: skip
@click.option(
    "--teaching", type=Number(min=0), default=1.0, show_default=True,
    help="Weight of the squared difference from the logits of --teacher.",
)  # fmt: skip
@click.option(
    "--allow-seen", is_flag=True,
    help="Accept weights of --init and --teacher that may have been trained on the dev or left-out contigs; the card "
    "says so.",
)  # fmt: skip
@run_options(
    click.option("--species", required=True, metavar="NAME", help="Scientific name of the species, for the card.")
)
@quiet_option
def genome(
    sequences: str,
    starts: str,
    tss_from: str | None,
    more_starts: tuple[tuple[str, float, float], ...],
    doubtful: tuple[str, ...],
    dev: tuple[str, ...],
    leave_out: tuple[str, ...],
    positives: str | None,
    positives_tss: int | None,
    drop: tuple[str, ...],
    output: Path,
    init: str | None,
    teachers: tuple[str, ...],
    allow_seen: bool,
    quiet: bool,
    **recipe: Any,
) -> None:
    """Train a model that scans, from a genome and its known transcription starts.

    GENOME is FASTA. TSS is BED, GFF3 or GTF with strands. The model learns from every position of the genome on both
    strands. Each epoch is validated by the recall at 10, 50 and 100 false positives per Mb of the dev contigs. Options
    with the default "by the genome" follow from its size and the number of starts; a line says what was chosen.

    \b
    promscan train genome genome.fa tss.bed --dev chr9,chr17 --leave-out chr10 --species "Mus musculus" -o runs/mine
    promscan scan other.fa -o hits.bed --model runs/mine/best.safetensors
    """
    if (positives is None) != (positives_tss is None) or (drop and positives is None):
        raise click.UsageError("--positives and --positives-tss need each other, and --drop needs both")
    log.configure(quiet=quiet)
    from promscan.networks.device import memory_errors
    from promscan.train.data.labelled_genome import read_labelled_genome
    from promscan.train.data.promoters import read_promoters
    from promscan.train.genome import train_genome
    from promscan.train.loop.session import MORE_MEMORY

    run = taken_from(recipe, RUN)
    _recipe_of(recipe, init)  # what does not go together is wrong before anything is read
    promoters = None if positives is None or positives_tss is None else read_promoters(positives, positives_tss, drop)
    reuse_freed_memory()
    with memory_errors(MORE_MEMORY):
        labelled = read_labelled_genome(sequences, starts, tss_from, more_starts, doubtful)
    settings = _recipe_of(recipe | _chosen(labelled.bases, len(labelled.starts), init), init)
    train_genome(
        labelled, output, settings, dev=dev, leave_out=leave_out, promoters=promoters, init=init, teachers=teachers,
        allow_seen=allow_seen, **run,
    )  # fmt: skip


def _describe_chosen(command: click.Command) -> None:
    """Let the help of the options that follow from the genome say so."""
    for option in command.params:
        if isinstance(option, click.Option) and option.name in CHOSEN:
            option.show_default, option.help = False, f"{option.help}  [default: by the genome]"


_describe_chosen(genome)


def _chosen(bases: int, starts: int, init: str | None) -> dict[str, Any]:
    """What the genome decides of the options that the command line does not name, and a line that says so."""
    context = click.get_current_context()
    choice = settings_for(bases, starts, sized=init is not None)
    free = {
        name: value
        for name, value in choice.values.items()
        if context.get_parameter_source(name) is ParameterSource.DEFAULT
    }
    spelled = {option.name: option.opts[0] for option in context.command.params}
    words = [spelled[name] + ("" if value is True else f" {_spelled(value)}") for name, value in free.items()]
    log.logger.info("settings for %s: %s", choice.why, " ".join(words) or "none, since you name all of them")
    return free


def _spelled(value: float | tuple[int, ...]) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}"


def _recipe_of(options: dict[str, Any], init: str | None) -> GenomeRecipe:
    """Recipe of these options; the sizes of the network are those of `init` unless an option names them."""
    from promscan.train.data.segments import SegmentRecipe
    from promscan.train.genome_trainer import GenomeRecipe

    options = dict(options)
    around = ("composition", "context", "context_bins", "frames")
    sizes = taken_from(options, (*SIZES, *around, "half_life", "place", "place_in_logit"))
    weights = ("opposite_weight", "flank_weight", "mined_weight")
    segments = taken_from(options, ("windows", "near", "ignored", *weights, "pasted", "mutations"))
    scale = Scale(**taken_from(options, ("tolerance", "false_beyond", "clearance", "opposite_reach", "fp_per_mb")))
    return GenomeRecipe(
        architecture=architecture_of(sizes, init), segments=SegmentRecipe(**segments), scale=scale, **options
    )
