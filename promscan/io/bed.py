"""BED files as they come: plain or compressed, with tabs or blanks, comments and lines for genome browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from os import PathLike, fspath

from promscan.errors import InputError
from promscan.io.formats import BED
from promscan.io.lines import text_lines
from promscan.io.text import source_name
from promscan.seq.intervals import Intervals
from promscan.seq.records import Interval

WANTED = "a BED file"
POSITION = re.compile("[0-9]{1,15}")
"""What a position looks like."""
_BROWSER_WORDS = ("position", "hide", "dense", "pack", "squish", "full")


def read_bed(path: str | PathLike[str]) -> Intervals:
    """Read the bases that the intervals of a BED file cover; strand and all further columns are ignored.

    The file may be compressed, or standard input (`-`), and its columns divided by tabs or blanks. Comments (`#`),
    blank lines, and lines for genome browsers are skipped.

    Raises:
        InputError: the file cannot be read, a line is no interval, or no interval has bases.
    """
    intervals = Intervals.of(interval_of(fields, where) for fields, where in _bed_rows(fspath(path)))
    if not intervals.total_bases:
        raise InputError(
            f"{source_name(fspath(path))}: there is no interval with bases in it; give a BED file of at least one"
        )
    return intervals


def _bed_rows(path: str) -> Iterator[tuple[list[str], str]]:
    for line, where in text_lines(path, WANTED, (BED,)):
        if fields := columns_of(line):
            yield fields, where


def columns_of(line: str) -> list[str]:
    """Columns of a line of a BED file; none if the line is no row, but a comment or a setting of a genome browser."""
    if line.startswith("#"):
        return []
    # A name may hold blanks where tabs divide the columns.
    fields = [field.strip(" ") for field in line.split("\t")] if "\t" in line else re.split(" +", line)
    return [] if _is_of_browser(fields) else fields


def _is_of_browser(fields: Sequence[str]) -> bool:
    """Whether a line is a setting of a genome browser; a contig may be called `track` or `browser` as well."""
    if fields[0] not in ("track", "browser"):
        return False
    following = fields[1:3]
    if len(following) < 2:
        return not any(map(POSITION.fullmatch, following))
    return "=" in "".join(following) or following[0] in _BROWSER_WORDS


def interval_of(fields: Sequence[str], where: str) -> Interval:
    """Interval in the first three columns of a row of a BED file.

    Raises:
        InputError: they are no interval; `where` is named.
    """
    if len(fields) < 3 or not (fields[0] and POSITION.fullmatch(fields[1]) and POSITION.fullmatch(fields[2])):
        raise InputError(f"{where}: not a BED interval; write contig, start and end, divided by tabs")
    interval = Interval(fields[0], int(fields[1]), int(fields[2]))
    if interval.end < interval.start:
        raise InputError(f"{where}: the interval ends at {fields[2]}, before its start at {fields[1]}; correct it")
    return interval
