"""`promscan scan`: a genome in, hits out."""

from __future__ import annotations

import os
import re
import time
from itertools import chain
from typing import Any

import click

from promscan import log
from promscan.cli.options import machine_options, model_option, quiet_option
from promscan.io.files import check_outputs, is_special, open_text_output
from promscan.networks.card import DEFAULT_MODEL, DEFAULT_STRENGTH, model_files

NO_STRENGTH = "none"


def _shard(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch("([0-9]+)/([0-9]+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise click.BadParameter(f"{text!r} is not I/N, such as 1/10 to 10/10")
    return int(match[1]), int(match[2])


@click.command()
@click.argument("genome", metavar="GENOME")
@click.option(
    "-o", "--output", required=True, metavar="OUT",
    help="Hits, in the format of the suffix: .bed, .gff3 or .narrowPeak; with .gz bgzipped and indexed; - is stdout.",
)  # fmt: skip
@model_option(DEFAULT_MODEL)
@click.option(
    "--fp-per-mb", type=float, metavar="X",
    help="Call at X false hits per Mb of background.  [default: 10, or the threshold of an uncalibrated model]",
)  # fmt: skip
@click.option("--threshold", type=float, metavar="P", help="Call at this probability instead.")
@click.option(
    "--min-distance", type=click.IntRange(1, 10_000_000), metavar="N",
    help="A hit is the best window of its strand within N bp to each side.  [default: the model's, else 500]",
)  # fmt: skip
@click.option(
    "--strand", type=click.Choice(["both", "+", "-"]), default="both", show_default=True, help="Strands to scan."
)  # fmt: skip
@click.option(
    "--stride", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="Score only windows whose start is divisible by N.",
)  # fmt: skip
@click.option("--skip-masked", is_flag=True, help="Read lower case (soft-masked) bases as unknown.")
@click.option(
    "--region", "regions", multiple=True, metavar="R",
    help="Keep hits whose tss lies here: chr1 or chr1:1,001-2,000 (1-based, closed). May be repeated.",
)  # fmt: skip
@click.option("--bed", metavar="FILE", help="Keep hits whose tss lies in these intervals.")
@click.option("--exclude", metavar="FILE", help="Drop windows that overlap these intervals.")
@click.option(
    "--shard", callback=_shard, metavar="I/N",
    help="Keep hits of the I-th of N parts of the genome; 'promscan merge' joins them.",
)  # fmt: skip
@click.option(
    "--exhaustive", is_flag=True,
    help="Score every window exactly, where a faster pass would else choose the windows to score.",
)  # fmt: skip
@click.option(
    "--strength", default=DEFAULT_STRENGTH, show_default=True, metavar="NAME|PATH|none",
    help="Strength model that grades the hits; none: they have no strength.",
)  # fmt: skip
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["bed", "gff3", "narrowpeak"]),
    help="Whatever the suffix.  [default: by suffix]",
)
@machine_options
@click.option("--resume", is_flag=True, help="Keep OUT.resume beside OUT, and go on from it if it is there.")
@click.option("--summary", metavar="FILE", help="Write settings, counts, times and memory as JSON.")
@quiet_option
def scan(
    genome: str,
    output: str,
    format_name: str | None,
    summary: str | None,
    quiet: bool,
    resume: bool,
    strength: str,
    **options: Any,
) -> None:
    """Call promoters in GENOME: FASTA, plain, gzip or bgzip, or - for standard input.

    Every 70-bp window of both strands is scored; a hit is a window of at least the threshold that no window of its
    strand nearby beats. Coordinates in BED and narrowPeak are 0-based and half-open, in GFF3 1-based and closed.

    \b
    promscan scan genome.fa -o hits.bed
    promscan scan genome.fa.gz -o hits.gff3.gz --threshold 0.99
    promscan scan genome.fa -o - --region chr2:1-200,000 | head
    """
    if options["threshold"] is not None and options["fp_per_mb"] is not None:
        raise click.UsageError("--threshold and --fp-per-mb are two ways to say the same: give one")
    # Beside the file that a symbolic link points to, as its temporary file is: there it can be written.
    folder = f"{os.path.realpath(output)}.resume" if resume else None
    if resume and (output == "-" or is_special(output)):
        raise click.UsageError("--resume goes on with a file, and OUT is none: give one, or scan without --resume")
    log.configure(quiet=quiet)
    models = [options["model"]] if strength == NO_STRENGTH else [options["model"], strength]
    files = chain.from_iterable(map(model_files, models))
    check_outputs([output, summary], [genome, options["bed"], options["exclude"], *files])
    from promscan.commands.scan import Scan
    from promscan.io.hit_writers import open_writer, write_summary

    began = time.monotonic()
    job = Scan(genome, resume=folder, strength=None if strength == NO_STRENGTH else strength, **options)
    with open_writer(output, format_name, job.settings) as writer:
        for hit in job:
            writer.write(hit)
    seconds = time.monotonic() - began
    if summary is not None:
        with open_text_output(summary) as file:
            write_summary(file, {**job.summary(), "total_seconds": seconds})
    job.finish()
    counts = job.statistics
    log.logger.info(
        "%s hits, %s bp scanned, %.1f s; strands %s",
        f"{counts.hits:,}", f"{counts.bases:,}", seconds,
        "as called" if job.card.strand_trusted else "not to be trusted (see the card of the model)",
    )  # fmt: skip
