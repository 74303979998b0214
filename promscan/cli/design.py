"""`promscan design`: a strength in, inserts out."""

from __future__ import annotations

import re
from typing import Any

import click

from promscan import log
from promscan.cli.options import Count, Number, device_options, model_option, quiet_option, unit_option
from promscan.io.files import check_outputs
from promscan.networks.card import DEFAULT_STRENGTH
from promscan.networks.model_files import model_files
from promscan.seq.bounds import MAX_INSERT, MAX_PROPOSALS, MAX_SEED


def _share_range(_: click.Context, __: click.Parameter, text: str) -> tuple[float, float]:
    match = re.fullmatch(r"([0-9.]+):([0-9.]+)", text)
    try:
        low, high = map(float, match.groups() if match else ())
    except ValueError:
        raise click.BadParameter(f"{text!r} is not LOW:HIGH, such as 0.3:0.7") from None
    if not 0 <= low <= high <= 1:
        raise click.BadParameter(f"{text!r} is not a range of shares from 0 to 1, the lower one first")
    return low, high


@click.command()
@click.option(
    "-o", "--output", required=True, metavar="OUT",
    help="Proposals, in the format of the suffix: .fa or .fasta, or .tsv; - is FASTA on stdout.",
)  # fmt: skip
@click.option("--table", metavar="FILE.tsv", help="Also write the table, next to FASTA.")
@click.option(
    "--strength", "strengths", type=Number(), multiple=True, required=True, metavar="X",
    help="Wanted strength, in the unit of the model. May be repeated.",
)  # fmt: skip
@click.option(
    "--count", type=Count(1, MAX_PROPOSALS), default=10, show_default=True, metavar="N",
    help="Proposals of each strength.",
)  # fmt: skip
@model_option(DEFAULT_STRENGTH)
@unit_option
@click.option(
    "--length", type=Count(1, MAX_INSERT), metavar="N",
    help="Length of the inserts in bp.  [default: that of --start, else the longest that the model knows]",
)  # fmt: skip
@click.option(
    "--start",
    metavar="SEQ|FASTA",
    help="Insert where the search begins, or a FASTA file of one.  [default: random inserts]",
)
@click.option(
    "--max-changes", type=Count(0, MAX_INSERT), metavar="N",
    help="At most N bases of a proposal differ from the start.  [default: 20]",
)  # fmt: skip
@click.option(
    "--gc", default="0.3:0.7", show_default=True, metavar="LOW:HIGH", callback=_share_range,
    help="Share of G and C in an insert.",
)  # fmt: skip
@click.option(
    "--avoid", multiple=True, metavar="SITE",
    help="Recognition sequence (IUPAC) that must occur on neither strand, flanks included. May be repeated.",
)  # fmt: skip
@click.option(
    "--max-homopolymer", type=Count(1, MAX_INSERT), default=6, show_default=True, metavar="N",
    help="Longest run of one base.",
)  # fmt: skip
@click.option(
    "--min-difference", type=Count(1, MAX_INSERT), metavar="N",
    help="Two proposals differ in at least N bases.  [default: a quarter of the insert, or half of --max-changes]",
)  # fmt: skip
@click.option(
    "--tolerance", type=Number(min=0, min_open=True), metavar="X",
    help="How far a predicted strength may be from the wanted one.  [default: 0.1 sd of the training data]",
)  # fmt: skip
@click.option(
    "--seed", type=Count(0, MAX_SEED), default=1, show_default=True, metavar="N", help="Seed of every random draw."
)
@device_options
@quiet_option
def design(output: str, table: str | None, quiet: bool, **options: Any) -> None:
    """Propose inserts that a strength model predicts to be near a wanted strength.

    The search begins at random inserts, or at --start, and every proposal is within the limits. The same seed
    gives the same proposals. If too few are found, the command fails and says how near they are.

    \b
    promscan design --strength 5 --strength 12 -o inserts.fa --table inserts.tsv
    promscan design --strength 12 --start native.fa --max-changes 8 -o variants.fa --avoid GAATTC --avoid GGTCTC
    """
    if options["max_changes"] is not None and options["start"] is None:
        raise click.UsageError("--max-changes counts from a start: give --start as well")
    log.configure(quiet=quiet)
    from promscan.commands.design_files import check_suffix, write_designs

    check_suffix(output)
    check_outputs([output, table], [options["start"], *model_files(options["model"])])
    from promscan.commands.design import design as propose

    write_designs(propose(**options), output, table)
