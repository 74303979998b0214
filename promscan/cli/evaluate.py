"""`promscan evaluate`: hits and known transcription starts in, recall and precision out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promscan import log
from promscan.cli.options import Count, NamedPath, contigs_option, quiet_option, score_column_option, tss_from_option
from promscan.io.files import check_outputs
from promscan.seq.bounds import MAX_BP
from promscan.seq.tss import SAME_START


@click.command()
@click.argument("hits", metavar="HITS")
@click.option(
    "--tss", required=True, multiple=True, metavar="FILE",
    help="BED, GFF3 or GTF of the known TSSs. May be repeated: recall is given for all lists "
    "together, and for each.",
)  # fmt: skip
@tss_from_option
@click.option("--genome", required=True, metavar="FILE", help="FASTA that the hits were called on.")
@click.option(
    "-o", "--output", metavar="OUT.tsv",
    help="Table of recall and precision along the ranking; - is stdout.  [default: a summary on standard output]",
)  # fmt: skip
@click.option("--json", "json_file", metavar="FILE", help="Write all metrics, at a list of rates, as JSON.")
@click.option(
    "--plot",
    type=NamedPath(),
    metavar="FILE",
    help="Draw recall (of all TSSs, and by class), precision and distances: .png, .svg, .pdf",
)
@click.option(
    "--class-pattern", metavar="REGEX",
    help="Also give the recall of classes of TSSs: regular expression searched in their names, such as "
    "'(?P<main>_1$)' for the main TSSs of EPDnew. A class is a named group.",
)  # fmt: skip
@click.option(
    "--ignore-near", multiple=True, metavar="FILE",
    help="BED, GFF3 or GTF of other TSSs: a hit near one of them is neither true nor false. May be repeated.",
)  # fmt: skip
@click.option(
    "--tolerance", type=Count(0, MAX_BP), metavar="BP",
    help="A TSS is found by a hit at most this far from it, on its strand.  [default: the model's, else 100]",
)  # fmt: skip
@click.option(
    "--false-beyond", type=Count(0, MAX_BP), metavar="BP",
    help="A hit farther than this from every TSS of its strand is false.  [default: the model's, else 500]",
)  # fmt: skip
@click.option(
    "--clearance", type=Count(0, MAX_BP), metavar="BP",
    help="Background lies at least this far from every TSS.  [default: the model's, else 1,000]",
)  # fmt: skip
@click.option(
    "--same-start", type=Count(0, MAX_BP), default=SAME_START, show_default=True, metavar="BP",
    help="A TSS of a later list this near to one of an earlier list, on its strand, is the same TSS.",
)  # fmt: skip
@click.option("--bed", metavar="FILE", help="What was scanned, if not all: only bases, TSSs and hits in it count.")
@contigs_option("Only these contigs or regions count")
@score_column_option
@quiet_option
def evaluate(
    hits: str,
    output: str | None,
    json_file: str | None,
    plot: Path | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Measure HITS against known transcription start sites (TSSs): recall and precision by false positives per Mb.

    HITS is BED, GFF3 or narrowPeak with strands, of promscan or any other tool; - is standard input. A TSS is found if
    a hit of its strand lies within --tolerance; a hit farther than --false-beyond from every TSS of its strand is
    false.

    \b
    promscan scan genome.fa -o hits.bed --fp-per-mb 1000
    promscan evaluate hits.bed --tss tss.bed --genome genome.fa --plot recall.png
    """
    log.configure(quiet=quiet)
    from promscan.commands.evaluate import evaluate as judge
    from promscan.commands.evaluating.output import Outputs, write_evaluation
    from promscan.plots.figure import format_of, require_matplotlib

    lists = (*options["tss"], *options["ignore_near"])
    check_outputs([output, json_file, plot], [hits, *lists, options["genome"], options["bed"]])
    if plot is not None:
        require_matplotlib()
        format_of(plot)
    write_evaluation(judge(hits, **options), Outputs(output, json_file, plot))
