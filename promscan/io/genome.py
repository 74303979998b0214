"""Reading DNA: the contigs of a FASTA file become `Chunk`s of codes.

Everything can be streamed, in memory that grows neither with the genome nor with its contigs. If only parts are
wanted and the file has a `.fai` index that matches it, they are fetched by that instead, which gives the same chunks.
No index is ever written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter

import numpy as np

from promscan.errors import InputError
from promscan.io.fasta import parse
from promscan.io.fasta_index import FastaIndex
from promscan.io.files import is_special
from promscan.io.text import opened, sniff, source_name, state_of
from promscan.log import counted
from promscan.seq.dna import ENCODE, ENCODE_SKIP_MASKED, Codes
from promscan.seq.records import Chunk
from promscan.seq.regions import unknown_contig
from promscan.seq.windows import WINDOW

Spans = Mapping[str, Sequence[tuple[int, int]]]
"""By contig, sorted disjoint ranges `lo` <= window start < `hi`."""

OVERLAP = WINDOW - 1
"""Bases that a chunk needs after its last window start."""

_EVERYTHING = ((0, sys.maxsize),)


class Genome:
    """The contigs of one FASTA file, or of standard input.

    Args:
        path: a file, plain or compressed (gzip, bgzip, bzip2, xz, zstd), a pipe, or `-` for standard input.
        skip_masked: read lower case as unknown bases.

    Attributes:
        lengths: contig to bases, in the order of the file; None until known. With an index they are known at once,
            else after `contigs` or after reading to the end. (An index leaves out contigs without bases.)

    Raises:
        InputError: the file cannot be read or is cut short, or its index is damaged or does not match it.
    """

    def __init__(self, path: str | os.PathLike[str], *, skip_masked: bool = False) -> None:
        self.path = os.fspath(path)
        self.source = source_name(self.path)
        self._table = ENCODE_SKIP_MASKED if skip_masked else ENCODE
        # A pipe is read once: what is read from it now would be missing later.
        self._is_file = self.path != "-" and not is_special(self.path)
        compression = sniff(self.path) if self._is_file else None
        # It may be read several times, and its index is that of one state.
        self._state = state_of(self.path) if self._is_file else None
        self._bytes = os.path.getsize(self.path) if compression == "plain" else None
        self._index = (
            FastaIndex.next_to(self.path, compression == "bgzip") if compression in ("plain", "bgzip") else None
        )
        self.lengths = None if self._index is None else dict(self._index.lengths)

    @property
    def total_bases(self) -> int | None:
        """Bases of all contigs, if known."""
        return None if self.lengths is None else sum(self.lengths.values())

    @property
    def size_hint(self) -> int | None:
        """About how many bases there are, for progress: exact, else the size of a plain file, else None."""
        return self._bytes if self.lengths is None else self.total_bases

    def contigs(self) -> dict[str, int]:
        """Contig to bases, in the order of the file; without an index this reads the file once.

        Raises:
            InputError: the sequences come from a pipe, or are malformed.
        """
        if self.lengths is None:
            if not self._is_file:
                raise InputError(
                    f"{self.source}: regions, shards, lists and tracks need the contig lengths beforehand, and a pipe "
                    "is read only once; save the sequences to a file"
                )
            for _ in self._pieces():
                pass
            assert self.lengths is not None  # known since the last piece
        return self.lengths

    def read_chunks(self, step: int, spans: Spans | None = None, *, margin: int = 0) -> Iterator[Chunk]:
        """Cut the contigs, in the order of the file, into chunks.

        Chunks are cut at the multiples of `step`, so each owns up to `step` window starts. A contig shorter than a
        window (even without bases) is one chunk without windows.

        Args:
            step: window starts of a chunk, at least 1.
            spans: only these contigs, trimmed to these window starts; they may reach past the end of the contig.
            margin: bases of context on each side of a chunk's windows, as far as the contig reaches.

        Raises:
            InputError: `spans` names an unknown contig, or the sequences are malformed or not what the index says;
                during the iteration, if it cannot be known before.
        """
        if spans is None:
            return self._stream_chunks(step, None, margin)
        self._check_names(spans)
        if self._index is None:
            return self._stream_chunks(step, spans, margin)
        return self._fetch_chunks(self._index, step, spans, margin)

    def _check_names(self, spans: Spans) -> None:
        for chrom in spans:
            if self.lengths is not None and chrom not in self.lengths:
                raise InputError(f"{self.source}: {unknown_contig(chrom, self.lengths)}")

    def _stream_chunks(self, step: int, spans: Spans | None, margin: int) -> Iterator[Chunk]:
        with closing(self._pieces()) as pieces:
            for chrom, group in groupby(pieces, key=itemgetter(0)):
                if spans is None or chrom in spans:
                    ranges = _EVERYTHING if spans is None else spans[chrom]
                    yield from _cut_contig(chrom, (codes for _, codes in group), cuts(ranges, step), margin)
        if spans is not None:
            self._check_names(spans)

    def _fetch_chunks(self, index: FastaIndex, step: int, spans: Spans, margin: int) -> Iterator[Chunk]:
        with index.opened(self._state) as fasta:
            for chrom, length in index.lengths.items():
                if chrom in spans and length < WINDOW:
                    yield Chunk(chrom, 0, fasta.fetch(chrom, 0, length, self._table))
                elif chrom in spans:
                    for start, end in cuts(spans[chrom], step, windows=length - OVERLAP):
                        before = min(margin, start)
                        after = min(margin, length - OVERLAP - end)
                        codes = fasta.fetch(chrom, start - before, end + OVERLAP + after, self._table)
                        yield Chunk(chrom, start, codes, before=before, after=after)

    def _pieces(self) -> Generator[tuple[str, bytes], None, None]:
        """The pieces of `fasta.parse`, compared with the index on the way; fills in `lengths` at the end."""
        lengths: dict[str, int] = {}
        with opened(self.path, before=self._state) as stream:
            for chrom, codes in parse(stream, self.source, self._table):
                if chrom not in lengths:
                    self._compare_with_index(lengths)
                    lengths[chrom] = 0
                lengths[chrom] += len(codes)
                yield chrom, codes
        if not lengths:
            raise InputError(f"{self.source}: there is no sequence in it; give a FASTA file")
        self._compare_with_index(lengths, complete=True)
        self.lengths = lengths

    def _compare_with_index(self, lengths: dict[str, int], *, complete: bool = False) -> None:
        """Compare the last contig, now read to its end; if `complete`, also look for contigs that were not there."""
        if self._index is None:
            return
        last = next(reversed(lengths), None)
        if last is not None and lengths[last] != (indexed := self._index.lengths.get(last, 0)):
            raise self._index.error(f"contig {last!r} has {counted(lengths[last], 'base')}, not {indexed}")
        for chrom in self._index.lengths if complete else ():
            if chrom not in lengths:
                raise self._index.error(f"there is no contig {chrom!r} any more")


def cuts(ranges: Iterable[tuple[int, int]], step: int, windows: int = sys.maxsize) -> Iterator[tuple[int, int]]:
    """Cut ranges of window starts at the multiples of `step`, and clamp them to 0 - `windows`."""
    for lo, hi in ranges:
        start, end = max(lo, 0), min(hi, windows)
        while start < end:
            cut = min(end, start - start % step + step)
            yield start, cut
            start = cut


def _cut_contig(chrom: str, pieces: Iterable[bytes], cuts: Iterator[tuple[int, int]], margin: int) -> Iterator[Chunk]:
    """Chunks of one contig: one for each of `cuts`, sorted ranges of window starts that may reach past its end."""
    buffer, start = (
        bytearray(),
        0,
    )  # buffer[i] is base start + i of the contig; what the next cut does not need is dropped

    def chunk(lo: int, hi: int) -> Chunk:
        before = min(margin, lo)
        codes = _as_codes(buffer[lo - before - start : hi + OVERLAP + margin - start])
        after = max(0, len(codes) - before - (hi - lo + OVERLAP))
        return Chunk(chrom, lo, codes, before=before, after=after)

    cut = next(cuts, None)
    for piece in pieces:
        buffer += piece
        end = start + len(buffer)
        while cut is not None and cut[1] + OVERLAP + margin <= end:
            yield chunk(*cut)
            cut = next(cuts, None)
        if end >= WINDOW:  # a shorter contig is handed on whole
            needed = end if cut is None else min(max(start, cut[0] - margin), end)
            del buffer[: needed - start]
            start = needed
    end = start + len(buffer)
    if end < WINDOW:
        yield Chunk(chrom, 0, _as_codes(buffer))
    while cut is not None and end >= WINDOW and cut[0] <= end - WINDOW:
        yield chunk(*cut)
        cut = next(cuts, None)


def _as_codes(codes: bytearray) -> Codes:
    return np.frombuffer(codes, dtype=np.uint8)
