"""Tables as they come: CSV or TSV, plain or gzip, to rows by column name, and the sequences and numbers in them."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterator
from typing import IO

from promscan.errors import InputError
from promscan.seq import dna
from promscan.seq.dna import Codes


def read_table(path: str, required: tuple[str, ...], *, or_fasta: bool = False) -> Iterator[tuple[dict[str, str], str]]:
    """Rows of a CSV or TSV file, plain or gzip, by column name, each with its place for messages.

    Args:
        path: the file.
        required: columns.
        or_fasta: it might have been FASTA, and was found not to be.

    Raises:
        InputError: unreadable or damaged file, or without a column that is `required`.
    """
    with open_text(path) as file:
        try:
            head = file.readline()
            delimiter = "\t" if "\t" in head else ","
            columns = next(csv.reader([head], delimiter=delimiter), [])
            missing = [name for name in required if name not in columns]
            if missing:
                what = "neither FASTA nor a table" if or_fasta else "not a table"
                raise InputError(f"{path} line 1: {what} with the column {missing[0]!r}; name it in the first line")
            reader = csv.DictReader(file, columns, delimiter=delimiter, restval="")
            for row in reader:
                yield {key: value.strip() for key, value in row.items() if key}, f"{path} line {reader.line_num + 1}"
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path}: damaged table: {error}") from error


def open_text(path: str) -> IO[str]:
    """A text file, plain or gzip, for reading.

    Raises:
        InputError: it cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        if packed:
            return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        return open(path, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


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
        InputError: it is none.
    """
    if (value := finite(text)) is None:
        raise InputError(f"{place}: {column} {text!r} is not a number; correct it, or leave the row out")
    return value


def finite(text: str) -> float | None:
    """The finite number that this is; None if it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
