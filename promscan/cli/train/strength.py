"""`promscan train strength`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promscan import log
from promscan.cli.options import Count, Number, OddCount, quiet_option
from promscan.cli.train.options import (
    RUN,
    dropout_option,
    epoch_options,
    init_option,
    output_option,
    patience_option,
    run_options,
    step_options,
    taken_from,
)
from promscan.networks.architecture import MAX_BINS, MAX_HIDDEN, MAX_KERNEL, MAX_MEMBERS
from promscan.networks.card_parts import MIN_ALIGNED
from promscan.seq.bounds import MAX_COUNT, MAX_INSERT

if TYPE_CHECKING:
    from promscan.strength.reporter import Reporter
    from promscan.train.strength_trainer import StrengthRecipe

GRU_DEFAULTS = {"hidden": 256, "bins": 0, "learning_rate": 0.005}
"""Defaults that `--arch gru` changes."""


def _named(kind: str) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], list[tuple[str, str]]]:
    """The callback of an option whose values are NAME=VALUE; `kind` names the value in a message."""

    def read(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> list[tuple[str, str]]:
        pairs = [(name, value) for name, equals, value in (text.partition("=") for text in texts) if name and value]
        if len(pairs) < len(texts):
            raise click.BadParameter(f"give NAME={kind}")
        return pairs

    return read


def _shares(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, float]:
    pairs = [(name, share) for name, _, share in (text.partition("=") for text in texts)]
    try:
        shares = {name: float(share) for name, share in pairs}
    except ValueError as error:
        raise click.BadParameter("give NAME=NUMBER") from error
    # Python reads 1_000 and digits of other scripts, too.
    if not all(name and share.isascii() and "_" not in share for name, share in pairs):
        raise click.BadParameter("give NAME=NUMBER, in the digits 0 to 9")
    if len(shares) < len(pairs):
        raise click.BadParameter("give each unit one share")
    if shares and not (min(shares.values()) >= 0 and 0 < sum(shares.values()) < math.inf):
        raise click.BadParameter("shares must be finite, not negative, and not all zero")
    return shares


def _recipe(units: tuple[str, ...], length: int, chosen: dict[str, Any], others: Collection[str]) -> StrengthRecipe:
    from promscan.networks.expression import ExpressionArchitecture
    from promscan.train.strength_trainer import StrengthRecipe

    kind = chosen.pop("arch")
    chosen = {key: value for key, value in chosen.items() if value is not None}
    chosen = (GRU_DEFAULTS if kind == "gru" else {}) | chosen
    named = (*chosen["shares"], chosen.get("unit"), *chosen["comparable"], *others)
    unknown = [name for name in named if name and name not in units]
    if unknown:
        raise click.UsageError(f"no table has the unit {unknown[0]!r}; there are {', '.join(units)}")
    sizes = taken_from(chosen, [name for name in ("hidden", "kernel", "dropout", "bins", "members") if name in chosen])
    try:
        architecture = ExpressionArchitecture(kind=kind, length=length, units=units, **sizes)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return StrengthRecipe(architecture=architecture, **chosen)


def _reporters(
    units: Collection[str], default: Reporter, described: list[tuple[str, str]], window: int | None
) -> dict[str, Reporter]:
    """The reporter of each unit, and of others that were described."""
    from promscan.strength.reporter import Reporter

    own = {name: Reporter.described(text) for name, text in described}
    return {name: replace(own.get(name, default), window=window) for name in (*units, *own)}


@click.command()
@click.argument("table", required=False)
@click.option(
    "--table", "tables", multiple=True, metavar="NAME=FILE", callback=_named("FILE"),
    help="A table and the name of its unit; tables of one unit share a head. May be repeated.",
)  # fmt: skip
@click.option(
    "--held-out", multiple=True, metavar="FILE",
    help="A table for a later test; rows that share a sequence family with it are not used. May be repeated.",
)  # fmt: skip
@output_option
@click.option("--five-prime", default="TGCATTTTTTTCACATC", show_default=True, metavar="BASES", help="5' flank.")
@click.option("--three-prime", default="GGTTACGGCTGTT", show_default=True, metavar="BASES", help="3' flank.")
@click.option(
    "--insert", default="80", show_default=True, metavar="BP|BP-BP",
    help="Length of an insert, or the least and the largest one; longer sequences are cut at their 5' end.",
)  # fmt: skip
@click.option(
    "--tss-index", type=Count(0, MAX_INSERT), metavar="N",
    help="Place of the TSS, where 0 is the first base of an insert of full length.  [default: 60 bp behind the insert]",
)  # fmt: skip
@click.option(
    "--reporter", "reporters", multiple=True, metavar="NAME=SPEC", callback=_named("SPEC"),
    help="Another reporter for one unit: FIVE_PRIME:BP:THREE_PRIME[:TSS_INDEX]. May be repeated.",
)  # fmt: skip
@click.option(
    "--align-at-boxes", "window", type=Count(MIN_ALIGNED, MAX_INSERT), metavar="BP",
    help="Align constructs at the -10 box of sigma 70 and read BP around it.  [default: align at the 3' end]",
)  # fmt: skip
@click.option(
    "--arch", type=click.Choice(["convolution", "gru"]), default="convolution", show_default=True,
    help="Convolutions, or the GRU of the original PromoterRNN.",
)  # fmt: skip
@click.option(
    "--hidden", type=Count(4, MAX_HIDDEN), metavar="N",
    help="Motifs of the first convolution, or units of the GRU.  [default: 64; gru: 256]",
)  # fmt: skip
@click.option(
    "--kernel", type=OddCount(MAX_KERNEL), default=11, show_default=True, help="Width of the motifs in bp; odd."
)
@dropout_option(0.1, "Share of activations dropped before the heads.")
@click.option(
    "--bins", type=Count(0, MAX_BINS), metavar="N",
    help="Bins of expression whose probabilities a head learns; 0: only the mean.  [default: 33; gru: 0]",
)  # fmt: skip
@click.option(
    "--members", type=Count(1, MAX_MEMBERS), default=1, show_default=True, metavar="N",
    help="Networks that learn side by side from different beginnings; their outputs are averaged.",
)  # fmt: skip
@click.option(
    "--learning-rate", type=Number(min=0, min_open=True), metavar="X",
    help="Peak of the one-cycle schedule.  [default: 0.003; gru: 0.005]",
)  # fmt: skip
@epoch_options(rows="Rows", batch_size=256, epochs=20, stops_early=True)
@click.option(
    "--rows-per-epoch", type=Count(1, MAX_COUNT), metavar="N",
    help="Rows of an epoch; the next epoch goes on with the next rows.  [default: all rows]",
)  # fmt: skip
@click.option(
    "--share", "shares", multiple=True, metavar="NAME=X", callback=_shares,
    help="Relative share of a unit in an epoch.  [default: by its rows]",
)  # fmt: skip
@click.option(
    "--unit",
    metavar="NAME",
    help="Unit of the scores; it chooses the best epoch.  [default: the first]",
)
@click.option(
    "--hits", metavar="NAME", help="Unit of the strengths of hits in a genome.  [default: that of the scores]"
)
@click.option(
    "--comparable", multiple=True, metavar="NAME",
    help="A unit on the scale of --unit; the uncertainty of scores is fitted on both. May be repeated.",
)  # fmt: skip
@click.option(
    "--dev-share", type=Number(0, 1, min_open=True, max_open=True), default=0.1, show_default=True,
    help="Share of the families to choose the best epoch on.",
)  # fmt: skip
@click.option(
    "--test-share", type=Number(0, 1, max_open=True), default=0.1, show_default=True,
    help="Share of the families that the training does not use, for a later test.",
)  # fmt: skip
@patience_option(5, "dev correlation")
@step_options(averaging=0.999)
@init_option
@run_options()
@quiet_option
def strength(
    table: str | None,
    tables: list[tuple[str, str]],
    held_out: tuple[str, ...],
    output: Path,
    five_prime: str,
    three_prime: str,
    insert: str,
    tss_index: int | None,
    reporters: list[tuple[str, str]],
    window: int | None,
    hits: str | None,
    init: str | None,
    quiet: bool,
    **recipe: Any,
) -> None:
    """Train a model that predicts expression from sequence.

    TABLE is a CSV or TSV file with columns 'sequence' and 'expression' and, optionally, 'weight' and 'set'. A sequence
    is an insert between the two flanks of a reporter, of --five-prime, --three-prime and --insert, or of --reporter for
    a unit. Sequences that share 20 bp, directly or through others, are one family; a family is never divided between
    training, dev and test.

    \b
    promscan train strength measured.tsv -o runs/mine
    promscan score designs.tsv --model runs/mine/best.safetensors
    """
    named = [*([("expression", table)] if table else []), *tables]
    if not named:
        raise click.UsageError("give a TABLE, or --table NAME=FILE")
    log.configure(quiet=quiet)
    from promscan.strength.measurements import read_measurements
    from promscan.strength.reporter import Reporter, parse_lengths
    from promscan.train.strength import train_strength

    units = tuple(dict.fromkeys(name for name, _ in named))
    try:
        shortest, longest = parse_lengths(insert)
        default = Reporter(five_prime, three_prime, longest, shortest, tss_index)
        of_unit = _reporters(units, default, reporters, window)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    run, length = taken_from(recipe, RUN), max(of_unit[unit].read for unit in units)
    made = _recipe(units, length, recipe, [*of_unit, hits or ""])
    train_strength(
        [read_measurements(path, name, of_unit[name]) for name, path in named],
        output,
        made,
        held_out=[read_measurements(path, "", default) for path in held_out],
        hits=hits or "", init=init, **run,
    )  # fmt: skip
