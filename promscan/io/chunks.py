"""Contigs become `Chunk`s: linear ones piece by piece, in constant memory; circles from all of their bases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from promscan.errors import InputError
from promscan.seq.circles import MAX_CIRCLE, Circles, around
from promscan.seq.dna import Codes
from promscan.seq.records import Chunk, Circle
from promscan.seq.windows import WINDOW

Spans = Mapping[str, Sequence[tuple[int, int]]]
"""By contig, sorted disjoint ranges `lo` <= window start < `hi`."""

OVERLAP = WINDOW - 1
"""Bases that a chunk needs after its last window start."""

_EVERYTHING = ((0, sys.maxsize),)

Fetch = Callable[[int, int], Codes]
"""Gives the codes of a contig from one position to another."""


@dataclass(frozen=True)
class Cutter:
    """Cuts contigs into chunks; see `Genome.read_chunks` for what decides about them.

    source: name of the genome in messages.
    """

    source: str
    step: int
    spans: Spans | None
    margin: int
    circles: Circles | None = None
    shortest: int = 0

    def wants(self, chrom: str) -> bool:
        """Whether a part of the contig is wanted."""
        return self.spans is None or chrom in self.spans

    def cut_pieces(self, chrom: str, pieces: Iterable[bytes | bytearray]) -> Iterator[Chunk]:
        """Chunks of a contig whose codes come in pieces."""
        held, pieces = bytearray(), iter(pieces)
        whole = self._called_a_circle(chrom)
        needed = MAX_CIRCLE + 1 if whole else self._shortest
        for piece in pieces:
            held += piece
            if len(held) >= needed:
                break
        if whole or len(held) < self._shortest:  # these are all of its bases
            codes = as_codes(held)
            yield from self.cut_codes(chrom, len(codes), lambda start, end: codes[start:end])
        else:
            yield from _cut_pieces(chrom, chain([held], pieces), cuts(self._ranges(chrom), self.step), self.margin)

    def cut_codes(self, chrom: str, length: int, fetch: Fetch) -> Iterator[Chunk]:
        """Chunks of a contig of which each part can be fetched."""
        if length < self._shortest:
            yield Chunk(chrom, 0, fetch(0, length), after=length)
        elif self._called_a_circle(chrom) and self._is_circle(chrom, length):
            yield from self._cut_circle(chrom, fetch(0, length))
        else:
            for start, end in cuts(self._ranges(chrom), self.step, windows=length - OVERLAP):
                before = min(self.margin, start)
                after = min(self.margin, length - OVERLAP - end)
                yield Chunk(chrom, start, fetch(start - before, end + OVERLAP + after), before=before, after=after)

    @property
    def _shortest(self) -> int:
        return max(self.shortest, WINDOW)

    def _ranges(self, chrom: str) -> Sequence[tuple[int, int]]:
        return _EVERYTHING if self.spans is None else self.spans[chrom]

    def _called_a_circle(self, chrom: str) -> bool:
        return self.circles is not None and self.circles.named(chrom)

    def _is_circle(self, chrom: str, length: int) -> bool:
        if length > MAX_CIRCLE:
            raise InputError(
                f"{self.source}: contig {chrom!r} has more than {MAX_CIRCLE:,} bp, more than any circle; name only "
                "circles: --circular NAME"
            )
        return self.circles is not None and self.circles.holds(chrom, length)

    def _cut_circle(self, chrom: str, codes: Codes) -> Iterator[Chunk]:
        assert self.circles is not None  # it was called one
        margin, whole = self.margin, self.circles.starts(len(codes))
        offset = -whole[0]
        ranges = [(lo + offset, hi + offset) for lo, hi in ([whole] if self.spans is None else self.spans[chrom])]
        for start, end in cuts(ranges, self.step):
            bases = around(codes, start - offset - margin, end - offset + OVERLAP + margin)
            yield Chunk(chrom, start, bases, before=margin, after=margin, circle=Circle(len(codes), offset))


def cuts(ranges: Iterable[tuple[int, int]], step: int, windows: int = sys.maxsize) -> Iterator[tuple[int, int]]:
    """Cut ranges of window starts at the multiples of `step`, and clamp them to 0 - `windows`."""
    for lo, hi in ranges:
        start, end = max(lo, 0), min(hi, windows)
        while start < end:
            cut = min(end, start - start % step + step)
            yield start, cut
            start = cut


def _cut_pieces(
    chrom: str, pieces: Iterable[bytes | bytearray], cuts: Iterator[tuple[int, int]], margin: int
) -> Iterator[Chunk]:
    """Chunks of one contig: one for each of `cuts`, sorted ranges of window starts that may reach past its end."""
    # buffer[i] is base start + i of the contig; what the next cut does not need is dropped
    buffer, start = bytearray(), 0

    def chunk(lo: int, hi: int) -> Chunk:
        before = min(margin, lo)
        codes = as_codes(buffer[lo - before - start : hi + OVERLAP + margin - start])
        after = max(0, len(codes) - before - (hi - lo + OVERLAP))
        return Chunk(chrom, lo, codes, before=before, after=after)

    cut = next(cuts, None)
    for piece in pieces:
        buffer += piece
        end = start + len(buffer)
        while cut is not None and cut[1] + OVERLAP + margin <= end:
            yield chunk(*cut)
            cut = next(cuts, None)
        needed = end if cut is None else min(max(start, cut[0] - margin), end)
        del buffer[: needed - start]
        start = needed
    end = start + len(buffer)
    while cut is not None and cut[0] <= end - WINDOW:
        yield chunk(*cut)
        cut = next(cuts, None)


def as_codes(codes: bytearray) -> Codes:
    """The codes as an array, which can be written to."""
    return np.frombuffer(codes, dtype=np.uint8)
