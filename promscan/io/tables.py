"""Tables: CSV or TSV to rows, and the sequences and numbers in their cells."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple
from urllib.parse import quote

from promscan.errors import InputError
from promscan.io.formats import HEAD_BYTES, text_format
from promscan.io.text import Digest, lines_of, opened, source_name
from promscan.log import counted
from promscan.seq import dna
from promscan.seq.dna import Codes

WANTED = "a table (CSV or TSV)"
LARGEST_NUMBER = 1e30
"""A number of a table, either way: what is computed with them is float32, which ends at 3e38."""
_SHOWN = 40
"""Letters of a wrong number that a message repeats."""
_QUOTED = re.compile('"[^"]*"')
_ESCAPED = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029]|^"')


class Row(NamedTuple):
    """A row of a table."""

    cells: list[str]
    """One for each column, as they stand."""
    place: str
    """File and line, for messages."""


class Table:
    """A table that is open for reading, once: its columns, and its rows by iteration.

    Args:
        stream: the text.
        source: its name in messages.
        required: columns that it must have.
        or_fasta: the text might have been FASTA, and was found not to be.

    Raises:
        InputError: the text is no table, lacks a column that is `required`, or has a column twice; during iteration, it
            is damaged or a row has more cells than there are columns.
    """

    def __init__(
        self, stream: io.BufferedReader, source: str, required: tuple[str, ...], *, or_fasta: bool = False
    ) -> None:
        self._source = source
        if (foreign := text_format(stream.peek()[:HEAD_BYTES])) is not None:
            raise InputError(f"{source}: this is {foreign}; give {'FASTA or ' if or_fasta else ''}{WANTED}")
        self._reader = self._rows(line.decode() for line in lines_of(stream, source))
        first = next(self._reader, None)
        self.columns = [name.strip() for name in first.cells] if first else []
        missing = [name for name in required if name not in self.columns]
        if missing and first is None:
            wanted = "FASTA, or a table" if or_fasta else "a table"
            raise InputError(f"{source}, line 1: there is nothing in it; give {wanted} with the column {missing[0]!r}")
        if missing:
            what = "neither FASTA nor a table" if or_fasta else "not a table"
            raise InputError(f"{source}, line 1: {what} with the column {missing[0]!r}; name it in the first line")
        twice = next((name for name, count in Counter(self.columns).items() if name and count > 1), None)
        if twice is not None:
            raise InputError(f"{source}, line 1: two columns are called {twice!r}; rename or remove one")

    def __iter__(self) -> Iterator[Row]:
        width = len(self.columns)
        for cells, place in self._reader:
            if any(cells[width:]):
                raise InputError(
                    f"{place}: {counted(len(cells), 'cell')} under {counted(width, 'column name')}; name every column"
                )
            yield Row(cells[:width] + [""] * (width - len(cells)), place)

    def _rows(self, text: Iterator[str]) -> Iterator[Row]:
        try:
            first = next(text, "")
            delimiter = "\t" if "\t" in _QUOTED.sub("", first) else ","
            reader = csv.reader(chain([first], text), delimiter=delimiter, strict=True)
            for cells in reader:
                if cells:
                    yield Row(cells, f"{self._source}, line {reader.line_num}")
        except UnicodeDecodeError as error:
            raise InputError(f"{self._source}: not UTF-8 text; give {WANTED} in UTF-8") from error
        except csv.Error as error:
            raise InputError(
                f"{self._source}, line {reader.line_num}: damaged table: {error}; correct the quotes there, or cut "
                "what is too long"
            ) from error


@contextmanager
def open_table(path: str, required: tuple[str, ...], digest: Digest | None = None) -> Iterator[Table]:
    """The table in a file, a pipe or standard input (`-`), plain or compressed; see `opened` and `Table`."""
    with opened(path, WANTED, digest) as stream:
        yield Table(stream, source_name(path), required)


def read_table(
    path: str, required: tuple[str, ...], *, digest: Digest | None = None
) -> Iterator[tuple[dict[str, str], str]]:
    """Rows of a table by column name, without blanks around them, each with its place for messages.

    Args:
        path: CSV or TSV, plain or compressed, a file or a pipe.
        required: columns that it must have.
        digest: takes in the bytes of the file; see `opened`.

    Raises:
        InputError: unreadable or damaged file, or without a column that is `required`.
    """
    with open_table(path, required, digest) as table:
        for cells, place in table:
            yield {name: cell.strip() for name, cell in zip(table.columns, cells, strict=True) if name}, place


def escape_cell(text: str) -> str:
    """A cell for a TSV file: control characters, and a quote that would open it, become %XX."""
    return _ESCAPED.sub(lambda match: quote(match[0]), text)


def encode_at(sequence: str, place: str) -> Codes:
    """Codes of a sequence that stands at `place`, for messages.

    Raises:
        InputError: a letter is no nucleotide code.
    """
    try:
        return dna.encode(sequence)
    except ValueError as error:
        raise InputError(f"{place}: {error}") from error


def number_at(text: str, column: str, place: str) -> float:
    """The finite number in this column of the row at `place`, for messages.

    Raises:
        InputError: there is none, or it is beyond `LARGEST_NUMBER`.
    """
    value = finite(text)
    if value is None or abs(value) > LARGEST_NUMBER:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        wrong = "is not a number" if value is None else f"is beyond {LARGEST_NUMBER:g}"
        raise InputError(f"{place}: {column} {shown!r} {wrong}; correct it, or leave the row out")
    return value


def finite(text: str) -> float | None:
    """The finite number that this is; None if it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    # Python reads 1_000 and digits of other scripts, too; nobody means them.
    return value if math.isfinite(value) and text.isascii() and "_" not in text else None
