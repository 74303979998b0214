"""Reading DNA: the contigs of a FASTA file become `Chunk`s of codes.

Everything can be streamed, in memory that grows neither with the genome nor with its contigs, unless they are circles.
If only parts are wanted and the file has a `.fai` index that matches it, they are fetched by that instead, which gives
the same chunks. No index is ever written.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter

from promscan.errors import InputError
from promscan.io.chunks import Cutter, Spans
from promscan.io.fasta import parse
from promscan.io.fasta_index import FastaIndex
from promscan.io.files import is_special
from promscan.io.text import opened, sniff, source_name, state_of
from promscan.log import counted
from promscan.seq.circles import Circles
from promscan.seq.dna import ENCODE, ENCODE_SKIP_MASKED, Codes
from promscan.seq.records import Chunk
from promscan.seq.regions import require_contigs


class Genome:
    """The contigs of one FASTA file, or of standard input.

    Args:
        path: a file, plain or compressed (gzip, bgzip, bzip2, xz, zstd), a pipe, or `-` for standard input.
        skip_masked: read lower case as unknown bases.

    Attributes:
        is_pipe: whether it can be read only once.
        lengths: contig to bases, in the order of the file; None until known. With an index they are known at once,
            else after `contigs` or after reading to the end. (An index leaves out contigs without bases.)
        maybe_circles: contigs whose header says that they are complete genomes or circular, as far as headers were read
            the last time.

    Raises:
        InputError: the file cannot be read or is cut short, or its index is damaged or does not match it.
    """

    def __init__(self, path: str | os.PathLike[str], *, skip_masked: bool = False) -> None:
        self.path = os.fspath(path)
        self.source = source_name(self.path)
        self.maybe_circles = list[str]()
        self._table = ENCODE_SKIP_MASKED if skip_masked else ENCODE
        # A pipe is read once: what is read from it now would be missing later.
        self.is_pipe = self.path == "-" or is_special(self.path)
        compression = None if self.is_pipe else sniff(self.path)
        # It may be read several times, and its index is that of one state.
        self._state = None if self.is_pipe else state_of(self.path)
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
            if self.is_pipe:
                raise InputError(
                    f"{self.source}: regions, shards, lists and tracks need the contig lengths beforehand, and a pipe "
                    "is read only once; save the sequences to a file"
                )
            for _ in self._pieces():
                pass
            assert self.lengths is not None  # known since the last piece
        return self.lengths

    def read_chunks(
        self,
        step: int,
        spans: Spans | None = None,
        *,
        margin: int = 0,
        circles: Circles | None = None,
        shortest: int = 0,
    ) -> Iterator[Chunk]:
        """Cut the contigs, in the order of the file, into chunks.

        Chunks are cut at the multiples of `step`, so each owns up to `step` window starts. A contig shorter than a
        window (even without bases) is one chunk without windows. A circle is held in memory, a byte a base.

        Args:
            step: window starts of a chunk, at least 1.
            spans: only these contigs, trimmed to these window starts; they may reach past the end of the contig.
            margin: bases of context on each side of a chunk's windows, as far as the contig reaches.
            circles: which contigs are circles; their window starts may be negative, and go on past the end.
            shortest: a contig of fewer bases is one chunk without windows, too.

        Raises:
            InputError: `spans` names an unknown contig, a circle is too long to be one, or the sequences are malformed
                or not what the index says; during the iteration, if it cannot be known before.
        """
        cutter = Cutter(self.source, step, spans, margin, circles, shortest)
        self._check_names(spans)
        if spans is None or self._index is None:
            return self._stream_chunks(cutter)
        return self._fetch_chunks(self._index, cutter)

    def _check_names(self, spans: Spans | None) -> None:
        if self.lengths is not None:
            require_contigs(spans or (), self.lengths, self.source)

    def _stream_chunks(self, cutter: Cutter) -> Iterator[Chunk]:
        with closing(self._pieces()) as pieces:
            for chrom, group in groupby(pieces, key=itemgetter(0)):
                if cutter.wants(chrom):
                    yield from cutter.cut_pieces(chrom, (codes for _, codes in group))
        self._check_names(cutter.spans)

    def _fetch_chunks(self, index: FastaIndex, cutter: Cutter) -> Iterator[Chunk]:
        with index.opened(self._state) as fasta:
            for chrom, length in index.lengths.items():
                if cutter.wants(chrom):

                    def fetch(start: int, end: int, chrom: str = chrom) -> Codes:
                        return fasta.fetch(chrom, start, end, self._table)

                    yield from cutter.cut_codes(chrom, length, fetch)

    def _pieces(self) -> Generator[tuple[str, bytes], None, None]:
        """The pieces of `fasta.parse`, compared with the index on the way; fills in `lengths` at the end."""
        lengths: dict[str, int] = {}
        self.maybe_circles.clear()
        with opened(self.path, before=self._state) as stream:
            for chrom, codes in parse(stream, self.source, self._table, self.maybe_circles):
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
