"""Join the outputs of all shards of a scan into the bytes of the undivided one: hits, or the tracks of a strand.

The shards lie one after the other on the genome, and each is sorted, which is checked. The rows of two shards may
interleave only near a cut inside a contig, as shards are cut by TSS and sorted by start: so the rows of one contig are
sorted anew.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, groupby, islice, pairwise, takewhile
from operator import attrgetter, itemgetter
from typing import NamedTuple

from promscan.commands.merge_tracks import merge_tracks
from promscan.commands.shards import AGAIN, Shard, check_set, shard_of
from promscan.errors import InputError, RunError
from promscan.io.bed import POSITION
from promscan.io.bigwig_reader import is_bigwig
from promscan.io.files import check_outputs, is_special
from promscan.io.hit_layouts import LAYOUTS, Layout, cells_of, format_by_suffix, landmark_row
from promscan.io.hit_writers import CLOSING, Checksum, open_rows
from promscan.io.schemas import IS_CIRCULAR, NOTHING_SCORED
from promscan.io.tables import finite
from promscan.io.text import lines_of, opened, sniff, source_name
from promscan.seq.windows import WINDOW

WANTED = "an output of promscan scan"
LONGEST_HEAD = 10
"""Lines that are read to find the first rows."""
NO_STRAND = "."
"""Strand of landmarks; hits have another."""


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
    """Write the hits of all shards to `output`, as a scan without `--shard` would have; or their tracks of one strand.

    Args:
        shards: outputs of `promscan scan --shard`, one for each shard, in any order.
        output: where the hits go, in the format of the shards; `.gz` at its end means bgzipped and indexed, and `-` is
            standard output. Tracks go to a file that ends in `.bw`.

    Raises:
        InputError: a shard is missing, comes twice, cannot be read, has rows that are not as a scan writes them, or
            belongs to another scan; or no shard could score a window.
        RunError: `output` is a shard or cannot be written, or its suffix is that of another format.
    """
    target = os.fspath(output)
    check_outputs([target], shards)
    if any(is_bigwig(os.fspath(path)) for path in shards):
        merge_tracks([os.fspath(path) for path in shards], target)
        return
    parts = sorted((_read_head(os.fspath(path)) for path in shards), key=attrgetter("index"))
    check_set(parts)
    format = parts[0].settings["format"]
    if target != "-" and format_by_suffix(target) not in (format, None):
        raise RunError(
            f"{target}: the shards are {format}, and this suffix is not; end it in {LAYOUTS[format].suffixes[0]}"
        )
    circles = "circular" in parts[0].settings
    if target == "-":  # what it has taken cannot be taken back, so all rows are checked first
        for part in parts:
            deque(_rows(part.path, LAYOUTS[format], circles=circles), maxlen=0)
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


def _read_head(path: str) -> Shard:
    if path == "-" or is_special(path):
        raise InputError(f"{source_name(path)}: shards are read twice, and a pipe only once; save it to a file")
    sniff(path, WANTED)
    with closing(_lines(path)) as lines:
        head = list(islice(takewhile(_is_head, lines), LONGEST_HEAD))
    first_line = next((line for line in head if line.startswith("#promscan ")), "")
    scored = head[-1:] != [NOTHING_SCORED]
    preamble = head if scored else head[:-1]
    format = next((name for name, layout in LAYOUTS.items() if layout.preamble(first_line) == preamble), None)
    if format is None:
        raise InputError(f"{path}: does not begin like {WANTED}; give the files that scan --shard wrote")
    return shard_of(path, first_line, format, where=f"{path}, line {head.index(first_line) + 1}", scored=scored)


def _is_head(line: str) -> bool:
    return line.startswith("#") and not line.startswith(CLOSING)


def _lines(path: str) -> Generator[str, None, None]:
    """The lines, without newlines; a name in them need not be UTF-8."""
    with opened(path, WANTED) as stream:
        for line in lines_of(stream, path):
            if not line.endswith(b"\n"):
                raise InputError(f"{path}: ends within a line; copy it again")
            yield line[:-1].decode("utf-8", "surrogateescape")


def _complete_lines(path: str) -> Iterator[str]:
    """The lines before the closing one, which must be those that it was written for."""
    checksum, closing = Checksum(), ""
    for line in _lines(path):
        if closing:
            raise InputError(f"{path}: goes on after the closing line of a shard; copy it again")
        if line.startswith(CLOSING):
            closing = line
        else:
            checksum.take(f"{line}\n".encode("utf-8", "surrogateescape"))
            yield line
    if not closing:
        raise InputError(f"{path}: the closing line of a shard is missing, so other lines may be, too; copy it again")
    if closing != checksum.closing_line:
        raise InputError(f"{path}: lines are missing or were changed since the scan wrote it; copy it again")


def _rows(path: str, layout: Layout, *, circles: bool) -> Iterator[_Row]:
    """The rows of a shard, each checked: a window of promscan, after the row before."""
    before: _Row | None = None
    for number, line in enumerate(_complete_lines(path), start=1):
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
