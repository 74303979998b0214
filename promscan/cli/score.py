"""`promscan score`: grade single sequences."""

from __future__ import annotations

from typing import Any

import click

from promscan import log
from promscan.card import DEFAULT_CLASSIFIER
from promscan.cli.options import machine_options, model_option, quiet_option
from promscan.files import open_text_output


@click.command()
@click.argument("sequences", metavar="SEQS")
@click.option("-o", "--output", default="-", metavar="OUT.tsv", help="Table of scores.  [default: standard output]")
@model_option(DEFAULT_CLASSIFIER)
@machine_options
@quiet_option
def score(sequences: str, output: str, quiet: bool, **options: Any) -> None:
    """Grade each sequence of SEQS as it stands, without scanning.

    SEQS is FASTA, or a CSV or TSV file with a column 'sequence' (and 'name', if you like); every sequence must be of
    exactly 70 bp. The output has the columns name, logit and probability, in input order; '.' stands where more than 7
    bases are unknown.

    \b
    promscan score windows.fa -o scores.tsv
    """
    log.configure(quiet=quiet)
    from promscan.pipeline.score import score as score_sequences

    with open_text_output(output) as file:
        file.write("name\tlogit\tprobability\n")
        for name, logit, probability in score_sequences(sequences, **options):
            grades = ".\t." if logit is None or probability is None else f"{logit:.4f}\t{probability:.4f}"
            file.write(f"{name}\t{grades}\n")
