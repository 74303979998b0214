"""Several FASTA files as one genome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from promscan.errors import InputError
from promscan.io.chunks import Spans
from promscan.io.genome import Genome
from promscan.log import counted
from promscan.seq.circles import Circles
from promscan.seq.records import Chunk
from promscan.seq.regions import require_contigs


class JoinedGenome:
    """The contigs of several files, one file after the other. The files are read once to find their contigs.

    Args:
        parts: at least one; none of them is a pipe.

    Raises:
        InputError: a file cannot be read, is a pipe, or has a contig of the same name as another file.
    """

    is_pipe = False

    def __init__(self, parts: Sequence[Genome]) -> None:
        self._parts, self._lengths = parts, dict[str, int]()
        homes = dict[str, str]()
        for part in parts:
            if part.is_pipe:
                raise InputError(f"{part.source}: is read only once, and cannot be one of several files; save it")
            for chrom, length in part.contigs().items():
                if chrom in homes:
                    raise InputError(
                        f"{part.source}: contig {chrom!r} is in {homes[chrom]}, too; rename one, or write the hits of "
                        "each file into a folder"
                    )
                homes[chrom], self._lengths[chrom] = part.source, length
        self.source = f"{parts[0].source} and {counted(len(parts) - 1, 'more file')}"

    @property
    def size_hint(self) -> int:
        """Bases of all contigs."""
        return sum(self._lengths.values())

    @property
    def maybe_circles(self) -> list[str]:
        """Contigs whose header, if it was read, says that they are complete genomes or circular."""
        return [chrom for part in self._parts for chrom in part.maybe_circles]

    def contigs(self) -> dict[str, int]:
        """Contig to bases, in order."""
        return dict(self._lengths)

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
        require_contigs(spans or (), self._lengths, self.source)
        return self._chunks(step, spans, margin, circles, shortest)

    def _chunks(
        self, step: int, spans: Spans | None, margin: int, circles: Circles | None, shortest: int
    ) -> Iterator[Chunk]:
        for part in self._parts:
            own = None if spans is None else {chrom: spans[chrom] for chrom in part.contigs() if chrom in spans}
            if own is None or own:
                yield from part.read_chunks(step, own, margin=margin, circles=circles, shortest=shortest)
