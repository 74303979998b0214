"""Known transcription starts: read from BED, how far positions are from them, and the genome that they are on."""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from promscan.bed import bed_rows, interval_of
from promscan.dna import Codes
from promscan.errors import InputError
from promscan.genome import Genome, matching_contigs
from promscan.intervals import Positions
from promscan.records import Strand

FAR_AWAY = 1 << 40
"""Distance in bp where there is no transcription start at all."""


class Site(NamedTuple):
    """A 0-based position and the strand that is read from there."""

    chrom: str
    tss: int
    strand: Strand


class KnownStarts:
    """Transcription starts, each once, in the order of contig name, strand and position."""

    def __init__(self, sites: Iterable[Site]) -> None:
        grouped = defaultdict[tuple[str, Strand], set[int]](set)
        for chrom, tss, strand in sites:
            grouped[chrom, strand].add(tss)
        self._positions = {key: np.array(sorted(grouped[key]), dtype=np.int64) for key in sorted(grouped)}

    def __iter__(self) -> Iterator[Site]:
        for (chrom, strand), positions in self._positions.items():
            for tss in positions.tolist():
                yield Site(chrom, tss, strand)

    def __len__(self) -> int:
        return sum(map(len, self._positions.values()))

    def on(self, chrom: str, strand: Strand) -> Positions:
        """Those of one strand of a contig, sorted."""
        return self._positions.get((chrom, strand), np.empty(0, dtype=np.int64))

    def digest(self) -> str:
        """sha256 of the starts, however they were written down."""
        return hashlib.sha256(repr(list(self)).encode()).hexdigest()


def offsets(positions: Positions, known: Positions) -> Positions:
    """How far, in bp, each of `positions` lies beyond (else, below 0: before) the nearest of the sorted `known`.

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


def read_starts(path: str | Path, contigs: Mapping[str, int]) -> KnownStarts:
    """Transcription starts from BED: the start of each interval, which is 0-based, on the strand in column 6.

    Args:
        path: BED file, plain or gzipped.
        contigs: contig to bases.

    Raises:
        InputError: the file cannot be read, a row has no strand, names an unknown contig or lies past its end.
    """
    sites = []
    for fields, where in bed_rows(str(path)):
        chrom, tss, _ = interval_of(fields, where)
        if len(fields) < 6 or fields[5] not in ("+", "-"):
            raise InputError(f"{where}: there is no strand, + or -, in column 6; give a BED file of six columns")
        if chrom not in contigs:
            raise InputError(f"{where}: the genome has no contig {chrom!r}; use the genome's names")
        if tss >= contigs[chrom]:
            raise InputError(f"{where}: {tss} lies past the end of {chrom} at {contigs[chrom]}; is it for this genome?")
        sites.append(Site(chrom, tss, cast(Strand, fields[5])))
    if not sites:
        raise InputError(f"{path}: there are no transcription starts in it; give a BED file of at least one")
    return KnownStarts(sites)


@dataclass(frozen=True)
class LabelledGenome:
    """Contigs in memory, codes (length,) uint8 each, and the transcription starts that are listed on them."""

    contigs: Mapping[str, Codes]
    starts: KnownStarts

    @property
    def bases(self) -> int:
        """Bases of all contigs."""
        return sum(map(len, self.contigs.values()))

    def part(self, names: Sequence[str]) -> LabelledGenome:
        """The contigs of these names; a name also stands for all contigs that begin with it and a colon.

        Raises:
            InputError: a name stands for no contig.
        """
        return self._of({chrom: self.contigs[chrom] for chrom in matching_contigs(names, self.contigs)})

    def without(self, chroms: Collection[str]) -> LabelledGenome:
        """The contigs but for these."""
        return self._of({chrom: codes for chrom, codes in self.contigs.items() if chrom not in chroms})

    def _of(self, contigs: Mapping[str, Codes]) -> LabelledGenome:
        return LabelledGenome(contigs, KnownStarts(site for site in self.starts if site.chrom in contigs))

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
        }


def read_labelled_genome(genome: str | Path, starts: str | Path) -> LabelledGenome:
    """A FASTA file, plain, gzip or bgzip, and a BED file of the transcription starts on it, into memory.

    Raises:
        InputError: a file cannot be used, or the two do not fit.
    """
    contigs = {chunk.chrom: chunk.codes for chunk in Genome(genome).read_chunks(step=sys.maxsize)}
    return LabelledGenome(contigs, read_starts(starts, {chrom: len(codes) for chrom, codes in contigs.items()}))
