"""`promscan train windows`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promscan import log
from promscan.cli.options import Count, Number, quiet_option
from promscan.cli.train.options import (
    RUN,
    SIZES,
    architecture_of,
    epoch_options,
    init_option,
    learning_rate_option,
    output_option,
    patience_option,
    reverse_complement_option,
    run_options,
    size_options,
    step_options,
    taken_from,
)


@click.command(short_help="Train a classifier on labelled 70-bp windows.")
@click.argument("train_data", metavar="TRAIN")
@click.option("--dev", required=True, metavar="DEV", help="Labelled windows to choose the best epoch on.")
@output_option
@size_options()
@learning_rate_option(1e-4)
@epoch_options(rows="Windows", batch_size=128, epochs=50, least=1, stops_early=True)
@patience_option(15, "dev AUC")
@click.option(
    "--sampler", type=click.Choice(["balanced", "shuffled"]), default="balanced", show_default=True,
    help="balanced: as many promoters as other windows in every batch.",
)  # fmt: skip
@reverse_complement_option(" The model then cannot tell the strands apart.")
@click.option(
    "--label-smoothing", type=Number(0, 1, max_open=True), default=0.0, show_default=True,
    help="Move labels this far towards 1/2.",
)  # fmt: skip
@click.option(
    "--surroundings", type=Count(0, 70), default=0, show_default=True, metavar="BP",
    help="Show every fourth batch between bases of other windows, at most this many on each side.",
)  # fmt: skip
@step_options()
@init_option
@run_options()
@quiet_option
def windows(train_data: str, dev: str, output: Path, init: str | None, quiet: bool, **recipe: Any) -> None:
    """Train a classifier on labelled 70-bp windows; the defaults are those of the original PromoterRNN.

    TRAIN and DEV are CSV or TSV files with columns 'sequence' and 'label' (0, 1 or a probability), or two FASTA files
    joined by a comma: PROMOTERS.fa,OTHERS.fa. The run folder holds the configuration, the metrics of every epoch, the
    best and the last weights with their cards, and plots.

    \b
    promscan train windows train.csv --dev dev.csv -o runs/mine
    promscan score test.csv --model runs/mine/best.safetensors
    """
    log.configure(quiet=quiet)
    from promscan.train.data.labelled_windows import read_windows
    from promscan.train.windows import WindowRecipe, train_windows

    sizes, run = taken_from(recipe, SIZES), taken_from(recipe, RUN)
    train_windows(
        read_windows(train_data),
        read_windows(dev),
        output,
        WindowRecipe(architecture=architecture_of(sizes, init), **recipe),
        init=init,
        **run,
    )
