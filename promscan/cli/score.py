"""`promscan score`: score single sequences."""

from __future__ import annotations

from typing import Any

import click

from promscan import log
from promscan.cli.options import machine_options, model_option, quiet_option, unit_option
from promscan.io.files import check_outputs, open_text_output
from promscan.networks.card import DEFAULT_CLASSIFIER
from promscan.networks.model_files import model_files


@click.command()
@click.argument("sequences", metavar="SEQS")
@click.option("-o", "--output", default="-", metavar="OUT.tsv", help="Table of scores.  [default: standard output]")
@model_option(DEFAULT_CLASSIFIER)
@unit_option
@machine_options
@quiet_option
def score(sequences: str, output: str, quiet: bool, **options: Any) -> None:
    """Score each sequence of SEQS as it stands, without scanning.

    SEQS is FASTA, or a CSV or TSV file with a column 'sequence' (and 'name', or rows are numbered), plain or
    compressed, a file, a pipe, or - for standard input.

    The output is a TSV file in the order of the input: all columns of the table (of FASTA, the name), then the scores.
    Control characters in a cell become %XX. '.' means that too many bases are unknown.

    With a classifier, every sequence has exactly 70 bp, and the scores are logit and probability. With a strength
    model, they are strength and strength_sd, in the unit of the model. Its insert (80 bp for yeast-strength) is the end
    of a sequence; a sequence more than ten times as long is an error.

    \b
    promscan score windows.fa -o scores.tsv
    promscan score inserts.tsv --model yeast-strength -o strengths.tsv
    """
    log.configure(quiet=quiet)
    check_outputs([output], [sequences, *model_files(options["model"])])
    from promscan.commands.score import score_table

    with open_text_output(output) as file:
        for cells in score_table(sequences, **options):
            file.write("\t".join(cells) + "\n")
