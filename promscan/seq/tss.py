"""Known transcription starts, and how far positions are from them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from promscan.seq.intervals import Positions
from promscan.seq.records import Interval, Strand

SAME_START = 100
"""bp, at most, between a start of one list and a start of another list that are the same one."""
FAR_AWAY = 1 << 40
"""Distance in bp where there is no transcription start at all."""


class Site(NamedTuple):
    """A 0-based position and the strand that is read from there."""

    chrom: str
    tss: int
    strand: Strand


class KnownStarts:
    """Transcription starts, each once, in the order of contig name, strand and position.

    Args:
        sites: the starts, in any order.
        names: their names in the list, for those that have one.
        reading: which base of the intervals of their list they are, in words.
    """

    def __init__(self, sites: Iterable[Site], names: Mapping[Site, str] | None = None, reading: str = "") -> None:
        grouped = defaultdict[tuple[str, Strand], set[int]](set)
        for chrom, tss, strand in sites:
            grouped[chrom, strand].add(tss)
        self._positions = {key: np.array(sorted(grouped[key]), dtype=np.int64) for key in sorted(grouped)}
        self._names = names or {}
        self.reading = reading

    def __iter__(self) -> Iterator[Site]:
        for (chrom, strand), positions in self._positions.items():
            for tss in positions.tolist():
                yield Site(chrom, tss, strand)

    def __len__(self) -> int:
        return sum(map(len, self._positions.values()))

    def on(self, chrom: str, strand: Strand) -> Positions:
        """Starts of one strand of a contig, sorted."""
        return self._positions.get((chrom, strand), np.empty(0, dtype=np.int64))

    def name(self, site: Site) -> str:
        """Name of a start; empty if it has none."""
        return self._names.get(site, "")

    def with_more(self, sites: Iterable[Site], source: KnownStarts) -> KnownStarts:
        """These starts and `sites` of another list, `source`, whose names they have."""
        more = list(sites)
        names = {site: source.name(site) for site in more} | dict(self._names)
        reading = self.reading if source.reading in self.reading else f"{self.reading}; {source.reading}"
        return KnownStarts([*self, *more], names, reading)

    def only_on(self, chroms: Collection[str]) -> KnownStarts:
        """The starts on these contigs."""
        return KnownStarts((site for site in self if site.chrom in chroms), self._names, self.reading)

    def within(self, regions: Mapping[Interval, str]) -> KnownStarts:
        """The starts in these regions, in coordinates of the regions, which become contigs of these names."""
        pairs = list(moved(self, regions))
        names = {new: self._names[site] for site, new in pairs if site in self._names}
        return KnownStarts((new for _, new in pairs), names, self.reading)

    def digest(self) -> str:
        """sha256 of the starts, however they were written down; names have no part in it."""
        return hashlib.sha256(repr(list(self)).encode()).hexdigest()


def moved(sites: Iterable[Site], regions: Mapping[Interval, str]) -> Iterator[tuple[Site, Site]]:
    """Each site that lies in a region, and the same site in coordinates of that region."""
    by_contig = defaultdict[str, list[tuple[Interval, str]]](list)
    for region, name in regions.items():
        by_contig[region.chrom].append((region, name))
    for site in sites:
        for region, name in by_contig[site.chrom]:
            if region.start <= site.tss < region.end:
                yield site, Site(name, site.tss - region.start, site.strand)


def on_rounds(positions: Positions, circle: int | None) -> Positions:
    """Sorted positions, on a circle of this many bp also one round before and one after; None: the contig is linear.

    So a position near the origin finds its neighbours on the other side.
    """
    if circle is None:
        return positions
    return np.concatenate([positions - circle, positions, positions + circle])


def offsets(positions: Positions, known: Positions) -> Positions:
    """Distance in bp by which each of `positions` lies after (below 0: before) the nearest of the sorted `known`.

    Of two equally near ones the lower counts. Without any, the offset is FAR_AWAY or more, either way.
    """
    bounded = np.concatenate([[-2 * FAR_AWAY], known, [2 * FAR_AWAY]])
    after = np.searchsorted(bounded, positions)
    beyond, before = positions - bounded[after - 1], positions - bounded[after]
    nearest: Positions = np.where(beyond <= -before, beyond, before)
    return nearest


def distances(positions: Positions, known: Positions) -> Positions:
    """Distance in bp of each of `positions` to the nearest of the sorted `known`; FAR_AWAY or more without any."""
    nearest: Positions = np.abs(offsets(positions, known))
    return nearest
