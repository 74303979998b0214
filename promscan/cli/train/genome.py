"""`promscan train genome`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promscan import log
from promscan.cli.options import Number, quiet_option, tss_from_option
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


def _comma_list(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...]:
    return tuple(word for word in (text or "").split(",") if word)


def _widths(_context: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(",") if word)
    except ValueError as error:
        raise click.BadParameter("give whole numbers with commas between") from error


@click.command()
@click.argument("sequences", metavar="GENOME")
@click.argument("starts", metavar="TSS")
@tss_from_option
@click.option(
    "--dev", required=True, metavar="NAMES", callback=_comma_list,
    help="Contigs to choose the best epoch on, commas between; chr9 also stands for all chr9:...",
)  # fmt: skip
@click.option(
    "--leave-out", metavar="NAMES", callback=_comma_list,
    help="Contigs not to use, for a test later.",
)  # fmt: skip
@click.option("--positives", metavar="TABLE", help="More promoters, pasted over listed ones; needs --positives-tss.")
@click.option(
    "--positives-tss", type=click.IntRange(min=0), metavar="N", help="0-based place of the start in each of them."
)  # fmt: skip
@click.option(
    "--drop", multiple=True, metavar="FILE",
    help="70-bp sequences, one a line: positives that hold one are left out. May be repeated.",
)  # fmt: skip
@output_option
@size_options(hidden=64, convolutions=1, dropout=0.1)
@click.option(
    "--composition", default="100,300,1000,2500", show_default=True, metavar="BP,...", callback=_widths,
    help="Widths around a window whose base composition is known.",
)  # fmt: skip
@click.option(
    "--context", type=click.IntRange(min=0), default=32, show_default=True,
    help="Learned features whose means in bins around a window are known.",
)  # fmt: skip
@click.option(
    "--context-bins", default="100,200,300,600,1000", show_default=True, metavar="BP,...", callback=_widths,
    help="Where these bins end, from the middle of the window to each side.",
)  # fmt: skip
@click.option(
    "--half-life", type=click.IntRange(min=0), default=32, show_default=True, metavar="BP",
    help="A state loses half of what it held in so many bases, at the latest; 0: no such limit.",
)  # fmt: skip
@learning_rate_option(2e-3)
@epoch_options(rows="Segments", batch_size=32, epochs=20)
@click.option(
    "--segments-per-epoch", type=click.IntRange(min=1), default=8000, show_default=True, help="Drawn anew each time."
)
@click.option("--windows", type=click.IntRange(min=1), default=512, show_default=True, help="Of a segment.")
@click.option(
    "--near", type=click.IntRange(min=0), default=10, show_default=True,
    help="A window with its tss at most so many bp from a start is a promoter.",
)  # fmt: skip
@click.option(
    "--ignored", type=click.IntRange(min=0), default=100, show_default=True,
    help="Another at most so many bp from it counts for nothing.",
)  # fmt: skip
@click.option(
    "--opposite-weight", type=Number(min=0), default=3.0, show_default=True,
    help="Weight of background within 500 bp of a start of the other strand.",
)  # fmt: skip
@click.option(
    "--beside-weight", type=Number(min=0, min_open=True), default=0.1, show_default=True,
    help="Weight of the background of a segment drawn for a start.",
)  # fmt: skip
@click.option(
    "--mined-weight", type=Number(min=0, min_open=True), default=1.0, show_default=True,
    help="Weight of the background of a segment drawn for a false call.",
)  # fmt: skip
@click.option(
    "--mutations", type=Number(min=0, max=1), default=0.08, show_default=True,
    help="Share of the bases of a segment that are drawn anew, at most.",
)  # fmt: skip
@click.option("--ranking", type=Number(min=0), default=0.25, show_default=True, help="Share of the ranking loss.")
@click.option(
    "--dev-bases", type=click.IntRange(min=1), default=4_000_000, show_default=True,
    help="How much of the dev contigs an epoch is judged on.",
)  # fmt: skip
@click.option(
    "--mining-bases", type=click.IntRange(min=1), default=4_000_000, show_default=True,
    help="How much is searched for false calls before an epoch.",
)  # fmt: skip
@step_options(averaging=0.998)
@init_option
@run_options()
@quiet_option
def genome(
    sequences: str,
    starts: str,
    tss_from: str | None,
    dev: tuple[str, ...],
    leave_out: tuple[str, ...],
    positives: str | None,
    positives_tss: int | None,
    drop: tuple[str, ...],
    output: Path,
    init: str | None,
    quiet: bool,
    **recipe: Any,
) -> None:
    """Train a model that scans, from a genome and its known transcription starts.

    GENOME is FASTA. TSS is BED, GFF3 or GTF with strands. Every position of the genome is learned from, on both
    strands, and an epoch is judged by the recall at 10, 50 and 100 false hits per Mb of the dev contigs.

    \b
    promscan train genome genome.fa tss.bed --dev chr9,chr17 --leave-out chr10 -o runs/mine
    promscan scan other.fa -o hits.bed --model runs/mine/best.safetensors
    """
    if (positives is None) != (positives_tss is None) or (drop and positives is None):
        raise click.UsageError("--positives needs --positives-tss, and the other way round; --drop needs both")
    log.configure(quiet=quiet)
    from promscan.train.data.labelled_genome import read_labelled_genome
    from promscan.train.data.promoters import read_promoters
    from promscan.train.data.segments import SegmentRecipe
    from promscan.train.genome import GenomeRecipe, train_genome

    sizes = taken_from(recipe, (*SIZES, "composition", "context", "context_bins", "half_life"))
    run = taken_from(recipe, RUN)
    weights = ("opposite_weight", "beside_weight", "mined_weight")
    segments = taken_from(recipe, ("windows", "near", "ignored", *weights, "mutations"))
    promoters = None if positives is None or positives_tss is None else read_promoters(positives, positives_tss, drop)
    train_genome(
        read_labelled_genome(sequences, starts, tss_from),
        promoters,
        output,
        GenomeRecipe(architecture=architecture_of(sizes, init), segments=SegmentRecipe(**segments), **recipe),
        dev=dev,
        leave_out=leave_out,
        init=init,
        **run,
    )
