"""`promscan scan`: a genome in, hits out."""

from __future__ import annotations

import os
import re
import time
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from promscan import log
from promscan.cli.options import (
    Count,
    check_one_threshold,
    machine_options,
    model_option,
    quiet_option,
    skip_masked_option,
    strand_option,
    strength_option,
    threshold_options,
)
from promscan.io.files import check_outputs, is_special
from promscan.io.schemas import NOTHING_SCORED
from promscan.networks.card import DEFAULT_MODEL, model_files
from promscan.networks.strength_choice import strength_models
from promscan.seq.bounds import MAX_BP

if TYPE_CHECKING:
    from promscan.commands.scan import Scan


def _shard(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    from promscan.seq.intervals import MOST_SHARDS, check_shard

    match = re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", text)
    try:
        index, count = (int(match[1]), int(match[2])) if match else (0, 0)
        check_shard(index, count)
    except ValueError as error:
        raise click.BadParameter(
            f"{text[:40]!r} is not I/N, such as 1/10 to 10/10, of at most {MOST_SHARDS:,} parts"
        ) from error
    return index, count


@click.command()
@click.argument("genome", metavar="GENOME")
@click.option(
    "-o", "--output", required=True, metavar="OUT",
    help="File of hits, in the format of its suffix: .bed, .gff3 or .narrowPeak; .gz: bgzipped and indexed; -: stdout.",
)  # fmt: skip
@model_option(DEFAULT_MODEL)
@threshold_options
@strand_option
@click.option(
    "--stride", type=Count(1, MAX_BP), default=1, show_default=True, metavar="N",
    help="Score only windows whose start is divisible by N.",
)  # fmt: skip
@skip_masked_option
@click.option(
    "--region", "regions", multiple=True, metavar="R",
    help="Write only hits whose TSS lies here: chr1 or chr1:1,001-2,000 (1-based, closed). May be repeated.",
)  # fmt: skip
@click.option(
    "--bed", metavar="FILE",
    help="Write only hits whose TSS lies in these intervals; together with --region: in either of them.",
)  # fmt: skip
@click.option("--exclude", metavar="FILE", help="Do not score windows that overlap these intervals.")
@click.option(
    "--shard", callback=_shard, metavar="I/N",
    help="Scan the I-th of N parts of the genome; 'promscan merge' joins the outputs.",
)  # fmt: skip
@click.option(
    "--exhaustive", is_flag=True,
    help="Score every window exactly; without it, a faster pass may choose the windows to score.",
)  # fmt: skip
@strength_option("Model that predicts the strength of hits in its reporter")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["bed", "gff3", "narrowpeak"]),
    help="Format of the hits.  [default: by suffix]",
)
@machine_options
@click.option("--resume", is_flag=True, help="Keep a journal in OUT.resume, and go on from it if it is there.")
@click.option(
    "--summary", metavar="FILE",
    help="Write settings, counts, times and memory as JSON, and with it a table of contigs and a file for MultiQC.",
)  # fmt: skip
@click.option(
    "--track", metavar="PREFIX",
    help="Write the calling score of every base to PREFIX.plus.bw and PREFIX.minus.bw (bigWig); implies --exhaustive.",
)  # fmt: skip
@quiet_option
def scan(
    genome: str,
    output: str,
    format_name: str | None,
    summary: str | None,
    quiet: bool,
    resume: bool,
    strength: str | None,
    **options: Any,
) -> None:
    """Call promoters in GENOME: FASTA, plain or compressed, or - for standard input.

    Every 70-bp window of both strands gets a score. A hit is a window that reaches the threshold, with no better window
    of its strand nearby. Coordinates in BED and narrowPeak are 0-based and half-open, in GFF3 1-based and closed.

    \b
    promscan scan genome.fa -o hits.bed
    promscan scan genome.fa.gz -o hits.gff3.gz --fp-per-mb 50
    promscan scan genome.fa -o - --region chr2:1-200,000 | head
    """
    check_one_threshold(options)
    if resume and (output == "-" or is_special(output)):
        raise click.UsageError("--resume needs an output file, and OUT is not one: name a file, or leave --resume out")
    if options["track"] is not None and options["track"].rpartition("/")[2] == "":
        raise click.UsageError("--track needs a PREFIX that ends in a name: out/genome writes out/genome.plus.bw")
    log.configure(quiet=quiet)
    _check_files(genome, output, format_name, summary, strength, options)
    from promscan.commands.scan import Scan

    began = time.monotonic()
    # Next to the file that a symbolic link points to, as its temporary file is: there it can be written.
    folder = f"{os.path.realpath(output)}.resume" if resume else None
    job = Scan(genome, resume=folder, strength=strength, **options)
    try:
        _write(job, output, format_name)
    except KeyboardInterrupt:
        if folder is not None:
            log.logger.info("%s: holds what is done so far; give the same command again to go on", folder)
        raise
    seconds = time.monotonic() - began
    if summary is not None:
        _write_summary(job, summary, seconds)
    job.finish()
    log.logger.info("%s", _result(job, output, seconds))


