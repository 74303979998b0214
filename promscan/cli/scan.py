"""`promscan scan`: a genome in, hits out."""

from __future__ import annotations

import re
import time
from pathlib import Path
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
from promscan.io.files import is_special
from promscan.io.schemas import BED_COLUMN_SETS, FULL
from promscan.networks.card import DEFAULT_MODEL
from promscan.networks.model_files import model_files
from promscan.networks.strength_choice import strength_models
from promscan.seq.bounds import MAX_BP
from promscan.seq.windows import WINDOW

if TYPE_CHECKING:
    from promscan.commands.scan import Scan
    from promscan.commands.scanning.works import Form, Work


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
@click.argument("genomes", metavar="GENOME...", nargs=-1, required=True)
@click.option(
    "-o", "--output", required=True, metavar="OUT",
    help="File of hits, in the format of its suffix: .bed, .gff3 or .narrowPeak; .gz: bgzipped and indexed; -: stdout; "
    "or a folder, for a file of each GENOME.",
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
    "--circular", multiple=True, metavar="NAME|all",
    help="This contig is a circle, or all are: score windows over the origin. May be repeated.",
)  # fmt: skip
@click.option(
    "--min-length", type=Count(1, MAX_BP), default=WINDOW, show_default=True, metavar="N",
    help="Skip contigs shorter than N bp.",
)  # fmt: skip
@click.option(
    "--shard", callback=_shard, metavar="I/N",
    help="Scan the I-th of N parts of the genome; 'promscan merge' joins the outputs.",
)  # fmt: skip
@click.option(
    "--exhaustive", is_flag=True,
    help="Score every window exactly; without it, a faster pass may choose the windows to score.",
)  # fmt: skip
@strength_option("Model that predicts the strength of hits")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["bed", "gff3", "narrowpeak"]),
    help="Format of the hits.  [default: by suffix; in a folder bed]",
)
@click.option(
    "--columns", type=click.Choice(BED_COLUMN_SETS), default=FULL, show_default=True,
    help="For BED: all columns and comment lines, or bed6: six columns and no comment lines.",
)  # fmt: skip
@machine_options
@click.option("--resume", is_flag=True, help="Keep a journal in OUT.resume, and go on from it if it is there.")
@click.option(
    "--summary", metavar="FILE",
    help="Write settings, counts, times and memory as JSON, and with it a table of contigs and a file for MultiQC; a "
    "folder, if OUT is one.",
)  # fmt: skip
@click.option(
    "--track", metavar="PREFIX",
    help="Write the calling score of every base to PREFIX.plus.bw and PREFIX.minus.bw (bigWig), with --exhaustive "
    "implied; a folder, if OUT is one.",
)  # fmt: skip
@quiet_option
@click.pass_context
def scan(
    context: click.Context,
    /,
    genomes: tuple[str, ...],
    output: str,
    format_name: str | None,
    columns: str,
    summary: str | None,
    quiet: bool,
    resume: bool,
    track: str | None,
    **options: Any,
) -> None:
    """Find promoters in GENOME: FASTA, plain or compressed, or - for standard input.

    Several files, or a folder of them, are one genome each if OUT is a folder; else they are one genome together.

    Every 70-bp window of both strands gets a score. A hit is a window that reaches the threshold, with no better window
    of its strand nearby. Coordinates in BED and narrowPeak are 0-based and half-open, in GFF3 1-based and closed.

    \b
    promscan scan genome.fa -o hits.bed
    promscan scan genome.fa.gz -o hits.gff3.gz --fp-per-mb 50
    promscan scan genome.fa -o - --region chr2:1-200,000 | head
    promscan scan assemblies/ -o hits/ --circular all
    """
    check_one_threshold(options)
    if resume and (output == "-" or is_special(output)):
        raise click.UsageError("--resume needs an output file, and OUT is not one: name a file, or leave --resume out")
    if columns != FULL and options["shard"] is not None:
        raise click.UsageError("--columns bed6 leaves out the first lines, which 'promscan merge' needs: leave it out")
    log.configure(quiet=quiet)
    from promscan.commands.scanning.hints import SPECIES
    from promscan.commands.scanning.journal_file import remove_journal
    from promscan.commands.scanning.works import Form, check_files, check_works, works_of

    form = Form(format_name, columns)
    works = works_of(genomes, output, form, summary=summary, track=track)
    read = [options["bed"], options["exclude"], *model_files(options["model"])]
    check_files(works, read, options["strand"])
    check_works(works, form)
    for name in strength_models(options["model"], options["strength"]):
        check_files(works, model_files(name), options["strand"])
    said = set() if context.get_parameter_source("model") is click.core.ParameterSource.DEFAULT else {SPECIES}
    for work in works:
        _scan(work, form, resume, options, said)
    if resume:  # the journals of a folder of genomes stay until all are done
        for work in works:
            remove_journal(Path(work.journal))


def _scan(work: Work, form: Form, resume: bool, options: dict[str, Any], said: set[str]) -> None:
    """Scan one genome.

    Args:
        work: the genome, and where its hits go.
        form: the format of the hits.
        resume: keep a journal.
        options: those of `Scan`.
        said: kinds of hints that are not said again.
    """
    from promscan.commands.scan import Scan
    from promscan.commands.scanning.output import write_scan

    began = time.monotonic()
    job = Scan(work.genome, resume=work.journal if resume else None, track=work.track, **options)
    try:
        seconds = write_scan(job, work, form, began)
    except KeyboardInterrupt:
        if resume:
            log.logger.info("%s: holds what is done so far; give the same command again to go on", work.journal)
        raise
    for kind, hint in job.hints().items():
        if kind not in said:
            log.logger.info("%s", hint)
            said.add(kind)
    log.logger.info("%s", _result(job, work.output, seconds))


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
