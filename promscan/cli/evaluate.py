"""`promscan evaluate`: hits and known transcription starts in, recall and precision out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from promscan import log
from promscan.cli.options import Count, contigs_option, quiet_option, tss_from_option
from promscan.io.files import check_outputs, open_text_output
from promscan.networks.card_parts import Scale
from promscan.seq.bounds import MAX_BP, MAX_COLUMNS

if TYPE_CHECKING:
    from promscan.commands.evaluate import Evaluation
    from promscan.metrics.ranking import Point

TABLE = "{:>13}  {:<22}  {:>9}  {:>10}  {:>6}  {:>6}  {:>18}\n"


@click.command()
@click.argument("hits", metavar="HITS")
@click.option("--tss", required=True, metavar="FILE", help="BED, GFF3 or GTF of the known transcription starts (TSSs).")
@tss_from_option
@click.option("--genome", required=True, metavar="FILE", help="FASTA that the hits were called on.")
@click.option(
    "-o", "--output", metavar="OUT.tsv",
    help="Table of recall and precision along the ranking; - is stdout.  [default: a summary on standard output]",
)  # fmt: skip
@click.option("--json", "json_file", metavar="FILE", help="Write all metrics, at a list of rates, as JSON.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw recall, precision and distances: .png, .svg, .pdf",
)
@click.option(
    "--tolerance", type=Count(0, MAX_BP), default=Scale.tolerance, show_default=True, metavar="BP",
    help="A TSS is found by a hit at most this far from it, on its strand.",
)  # fmt: skip
@click.option(
    "--false-beyond", type=Count(0, MAX_BP), default=Scale.false_beyond, show_default=True, metavar="BP",
    help="A hit farther than this from every TSS of its strand is false.",
)  # fmt: skip
@click.option(
    "--clearance", type=Count(0, MAX_BP), default=Scale.clearance, show_default=True, metavar="BP",
    help="Background lies at least this far from every TSS.",
)  # fmt: skip
@click.option("--bed", metavar="FILE", help="What was scanned, if not all: only bases, TSSs and hits in it count.")
@contigs_option("Only these contigs count")
@click.option(
    "--score-column", type=Count(1, MAX_COLUMNS), metavar="N",
    help="Rank the hits by this column, counted from 1.  [default: logit, if there is one, else 5, of GFF3 6]",
)  # fmt: skip
@quiet_option
def evaluate(
    hits: str,
    output: str | None,
    json_file: str | None,
    plot: Path | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Measure HITS against known transcription starts: recall and precision by false positives per Mb.

    HITS is BED, GFF3 or narrowPeak of promscan, or BED or GFF3 with strands of any other tool; - is standard input. A
    TSS is found if a hit of its strand lies within 100 bp; a hit farther than 500 bp from every TSS of its strand is
    false.

    \b
    promscan scan genome.fa -o hits.bed --fp-per-mb 1000
    promscan evaluate hits.bed --tss tss.bed --genome genome.fa --plot recall.png
    """
    log.configure(quiet=quiet)
    from promscan.commands.evaluate import evaluate as judge
    from promscan.plots.figure import format_of, require_matplotlib

    check_outputs([output, json_file, plot], [hits, *(options[name] for name in ("tss", "genome", "bed"))])
    if plot is not None:
        require_matplotlib()
        format_of(plot)
    evaluation = judge(hits, **options)
    if plot is not None:
        _draw(evaluation, plot)
    if json_file is not None:
        with open_text_output(json_file) as file:
            file.write(json.dumps(evaluation.describe(), indent=2) + "\n")
    if output is not None:
        with open_text_output(output) as file:
            _write_curve(evaluation, file)
    elif json_file != "-":
        with open_text_output("-") as file:
            _write_summary(evaluation, file)


def _draw(evaluation: Evaluation, path: Path) -> None:
    from promscan.plots.evaluation import plot_evaluation

    intervals = evaluation.intervals[:-1]  # the last is that of all hits
    rates = zip(evaluation.rates.items(), intervals, strict=True)
    at_rates = {float(rate): (point.recall, interval) for (rate, point), interval in rates}
    plot_evaluation(evaluation.curve(), at_rates, evaluation.distances, path)


def _write_curve(evaluation: Evaluation, file: TextIO) -> None:
    file.write("\t".join(evaluation.whole._fields) + "\n")
    for point in evaluation.curve():
        # Ten digits, as a threshold that was rounded up would not let its own hit pass.
        file.write("\t".join([f"{point.threshold:.10g}", *map(_text, point[1:])]) + "\n")


def _text(value: float | None) -> str:
    return "." if value is None or value == float("inf") else f"{value:.6g}" if isinstance(value, float) else f"{value}"


def _write_summary(evaluation: Evaluation, file: TextIO) -> None:
    ranking, whole = evaluation.ranking, evaluation.whole
    median = "none" if evaluation.median_distance is None else f"{evaluation.median_distance:g} bp"
    file.write(
        f"{whole.found:,} of {len(ranking.found.scores):,} TSSs found by {whole.hits:,} hits, ranked by "
        f"{evaluation.score}, on {ranking.bases:,} bp\n"
        f"{whole.right:,} hits right (within {evaluation.tolerance} bp; median distance {median}), "
        f"{whole.false:,} false; {whole.background_hits:,} on {ranking.background_bases:,} bp of background\n\n"
    )
    file.write(
        TABLE.format("false hits/Mb", "recall (95 %)", "precision", "threshold", "right", "false", "background hits/Mb")
    )
    names = [*map(str, evaluation.rates), f"all: {whole.fp_per_mb:.4g}"]
    points = [*evaluation.rates.values(), whole]
    for name, point, interval in zip(names, points, evaluation.intervals, strict=True):
        file.write(_row(name, point, interval))


def _row(name: str, point: Point, interval: tuple[float, float]) -> str:
    recall = f"{point.recall:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
    precision = "." if point.precision is None else f"{point.precision:.3f}"
    background = "." if point.background_fp_per_mb is None else f"{point.background_fp_per_mb:.4g}"
    return TABLE.format(name, recall, precision, _text(point.threshold), point.right, point.false, background)