def _check_files(
    genome: str,
    output: str,
    format_name: str | None,
    summary: str | None,
    strength: str | None,
    options: dict[str, Any],
) -> None:
    """Refuse outputs that cannot be written, and files that are missing, before anything is loaded."""
    from promscan.commands.scanning.tracks import track_paths
    from promscan.io.hit_writers import layout_of
    from promscan.io.summaries import summary_paths

    models = [options["model"], *strength_models(options["model"], strength)]
    files = chain.from_iterable(map(model_files, models))
    tracks = [] if options["track"] is None else track_paths(options["track"], options["strand"]).values()
    summaries = [] if summary is None else summary_paths(summary)
    check_outputs([output, *summaries, *tracks], [genome, options["bed"], options["exclude"], *files])
    layout_of(output, format_name)


def _write(job: Scan, output: str, format_name: str | None) -> None:
    """Write the hits; nothing is written if the scan of a whole genome could not score a window."""
    from promscan.io.hit_writers import open_writer

    hits = iter(job)
    # What standard output has taken cannot be taken back, so its first lines wait for the first hit.
    first = list(islice(hits, 1))
    if not first:
        job.require_scored()
    with open_writer(output, format_name, job.settings) as writer:
        for hit in chain(first, hits):
            writer.write(hit)
        if not job.require_scored():
            writer.write_row(NOTHING_SCORED, 0)


def _write_summary(job: Scan, path: str, seconds: float) -> None:
    """Write settings, counts, times and memory as JSON, and the tables with it."""
    from promscan.io.summaries import write_summaries

    write_summaries(path, {**job.summary(), "total_seconds": seconds}, job.statistics.contig_rows())


def _result(job: Scan, output: str, seconds: float) -> str:
    """One line that says what was found."""
    counts, calling, card = job.statistics, job.calling, job.card
    threshold = f"logit {calling.threshold:.4g}"
    if card.calibration is not None:
        threshold += f" ({card.calibration.fp_per_mb(calling.threshold):.3g} FP/Mb)"
    found = f"{log.counted(counts.hits, 'hit')} of model {card.name} at {threshold} or more"
    if not counts.windows:
        found = f"no window could be scored; {found}"
    elif not counts.hits:
        found = f"no window reaches the threshold; {found}"
    strands = "both strands" if len(calling.scored_strands) > 1 else f"the {calling.strand} strand"
    scanned = f"{counts.scored.bases:,} bp scanned, {log.counted(counts.windows, 'window')} on {strands}"
    about = [f"{'standard output' if output == '-' else output}: {found}", f"{scanned}, {seconds:.1f} s"]
    if counts.hits and not card.strand_trusted:
        about.append("this model does not tell the strands apart: the strand of a hit may be wrong")
    if counts.hits and job.plan.strength_card is not None:
        about.append(f"strength: {job.settings['strength_domain']} (model {job.settings['strength_model']})")
    return "; ".join(about)
