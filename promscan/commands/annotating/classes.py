"""Places of hits among genes: the nearest genes, the class, and what counts in bacteria."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from promscan.commands.annotating.distances import Distances
from promscan.commands.annotating.nearest import Pairs, Spans, closest
from promscan.commands.annotating.operons import operon_heads
from promscan.io.genes import NOWHERE, Flags, Genes, Stretches, Whole
from promscan.seq.records import Strand

CORE_PROMOTER, UPSTREAM, LEADER = "core_promoter", "upstream", "five_prime_UTR"
INTRAGENIC, ANTISENSE, INTERGENIC = "intragenic", "antisense", "intergenic"
CLASSES = (CORE_PROMOTER, UPSTREAM, LEADER, INTRAGENIC, ANTISENSE)
"""Classes from the first that is looked at to the last; else a hit is intergenic."""


class HitPlace(NamedTuple):
    """What counts of a hit."""

    chrom: str
    tss: int
    strand: Strand
    name: str = ""


class Annotation(NamedTuple):
    """A hit among the genes. Distances are in bp from the TSS, on the strand of the gene; upstream is negative."""

    chrom: str
    tss: int
    strand: Strand
    name: str
    class_: str
    """`core_promoter`, `upstream`, `five_prime_UTR`, `intragenic`, `antisense` or `intergenic`."""
    class_gene: str | None
    """Id of the gene that the class is about."""
    gene_id: str | None
    """Gene with the nearest 5' end on the strand of the hit; None: its contig has no gene there."""
    gene_name: str | None
    gene_biotype: str | None
    distance: int | None
    opposite_gene_id: str | None
    """Gene with the nearest 5' end on the other strand."""
    opposite_gene_name: str | None
    opposite_gene_biotype: str | None
    opposite_distance: int | None
    start_codon_distance: int | None
    """Distance to the first base of the coding part of the gene `gene_id`; None: it has none."""
    operon_head: bool | None
    """Whether the gene `gene_id` is the first of its operon."""


def annotate_places(
    hits: Sequence[HitPlace],
    genes: Genes,
    distances: Distances,
    folder: Path,
    circles: Mapping[str, int] | None = None,
) -> list[Annotation]:
    """Find the place of each hit among the genes.

    Args:
        hits: in any order.
        genes: genes of any contigs.
        distances: what decides classes and operons.
        folder: for temporary files.
        circles: contigs that are circles, and their bases; distances go over their origin.

    Raises:
        RunError: bedtools fails.
    """
    if not hits:
        return []
    circles = circles or {}
    finder = _Finder.of(hits, genes, circles, folder)
    chosen = _Chosen(*finder.nearest(), finder.classes(distances))
    heads = operon_heads(genes, distances.operon_gap, circles)
    return _annotations(hits, genes, chosen, heads, finder.codon_distances(chosen.same.gene))


class _Nearest(NamedTuple):
    """A gene for each hit, -1 without any, and the distance to the nearest of its 5' ends."""

    gene: Whole
    distance: Whole


class _Chosen(NamedTuple):
    same: _Nearest
    opposite: _Nearest
    classes: Sequence[Whole]
    """By class, the gene of each hit that has it; -1: the hit has none."""


