"""`promscan report`: hits in, one HTML file out."""

from __future__ import annotations

import shlex
from typing import Any

import click
from click.core import ParameterSource

from promscan import log
from promscan.cli.options import (
    Count,
    complete_models,
    device_options,
    quiet_option,
    score_column_option,
    tss_from_option,
)
from promscan.seq.bounds import MAX_DETAILS


@click.command()
@click.argument("hits", nargs=-1, required=True, metavar="HITS...")
@click.option("--genome", required=True, metavar="FILE", help="FASTA that the hits were called on.")
@click.option("-o", "--output", required=True, metavar="OUT.html", help="The report; - is stdout.")
@click.option(
    "--tss", multiple=True, metavar="FILE",
    help="BED, GFF3 or GTF of known TSSs: also show recall and precision. May be repeated.",
)  # fmt: skip
@tss_from_option
@click.option("--title", default="Promoters", show_default=True, metavar="TEXT", help="Heading of the report.")
@click.option(
    "--model", metavar="NAME|PATH", shell_complete=complete_models,
    help="Model that made the hits, for the scores around the best ones.  [default: the one that the hits name]",
)  # fmt: skip
@click.option(
    "--details", type=Count(0, MAX_DETAILS), default=MAX_DETAILS, show_default=True, metavar="N",
    help="Show scores and sequence of the N best hits, over all samples.",
)  # fmt: skip
@click.option(
    "--bacteria",
    is_flag=True,
    help="Look for -10 and -35 elements, not TATA boxes and initiators; set for hits of a bundled model of bacteria.",
)
@click.option(
    "--motifs", metavar="FOLDER",
    help="Folder that 'promscan explain --motifs' made: show the motifs of each hit in its details.",
)  # fmt: skip
@click.option("--igv", is_flag=True, help="Embed the genome browser igv.js, for a genome of at most 5 Mb.")
@click.option("--genes", metavar="FILE", help="With --igv: GFF3, GTF or BED of genes to show there.")
@score_column_option
@device_options
@quiet_option
def report(hits: tuple[str, ...], output: str, quiet: bool, **options: Any) -> None:
    """Show HITS in one HTML file that works offline: numbers, plots, and a table to search and filter.

    HITS is BED, GFF3 or narrowPeak with strands, of promscan (also with genes added) or any other tool. Several files
    are compared.

    \b
    promscan scan genome.fa -o hits.bed
    promscan report hits.bed --genome genome.fa -o report.html
    """
    if options["genes"] is not None and not options["igv"]:
        raise click.UsageError("--genes are shown by --igv: give both")
    log.configure(quiet=quiet)
    from promscan.commands.report import report as write_report

    write_report(hits, output=output, command=_command_line(click.get_current_context()), **options)


def _command_line(context: click.Context) -> str:
    """The command with the arguments and options that were given."""
    words = ["promscan", "report"]
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if context.get_parameter_source(parameter.name or "") is not ParameterSource.COMMANDLINE:
            continue
        values = value if isinstance(value, tuple) else (value,)
        if isinstance(parameter, click.Argument):
            words += map(str, values)
        elif isinstance(parameter, click.Option) and parameter.is_flag:
            words.append(parameter.opts[-1])
        else:
            words += [word for each in values for word in (parameter.opts[-1], str(each))]
    return shlex.join(words)
