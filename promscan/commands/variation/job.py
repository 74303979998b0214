"""Variants that are scored with a model: from the records of a VCF to the effects of their alleles."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from promscan.commands.scanning.plan import Machine, ScanOptions, ScanPlan, make_plan
from promscan.commands.variation.alleles import Edit, edit_of
from promscan.commands.variation.contigs import ContigReader
from promscan.commands.variation.haplotypes import Haplotype, groups, haplotypes_of
from promscan.errors import FEWER_THREADS, InputError
from promscan.io.files import is_special
from promscan.io.memory_genome import GenomeInput
from promscan.io.vcf import Record
from promscan.networks.card import DEFAULT_MODEL, OWN_STRENGTH, Card
from promscan.seq.dna import UNKNOWN, Codes, decode, encode
from promscan.seq.regions import unknown_contig

if TYPE_CHECKING:
    from promscan.commands.variation.effects import Effect
    from promscan.commands.variation.scoring import Task

LONGEST_ALLELE = 1000
"""Bases of an allele, or over which an insertion or deletion can move; longer ones are not scored."""
NO_BASES: Codes = np.empty(0, dtype=np.uint8)
SHOWN = 30
"""Bases of an allele that a message repeats."""

_BASES = re.compile("[ACGTUNRYSWKMBDHV]+", re.IGNORECASE)


class ScoredRecord(NamedTuple):
    """A record and what its alleles do.

    effects: of each alternative allele; None: it was not scored.
    haplotypes: those that hold an allele of this record, with the records of their group and their effects.
    """

    record: Record
    effects: list[Effect | None]
    haplotypes: list[ScoredHaplotype]


class ScoredHaplotype(NamedTuple):
    """A haplotype of a group of neighbouring records and what it does."""

    group: list[Record]
    haplotype: Haplotype
    effect: Effect


class _Group(NamedTuple):
    """Neighbouring records that are scored together.

    codes: bases of their contig.
    edits: of each record, the edit of each alternative allele.
    """

    records: list[Record]
    codes: Codes
    edits: list[list[Edit | None]]
    haplotypes: list[Haplotype]

    @property
    def all_edits(self) -> list[Edit | None]:
        """The edits of the alleles of all records, and of the haplotypes."""
        return [*chain.from_iterable(self.edits), *(haplotype.edit for haplotype in self.haplotypes)]


class VariantEffects:
    """What variants do to promoters, with a model that is ready to run.

    Args:
        phased: score haplotypes of phased neighbours, too.
        strength: bundled name or weights file of a strength model; None: effects have no strengths (default: the
            strength model that the card of the model names).

    The genome and all other options are those of `promscan.variants`.

    Attributes:
        counts: what was done since the last start: `records`, `alleles`, `scored`, `passed` (no bases, or too long),
            `mismatches` (records), `unscored` (too many unknown bases, or too near to the end of a contig), and hits
            `created`, `lost`, `moved`, `stronger`, `weaker` and `same`.

    Raises:
        InputError: the genome cannot be used.
        ModelError: no such model, or it cannot do what is asked for.
        DeviceError: no such device, or too little memory.
    """

    def __init__(
        self,
        genome: GenomeInput,
        *,
        model: str | Path = DEFAULT_MODEL,
        threshold: float | None = None,
        fp_per_mb: float | None = None,
        min_distance: int | None = None,
        smoothing: int | None = None,
        strand: Literal["both", "+", "-"] = "both",
        skip_masked: bool = False,
        skip_mismatch: bool = False,
        phased: bool = False,
        strength: str | Path | None = OWN_STRENGTH,
        device: str = "auto",
        batch_size: int | None = None,
        threads: int | None = None,
        precision: str = "auto",
    ) -> None:
        if isinstance(genome, str | os.PathLike) and (os.fspath(genome) == "-" or is_special(genome)):
            raise InputError(f"{os.fspath(genome)}: a genome for variants is read more than once; save it to a file")
        machine = Machine(device=device, batch_size=batch_size, threads=threads, precision=precision)
        options = ScanOptions(
            genome=genome, model=model, threshold=threshold, fp_per_mb=fp_per_mb, to_rank=False,
            min_distance=min_distance, smoothing=smoothing, strand=strand, stride=1, skip_masked=skip_masked,
            regions=(), bed=None, exclude=None, shard=None, exhaustive=True, strength=strength, resume=None,
            machine=machine,
        )  # fmt: skip
        self._plan: ScanPlan = make_plan(options)
        self._contigs = ContigReader(self._plan.genome)
        self._skip_mismatch, self._phased = skip_mismatch, phased
        self.counts = Counter[str]()
        from promscan.commands.scanning.run import LoadedScan  # loads torch, which takes a second

        self._loaded = LoadedScan(self._plan)

    @property
    def card(self) -> Card:
        """The card of the model."""
        return self._plan.card

    @property
    def strength_card(self) -> Card | None:
        """The card of the strength model; None: there is none."""
        return self._plan.strength_card

    def of(self, records: Iterable[Record]) -> Iterator[ScoredRecord]:
        """The effects of the alternative alleles of each record, in order.

        Raises:
            InputError: a contig is not in the genome, or a reference allele is not that of the genome.
        """
        from promscan.commands.variation.scoring import EffectScorer
        from promscan.commands.variation.strengths import add_strengths
        from promscan.networks.device import memory_errors

        self.counts.clear()
        loaded = self._loaded
        with (
            memory_errors(FEWER_THREADS),
            loaded.open_engine() as engine,
            loaded.open_strengths() as strengths,
        ):
            found = EffectScorer[_Group](engine, self._plan.calling).effects(self._tasks(records))
            for group, effects in found if strengths is None else add_strengths(found, strengths.predictor):
                yield from self._records(group, effects)

    def _tasks(self, records: Iterable[Record]) -> Iterator[Task[_Group]]:
        from promscan.commands.variation.scoring import Task

        for neighbours in groups(records) if self._phased else ([record] for record in records):
            self.counts["records"] += len(neighbours)
            codes = NO_BASES
            if any(map(_is_bases, chain.from_iterable(record.alternatives for record in neighbours))):
                codes = self._bases_for(neighbours[0])
            edits = [self._edits(record, codes) for record in neighbours]
            haplotypes = haplotypes_of(neighbours, codes, edits) if self._phased else []
            group = _Group(neighbours, codes, edits, haplotypes)
            yield Task(group, neighbours[0].chrom, codes, group.all_edits)

    def _bases_for(self, record: Record) -> Codes:
        """The bases of the contig of a record; none if the genome lacks it and such records are skipped."""
        codes = self._contigs.bases(record.chrom)
        if codes is not None:
            return codes
        if self._skip_mismatch:
            return NO_BASES
        place, known = f"record {record.number}: {self._plan.genome.source}", self._contigs.known
        raise InputError(
            f"{place}: {unknown_contig(record.chrom, known)}, or leave such records out with --skip-mismatch"
        )

    def _records(self, group: _Group, effects: list[Effect | None]) -> Iterator[ScoredRecord]:
        """The records of a group, with their shares of its effects."""
        alleles = sum(map(len, group.edits))
        haplotypes = [
            ScoredHaplotype(group.records, haplotype, effect)
            for haplotype, effect in zip(group.haplotypes, effects[alleles:], strict=True)
            if effect is not None
        ]
        begin = 0
        for number, (record, edits) in enumerate(zip(group.records, group.edits, strict=True)):
            own = effects[begin : begin + len(edits)]
            begin += len(edits)
            self._count(edits, own)
            holding = [each for each in haplotypes if number in dict(each.haplotype.alleles)]
            yield ScoredRecord(record, own, holding)

    def _edits(self, record: Record, codes: Codes) -> list[Edit | None]:
        """The edit of each alternative allele; None: it is not scored."""
        self.counts["alleles"] += len(record.alternatives)
        if not any(map(_is_bases, record.alternatives)):
            self.counts["passed"] += len(record.alternatives)
            return [None] * len(record.alternatives)
        reference = encode(record.reference) if _is_bases(record.reference) else None
        there = codes[record.position : record.position + len(record.reference)]
        if reference is None or record.position < 0 or not _same(reference, there):
            if not self._skip_mismatch:
                raise InputError(_mismatch(record, there))
            self.counts["mismatches"] += 1
            return [None] * len(record.alternatives)
        edits = [_edit(codes, record, alternative) for alternative in record.alternatives]
        self.counts["passed"] += edits.count(None)
        return edits

    def _count(self, edits: list[Edit | None], effects: list[Effect | None]) -> None:
        scored = [effect for effect in effects if effect is not None]
        self.counts["scored"] += len(scored)
        self.counts["unscored"] += len(edits) - edits.count(None) - len(scored)
        self.counts.update(change.change for effect in scored for change in effect.hits)


def _is_bases(allele: str) -> bool:
    return _BASES.fullmatch(allele) is not None


def _same(reference: Codes, there: Codes) -> bool:
    """Whether a reference allele is what stands in the genome; an unknown base of either fits all."""
    if len(reference) != len(there):
        return False
    return bool(((reference == there) | (reference == UNKNOWN) | (there == UNKNOWN)).all())


def _edit(codes: Codes, record: Record, alternative: str) -> Edit | None:
    if not _is_bases(alternative) or max(len(record.reference), len(alternative)) > LONGEST_ALLELE:
        return None
    here = codes[record.position : record.position + len(record.reference)]
    edit = edit_of(codes, record.position, here, encode(alternative))
    return edit if edit.last - edit.first <= LONGEST_ALLELE else None


def _mismatch(record: Record, there: Codes) -> str:
    place = f"record {record.number}, {record.chrom}:{record.position + 1}"
    if not len(there):
        return f"{place}: the contig ends before; give the genome that the variants were called on"
    return (
        f"{place}: REF is {record.reference[:SHOWN]}, and the genome has {decode(there)[:SHOWN]}; give the genome that "
        "the variants were called on, or leave such records out with --skip-mismatch"
    )
