"""The largest numbers that options and calls accept: beyond them input overflows, hangs or takes all memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from promscan.errors import InputError

MAX_BP = 10_000_000
"""Distance or width in bp."""
MAX_SMOOTHING = 10_001
"""Width in bp over which logits are averaged; the largest odd one."""
MAX_INSERT = 10_000
"""Length in bp of the insert of a reporter, or of its flanks."""
MAX_PROPOSALS = 10_000
"""Designed inserts of one strength."""
MAX_COLUMNS = 100_000
"""Columns of a table."""
MAX_FLANK = 1000
"""Bases on each side of a window that can be explained."""
MAX_DETAILS = 500
"""Hits of a report that can carry details, over all samples."""
MAX_THREADS = 1024
MAX_BATCH = 1 << 30
"""Windows in flight."""
MAX_EPOCHS = 1_000_000
MAX_COUNT = 1_000_000_000
"""Rows, segments, bases, hits or anything else that is counted."""
MAX_STEP = 1_000_000
"""Rows of a batch in a training."""
MAX_WIDTH = 1_000_000
"""Distance or width in bp in a training."""
MAX_SEED = (1 << 32) - 1
MAX_NUMBER = 1e9
"""Size of a number that has a fraction, such as a strength."""


def check_whole(name: str, value: int, least: int, most: int) -> None:
    """Check that the argument `name` is a whole number from `least` to `most`.

    Raises:
        InputError: it is not.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InputError(f"{name} must be a whole number, not {repr(value)[:40]}")
    if value < least:
        raise InputError(f"{name} must be at least {least}, got {shown(value)}")
    if value > most:
        raise InputError(f"{name} must be at most {most}, got {shown(value)}")


def check_odd(name: str, value: int, most: int) -> None:
    """Check that the argument `name` is an odd whole number from 1 to `most`: a width with a middle.

    Raises:
        InputError: it is not.
    """
    if isinstance(value, int) and (value < 1 or value % 2 == 0):
        raise InputError(f"{name} must be odd and positive, got {shown(value)}")
    check_whole(name, value, 1, most)


def check_machine(threads: int | None, batch_size: int | None) -> None:
    """Check the arguments `threads` and `batch_size`, each None or a whole number.

    Raises:
        InputError: one is out of range.
    """
    if threads is not None:
        check_whole("threads", threads, 1, MAX_THREADS)
    if batch_size is not None:
        check_whole("batch_size", batch_size, 1, MAX_BATCH)


def check_number(
    name: str,
    value: float,
    least: float = -MAX_NUMBER,
    most: float = MAX_NUMBER,
    *,
    least_open: bool = False,
    most_open: bool = False,
) -> None:
    """Check that the argument `name` is a finite number from `least` to `most`; an open end is not included.

    Raises:
        InputError: it is not.
    """
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise InputError(f"{name} must be a number, not {repr(value)[:40]}")
    if not least <= value <= most or (least_open and value == least) or (most_open and value == most):
        low = f"above {least:g}" if least_open else f"from {least:g}"
        high = f"below {most:g}" if most_open else f"{most:g}"
        raise InputError(f"{name} must be a number {low} to {high}, got {shown(value)}")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Check that the argument `name` is one of these words.

    Raises:
        InputError: it is not.
    """
    if value not in choices:
        raise InputError(f"{name} must be one of {', '.join(choices)}, not {repr(value)[:40]}")


def shown(value: float) -> str:
    """A number for a message; Python refuses to write out an integer of thousands of digits."""
    if isinstance(value, float) or -1e20 < value < 1e20:
        return str(value)
    return f"a number of {math.floor(abs(value).bit_length() * math.log10(2)) + 1} digits"


def rounded_inwards(end: float, side: Literal[1, -1]) -> str:
    """The lower (side 1) or the upper (side -1) end of a range in about three digits, rounded so that it lies in it."""
    digits = 2 - math.floor(math.log10(abs(end))) if end else 0
    scale = 10 ** min(max(0, digits), 300)
    units = math.ceil(side * end * scale)
    units += units / scale < side * end  # where the product was rounded the wrong way
    return f"{side * units / scale:.15g}"
