"""Options that several trainings share, and the conversion of their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from promscan.cli.options import (
    Count,
    Decorator,
    NamedPath,
    Number,
    OddCount,
    all_of,
    complete_models,
    precision_option,
)
from promscan.networks.architecture import MAX_CONVOLUTIONS, MAX_HIDDEN, MAX_KERNEL, MAX_LAYERS
from promscan.seq.bounds import MAX_EPOCHS, MAX_SEED, MAX_STEP, MAX_THREADS

if TYPE_CHECKING:
    from promscan.networks.classifier import Architecture

SIZES = ("hidden", "layers", "convolutions", "kernel", "dropout")
"""Values of `size_options`."""
RUN = ("species", "device", "threads", "resume")
"""Values of `run_options`; the calls of all trainings take them under these names."""


output_option = click.option("-o", "--output", required=True, type=NamedPath(), metavar="RUN", help="Run folder.")
init_option = click.option(
    "--init", metavar="NAME|PATH", shell_complete=complete_models,
    help="Start from these weights instead of random ones.",
)  # fmt: skip


def size_options(*, hidden: int = 256, convolutions: int = 0, dropout: float = 0.3) -> Decorator:
    """Sizes of the network, with these defaults."""
    return all_of(
        click.option(
            "--hidden", type=Count(1, MAX_HIDDEN), default=hidden, show_default=True,
            help="GRU units in each direction.",
        ),
        click.option("--layers", type=Count(1, MAX_LAYERS), default=1, show_default=True, help="Stacked GRU layers."),
        click.option(
            "--convolutions", type=Count(0, MAX_CONVOLUTIONS), default=convolutions, show_default=True,
            help="Convolution blocks before the GRU.",
        ),
        click.option(
            "--kernel", type=OddCount(MAX_KERNEL), default=9, show_default=True,
            help="Width of a convolution in bp; odd.",
        ),
        dropout_option(dropout, "Share of activations dropped in training."),
    )  # fmt: skip


def dropout_option(default: float, text: str) -> Decorator:
    """`--dropout`; `text` is its help."""
    share = Number(0, 1, max_open=True)
    return click.option("--dropout", type=share, default=default, show_default=True, help=text)


def learning_rate_option(default: float) -> Decorator:
    """`--learning-rate`."""
    return click.option(
        "--learning-rate",
        type=Number(min=0, min_open=True),
        default=default,
        show_default=True,
        help="Peak of the one-cycle schedule.",
    )


def epoch_options(*, rows: str, batch_size: int, epochs: int, least: int = 2, stops_early: bool = False) -> Decorator:
    """`--batch-size` in `rows`, and `--epochs`, of which a training that stops early may need fewer."""
    return all_of(
        click.option(
            "--batch-size", type=Count(least, MAX_STEP), default=batch_size, show_default=True,
            help=f"{rows} in a step.",
        ),
        click.option(
            "--epochs", type=Count(1, MAX_EPOCHS), default=epochs, show_default=True,
            help="Largest number of epochs." if stops_early else "Number of epochs.",
        ),
    )  # fmt: skip


def patience_option(default: int, metric: str) -> Decorator:
    """`--patience`, the epochs without an improvement of this metric."""
    return click.option(
        "--patience", type=Count(1, MAX_EPOCHS), default=default, show_default=True,
        help=f"Stop after this many epochs without a better {metric}.",
    )  # fmt: skip


def reverse_complement_option(consequence: str = "") -> Decorator:
    """`--reverse-complement` and its consequence."""
    return click.option(
        "--reverse-complement/--no-reverse-complement", default=True, show_default=True,
        help=f"Show each window on a random strand.{consequence}",
    )  # fmt: skip


def step_options(*, averaging: float = 0.0) -> Decorator:
    """Settings of the optimiser, with this default of the EMA decay."""
    return all_of(
        click.option(
            "--weight-decay", type=Number(min=0), default=0.01, show_default=True, help="Weight decay of AdamW."
        ),
        click.option(
            "--clip", type=Number(min=0, min_open=True), default=1.0, show_default=True,
            help="Largest norm of a gradient.",
        ),
        click.option(
            "--averaging", type=Number(0, 1, max_open=True), default=averaging, show_default=True,
            help="Decay of the EMA weights in each step; the EMA weights are validated and saved. 0: no EMA.",
        ),
        precision_option("auto is bfloat16 on CUDA and float32 elsewhere."),
        click.option(
            "--seed", type=Count(0, MAX_SEED), default=1, show_default=True, help="Seed of all random draws."
        ),
    )  # fmt: skip


def run_options(species: Decorator | None = None) -> Decorator:
    """Options of a run that are not part of its recipe; `species` takes the place of the usual `--species`."""
    return all_of(
        species or click.option("--species", default="unknown", show_default=True, help="Species, for the card."),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."),
        click.option(
            "--threads", type=Count(1, MAX_THREADS), metavar="N",
            help="CPU threads; another number gives slightly other weights.  "
            "[default: 1 below 100,000 parameters, else all that this process may use]",
        ),
        click.option(
            "--resume", is_flag=True, help="Go on with the run in RUN, to the result of a run without interruption."
        ),
    )  # fmt: skip


def taken_from(options: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Take the options with these names out of the others."""
    return {name: options.pop(name) for name in names}


def architecture_of(sizes: dict[str, Any], init: str | None = None) -> Architecture:
    """Architecture with these sizes; sizes that do not go together are wrong usage.

    With weights to start from, sizes that the command line does not name are those of the weights.
    """
    from promscan.networks.card import read_card
    from promscan.networks.classifier import Architecture
    from promscan.networks.model_files import find_model

    if init is not None:
        named = click.get_current_context().get_parameter_source
        theirs = read_card(find_model(init)).architecture
        unnamed = {name for name in sizes if named(name) is not ParameterSource.COMMANDLINE}
        sizes = sizes | {name: value for name, value in theirs.items() if name in unnamed & Architecture().sizes.keys()}
    try:
        return Architecture(**sizes)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
