"""The bases of contigs for variants and explained hits, which come mostly in the order of the genome."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping

from promscan.io.genome import Genome
from promscan.io.memory_genome import GenomeSource
from promscan.seq.dna import Codes
from promscan.seq.records import Chunk

WHOLE = sys.maxsize // 4
"""Window starts of a chunk that holds a whole contig."""
MOST_BASES = 1 << 28
"""Bases of the contigs that stay in memory: the longest one of most genomes, or all of a small genome."""


class ContigReader:
    """Gives the bases of a contig; those used last stay in memory.

    A genome without an index is read on from contig to contig, and again from its start for one that came before.
    """

    def __init__(self, genome: GenomeSource) -> None:
        self._genome = genome
        self._indexed = not isinstance(genome, Genome) or genome.lengths is not None
        self._cached = OrderedDict[str, Codes]()
        self._unread: Iterator[Chunk] | None = None
        self._seen = self._genome.contigs() if self._indexed else dict[str, int]()
        """Contigs that are known so far, and their bases."""
        self._all_seen = self._indexed

    @property
    def known(self) -> Mapping[str, int]:
        """Contigs that are known so far: all of them once one was not found."""
        return self._seen

    def bases(self, chrom: str) -> Codes | None:
        """The codes of a contig; None: the genome has no such contig.

        Raises:
            InputError: the genome cannot be read.
        """
        codes = self._cached.get(chrom)
        if codes is None:
            codes = self._read(chrom)
        if codes is None:
            return None
        self._cached[chrom] = codes
        self._cached.move_to_end(chrom)
        while len(self._cached) > 1 and sum(map(len, self._cached.values())) > MOST_BASES:
            self._cached.popitem(last=False)
        return codes

    def _read(self, chrom: str) -> Codes | None:
        if self._all_seen and chrom not in self._seen:
            return None
        if not self._indexed:
            return self._read_on_to(chrom)
        return next(self._genome.read_chunks(WHOLE, {chrom: [(0, WHOLE)]})).codes

    def _read_on_to(self, chrom: str) -> Codes | None:
        if self._unread is None or chrom in self._seen:
            self._unread = self._genome.read_chunks(WHOLE)
        for chunk in self._unread:
            self._seen[chunk.chrom] = len(chunk.codes)
            if chunk.chrom == chrom:
                return chunk.codes
            if sum(map(len, self._cached.values())) + len(chunk.codes) <= MOST_BASES:
                self._cached[chunk.chrom] = chunk.codes
        self._all_seen = True
        if chrom in self._seen:  # it was read before, and the rest of the genome has been passed
            self._unread = None
            return self._read_on_to(chrom)
        return None
