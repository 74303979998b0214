"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from promscan.io.tss_choices import TSS_FROM
from promscan.networks.card import OWN_STRENGTH
from promscan.networks.model_files import bundled_models
from promscan.seq.bounds import MAX_BATCH, MAX_BP, MAX_COLUMNS, MAX_NUMBER, MAX_THREADS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


LONGEST_NUMBER = 40
"""Letters of a number; Python refuses to read an integer of thousands of digits."""


def check_digits(
    kind: click.ParamType[Any], value: Any, param: click.Parameter | None, ctx: click.Context | None
) -> None:
    """Refuse 1_000 and digits of other scripts, which Python reads as numbers, as tables do."""
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        kind.fail(f"{value[:LONGEST_NUMBER]!r} is not a number of the digits 0 to 9", param, ctx)


class Count(click.IntRange):
    """A whole number from `least` to `most`; help shows both."""

    name = "whole number"

    def __init__(self, least: int, most: int) -> None:
        super().__init__(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, str) and len(value.strip()) > LONGEST_NUMBER:
            letters = len(value.strip())
            self.fail(f"a number of {letters} letters is not in the range {self._describe_range()}.", param, ctx)
        check_digits(self, value, param, ctx)
        number: int = super().convert(value, param, ctx)
        return number

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "N"

    def _describe_range(self) -> str:
        return f"{self.min:,} to {self.max:,}"


class OddCount(Count):
    """An odd whole number from 1 to `most`: a width with a middle."""

    def __init__(self, most: int) -> None:
        super().__init__(1, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = super().convert(value, param, ctx)
        if number % 2 == 0:
            self.fail(f"{number} is even; a width has a middle if it is odd", param, ctx)
        return number


class Unbounded(click.types.FloatParamType):
    """A number that the command itself compares with its bounds, which depend on the model."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        check_digits(self, value, param, ctx)
        return float(super().convert(value, param, ctx))


class Number(click.FloatRange):
    """A finite number within bounds; help shows those bounds that are not just far away."""

    name = "number"

    def __init__(
        self, min: float = -MAX_NUMBER, max: float = MAX_NUMBER, min_open: bool = False, max_open: bool = False
    ) -> None:
        super().__init__(min, max, min_open, max_open)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        check_digits(self, value, param, ctx)
        number: float = click.FLOAT.convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number", param, ctx)
        if abs(number) > MAX_NUMBER:
            self.fail(f"{number:g} is not in the range {-MAX_NUMBER:g} to {MAX_NUMBER:g}.", param, ctx)
        return float(super().convert(value, param, ctx))

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "X"

    def _describe_range(self) -> str:
        low = f"more than {self.min:g}" if self.min_open else f"{self.min:g}"
        if self.max != MAX_NUMBER:
            return f"{low} to {'less than ' if self.max_open else ''}{self.max:g}"
        if self.min == -MAX_NUMBER:
            return ""
        return low if self.min_open else f"{low} or more"


class NamedPath(click.Path):
    """A file or a folder; neither the current folder, as an empty name would be, nor standard output."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if value == "":
            self.fail("the name is empty; name a file or a folder", param, ctx)
        if value == "-":
            self.fail("standard output cannot take it; name a file or a folder", param, ctx)
        return Path(str(super().convert(value, param, ctx)))


def all_of(*options: Decorator) -> Decorator:
    """One decorator for several options, which help shows in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def complete_models(_context: click.Context, _option: click.Parameter, text: str) -> list[CompletionItem]:
    """Names of bundled models for the completion of a shell; files where no name begins so."""
    names = [CompletionItem(name) for name in bundled_models() if name.startswith(text)]
    return [CompletionItem(text, type="file"), *names]


def model_option(default: str) -> Decorator:
    """`--model`, a bundled name or a file."""
    return click.option(
        "--model",
        default=default,
        show_default=True,
        metavar="NAME|PATH",
        shell_complete=complete_models,
        help="Bundled model (see 'promscan models') or a .safetensors file with its card in the same folder.",
    )


def strength_option(text: str) -> Decorator:
    """`--strength`, None for `none`, with this help text."""
    return click.option(
        "--strength", default=OWN_STRENGTH, show_default=True, metavar="NAME|PATH|none", shell_complete=complete_models,
        callback=lambda _context, _option, name: None if name == "none" else name,
        help=f"{text}; auto: the one that the model's card names; none: no strengths.",
    )  # fmt: skip


def check_one_threshold(options: Mapping[str, Any]) -> None:
    """Refuse `--threshold` together with `--fp-per-mb`."""
    if options["threshold"] is not None and options["fp_per_mb"] is not None:
        raise click.UsageError("--threshold and --fp-per-mb are two ways to say the same: give one")


threshold_options = all_of(
    click.option(
        "--fp-per-mb", type=Unbounded(), metavar="X",
        help="Call hits at X false positives per Mb of background.  "
        "[default: the model's (human: 10), or the threshold of an uncalibrated model]",
    ),
    click.option("--threshold", type=Unbounded(), metavar="P", help="Call hits at this probability instead."),
    click.option(
        "--min-distance", type=Count(1, MAX_BP), metavar="N",
        help="A hit is the best window of its strand within N bp to each side.  [default: the model's, else 500]",
    ),
)  # fmt: skip
strand_option = click.option(
    "--strand", type=click.Choice(["both", "+", "-"]), default="both", show_default=True, help="Strands to score."
)  # fmt: skip
skip_masked_option = click.option(
    "--skip-masked", is_flag=True, help="Read lower case (soft-masked) bases of the genome as unknown."
)  # fmt: skip
unit_option = click.option(
    "--unit", metavar="NAME",
    help="Unit of a strength model: a data set that it learned from, with its reporter.  [default: the model's]",
)  # fmt: skip


def _names(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def contigs_option(use: str) -> Decorator:
    """`--contigs`, names and regions with commas between; `use` says what becomes of them."""
    return click.option(
        "--contigs",
        metavar="NAMES",
        callback=_names,
        help=f"{use} (II:1-900,000), with commas between them; chr9 also stands for all chr9:...  [default: all]",
    )


score_column_option = click.option(
    "--score-column", type=Count(1, MAX_COLUMNS), metavar="N",
    help="Rank the hits by this column, counted from 1.  [default: logit, if there is one, else 5 (GFF3: 6)]",
)  # fmt: skip
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
    help="auto, cpu, cuda, cuda:N, mps, or all: every CUDA device, if all are alike.",
)
_THREADS = click.option(
    "-t",
    "--threads",
    type=Count(1, MAX_THREADS),
    metavar="N",
    help="CPU threads.  [default: all this process may use]",
)


def device_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where: what it is computed on changes no result, as long as it is of one kind."""
    return _DEVICE(_THREADS(command))


def machine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of device and speed: these never change a result on one kind of device, except a lower precision."""
    return all_of(
        _DEVICE,
        click.option(
            "--batch-size",
            type=Count(1, MAX_BATCH),
            metavar="N",
            help="Most windows computed at once, rounded to whole units of work.  "
            "[default: by threads on CPU, by free memory on CUDA]",
        ),
        _THREADS,
        precision_option("auto is float32; bfloat16 can be faster, and changes scores a little."),
    )(command)


def quiet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--quiet`."""
    return click.option("--quiet", is_flag=True, help="Only errors on standard error.")(command)
