"""`promscan train`: make weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from promscan import log
from promscan.cli.options import quiet_option

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
SIZES = ("hidden", "layers", "convolutions", "kernel", "dropout")


def size_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Sizes of the network."""
    positive = click.IntRange(min=1)
    options: list[Decorator] = [
        click.option("--hidden", type=positive, default=256, show_default=True, help="GRU units a direction."),
        click.option("--layers", type=positive, default=1, show_default=True, help="Stacked GRU layers."),
        click.option(
            "--convolutions", type=click.IntRange(min=0), default=0, show_default=True,
            help="Convolution blocks before the GRU.",
        ),
        click.option("--kernel", type=positive, default=9, show_default=True, help="Their width in bp; odd."),
        click.option(
            "--dropout", type=click.FloatRange(0, 1, max_open=True), default=0.3, show_default=True,
            help="Share of activations dropped in training.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def step_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How every training steps, whatever it learns."""
    options: list[Decorator] = [
        click.option("--weight-decay", type=float, default=0.01, show_default=True, help="Of AdamW."),
        click.option("--clip", type=float, default=1.0, show_default=True, help="Largest norm of a gradient."),
        click.option(
            "--averaging", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True,
            help="Decay of a moving average of the weights, which is then what is kept; 0: none.",
        ),
        click.option(
            "--precision", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True,
            help="auto is bfloat16 on CUDA and float32 elsewhere.",
        ),
        click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of every random draw."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What every training has besides its recipe."""
    options: list[Decorator] = [
        click.option("--species", default="Homo sapiens", show_default=True, help="For the card."),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."),
        click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.  [default: all]"),
        click.option("--resume", is_flag=True, help="Go on with the run in RUN, to the result it would have had."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def train() -> None:
    """Train a model of your own."""


@train.command()
@click.argument("train_data", metavar="TRAIN")
@click.option("--dev", required=True, metavar="DEV", help="Labelled windows to choose the best epoch on.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Run folder.")
@size_options
@click.option("--learning-rate", type=float, default=1e-4, show_default=True, help="Peak of the one-cycle schedule.")
@click.option("--batch-size", type=click.IntRange(min=1), default=128, show_default=True, help="Windows a step.")
@click.option("--epochs", type=click.IntRange(min=1), default=50, show_default=True, help="At most this many.")
@click.option(
    "--patience", type=click.IntRange(min=1), default=15, show_default=True,
    help="Stop after this many epochs without a better dev AUC.",
)  # fmt: skip
@click.option(
    "--sampler", type=click.Choice(["balanced", "shuffled"]), default="balanced", show_default=True,
    help="balanced: as many promoters as others in every batch.",
)  # fmt: skip
@click.option(
    "--reverse-complement/--no-reverse-complement", default=True, show_default=True,
    help="Turn each window around by coin flip. The model then cannot tell the strands apart.",
)  # fmt: skip
@click.option(
    "--label-smoothing", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True,
    help="Move labels this far towards 1/2.",
)  # fmt: skip
@step_options
@click.option("--init", metavar="NAME|PATH", help="Start from these weights (of the same sizes), not from random ones.")
@run_options
@quiet_option
def windows(
    train_data: str,
    dev: str,
    output: Path,
    species: str,
    device: str,
    threads: int | None,
    resume: bool,
    init: str | None,
    quiet: bool,
    **recipe: Any,
) -> None:
    """Train a classifier on labelled 70-bp windows; the defaults are the founding recipe.

    TRAIN and DEV are CSV or TSV files with columns 'sequence' and 'label' (0 or 1), or two FASTA files joined by a
    comma: PROMOTERS.fa,OTHERS.fa. RUN receives the configuration, the metrics of every epoch, the best and the last
    weights with their cards, and plots.

    \b
    promscan train windows train.csv --dev dev.csv -o runs/mine
    promscan score test.csv --model runs/mine/best.safetensors
    """
    log.configure(quiet=quiet)
    from promscan.datasets import read_windows
    from promscan.model import Architecture
    from promscan.train.windows import WindowRecipe, train_windows

    sizes = {key: recipe.pop(key) for key in SIZES}
    train_windows(
        read_windows(train_data),
        read_windows(dev),
        output,
        WindowRecipe(architecture=Architecture(**sizes), **recipe),
        device=device,
        threads=threads,
        init=init,
        resume=resume,
        species=species,
    )


@train.command()
@click.argument("sequences", metavar="SEQS")
@click.option(
    "--held-out", multiple=True, metavar="FILE",
    help="Labelled windows of dev and test: sequences that share 25 bp with one are not used. May be repeated.",
)  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Run folder.")
@size_options
@click.option("--learning-rate", type=float, default=2e-3, show_default=True, help="Peak of the one-cycle schedule.")
@click.option("--batch-size", type=click.IntRange(min=2), default=128, show_default=True, help="Windows a step.")
@click.option("--epochs", type=click.IntRange(min=1), default=10, show_default=True, help="Exactly this many.")
@click.option(
    "--windows-per-epoch", type=click.IntRange(min=2), default=48_000, show_default=True, help="Drawn anew each time."
)  # fmt: skip
@click.option(
    "--reverse-complement/--no-reverse-complement", default=True, show_default=True,
    help="Turn each window around by coin flip.",
)  # fmt: skip
@step_options
@run_options
@quiet_option
def pretrain(
    sequences: str,
    held_out: tuple[str, ...],
    output: Path,
    species: str,
    device: str,
    threads: int | None,
    resume: bool,
    quiet: bool,
    **recipe: Any,
) -> None:
    """Learn what unlabelled sequence looks like, as a start for 'promscan train windows --init'.

    SEQS is FASTA, or a CSV or TSV file with a column 'sequence': promoters with their flanks, say, each of 70 bp or
    more. The model learns to tell windows cut from them from windows with pieces of random bases, and which bases these
    are. That needs no labels, and takes the place of many labelled windows.

    \b
    promscan train pretrain promoters.fa --held-out dev.csv --held-out test.csv -o runs/start
    promscan train windows train.csv --dev dev.csv --init runs/start/last.safetensors -o runs/mine
    """
    log.configure(quiet=quiet)
    from promscan.datasets import read_unlabelled, read_windows
    from promscan.model import Architecture
    from promscan.train.pretrain import PretrainRecipe, train_unlabelled

    sizes = {key: recipe.pop(key) for key in SIZES}
    train_unlabelled(
        read_unlabelled(sequences),
        [read_windows(path) for path in held_out],
        output,
        PretrainRecipe(architecture=Architecture(**sizes), **recipe),
        device=device,
        threads=threads,
        resume=resume,
        species=species,
    )
