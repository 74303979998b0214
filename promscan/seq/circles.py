"""Circular contigs: a scan goes round for more than one round, so that windows lie over the origin, too.

Chunks begin before the origin and end behind it, as far as windows decide about each other:

    bases       ...4997 4998 4999 | 0 1 2 ...                  4999 | 0 1 2 ...      of a circle of 5,000 bp
    positions   0 ...             | offset ...   offset + length - 1 | ...            in its chunks

A hit belongs to the round from the origin to the origin, by its transcription start. The offset is a multiple of the
grid, so most lanes of a circle are those of the same contig read as a linear one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from promscan.seq.intervals import starts_around
from promscan.seq.records import Circle, Hit, Logits, ScoreTrack
from promscan.seq.windows import WINDOW, tss_of

MAX_CIRCLE = 100_000_000
"""Longest circle in bp, for a circle is held in memory; none that is known has a fifth of this."""

Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True, kw_only=True)
class Circles:
    """Which contigs are circles, and which of their windows a scan needs.

    names: contigs that are circles; None: all of them.
    reach: how far from a window, in bp, others decide about it.
    least: a shorter circle is read as if it were linear: its windows would be their own neighbours.
    grid: where chunks may begin and end, in bp.
    """

    names: frozenset[str] | None
    reach: int
    least: int
    grid: int = 1

    def named(self, chrom: str) -> bool:
        """Whether a contig is called a circle."""
        return self.names is None or chrom in self.names

    def holds(self, chrom: str, length: int) -> bool:
        """Whether a contig of this many bases is read as a circle."""
        return self.named(chrom) and length >= max(self.least, WINDOW)

    def among(self, contigs: Mapping[str, int]) -> frozenset[str]:
        """The contigs, name to bases, that are read as circles."""
        return frozenset(chrom for chrom, length in contigs.items() if self.holds(chrom, length))

    def starts(self, length: int) -> tuple[int, int]:
        """The window starts, from the first to before the second, that decide about all hits of a circle.

        They count from the origin, so the first is negative.
        """
        return starts_around(0, length, self.reach, self.grid)


def around(values: npt.NDArray[Value], start: int, end: int) -> npt.NDArray[Value]:
    """The values of a circle from `start` to `end`, which count from the origin and may lie in another round."""
    if start >= 0 and end <= len(values):
        return values[start:end]
    return values.take(np.arange(start, end), mode="wrap")


def hit_on_circle(hit: Hit, circle: Circle) -> Hit | None:
    """The hit with its places on the circle; None if it lies in another round, and is found in the own one, too."""
    tss = hit.tss - circle.offset
    if not 0 <= tss < circle.length:
        return None
    start = (hit.start - circle.offset) % circle.length
    return dataclasses.replace(hit, start=start, tss=tss, circle=circle.length)


def track_on_circle(track: ScoreTrack, circle: Circle) -> ScoreTrack:
    """The logits of the windows that begin in the round from the origin, at their places on the circle."""
    first = track.start - circle.offset
    logits = track.logits[max(0, -first) : max(0, circle.length - first)]
    return ScoreTrack(track.chrom, track.strand, max(0, first), track.stride, logits)


def rounds(start: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    """The parts of an interval that goes on past both ends of a circle of this length."""
    while start < end:
        begin = start % length
        part = min(end - start, length - begin)
        yield begin, begin + part
        start += part


def scores_on_circle(track: ScoreTrack, circle: Circle) -> tuple[int, Logits]:
    """The logits of the windows whose TSS lies in the round from the origin, and the first TSS; of stride 1."""
    first = tss_of(track.start, track.strand) - circle.offset
    return max(0, first), track.logits[max(0, -first) : max(0, circle.length - first)]
