"""`promscan score`: grade single sequences."""

from __future__ import annotations

from typing import Any

import click

from promscan import log
from promscan.cli.options import machine_options, model_option, quiet_option
from promscan.io.files import check_outputs, open_text_output
from promscan.networks.card import DEFAULT_CLASSIFIER, model_files


@click.command()
@click.argument("sequences", metavar="SEQS")
@click.option("-o", "--output", default="-", metavar="OUT.tsv", help="Table of scores.  [default: standard output]")
@model_option(DEFAULT_CLASSIFIER)
@machine_options
@quiet_option
def score(sequences: str, output: str, quiet: bool, **options: Any) -> None:
    """Grade each sequence of SEQS as it stands, without scanning.

    SEQS is FASTA, or a CSV or TSV file with a column 'sequence' (and 'name', if you like). With a classifier every
    sequence must be of exactly 70 bp, and the output has the columns name, logit and probability, in input order; '.'
    stands where more than 7 bases are unknown. With a strength model they are inserts of any length, and the columns
    are name, strength and strength_sd, in the unit of the model.

    \b
    promscan score windows.fa -o scores.tsv
    promscan score inserts.tsv --model yeast-strength -o strengths.tsv
    """
    log.configure(quiet=quiet)
    check_outputs([output], [sequences, *model_files(options["model"])])
    from promscan.commands.score import columns_of
    from promscan.commands.score import score as score_sequences

    columns = columns_of(options["model"])
    with open_text_output(output) as file:
        file.write("\t".join(columns) + "\n")
        for name, *grades in score_sequences(sequences, **options):
            cells = ("." if grade is None else f"{grade:.4f}" for grade in grades)
            file.write("\t".join((name, *cells)) + "\n")
