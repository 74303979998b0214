"""Genome in memory with its listed transcription starts."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from promscan.io.memory_genome import GenomeInput, open_genome
from promscan.io.tss import read_starts
from promscan.seq.dna import Codes
from promscan.seq.records import Interval
from promscan.seq.regions import named_regions, region_name
from promscan.seq.tss import KnownStarts
from promscan.train.data.evidence import Evidence, WeightedList, merge


@dataclass(frozen=True)
class LabelledGenome:
    """Contigs, codes (length,) uint8 each, the transcription starts that are listed on them, and how sure these are."""

    contigs: Mapping[str, Codes]
    starts: KnownStarts
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def bases(self) -> int:
        """Total length of the contigs."""
        return sum(map(len, self.contigs.values()))

    @property
    def lengths(self) -> dict[str, int]:
        """Contig to bases."""
        return {chrom: len(codes) for chrom, codes in self.contigs.items()}

    def part(self, names: Sequence[str]) -> LabelledGenome:
        """Contigs with these names and regions of contigs; a name also stands for all that begin with it and a colon.

        Raises:
            InputError: a name or a region does not fit.
        """
        return self.cut(named_regions(names, self.lengths))

    def cut(self, regions: Sequence[Interval]) -> LabelledGenome:
        """These regions as contigs. A whole contig has its own name, a part the name of the region."""
        names = {
            region: region.chrom
            if region == (region.chrom, 0, len(self.contigs[region.chrom]))
            else region_name(region)
            for region in regions
        }
        contigs = {name: self.contigs[region.chrom][region.start : region.end] for region, name in names.items()}
        return LabelledGenome(contigs, self.starts.within(names), self.evidence.within(names))

    def without(self, chroms: Collection[str]) -> LabelledGenome:
        """The contigs but for these."""
        return self._of({chrom: codes for chrom, codes in self.contigs.items() if chrom not in chroms})

    def _of(self, contigs: Mapping[str, Codes]) -> LabelledGenome:
        return LabelledGenome(contigs, self.starts.only_on(contigs), self.evidence.only_on(contigs))

    def describe(self) -> dict[str, object]:
        """Counts and checksums, for a card."""
        digest = hashlib.sha256()
        for chrom, codes in self.contigs.items():
            digest.update(f"{chrom}\t{len(codes)}\n".encode())
            digest.update(codes.data)
        return {
            "contigs": len(self.contigs),
            "bases": self.bases,
            "sha256": digest.hexdigest(),
            "starts": len(self.starts),
            "starts_sha256": self.starts.digest(),
            **self.evidence.describe(),
        }


def read_labelled_genome(
    genome: GenomeInput,
    starts: str | Path,
    tss_from: str | None = None,
    more_starts: Sequence[tuple[str | Path, float, float]] = (),
    doubtful: Sequence[str | Path] = (),
) -> LabelledGenome:
    """Read a genome and lists of the transcription starts on it into memory.

    Args:
        genome: a path, a mapping of name to sequence, or one sequence.
        starts: BED, GFF3 or GTF file (see `promscan.io.tss.read_starts`).
        tss_from: which base of an interval is the start (`start`, `5prime`, `thick`, `summit`, `transcript` or
            `gene`); None: what the layout of the file says.
        more_starts: further lists, each with the weight of its starts as promoters and of their bases for places; both
            are 1 for `starts`.
        doubtful: lists of starts that may be real or not.

    Raises:
        InputError: a file cannot be used, or the two do not fit.
    """
    contigs = {chunk.chrom: chunk.codes for chunk in open_genome(genome).read_chunks(step=sys.maxsize)}
    lengths = {chrom: len(codes) for chrom, codes in contigs.items()}
    first = read_starts(starts, lengths, tss_from)
    if not more_starts and not doubtful:
        return LabelledGenome(contigs, first)
    more = [WeightedList(read_starts(path, lengths, tss_from), *weights) for path, *weights in more_starts]
    return LabelledGenome(
        contigs, *merge([WeightedList(first), *more], [read_starts(path, lengths, tss_from) for path in doubtful])
    )
