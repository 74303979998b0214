"""Options that several trainings share, and what becomes of their values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from promscan.cli.options import Decorator, Number, all_of, precision_option

if TYPE_CHECKING:
    from promscan.networks.classifier import Architecture

SIZES = ("hidden", "layers", "convolutions", "kernel", "dropout")
"""What `size_options` gives."""
RUN = ("species", "device", "threads", "resume")
"""What `run_options` gives; the calls of all trainings take it under these names."""

output_option = click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Run folder."
)
init_option = click.option("--init", metavar="NAME|PATH", help="Start from these weights, not from random ones.")


def size_options(*, hidden: int = 256, convolutions: int = 0, dropout: float = 0.3) -> Decorator:
    """Sizes of the network, with these defaults."""
    positive = click.IntRange(min=1)
    return all_of(
        click.option("--hidden", type=positive, default=hidden, show_default=True, help="GRU units a direction."),
        click.option("--layers", type=positive, default=1, show_default=True, help="Stacked GRU layers."),
        click.option(
            "--convolutions", type=click.IntRange(min=0), default=convolutions, show_default=True,
            help="Convolution blocks before the GRU.",
        ),
        click.option("--kernel", type=positive, default=9, show_default=True, help="Their width in bp; odd."),
        dropout_option(dropout, "Share of activations dropped in training."),
    )  # fmt: skip


def dropout_option(default: float, text: str) -> Decorator:
    """`--dropout`; `text` says where."""
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
    """`--batch-size`, `least` or more `rows`, and `--epochs`; a training that stops early may take fewer."""
    return all_of(
        click.option(
            "--batch-size", type=click.IntRange(min=least), default=batch_size, show_default=True,
            help=f"{rows} a step.",
        ),
        click.option(
            "--epochs", type=click.IntRange(min=1), default=epochs, show_default=True,
            help=f"{'At most' if stops_early else 'Exactly'} this many.",
        ),
    )  # fmt: skip


def patience_option(default: int, figure: str) -> Decorator:
    """`--patience`, until this figure gets better."""
    return click.option(
        "--patience", type=click.IntRange(min=1), default=default, show_default=True,
        help=f"Stop after this many epochs without a better {figure}.",
    )  # fmt: skip


def reverse_complement_option(consequence: str = "") -> Decorator:
    """`--reverse-complement`, and what comes of it."""
    return click.option(
        "--reverse-complement/--no-reverse-complement", default=True, show_default=True,
        help=f"Turn each window around by coin flip.{consequence}",
    )  # fmt: skip


def step_options(*, averaging: float = 0.0) -> Decorator:
    """How every training steps, whatever it learns, with this default."""
    return all_of(
        click.option("--weight-decay", type=Number(min=0), default=0.01, show_default=True, help="Of AdamW."),
        click.option(
            "--clip", type=Number(min=0, min_open=True), default=1.0, show_default=True,
            help="Largest norm of a gradient.",
        ),
        click.option(
            "--averaging", type=Number(0, 1, max_open=True), default=averaging, show_default=True,
            help="Decay of a moving average of the weights, which is then what is kept; 0: none.",
        ),
        precision_option("auto is bfloat16 on CUDA and float32 elsewhere."),
        click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of every random draw."),
    )  # fmt: skip


def run_options(*, species: str = "Homo sapiens") -> Decorator:
    """What every training has besides its recipe, with this default."""
    return all_of(
        click.option("--species", default=species, show_default=True, help="For the card."),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."),
        click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.  [default: all]"),
        click.option("--resume", is_flag=True, help="Go on with the run in RUN, to the result it would have had."),
    )


def taken_from(options: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Take the options of these names out of the others."""
    return {name: options.pop(name) for name in names}


def architecture_of(sizes: dict[str, Any], init: str | None = None) -> Architecture:
    """The architecture of these sizes; what is wrong with them is wrong usage.

    Those that the command line does not name are of the weights to start from, if there are any.
    """
    from promscan.networks.card import find_model, read_card
    from promscan.networks.classifier import Architecture

    if init is not None:
        named = click.get_current_context().get_parameter_source
        theirs = read_card(find_model(init)).architecture
        unnamed = {name for name in sizes if named(name) is not ParameterSource.COMMANDLINE}
        sizes = sizes | {name: value for name, value in theirs.items() if name in unnamed & Architecture().sizes.keys()}
    try:
        return Architecture(**sizes)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
