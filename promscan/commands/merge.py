"""Join the outputs of all shards of a scan into the bytes of the undivided one.

The shards lie one after the other on the genome, and each is sorted. Only near a cut inside a contig the rows of two
shards may interleave, as shards are cut by tss and sorted by start: so the rows of one contig are sorted anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, groupby, pairwise, takewhile
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from promscan.errors import InputError, RunError
from promscan.io.files import check_outputs
from promscan.io.hit_writers import LAYOUTS, Layout, first_difference, format_by_suffix, open_rows
from promscan.io.text import opened, sniff

WANTED = "an output of promscan scan"


@dataclass(frozen=True)
class _Shard:
    """One input, as its first lines describe it."""

    path: str
    index: int
    first_line: str
    """That of the undivided scan."""
    settings: dict[str, str]
    """What all shards of a scan have in common."""


class _Row(NamedTuple):
    chrom: str
    start: int
    end: int
    strand: str
    text: str


def merge(shards: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str]) -> None:
    """Write the hits of all shards to `output`, as a scan without `--shard` would have.

    Args:
        shards: outputs of `promscan scan --shard`, one for each shard, in any order.
        output: where the hits go, in the format of the shards; `.gz` at its end means bgzipped and indexed, and `-` is
            standard output.

    Raises:
        InputError: a shard is missing, comes twice, cannot be read, or belongs to another scan.
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
    rows = chain.from_iterable(_rows(part.path, LAYOUTS[format]) for part in parts)
    with open_rows(target, LAYOUTS[format], parts[0].first_line, parts[0].settings) as writer:
        for _, of_contig in groupby(rows, key=attrgetter("chrom")):
            for row in sorted(of_contig, key=attrgetter("start", "strand")):
                writer.write_row(row.text, row.end)


def _read_head(path: str) -> _Shard:
    if Path(path).is_fifo():
        raise InputError(f"{path}: shards are read twice, and a pipe only once; save it to a file")
    sniff(path, WANTED)  # a bgzip file that lacks its end can be read without an error
    with closing(_lines(path)) as lines:
        head = list(takewhile(lambda line: line.startswith("#"), lines))
    first_line = next((line for line in head if line.startswith("#promscan ")), "")
    format = next((name for name, layout in LAYOUTS.items() if layout.preamble(first_line) == head), None)
    if format is None:
        raise InputError(f"{path}: does not begin like {WANTED}; give the files that scan --shard wrote")
    match = re.fullmatch("(#promscan ([^ ]+) (.+)) shard=([0-9]+)/([0-9]+) genome=([^ ]+)", first_line)
    if match is None:
        raise InputError(f"{path}: holds no shard, but a whole scan; give the files that scan --shard wrote")
    first_line, version, options, index, count, genome = match.groups()
    settings = dict(word.split("=", 1) for word in options.split(" "))
    settings = {"format": format, "promscan": version, **settings, "genome": genome, "number of shards": count}
    return _Shard(path, int(index), first_line, settings)


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
    if missing := set(range(1, count + 1)) - {part.index for part in parts}:
        names = ", ".join(map(str, sorted(missing)))
        raise InputError(f"there are {count} shards, and these are missing: {names}; give all of them")


def _lines(path: str) -> Generator[str, None, None]:
    """The lines, without newlines; a name in them need not be UTF-8."""
    with opened(path, WANTED) as stream:
        for line in stream:
            if not line.endswith(b"\n"):
                raise InputError(f"{path}: ends within a line; copy it again")
            yield line[:-1].decode("utf-8", "surrogateescape")


def _rows(path: str, layout: Layout) -> Iterator[_Row]:
    for number, line in enumerate(_lines(path), start=1):
        if line.startswith("#"):
            continue
        fields = line.split("\t")
        try:
            chrom, start, end, strand = (fields[column] for column in layout.place)
            row = _Row(chrom, int(start), int(end), strand, line)
        except (IndexError, ValueError) as error:
            raise InputError(f"{path}, line {number}: not a row of promscan; copy the file again") from error
        yield row
