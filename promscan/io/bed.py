"""BED files as they come: plain or gzipped, with tabs or blanks, comments and lines for browsers."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike, fspath
from pathlib import Path

from promscan.errors import DependencyError, InputError
from promscan.io.text import opened, source_name
from promscan.seq.intervals import Intervals
from promscan.seq.records import Interval


def read_bed(path: str | PathLike[str]) -> Intervals:
    """The bases that the intervals of a BED file cover; strand and all further columns are ignored.

    The file may be gzipped, and its columns divided by tabs or blanks. `track`, `browser`, `#` and blank lines are
    skipped.

    Raises:
        InputError: the file cannot be read, or a line is no interval.
        DependencyError: bedtools is not installed.
    """
    if shutil.which("bedtools") is None:
        raise DependencyError(
            "the program bedtools, which reads BED files, is not installed; install it: `apt-get install bedtools` or "
            "`conda install -c bioconda bedtools`"
        )
    intervals = _parse_bed(fspath(path))
    with tempfile.TemporaryDirectory(prefix="promscan-") as folder:
        return _sort_and_merge(intervals, Path(folder))


def _sort_and_merge(intervals: Iterable[Interval], folder: Path) -> Intervals:
    import pybedtools  # takes half a second

    given, in_order, merged = (folder / name for name in ("given.bed", "sorted.bed", "merged.bed"))
    given.write_text("".join(f"{chrom}\t{start}\t{end}\n" for chrom, start, end in intervals), encoding="utf-8")
    pybedtools.BedTool(str(given)).sort(output=str(in_order)).merge(output=str(merged))
    return Intervals.of(_parse_bed(str(merged)))


def _parse_bed(path: str) -> list[Interval]:
    """The intervals that cover at least one base, in the order of the file."""
    intervals = [interval_of(fields, where) for fields, where in bed_rows(path)]
    intervals = [interval for interval in intervals if interval.start < interval.end]
    if not intervals:
        raise InputError(f"{path}: there is no interval with bases in it; give a BED file of at least one")
    return intervals


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
