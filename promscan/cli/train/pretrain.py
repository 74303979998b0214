"""`promscan train pretrain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promscan import log
from promscan.cli.options import Count, quiet_option
from promscan.cli.train.options import (
    RUN,
    SIZES,
    architecture_of,
    epoch_options,
    learning_rate_option,
    output_option,
    reverse_complement_option,
    run_options,
    size_options,
    step_options,
    taken_from,
)
from promscan.seq.bounds import MAX_COUNT


@click.command(short_help="Pretrain on unlabelled sequences, as a start for 'windows'.")
@click.argument("sequences", metavar="SEQS")
@click.option(
    "--held-out", multiple=True, metavar="FILE",
    help="Labelled windows of dev and test; sequences that share 25 bp with one, on either strand, are not used. May "
    "be repeated.",
)  # fmt: skip
@output_option
@size_options()
@learning_rate_option(2e-3)
@epoch_options(rows="Windows", batch_size=128, epochs=10)
@click.option(
    "--windows-per-epoch", type=Count(2, MAX_COUNT), default=48_000, show_default=True,
    help="Windows of an epoch; drawn anew in each epoch.",
)  # fmt: skip
@reverse_complement_option()
@step_options()
@run_options()
@quiet_option
def pretrain(sequences: str, held_out: tuple[str, ...], output: Path, quiet: bool, **recipe: Any) -> None:
    """Pretrain on sequences without labels, as a start for 'promscan train windows --init'.

    SEQS is FASTA, or a CSV or TSV file with a column 'sequence', for example promoters with their flanks; each sequence
    has 70 bp or more. The model learns to separate windows of these sequences from windows with pieces of random bases,
    and to find the random bases. This needs no labels, and a later training then needs fewer labelled windows.

    \b
    promscan train pretrain promoters.fa --held-out dev.csv --held-out test.csv -o runs/start
    promscan train windows train.csv --dev dev.csv --init runs/start/last.safetensors -o runs/mine
    """
    log.configure(quiet=quiet)
    from promscan.train.data.labelled_windows import read_windows
    from promscan.train.data.unlabelled import read_unlabelled
    from promscan.train.pretrain import PretrainRecipe, train_unlabelled

    sizes, run = taken_from(recipe, SIZES), taken_from(recipe, RUN)
    train_unlabelled(
        read_unlabelled(sequences),
        [read_windows(path) for path in held_out],
        output,
        PretrainRecipe(architecture=architecture_of(sizes), **recipe),
        **run,
    )
