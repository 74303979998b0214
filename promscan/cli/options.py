"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from promscan.io.tss_choices import TSS_FROM

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Number(click.FloatRange):
    """A finite number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number", param, ctx)
        return number


def all_of(*options: Decorator) -> Decorator:
    """One decorator for several options, which help shows in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def model_option(default: str) -> Decorator:
    """`--model`, a bundled name or a file."""
    return click.option(
        "--model",
        default=default,
        show_default=True,
        metavar="NAME|PATH",
        help="Bundled model (see 'promscan models') or a .safetensors file with its card beside it.",
    )


def _names(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def contigs_option(use: str) -> Decorator:
    """`--contigs`, their names with commas between; `use` says what becomes of them."""
    return click.option(
        "--contigs", metavar="X,Y", callback=_names, help=f"{use}, or those named X:...  [default: all]"
    )


tss_from_option = click.option(
    "--tss-from", type=click.Choice([*TSS_FROM]), metavar="BASE",
    help="Which base of a listed interval is the TSS, where the layout of the list does not say it: start, 5prime, "
    "thick, summit, transcript or gene.",
)  # fmt: skip


def precision_option(text: str) -> Decorator:
    """`--precision`; `text` says what auto is."""
    return click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        default="auto",
        show_default=True,
        help=text,
    )


_DEVICE = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda, cuda:N, mps, or all: every CUDA device, of one model.",
)
_THREADS = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="CPU threads.  [default: all this process may use]",
)


def device_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where: what it is computed on changes no result, as long as it is of one kind."""
    return _DEVICE(_THREADS(command))


def machine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where and how fast: these never change a result on one kind of device, except a lower precision."""
    return all_of(
        _DEVICE,
        click.option(
            "--batch-size",
            type=click.IntRange(min=1),
            metavar="N",
            help="Windows in flight at most, in whole units, one of which always runs.  "
            "[default: by threads on CPU, by free memory on CUDA]",
        ),
        _THREADS,
        precision_option("auto is float32; bfloat16 is faster on some devices and moves scores a little."),
    )(command)


def quiet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--quiet`."""
    return click.option("--quiet", is_flag=True, help="Only warnings and errors on standard error.")(command)
