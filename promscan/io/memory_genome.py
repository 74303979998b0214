"""Genomes from memory: sequences by name, or one bare sequence, in the place of a FASTA file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from promscan.errors import InputError
from promscan.io.chunks import Cutter, Spans
from promscan.io.genome import Genome
from promscan.io.genome_files import fasta_files
from promscan.io.joined_genome import JoinedGenome
from promscan.io.sequences import IN_MEMORY
from promscan.seq.circles import Circles
from promscan.seq.dna import Codes, encode
from promscan.seq.records import Chunk
from promscan.seq.regions import require_contigs

SHORTEST_BARE_SEQUENCE = 256
"""Letters from which on a text without `/` is a sequence: no file system has names of more than 255 characters."""
BARE_NAME = "sequence"
"""Name of the contig of a bare sequence."""

GenomeInput = str | os.PathLike[str] | Mapping[str, str] | Sequence[str | os.PathLike[str]]
"""What `open_genome` takes."""


class GenomeSource(Protocol):
    """The interface of a genome for a scan; its contigs may be in a file or in memory."""

    @property
    def source(self) -> str:
        """Name of the genome in messages."""

    @property
    def size_hint(self) -> int | None:
        """About how many bases there are, if known."""

    @property
    def is_pipe(self) -> bool:
        """Whether it can be read only once."""

    @property
    def maybe_circles(self) -> Sequence[str]:
        """Contigs whose header, if it was read, says that they are complete genomes or circular."""

    def contigs(self) -> dict[str, int]:
        """Contig to bases, in order."""

    def read_chunks(
        self,
        step: int,
        spans: Spans | None = None,
        *,
        margin: int = 0,
        circles: Circles | None = None,
        shortest: int = 0,
    ) -> Iterator[Chunk]:
        """Cut the contigs into chunks; see `Genome.read_chunks`."""


def open_genome(genome: GenomeInput, *, skip_masked: bool = False) -> GenomeSource:
    """The genome that a call was given.

    A mapping holds sequences by name. A text is a path, and `-` standard input; a text of 256 characters or more
    without `/` cannot name a file, so it is one sequence, whose contig is called `sequence`. A list holds the paths of
    files that are one genome, and a folder stands for its FASTA files.

    Args:
        genome: a path, a list of paths, a mapping of name to sequence, or one sequence.
        skip_masked: read lower case as unknown bases.

    Raises:
        InputError: the genome cannot be used.
    """
    if isinstance(genome, Mapping):
        return MemoryGenome(genome, skip_masked=skip_masked)
    if isinstance(genome, str) and len(genome) >= SHORTEST_BARE_SEQUENCE and "/" not in genome:
        return MemoryGenome({BARE_NAME: genome}, skip_masked=skip_masked)
    files = fasta_files([genome] if isinstance(genome, str | os.PathLike) else genome)
    parts = [Genome(path, skip_masked=skip_masked) for path in files]
    if not parts:
        raise InputError("there is no genome in an empty list; give at least one file")
    return parts[0] if len(parts) == 1 else JoinedGenome(parts)


class MemoryGenome:
    """Contigs in memory, which give the chunks of a FASTA file with the same contigs.

    Args:
        sequences: name to letters, in order.
        skip_masked: read lower case as unknown bases.

    Raises:
        InputError: there is no sequence, a name could not stand in the first column of a BED file, or a letter is no
            nucleotide code.
    """

    source = IN_MEMORY
    is_pipe = False
    maybe_circles: Sequence[str] = ()

    def __init__(self, sequences: Mapping[str, str], *, skip_masked: bool = False) -> None:
        if not sequences:
            raise InputError(f"{self.source}: there is none; give at least one")
        self._codes = {
            _checked_name(name): _encode(name, letters, skip_masked=skip_masked) for name, letters in sequences.items()
        }

    @property
    def size_hint(self) -> int:
        """Bases of all contigs."""
        return sum(map(len, self._codes.values()))

    def contigs(self) -> dict[str, int]:
        """Contig to bases, in order."""
        return {chrom: len(codes) for chrom, codes in self._codes.items()}

    def read_chunks(
        self,
        step: int,
        spans: Spans | None = None,
        *,
        margin: int = 0,
        circles: Circles | None = None,
        shortest: int = 0,
    ) -> Iterator[Chunk]:
        """Cut the contigs into chunks; see `Genome.read_chunks`."""
        require_contigs(spans or (), self.contigs(), self.source)
        return self._chunks(Cutter(self.source, step, spans, margin, circles, shortest))

    def _chunks(self, cutter: Cutter) -> Iterator[Chunk]:
        for chrom, codes in self._codes.items():
            if cutter.wants(chrom):

                def fetch(start: int, end: int, codes: Codes = codes) -> Codes:
                    return codes[start:end]

                yield from cutter.cut_codes(chrom, len(codes), fetch)


def _checked_name(name: str) -> str:
    if (
        not isinstance(name, str)
        or not name
        or name.startswith("#")
        or not name.isprintable()
        or len(name.split()) != 1
    ):
        raise InputError(f"name {name!r} of a sequence: give a word without blanks that does not begin with '#'")
    return name


def _encode(name: str, letters: str, *, skip_masked: bool) -> Codes:
    if not isinstance(letters, str):
        raise InputError(f"sequence {name!r}: is of type {type(letters).__name__}; give its letters as text")
    try:
        return encode(letters, skip_masked=skip_masked)
    except ValueError as error:
        raise InputError(f"sequence {name!r}: {error}; give DNA") from error
