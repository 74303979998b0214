"""The examples of the documents: finding them in a page, comparing what they show, and rewriting them.

A fenced block of the language `console` is a session: each line that begins with `$ ` is run, and the lines after it
are what it prints, standard output first. Columns may be aligned by blanks; decimals agree within `TOLERANCE`; `...` in
a line stands for any text, and alone on a line for any lines.

A block with `title="name"` after its language is a file that the examples of all pages find in their folder.
"""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TOLERANCE = 2e-4
ANYTHING = "..."

_FENCE = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_DECIMAL = re.compile(r"(-?\d+\.\d+)")


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    title: str | None
    body: str


class Command(NamedTuple):
    """A command of a `console` block and the lines that follow it."""

    line: str
    shown: list[str]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [Block(language, title or None, body) for language, title, body in found]


def commands(body: str) -> Iterator[Command]:
    """The commands of a `console` block."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        line, *shown = part.splitlines()
        yield Command(line, shown)


def same_line(shown: str, printed: str) -> bool:
    """Whether two lines agree: blanks are one blank, decimals have a tolerance, `...` is any text."""
    shown, printed = " ".join(shown.split()), " ".join(printed.split())
    if shown == printed:
        return True
    numbers = [float(text) for text in _DECIMAL.findall(shown)]
    pieces = [re.escape(piece).replace(re.escape(ANYTHING), ".*") for piece in _DECIMAL.split(shown)[::2]]
    match = re.fullmatch(_DECIMAL.pattern.join(pieces), printed)
    return match is not None and all(
        abs(float(text) - number) <= TOLERANCE for text, number in zip(match.groups(), numbers, strict=True)
    )


def same(shown: list[str], printed: list[str]) -> bool:
    """Whether lines agree; `...` alone on a line is any lines."""
    if not shown:
        return not printed
    if shown[0].strip() == ANYTHING:
        return any(same(shown[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    return bool(printed) and same_line(shown[0], printed[0]) and same(shown[1:], printed[1:])


def rewrite(page: Path, command: Command, printed: list[str]) -> None:
    """Put what a command printed in place of what its page shows; lines with a `...` that still agree stay."""
    lines = [shortened(line) for line in aligned(printed)]
    if len(command.shown) == len(printed):
        fresh = zip(command.shown, lines, printed, strict=True)
        lines = [old if ANYTHING in old and same_line(old, raw) else new for old, new, raw in fresh]
    text = page.read_text(encoding="utf-8")
    before = "\n".join([f"$ {command.line}", *command.shown, ""])
    assert text.count(before) == 1, f"{page}: two examples are the same: {command.line}"
    page.write_text(text.replace(before, "\n".join([f"$ {command.line}", *lines, ""])), encoding="utf-8")


def aligned(lines: list[str]) -> list[str]:
    """Lines with tabs as columns of blanks."""
    rows = [line.split("\t") for line in lines]
    columns = max(map(len, rows), default=0)
    table = [row for row in rows if len(row) == columns]
    widths = [max(len(row[index]) for row in table) for index in range(columns)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if len(row) == columns > 1
        else " ".join(row)
        for row in rows
    ]


def shortened(line: str) -> str:
    """A line with short checksums, and without seconds, which differ from run to run."""
    line = re.sub(r"(sha256=[0-9a-f]{8})[0-9a-f]{56}", rf"\1{ANYTHING}", line)
    return re.sub(r"\b\d+\.\d s\b", f"{ANYTHING} s", line)


class Checker(doctest.OutputChecker):
    """Compares what a `python` block prints as `same` does."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return super().check_output(want, got, optionflags) or same(want.splitlines(), got.splitlines())
