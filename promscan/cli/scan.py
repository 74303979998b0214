"""`promscan scan`: a genome in, hits out."""

from __future__ import annotations

import os
import re
import time
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from promscan import log
from promscan.cli.options import Count, Unbounded, complete_models, machine_options, model_option, quiet_option
from promscan.io.files import check_outputs, is_special, open_text_output
from promscan.io.schemas import NOTHING_SCORED
from promscan.networks.card import DEFAULT_MODEL, OWN_STRENGTH, find_model, model_files, read_card
from promscan.networks.strength_choice import strength_model_of
from promscan.seq.bounds import MAX_BP

if TYPE_CHECKING:
    from promscan.commands.scan import Scan

NO_STRENGTH = "none"


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
@click.option(
    "--fp-per-mb", type=Unbounded(), metavar="X",
    help="Call at X false positives per Mb of background.  [default: 10, or the threshold of an uncalibrated model]",
)  # fmt: skip
@click.option("--threshold", type=Unbounded(), metavar="P", help="Call at this probability instead.")
@click.option(
    "--min-distance", type=Count(1, MAX_BP), metavar="N",
    help="A hit is the best window of its strand within N bp to each side.  [default: the model's, else 500]",
)  # fmt: skip
@click.option(
    "--strand", type=click.Choice(["both", "+", "-"]), default="both", show_default=True, help="Strands to scan."
)  # fmt: skip
@click.option(
    "--stride", type=Count(1, MAX_BP), default=1, show_default=True, metavar="N",
    help="Score only windows whose start is divisible by N.",
)  # fmt: skip
@click.option("--skip-masked", is_flag=True, help="Read lower case (soft-masked) bases as unknown.")
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
@click.option(
    "--strength", default=OWN_STRENGTH, show_default=True, metavar="NAME|PATH|none", shell_complete=complete_models,
    help="Model that predicts the strength of hits; auto: the one that the model's card names; none: no strengths.",
)  # fmt: skip
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["bed", "gff3", "narrowpeak"]),
    help="Format of the hits.  [default: by suffix]",
)
@machine_options
@click.option("--resume", is_flag=True, help="Keep a journal in OUT.resume, and go on from it if it is there.")
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
    """Call promoters in GENOME: FASTA, plain or compressed, or - for standard input.

    Every 70-bp window of both strands gets a score. A hit is a window that reaches the threshold, with no better window
    of its strand nearby. Coordinates in BED and narrowPeak are 0-based and half-open, in GFF3 1-based and closed.

    \b
    promscan scan genome.fa -o hits.bed
    promscan scan genome.fa.gz -o hits.gff3.gz --fp-per-mb 50
    promscan scan genome.fa -o - --region chr2:1-200,000 | head
    """
    if options["threshold"] is not None and options["fp_per_mb"] is not None:
        raise click.UsageError("--threshold and --fp-per-mb are two ways to say the same: give one")
    if resume and (output == "-" or is_special(output)):
        raise click.UsageError("--resume needs an output file, and OUT is not one: name a file, or leave --resume out")
    log.configure(quiet=quiet)
    _check_files(genome, output, format_name, summary, strength, options)
    from promscan.commands.scan import Scan

    began = time.monotonic()
    # Next to the file that a symbolic link points to, as its temporary file is: there it can be written.
    folder = f"{os.path.realpath(output)}.resume" if resume else None
    job = Scan(genome, resume=folder, strength=None if strength == NO_STRENGTH else strength, **options)
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
    genome: str, output: str, format_name: str | None, summary: str | None, strength: str, options: dict[str, Any]
) -> None:
    """Refuse outputs that cannot be written, and files that are missing, before anything is loaded."""
    from promscan.io.hit_writers import layout_of

    models = [options["model"]]
    if strength == OWN_STRENGTH:
        models.append(strength_model_of(read_card(find_model(options["model"]))))
    elif strength != NO_STRENGTH:
        models.append(strength)
    files = chain.from_iterable(map(model_files, models))
    check_outputs([output, summary], [genome, options["bed"], options["exclude"], *files])
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
    """Write settings, counts, times and memory as JSON."""
    from promscan.io.hit_writers import write_summary

    with open_text_output(path) as file:
        write_summary(file, {**job.summary(), "total_seconds": seconds})


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
