"""Join the outputs of all shards of a scan into the bytes of the undivided one.

The shards lie one after the other on the genome, and each is sorted, which is checked. The rows of two shards may
interleave only near a cut inside a contig, as shards are cut by TSS and sorted by start: so the rows of one contig are
sorted anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, groupby, islice, pairwise, takewhile
from operator import attrgetter, itemgetter
from typing import NamedTuple

from promscan.errors import InputError, RunError
from promscan.io.files import check_outputs, is_special
from promscan.io.hit_layouts import LAYOUTS, Layout, cells_of, format_by_suffix, landmark_row
from promscan.io.hit_writers import first_difference, open_rows
from promscan.io.schemas import IS_CIRCULAR, NOTHING_SCORED
from promscan.io.tables import finite
from promscan.io.text import opened, sniff, source_name
from promscan.seq.intervals import check_shard
from promscan.seq.windows import WINDOW

WANTED = "an output of promscan scan"
AGAIN = "copy the file again"
LONGEST_HEAD = 10
"""Lines that are read to find the first rows."""
POSITION = re.compile("[0-9]{1,15}")
NO_STRAND = "."
"""In the rows of landmarks alone."""
NAMED_AT_MOST = 10
"""Missing shards that a message names."""


@dataclass(frozen=True)
class _Shard:
    """One input, as its first lines describe it."""

    path: str
    index: int
    first_line: str
    """First line of the undivided scan."""
    settings: dict[str, str]
    """The values that all shards of a scan have in common."""
    scored: bool
    """Whether a window of it could be scored."""


class _Row(NamedTuple):
    """A row of a shard; the first three fields are the order of the rows of one contig."""

    start: int
    """First base of the window; negative in BED if it lies over the origin of a circle, and -1 for a landmark."""
    strand: str
    end: int
    chrom: str
    text: str
    where: str


def merge(shards: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str]) -> None:
    """Write the hits of all shards to `output`, as a scan without `--shard` would have.

    Args:
        shards: outputs of `promscan scan --shard`, one for each shard, in any order.
        output: where the hits go, in the format of the shards; `.gz` at its end means bgzipped and indexed, and `-` is
            standard output.

    Raises:
        InputError: a shard is missing, comes twice, cannot be read, has rows that are not as a scan writes them, or
            belongs to another scan; or no shard could score a window.
        RunError: `output` is a shard or cannot be written, or its suffix is that of another format.
    """
    target = os.fspath(output)
    check_outputs([target], shards)
    parts = sorted((_read_head(os.fspath(path)) for path in shards), key=attrgetter("index"))
    _check_set(parts)
    format = parts[0].settings["format"]
    if target != "-" and format_by_suffix(target) not in (format, None):
        raise RunError(
            f"{target}: the shards are {format}, and this suffix is not; end it in {LAYOUTS[format].suffixes[0]}"
        )
    circles = "circular" in parts[0].settings
    rows = chain.from_iterable(_rows(part.path, LAYOUTS[format], circles=circles) for part in parts)
    with open_rows(target, LAYOUTS[format], parts[0].first_line, parts[0].settings) as writer:
        for row in _joined(rows):
            writer.write_row(row.text, row.end)


def _joined(rows: Iterable[_Row]) -> Iterator[_Row]:
    """The rows of all shards in the order of the undivided scan; each contig must come once, and each row too."""
    finished = set[str]()
    for chrom, of_contig in groupby(rows, key=attrgetter("chrom")):
        in_order = sorted(of_contig)
        if chrom in finished:
            raise InputError(f"{in_order[0].where}: contig {chrom!r} comes again, after another one; {AGAIN}")
        finished.add(chrom)
        for row, following in pairwise(in_order):
            if row[:2] == following[:2] and (row.strand != NO_STRAND or row.text != following.text):
                raise InputError(f"{following.where}: the same hit as {row.where}; {AGAIN}")
        # The shards of a circle repeat its landmark.
        yield from (next(same) for _, same in groupby(in_order, key=itemgetter(0, 1)))


def _read_head(path: str) -> _Shard:
    if path == "-" or is_special(path):
        raise InputError(f"{source_name(path)}: shards are read twice, and a pipe only once; save it to a file")
    sniff(path, WANTED)  # rows that went to standard output cannot be taken back if the file is cut short
    with closing(_lines(path)) as lines:
        head = list(islice(takewhile(lambda line: line.startswith("#"), lines), LONGEST_HEAD))
    first_line = next((line for line in head if line.startswith("#promscan ")), "")
    scored = head[-1:] != [NOTHING_SCORED]
    preamble = head if scored else head[:-1]
    format = next((name for name, layout in LAYOUTS.items() if layout.preamble(first_line) == preamble), None)
    if format is None:
        raise InputError(f"{path}: does not begin like {WANTED}; give the files that scan --shard wrote")
    match = re.fullmatch("(#promscan ([^ ]+) (.+)) shard=([0-9]{1,9})/([0-9]{1,9}) genome=([^ ]+)", first_line)
    if match is None:
        raise InputError(f"{path}: holds no shard, but a whole scan; give the files that scan --shard wrote")
    first_line, version, options, index, count, genome = match.groups()
    where = f"{path}, line {head.index(match[0]) + 1}"
    settings = {"format": format, "promscan": version, **_settings(options, where)}
    settings |= {"genome": genome, "number of shards": str(int(count))}
    try:
        check_shard(int(index), int(count))
    except ValueError as error:
        raise InputError(f"{where}: {error}; give the files that scan --shard wrote") from error
    return _Shard(path, int(index), first_line, settings, scored)


def _settings(options: str, where: str) -> dict[str, str]:
    """The words of a first line, by name."""
    words = options.split(" ")
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    if len(settings) < len(words):
        raise InputError(f"{where}: its words are not of the form name=value, each name once; {AGAIN}")
    return settings


def _check_set(parts: Sequence[_Shard]) -> None:
    """Refuse what is not every shard of one scan, each once; `parts` are sorted by index."""
    first = parts[0]
    for part in parts:
        if (difference := first_difference(part.settings, first.settings)) is not None:
            raise InputError(f"{part.path}: {difference} in {first.path}; give the shards of one scan")
    for part, following in pairwise(parts):
        if part.index == following.index:
            raise InputError(f"{part.path} and {following.path} are the same shard, {part.index}; give each once")
    count = int(first.settings["number of shards"])
    if missing := sorted(set(range(1, count + 1)) - {part.index for part in parts}):
        names = ", ".join(map(str, missing[:NAMED_AT_MOST])) + (", ..." if len(missing) > NAMED_AT_MOST else "")
        raise InputError(f"there are {count} shards, and these are missing: {names}; give all of them")
    if not any(part.scored for part in parts):
        raise InputError(f"{first.path}: no window could be scored in it, nor in any other shard; give another genome")


def _lines(path: str) -> Generator[str, None, None]:
    """The lines, without newlines; a name in them need not be UTF-8."""
    with opened(path, WANTED) as stream:
        for line in stream:
            if not line.endswith(b"\n"):
                raise InputError(f"{path}: ends within a line; copy it again")
            yield line[:-1].decode("utf-8", "surrogateescape")


def _rows(path: str, layout: Layout, *, circles: bool) -> Iterator[_Row]:
    """The rows of a shard, each checked: a window of promscan, after the row before."""
    before: _Row | None = None
    for number, line in enumerate(_lines(path), start=1):
        if line.startswith("#"):
            continue
        row = _row(line, layout, f"{path}, line {number}", circles=circles)
        if before is not None and row.chrom == before.chrom and row[:2] <= before[:2]:
            raise InputError(f"{row.where}: out of order after the line before it; {AGAIN}")
        yield row
        before = row


def _row(line: str, layout: Layout, where: str, *, circles: bool) -> _Row:
    fields = line.split("\t")
    first = 1 if layout.preset == "gff" else 0  # position of the first base of a contig
    try:
        chrom, start, end, strand = (fields[column] for column in layout.place)
        row = _Row(int(start) - first, strand, int(end), chrom, line, where)
    except (IndexError, ValueError) as error:
        raise InputError(f"{where}: not a row of promscan; {AGAIN}") from error
    if circles and layout.landmarks and line == landmark_row(chrom, row.end):
        return row._replace(start=-1)
    over_origin = circles and _is_over_origin(row, layout)
    if over_origin and row.start == 0:
        row = row._replace(start=row.end - WINDOW)
    plain = POSITION.fullmatch(start) and POSITION.fullmatch(end)
    whole = row.end == row.start + WINDOW or (over_origin and row.start < row.end)
    if not plain or int(start) < first or not whole or strand not in ("+", "-"):
        raise InputError(f"{where}: not a window of promscan on its strand; {AGAIN}")
    _check_cells(row, layout, over_origin=over_origin)
    return row


def _is_over_origin(row: _Row, layout: Layout) -> bool:
    """Whether a row is about a window over the origin of a circle, which BED and narrowPeak hold a part of."""
    if layout.landmarks:
        return row.text.endswith(f";{IS_CIRCULAR}=true")
    return 0 < row.end - row.start < WINDOW


def _check_cells(row: _Row, layout: Layout, *, over_origin: bool) -> None:
    """Refuse a row that lacks cells, or has some that no scan writes in a row of this place."""
    cells, wrong = cells_of(row.text, layout), row.text.count("\t") + 1 != layout.columns
    certain = layout.certain(row.chrom, row.start, row.strand, over_origin)
    wrong |= any(column >= len(cells) or cells[column] != text for column, text in certain.items())
    wrong |= any(cells[column] != "." and finite(cells[column]) is None for column in layout.numbers if not wrong)
    if wrong:
        raise InputError(f"{row.where}: its columns are not as a scan writes them; {AGAIN}")
