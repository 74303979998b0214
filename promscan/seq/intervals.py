"""Sets of genomic intervals: merged, asked by position, turned into the windows to scan."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError
from promscan.seq.dna import Mask
from promscan.seq.records import Interval
from promscan.seq.regions import chr_hint
from promscan.seq.windows import WINDOW, tss_of

Positions = npt.NDArray[np.int64]
Place = TypeVar("Place", int, Positions)

MAX_POSITION = 1 << 62
"""Higher than the position of any base."""
MOST_SHARDS = 100_000
"""Parts that a genome can be divided into."""
SHARD_GRID = 40 * WINDOW
"""A cut between two shards of a scan lies on a multiple of this many bp of its contig, for every model."""


class Intervals:
    """A set of bases as merged intervals: sorted, disjoint, not touching, none empty. Immutable.

    Make one by `Intervals.of` or `read_bed`.
    """

    def __init__(self, merged: Mapping[str, Positions]) -> None:
        self._ranges = {chrom: merged[chrom] for chrom in sorted(merged) if merged[chrom].size}
        """By contig, in the order of their names: int64 of shape (2, intervals), starts and ends."""
        for ranges in self._ranges.values():
            ranges.flags.writeable = False

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Intervals:
        """The bases of `intervals`, which may overlap, be empty, and come in any order."""
        by_contig = defaultdict[str, list[tuple[int, int]]](list)
        for chrom, start, end in intervals:
            if start < end:
                by_contig[chrom].append((start, end))
        return cls({chrom: _merge(np.array(ranges, dtype=np.int64).T) for chrom, ranges in by_contig.items()})

    def __iter__(self) -> Iterator[Interval]:
        """By contig name, then start."""
        for chrom, ranges in self._ranges.items():
            for start, end in ranges.T.tolist():
                yield Interval(chrom, start, end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intervals) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Intervals: {self.total_bases} bases on {len(self._ranges)} contigs>"

    @property
    def chroms(self) -> tuple[str, ...]:
        """The contigs that have intervals, sorted by name."""
        return tuple(self._ranges)

    @property
    def total_bases(self) -> int:
        """Covered bases of all contigs."""
        return sum(int((ends - starts).sum()) for starts, ends in self._ranges.values())

    def digest(self) -> str:
        """Sixteen hex digits that identify this set of bases, in any spelling."""
        return _digest(self)

    def union(self, other: Intervals) -> Intervals:
        """The bases of either."""
        return Intervals.of([*self, *other])

    def intersection(self, other: Intervals) -> Intervals:
        """The bases of both."""
        return Intervals(
            {
                chrom: _common(ranges, other._ranges[chrom])
                for chrom, ranges in self._ranges.items()
                if chrom in other._ranges
            }
        )

    def without(self, other: Intervals) -> Intervals:
        """The bases of these that are not in `other`."""
        left = dict(self._ranges)
        for chrom in left.keys() & other._ranges.keys():
            starts, ends = other._ranges[chrom]
            gaps = np.stack([np.append(0, ends), np.append(starts, MAX_POSITION)])
            left[chrom] = _common(left[chrom], gaps[:, gaps[0] < gaps[1]])
        return Intervals(left)

    def contains(self, chrom: str, positions: Positions) -> Mask:
        """Which 0-based `positions` (any shape, any order) are covered; bool of the same shape."""
        if chrom not in self._ranges:
            return np.zeros(np.shape(positions), dtype=np.bool_)
        starts, ends = self._ranges[chrom]
        before = np.searchsorted(starts, positions, side="right")
        covered: Mask = (before > 0) & (positions < ends[before - 1])
        return covered

    def bases_before(self, chrom: str, positions: Positions) -> Positions:
        """How many bases of a contig are covered before each of `positions`, shape (n,)."""
        if chrom not in self._ranges:
            return np.zeros(len(positions), dtype=np.int64)
        starts, ends = self._ranges[chrom]
        covered = np.concatenate([[0], np.cumsum(ends - starts)])
        begun = np.searchsorted(starts, positions)
        beyond = np.maximum(np.append(0, ends)[begun] - positions, 0)
        before: Positions = covered[begun] - beyond
        return before

    def widened(self, by: int, contigs: Mapping[str, int]) -> Intervals:
        """The bases up to `by` bp away from these as well, as far as the contigs, name to bases, reach."""
        return Intervals.of(
            Interval(chrom, max(0, start - by), min(contigs[chrom], end + by)) for chrom, start, end in self
        )

    def mask(self, chrom: str, start: int, end: int) -> Mask:
        """Which bases of `start`-`end` are covered; bool of length `end - start`."""
        covered = np.zeros(end - start, dtype=np.bool_)
        if chrom in self._ranges:
            starts, ends = self._ranges[chrom]
            touched = slice(np.searchsorted(ends, start, side="right"), np.searchsorted(starts, end))
            for lo, hi in zip(starts[touched].tolist(), ends[touched].tolist(), strict=True):
                covered[max(lo - start, 0) : hi - start] = True
        return covered

    def spans_of_starts(
        self, min_distance: int, grid: int = 1, circles: Container[str] = ()
    ) -> dict[str, list[tuple[int, int]]]:
        """The window starts to score so that every hit with its tss in the set is decided as in a full scan.

        A hit of tss t starts at t - 33 (+) or t - 36 (-), and the windows that can beat it start less than
        `min_distance` (at least 1) away. So an interval a-b needs the starts from a - 36 - (min_distance - 1) up to
        (b - 1) - 33 + (min_distance - 1), and from there on to the next multiples of `grid`.

        Args:
            min_distance: least distance in bp between the starts of two hits of a strand.
            grid: where spans may begin and end, in bp.
            circles: contigs that go on before their first base, so that starts may be negative.

        Returns:
            by contig, sorted disjoint ranges `lo` <= start < `hi`; they may reach past the end of the contig.
        """
        spans = {}
        for chrom, (starts, ends) in self._ranges.items():
            ranges = np.stack(starts_around(starts, ends, min_distance - 1, grid))
            if chrom not in circles:
                ranges = np.maximum(ranges, 0)
            merged = _merge(ranges[:, ranges[0] < ranges[1]])
            if merged.size:
                spans[chrom] = [(lo, hi) for lo, hi in merged.T.tolist()]
        return spans

    def check_against(self, contigs: Mapping[str, int], source: str) -> None:
        """Refuse intervals outside the genome.

        Args:
            contigs: contig to bases.
            source: where the intervals come from, for the message.

        Raises:
            InputError: a contig is unknown, or an interval reaches past its end.
        """
        for chrom, (starts, ends) in self._ranges.items():
            if chrom not in contigs:
                first = next(iter(contigs), None)
                raise InputError(
                    f"{source}: the genome has no contig {chrom!r} (its first one is {first!r}); use the genome's names"
                    f"{chr_hint(self._ranges, contigs)}"
                )
            if ends[-1] > contigs[chrom]:
                raise InputError(
                    f"{source}: interval {chrom}:{starts[-1]}-{ends[-1]} reaches past the end of the contig at "
                    f"{contigs[chrom]}; is it made for this genome?"
                )


def starts_around(start: Place, end: Place, reach: int, grid: int) -> tuple[Place, Place]:
    """The window starts, from the first to before the second, that decide about the hits with a tss in `start`-`end`.

    They go as far as `reach` bp beyond the windows of such hits, and from there to multiples of `grid`.
    """
    farthest, nearest = tss_of(0, "-") + reach, tss_of(0, "+") - reach
    return (start - farthest) // grid * grid, -((nearest - end) // grid) * grid


def genome_digest(contigs: Mapping[str, int]) -> str:
    """Sixteen hex digits that identify a genome by its contigs (name to bases) and their order.

    Contigs without bases do not count: an index leaves them out.
    """
    return _digest(Interval(chrom, 0, length) for chrom, length in contigs.items() if length)


def _digest(intervals: Iterable[Interval]) -> str:
    text = "".join(f"{chrom}\t{start}\t{end}\n" for chrom, start, end in intervals)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _merge(ranges: Positions) -> Positions:
    """Sort ranges, of shape (2, n), and join those that overlap or touch."""
    if not ranges.size:
        return ranges
    starts, ends = ranges[:, np.argsort(ranges[0], kind="stable")]
    reached = np.maximum.accumulate(ends)
    opens = np.concatenate([[True], starts[1:] > reached[:-1]])
    return np.stack([starts[opens], reached[np.append(opens[1:], True)]])


def _common(ranges: Positions, others: Positions) -> Positions:
    """Intersection of two sorted, disjoint sets of ranges, of shape (2, n) and (2, m)."""
    edges = np.concatenate([ranges[0], others[0], ranges[1], others[1]])
    steps = np.repeat([1, -1], len(edges) // 2)
    order = np.lexsort([steps, edges])  # where one ends and another begins, the end goes first
    both = np.flatnonzero(np.cumsum(steps[order]) == 2)
    return np.stack([edges[order][both], edges[order][both + 1]])


def check_shard(index: int, count: int) -> None:
    """Raise ValueError if there is no shard `index`, from 1, of `count`, or if there are too many shards."""
    if not 1 <= index <= count:
        raise ValueError(f"there is no shard {index} of {count}")
    if count > MOST_SHARDS:
        raise ValueError(f"there cannot be more than {MOST_SHARDS:,} shards")


def shard_of(contigs: Mapping[str, int], index: int, count: int, grid: int) -> Intervals:
    """Shard `index`, from 1, of `count` of a genome, balanced by bases; no base is in two of them. It may be empty.

    The contigs are laid end to end, in their order, and cut into equal parts; a cut inside a contig is moved back to
    the next multiple of `grid` on it.

    Args:
        contigs: contig to bases.
        index: 1 to `count`.
        count: how many shards there are.
        grid: where chunks may begin and end, in bp.

    Raises:
        ValueError: there is no such shard.
    """
    check_shard(index, count)
    total, before, parts = sum(contigs.values()), 0, []
    for chrom, length in contigs.items():
        cuts = (min(max(total * i // count - before, 0), length) for i in (index - 1, index))
        start, end = (cut if cut == length else cut // grid * grid for cut in cuts)
        parts.append(Interval(chrom, start, end))
        before += length
    return Intervals.of(parts)
