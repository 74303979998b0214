"""BED files as they come: plain or gzipped, with tabs or blanks, comments and lines for browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from promscan.errors import InputError
from promscan.fasta import opened, source_name
from promscan.records import Interval

POSITION = re.compile("[0-9]{1,15}")
"""What a position looks like."""


def bed_rows(path: str) -> Iterator[tuple[list[str], str]]:
    """The columns of each row of a BED file, plain or gzipped, and where it stands, for messages.

    Raises:
        InputError: the file cannot be read.
    """
    for line, where in bed_lines(path):
        if fields := columns_of(line):
            yield fields, where


def columns_of(line: str) -> list[str]:
    """The columns of a line of a BED file; none if it is no row, but a comment or a setting of a browser."""
    if line.startswith("#") or line.split()[0] in ("track", "browser"):
        return []
    # A name may hold blanks where tabs divide the columns.
    return [field.strip() for field in line.split("\t")] if "\t" in line else line.split()


def bed_lines(path: str) -> Iterator[tuple[str, str]]:
    """Each line of a BED file, plain or gzipped, or of standard input (`-`), and where it stands, for messages.

    Blank lines are left out.

    Raises:
        InputError: the file cannot be read.
    """
    source = source_name(path)
    with opened(path, "a BED file") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                text = line.decode().strip()
            except UnicodeDecodeError as error:
                raise InputError(f"{source}: not a text file; give a BED file, plain or gzipped") from error
            if text:
                yield text, f"{source}, line {number}"


def interval_of(fields: Sequence[str], where: str) -> Interval:
    """The first three columns of a row of a BED file.

    Raises:
        InputError: they are no interval; `where` is named.
    """
    if len(fields) < 3 or not (POSITION.fullmatch(fields[1]) and POSITION.fullmatch(fields[2])):
        raise InputError(f"{where}: not a BED interval; write contig, start and end, divided by tabs")
    interval = Interval(fields[0], int(fields[1]), int(fields[2]))
    if interval.end < interval.start:
        raise InputError(f"{where}: the interval ends at {fields[2]}, before its start at {fields[1]}; correct it")
    return interval
