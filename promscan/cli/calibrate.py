"""`promscan calibrate`: a model in, the same model out, with a table of false positives per Mb in its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promscan import log
from promscan.cli.options import (
    Count,
    NamedPath,
    OddCount,
    complete_models,
    contigs_option,
    machine_options,
    quiet_option,
)
from promscan.seq.bounds import MAX_BP, MAX_SMOOTHING


@click.command()
@click.argument("model", metavar="MODEL", shell_complete=complete_models)
@click.option("--genome", required=True, metavar="FILE", help="FASTA to count false positives on.")
@click.option(
    "--exclude", required=True, metavar="FILE",
    help="BED, GFF3 or GTF of its known promoters; what is nearer to one than the clearance of MODEL (mostly 1,000 bp) "
    "is not background.",
)  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=NamedPath(), metavar="MODEL2",
    help="Weights file to write (.safetensors).",
)  # fmt: skip
@contigs_option("Only on these contigs or regions")
@click.option(
    "--min-distance", type=Count(1, MAX_BP), metavar="N",
    help="Least distance in bp between two hits of a strand, here and in the card of MODEL2.  [default: that of MODEL]",
)  # fmt: skip
@click.option(
    "--smoothing", type=OddCount(MAX_SMOOTHING), metavar="BP",
    help="Odd width over which logits are averaged, here and in the card of MODEL2; 1: not at all.  "
    "[default: that of MODEL]",
)  # fmt: skip
@machine_options
@quiet_option
def calibrate(model: str, genome: str, exclude: str, output: Path, quiet: bool, **options: Any) -> None:
    """Measure the false positives per Mb of MODEL, at each logit, on your own background.

    The whole genome is scanned, except near known promoters, and every hit counts as false. MODEL2 is MODEL with this
    table in its card, which 'promscan scan --fp-per-mb' needs. The card also says how a scan can leave out windows
    that cannot be hits, if that saves enough time.

    \b
    promscan calibrate mine.safetensors --genome genome.fa --exclude tss.bed -o calibrated.safetensors
    promscan scan genome.fa -o hits.bed --model calibrated.safetensors --fp-per-mb 10
    """
    log.configure(quiet=quiet)
    from promscan.commands.calibrate import calibrate as measure

    measure(model, genome, exclude, output, **options)
