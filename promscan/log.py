"""Messages and progress: everything that promscan says goes to standard error through this module.

On a terminal long work shows a tqdm bar; elsewhere (a cluster log, a pipe) a line every few minutes.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import quote

logger = logging.getLogger("promscan")

LINE_EVERY_SECONDS = 120.0
NAMED_AT_MOST = 5
"""Names in a message, at most, where there may be many."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
FEW = 100
"""Below this many units of work, decimals of a unit are shown."""


def counted(number: int, what: str) -> str:
    """`1 hit`, `2,000 hits`: a number and what it counts, in the right form."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def first_of(names: Sequence[str], most: int = NAMED_AT_MOST) -> str:
    """`a, b, ...`: the first names of a list that may be long."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def one_line(text: str) -> str:
    """A message without control characters, which names and values from files may hold: they become %XX."""
    return _CONTROL.sub(lambda match: quote(match[0]), text)


class Progress(Protocol):
    """The interface that long work reports its progress to."""

    def advance(self, amount: float) -> None:
        """`amount` more units are done."""

    def note(self, text: str) -> None:
        """Show `text` after the numbers."""


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = one_line(record.getMessage())
        return text if record.levelno == logging.INFO else f"{record.levelname.lower()}: {text}"


class _StderrHandler(logging.Handler):
    """Writes to the standard error of the moment, and past a progress bar rather than through it."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        tqdm.write(self.format(record), file=sys.stderr)


def is_first_process() -> bool:
    """Whether this process writes messages: of the processes that torchrun starts, only the first does."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ["RANK"] == "0"


def configure(*, quiet: bool) -> None:
    """Set up logging for the command line: information and warnings, or only errors if `quiet`."""
    handler = _StderrHandler()
    handler.setFormatter(_Formatter())
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.CRITICAL if not is_first_process() else logging.ERROR if quiet else logging.INFO)


class _Bar:
    def __init__(self, total: float | None, label: str, unit: str, done: float) -> None:
        from tqdm import tqdm

        self.bar = tqdm(
            total=total, initial=done, desc=label, unit=unit, file=sys.stderr, dynamic_ncols=True, smoothing=0.05
        )  # fmt: skip
        if total is not None and total < FEW:
            self.bar.bar_format = (
                "{l_bar}{bar}| {n:.2f}/{total:.2f} {unit} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
            )

    def advance(self, amount: float) -> None:
        if self.bar.total is not None:  # tqdm forgets a total that is exceeded, and the format needs one
            self.bar.total = max(self.bar.total, self.bar.n + amount)
        self.bar.update(amount)

    def note(self, text: str) -> None:
        self.bar.set_postfix_str(text)


class _Lines:
    def __init__(self, total: float | None, label: str, unit: str, done: float) -> None:
        self.total, self.label, self.unit = total, label, unit
        self.done = self.before = done
        self.text = ""
        self.began = self.shown = time.monotonic()

    def advance(self, amount: float) -> None:
        self.done += amount
        now = time.monotonic()
        if now - self.shown < LINE_EVERY_SECONDS:
            return
        self.shown = now
        rate = (self.done - self.before) / (now - self.began)
        decimals = 2 if self.total is None or self.total < FEW else 0
        of = "" if self.total is None else f" of {self.total:,.{decimals}f}"
        left = "" if self.total is None else f", about {(self.total - self.done) / rate / 60:.0f} min left"
        done = f"{self.label}: {self.done:,.{decimals}f}{of} {self.unit}, {rate:.3g} {self.unit}/s{left}"
        logger.info("%s", f"{done}, {self.text}" if self.text else done)

    def note(self, text: str) -> None:
        self.text = text


@contextmanager
def progress(total: float | None, label: str, unit: str, done: float = 0.0) -> Iterator[Progress]:
    """A progress display for the length of the `with` block; silent when messages are off.

    Args:
        total: units in all; None: unknown.
        label: what is being done.
        unit: name of the units of work, such as `Mb` or `windows`.
        done: units that were done before, in a run that goes on; the rate does not count them.
    """
    if logger.isEnabledFor(logging.INFO) and sys.stderr.isatty():
        bar = _Bar(total, label, unit, done)
        try:
            yield bar
        finally:
            bar.bar.close()
    else:
        yield _Lines(total, label, unit, done)
