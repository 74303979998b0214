"""Lists of known transcription starts (TSSs) that hits are judged by: one or more, joined."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import numpy as np

from promscan.errors import InputError
from promscan.io.tss import read_starts
from promscan.log import logger
from promscan.seq.records import STRANDS
from promscan.seq.tss import KnownStarts, Site, offsets, on_rounds

Members = Mapping[str, frozenset[Site]]
"""By name of a class, the starts in it."""


@dataclass(frozen=True)
class ListedStarts:
    """The starts of one or more lists, each once.

    starts: of all lists.
    lists: the starts of each list, by its name.
    """

    starts: KnownStarts
    lists: Members


def read_lists(
    paths: Sequence[str | Path],
    lengths: Mapping[str, int],
    tss_from: str | None,
    same_start: int,
    circles: Container[str] = (),
) -> ListedStarts:
    """Read lists of starts and join them.

    A start of a later list within `same_start` bp of one of an earlier list, on its strand, is the same start: it has
    the position and the name that the earlier list gives, and is a member of both lists.

    Args:
        paths: files of starts; see `promscan.io.tss.read_starts`.
        lengths: contig to bases.
        tss_from: which base of an interval is the start, where the layout of a file does not say it.
        same_start: in bp.
        circles: contigs that are circles.

    Raises:
        InputError: there is no list, or one cannot be read.
    """
    if not paths:
        raise InputError("there is no list of TSSs to judge by; give at least one")
    joined, lists = read_starts(paths[0], lengths, tss_from), dict[str, frozenset[Site]]()
    names = _names(paths)
    lists[names[0]] = frozenset(joined)
    for path, name in zip(paths[1:], names[1:], strict=True):
        starts = read_starts(path, lengths, tss_from)
        same = _same_starts(starts, joined, same_start, {c: lengths[c] for c in lengths if c in circles})
        logger.info("%s: %s of its TSSs stand in an earlier list", name, f"{len(same):,}")
        new = [site for site in starts if site not in same]
        lists[name] = frozenset([*same.values(), *new])
        joined = joined.with_more(new, starts)
    return ListedStarts(joined, lists)


def _names(paths: Sequence[str | Path]) -> list[str]:
    """Name each list by its file; the second file of a name is `NAME (2)`."""
    names = list[str]()
    for name in (Path(path).name for path in paths):
        numbered = (f"{name} ({number})" for number in count(2))
        names.append(next(each for each in chain([name], numbered) if each not in names))
    return names


def _same_starts(
    starts: KnownStarts, earlier: KnownStarts, within: int, circles: Mapping[str, int]
) -> dict[Site, Site]:
    """Map the starts that an earlier list has, too, to its nearest one."""
    same = dict[Site, Site]()
    for chrom in {site.chrom for site in starts}:
        for strand in STRANDS:
            circle, positions = circles.get(chrom), starts.on(chrom, strand)
            away = offsets(positions, on_rounds(earlier.on(chrom, strand), circle))
            for i in np.flatnonzero(np.abs(away) <= within).tolist():
                position = int(positions[i])
                other = position - int(away[i])
                same[Site(chrom, position, strand)] = Site(chrom, other if circle is None else other % circle, strand)
    return same
