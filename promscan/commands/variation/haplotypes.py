"""Haplotypes of phased neighbours: alleles that one chromosome carries together, as one edit.

Records that lie near one another are a group. In each sample, the alleles of one chromosome of a group are a haplotype,
as far as they are phased with one another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from promscan.commands.variation.alleles import Edit, edit_of
from promscan.errors import InputError
from promscan.io.vcf import Record
from promscan.seq.dna import Codes, decode, encode

WITHIN = 200
"""Distance in bp between neighbours of a group, at most."""
LONGEST_GROUP = 800
"""Bases of the reference from the first base of a group to its last."""

_ALLELE = re.compile(r"[0-9]{1,9}|\.")

Alleles = tuple[tuple[int, int], ...]
"""Records of a group, counted from 0, and the alternative allele of each, counted from 0."""


class Haplotype(NamedTuple):
    """Alleles on one chromosome.

    alleles: two or more, in order.
    carriers: chromosomes that carry them, and no other allele of their group.
    edit: all of them together.
    """

    alleles: Alleles
    carriers: int
    edit: Edit


def groups(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Neighbouring records of a contig, in order; a record that does not follow the one before it begins a group."""
    group = list[Record]()
    for record in records:
        if group and not _follows(group, record):
            yield group
            group = []
        group.append(record)
    if group:
        yield group


def haplotypes_of(group: Sequence[Record], codes: Codes, edits: Sequence[Sequence[Edit | None]]) -> list[Haplotype]:
    """The haplotypes of two or more alleles in a group, by their alleles.

    Args:
        group: neighbouring records.
        codes: their contig.
        edits: of each record, the edit of each alternative allele; None: an allele that is not scored.

    Raises:
        InputError: a genotype names an allele that its record does not have.
    """
    counts = Counter[Alleles]()
    # A record may end before the columns of the samples.
    for sample in zip_longest(*(_genotypes(record) for record in group), fillvalue=_UNPHASED):
        counts.update(_alleles(sample))
    found = list[Haplotype]()
    for alleles, carriers in sorted(counts.items()):
        scored = all(edits[number][allele] is not None for number, allele in alleles)
        edit = _together(group, codes, alleles) if scored and len(alleles) > 1 else None
        if edit is not None:
            found.append(Haplotype(alleles, carriers, edit))
    return found


def _follows(group: Sequence[Record], record: Record) -> bool:
    first, last = group[0], group[-1]
    return (
        record.chrom == last.chrom
        and last.position <= record.position <= last.position + WITHIN
        and record.position + len(record.reference) - first.position <= LONGEST_GROUP
    )


class _Genotype(NamedTuple):
    """Alleles of a sample, 0 for the reference and None where unknown, and the set that they are phased in."""

    alleles: tuple[int | None, ...]
    phase_set: str


_UNPHASED = _Genotype((), "")


def _genotypes(record: Record) -> list[_Genotype]:
    """The genotype of each sample; without alleles where it is not phased.

    Raises:
        InputError: a genotype cannot be read, or names an allele that the record does not have.
    """
    where = f"record {record.number}, {record.chrom}:{record.position + 1}"
    columns = record.line.split("\t")[8:]
    if not columns:
        return []
    keys = columns[0].split(":")
    genotypes = [_genotype(dict(zip(keys, sample.split(":"), strict=False)), where) for sample in columns[1:]]
    highest = max((allele or 0 for genotype in genotypes for allele in genotype.alleles), default=0)
    if highest > len(record.alternatives):
        raise InputError(
            f"{where}: a genotype has allele {highest}, and ALT lists {len(record.alternatives)}; repair the file, or "
            "leave --phased out"
        )
    return genotypes


def _genotype(values: dict[str, str], where: str) -> _Genotype:
    text = values.get("GT", ".")
    words = text.replace("/", "|").removeprefix("|").split("|")
    if not all(map(_ALLELE.fullmatch, words)):
        raise InputError(f"{where}: {text[:40]!r} is no genotype, such as 0|1; repair the file, or leave --phased out")
    alleles = tuple(None if word == "." else int(word) for word in words)
    if "/" in text and len(set(alleles)) > 1:
        return _UNPHASED
    return _Genotype(alleles, "" if "/" in text else values.get("PS", "."))


def _alleles(sample: Sequence[_Genotype]) -> Iterator[Alleles]:
    """The alternative alleles of each chromosome of a sample, by phase set; unphased ones belong to none."""
    sets = sorted({genotype.phase_set for genotype in sample} - {""}) or [""]
    for phase_set in sets:
        for chromosome in range(max(len(genotype.alleles) for genotype in sample)):
            yield tuple(
                (number, allele - 1)
                for number, genotype in enumerate(sample)
                if genotype.phase_set in ("", phase_set) and chromosome < len(genotype.alleles)
                for allele in [genotype.alleles[chromosome]]
                if allele
            )


def _together(group: Sequence[Record], codes: Codes, alleles: Alleles) -> Edit | None:
    """One edit for several alleles; None if two of them change the same base."""
    start = end = group[alleles[0][0]].position
    bases = ""
    for number, allele in alleles:
        record = group[number]
        if record.position < end:
            return None
        bases += decode(codes[end : record.position]) + record.alternatives[allele]
        end = record.position + len(record.reference)
    return edit_of(codes, start, codes[start:end], encode(bases))