@dataclass(frozen=True)
class _Finder:
    """Compares hits with genes by `bedtools closest`.

    On a circle, hits lie in the second of three rounds, and genes in all of them.
    """

    genes: Genes
    hits: Spans
    circles: Whole
    """By number of a contig, its bases if it is a circle, else 0."""
    folder: Path

    @classmethod
    def of(cls, hits: Sequence[HitPlace], genes: Genes, circles: Mapping[str, int], folder: Path) -> _Finder:
        numbers = {chrom: number for number, chrom in enumerate(genes.chroms)}
        contig = np.array([numbers.setdefault(hit.chrom, len(numbers)) for hit in hits], dtype=np.int64)
        tss = np.array([hit.tss for hit in hits], dtype=np.int64)
        lengths = np.array([circles.get(chrom, 0) for chrom in numbers], dtype=np.int64)
        around = lengths[contig]
        tss = np.where(around > 0, tss % np.maximum(around, 1) + around, tss)
        spans = Spans(contig, tss, tss + 1, np.array([hit.strand == "+" for hit in hits]))
        return cls(genes, spans, lengths, folder)

    def nearest(self) -> tuple[_Nearest, _Nearest]:
        """Find the nearest 5' ends on the strand of each hit and on the other one.

        Of two that are equally near, the one that the hit is upstream of goes first, then the first gene of the file.
        """
        return self._nearest(s=True), self._nearest(S=True)

    def _nearest(self, **options: bool) -> _Nearest:
        starts = self._in_rounds(self.genes.starts)
        pairs = closest(self.hits, self._spans(starts), self.folder, **options)
        downstream = (self._distance(pairs, starts) > 0).astype(np.int64)
        best = pairs.best(len(self.hits), downstream)
        found = np.flatnonzero(best != NOWHERE)
        distance = np.zeros(len(best), dtype=np.int64)
        distance[found] = self._distance(Pairs(found, best[found]), starts)
        gene = np.full(len(best), NOWHERE)
        gene[found] = starts.gene[best[found]]
        return _Nearest(gene, distance)

    def classes(self, distances: Distances) -> list[Whole]:
        """Find the gene of each hit in each of `CLASSES`; -1 if there is none."""
        bodies = Stretches(np.arange(len(self.genes)), self.genes.start, self.genes.end)
        return [
            self._within(distances.core_promoter, s=True),
            self._within(distances.upstream, s=True, D="a", iu=True),
            self._inside(self.genes.leaders, s=True),
            self._inside(bodies, s=True),
            self._inside(bodies, S=True),
        ]

    def _within(self, reach: int, **options: bool | str) -> Whole:
        """Find the gene whose 5' end is nearest, and at most `reach` bp away, on a circle by the shorter way round."""
        starts = self._in_rounds(self.genes.starts)
        pairs = closest(self.hits, self._spans(starts), self.folder, **options)
        distance = self._distance(pairs, starts)
        length = self.circles[self.hits.contig[pairs.query]]
        near = np.abs(distance) <= np.where(length > 0, np.minimum(reach, length // 2), reach)
        best = pairs.where(near).best(len(self.hits), (distance[near] > 0).astype(np.int64))
        return np.where(best == NOWHERE, NOWHERE, starts.gene[best])

    def _inside(self, stretches: Stretches, **options: bool) -> Whole:
        """Find the gene with a stretch around the hit; of several, the one with the nearest 5' end."""
        stretches = self._in_rounds(stretches)
        pairs = closest(self.hits, self._spans(stretches), self.folder, **options)
        tss = self.hits.start[pairs.query]
        around = (stretches.start[pairs.target] <= tss) & (tss < stretches.end[pairs.target])
        pairs, genes = pairs.where(around), self.genes
        gene = stretches.gene[pairs.target]
        five_prime = np.where(genes.plus[gene], genes.start[gene], genes.end[gene] - 1)
        along = self._shortest(self.hits.start[pairs.query] - five_prime, self.hits.contig[pairs.query])
        best = pairs.best(len(self.hits), np.abs(along))
        if not len(stretches.gene):
            return best
        return np.where(best == NOWHERE, NOWHERE, stretches.gene[best])

    def codon_distances(self, gene: Whole) -> Whole:
        """Distance of each hit from the start codon of its gene, on their strand; it means nothing without either."""
        along = self._shortest(self.hits.start - self.genes.coding[gene], self.hits.contig)
        return np.where(self.hits.plus, along, -along)

    def _in_rounds(self, stretches: Stretches) -> Stretches:
        """The stretches; of a circle, each in all three rounds, next to each other."""
        length = self.circles[self.genes.contig[stretches.gene]]
        rounds = np.where(length > 0, 3, 1)
        rows = np.repeat(np.arange(len(length)), rounds)
        turn = (np.arange(len(rows)) - np.repeat(np.cumsum(rounds) - rounds, rounds)) * length[rows]
        return Stretches(stretches.gene[rows], stretches.start[rows] + turn, stretches.end[rows] + turn)

    def _shortest(self, distance: Whole, contig: Whole) -> Whole:
        """Distances on contigs; on a circle, the way round that is shorter."""
        length = self.circles[contig]
        return np.where(length > 0, (distance + length // 2) % np.maximum(length, 1) - length // 2, distance)

    def _spans(self, stretches: Stretches) -> Spans:
        gene = stretches.gene
        return Spans(self.genes.contig[gene], stretches.start, stretches.end, self.genes.plus[gene])

    def _distance(self, pairs: Pairs, starts: Stretches) -> Whole:
        """Return the distance of each pair on the strand of the gene."""
        along = self.hits.start[pairs.query] - starts.start[pairs.target]
        return np.where(self.genes.plus[starts.gene[pairs.target]], along, -along)


def _annotations(
    hits: Sequence[HitPlace], genes: Genes, chosen: _Chosen, heads: Flags, codons: Whole
) -> list[Annotation]:
    annotations = list[Annotation]()
    for index, hit in enumerate(hits):
        found = ((name, int(gene[index])) for name, gene in zip(CLASSES, chosen.classes, strict=True))
        class_, class_gene = next(((name, gene) for name, gene in found if gene != NOWHERE), (INTERGENIC, NOWHERE))
        same, opposite = (_described(genes, nearest, index) for nearest in (chosen.same, chosen.opposite))
        gene = int(chosen.same.gene[index])
        codon = None if gene == NOWHERE or genes.coding[gene] == NOWHERE else int(codons[index])
        class_id = None if class_gene == NOWHERE else genes.labels[class_gene].id
        head = None if gene == NOWHERE else bool(heads[gene])
        annotations.append(Annotation(*hit, class_, class_id, *same, *opposite, codon, head))
    return annotations


def _described(genes: Genes, nearest: _Nearest, index: int) -> tuple[str | None, str | None, str | None, int | None]:
    """Return id, name, biotype and distance of the nearest gene of a hit."""
    gene = int(nearest.gene[index])
    if gene == NOWHERE:
        return None, None, None, None
    labels = genes.labels[gene]
    return labels.id, labels.name or None, labels.biotype or None, int(nearest.distance[index])
