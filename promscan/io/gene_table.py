"""The features of an annotation while it is read, and how they become genes.

An annotation of millions of lines fits, as parts of transcripts are numbers in arrays, and only genes have texts.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from promscan.io.genes import NOWHERE, Flags, Genes, Labels, Stretches, Whole
from promscan.io.listed_rows import Row

_GENE, _TRANSCRIPT = 1, 2
_UNKNOWN = 0
"""A feature that others name as their parent, and that has no row of its own so far."""
_DEEPEST = 8
"""Levels of features below a gene."""
_PROTEIN_CODING = "protein_coding"


@dataclass
class GeneTable:
    """Features as they are read; `genes` makes genes of them."""

    circles: Mapping[str, int] = field(default_factory=dict)
    """Contigs that are circles, and their bases; those of a feature are known before it is added."""
    _numbers: dict[str, int] = field(default_factory=dict)
    _contigs: dict[str, int] = field(default_factory=dict)
    _contig: array[int] = field(default_factory=lambda: array("q"))
    _strand: bytearray = field(default_factory=bytearray)
    _kind: bytearray = field(default_factory=bytearray)
    _parent: array[int] = field(default_factory=lambda: array("q"))
    _start: array[int] = field(default_factory=lambda: array("q"))
    _end: array[int] = field(default_factory=lambda: array("q"))
    _coding_start: array[int] = field(default_factory=lambda: array("q"))
    _coding_end: array[int] = field(default_factory=lambda: array("q"))
    _exons: tuple[array[int], array[int], array[int]] = field(
        default_factory=lambda: (array("q"), array("q"), array("q"))
    )
    _labels: dict[int, Labels] = field(default_factory=dict)
    _biotypes: dict[int, str] = field(default_factory=dict)
    """What the type of a transcript says of its gene, by the number of the parent."""

    def __contains__(self, key: str) -> bool:
        return key in self._numbers

    def add_gene(self, key: str, row: Row, labels: Labels) -> int:
        """Add a row of a gene, which may have several; return its number."""
        number = self._number(key)
        self._kind[number] = _GENE
        self._labels[number] = labels
        self._place(number, row)
        return number

    def add_transcript(self, key: str, row: Row, parent: str, biotype: str = "") -> int:
        """Add a row of a transcript; `biotype` is what its type says of the gene."""
        number, above = self._number(key), self._number(parent)
        if number != above:
            self._kind[number], self._parent[number] = _TRANSCRIPT, above
            if biotype:
                self._biotypes.setdefault(above, biotype)
        self._place(number, row)
        return number

    def add_exon(self, of: str, row: Row) -> None:
        """Add an exon of a transcript or gene."""
        number = self._number(of)
        row = self._place(number, row)
        for column, value in zip(self._exons, (number, row.start, row.end), strict=True):
            column.append(value)

    def add_coding(self, of: str, row: Row) -> None:
        """Add a coding part of a transcript or gene."""
        number = self._number(of)
        row = self._place(number, row)
        before = self._coding_start[number]
        self._coding_start[number] = row.start if before == NOWHERE else min(before, row.start)
        self._coding_end[number] = max(self._coding_end[number], row.end)

    def _number(self, key: str) -> int:
        number = self._numbers.setdefault(key, len(self._numbers))
        if number == len(self._kind):
            self._kind.append(_UNKNOWN)
            self._strand.append(0)
            for column in (self._contig, self._parent, self._start, self._end, self._coding_start, self._coding_end):
                column.append(NOWHERE)
        return number

    def _place(self, number: int, row: Row) -> Row:
        """Let a feature reach over a row; rows on another contig or strand, as of trans-splicing, change nothing.

        Returns:
            the row; on a circle, where it goes on behind the origin if the feature does.
        """
        contig = self._contigs.setdefault(row.chrom, len(self._contigs))
        strand = ord(row.strand if row.strand in ("+", "-") else ".")
        if self._contig[number] == NOWHERE:
            self._contig[number], self._strand[number] = contig, strand
            self._start[number], self._end[number] = row.start, row.end
        elif self._contig[number] == contig and self._strand[number] == strand:
            row = self._over_origin(number, row)
            self._start[number] = min(self._start[number], row.start)
            self._end[number] = max(self._end[number], row.end)
        return row

    def _over_origin(self, number: int, row: Row) -> Row:
        """Join the parts of a feature that end at the origin of a circle and begin behind it, as GFF3 wants it.

        Otherwise such a feature would reach over the whole circle.
        """
        circle = self.circles.get(row.chrom)
        if circle is None:
            return row
        if row.start == 0 and self._start[number] > row.end and self._end[number] == circle:
            return row._replace(start=circle, end=circle + row.end)
        if row.end == circle and self._start[number] == 0 and self._end[number] < row.start:
            for column in (self._start, self._end, self._coding_start, self._coding_end):
                column[number] += circle if column[number] != NOWHERE else 0
        return row

    def genes(self) -> Genes:
        """Make genes of all features; what has no gene above it is a gene of its own."""
        return _Resolved(self).genes()

    def column(self, name: str) -> Whole:
        """A column of all features, one number for each."""
        return np.array(getattr(self, f"_{name}"), dtype=np.int64)

    def exons(self) -> Stretches:
        """All exons; `gene` is the number of the feature that they are parts of."""
        return Stretches(*(np.array(column, dtype=np.int64) for column in self._exons))

    def chroms(self) -> list[str]:
        """Names of the contigs."""
        return list(self._contigs)

    def labels(self, numbers: Whole, coding: Whole) -> list[Labels]:
        """Labels of the genes with these numbers, completed by what their parts say."""
        keys, found = list(self._numbers), list[Labels]()
        for number, codon in zip(numbers.tolist(), coding.tolist(), strict=True):
            labels = self._labels.get(number, Labels())
            biotype = labels.biotype or self._biotypes.get(number, "") or ("" if codon == NOWHERE else _PROTEIN_CODING)
            found.append(Labels(labels.id or keys[number].rpartition("\t")[2], labels.name, biotype))
        return found


class _Resolved:
    """The features of a table, each with its gene: the feature at the top of its parents.

    What is not a transcript is at the top: a gene, or a parent without a row of its own, which is where its first
    child is.
    """

    def __init__(self, table: GeneTable) -> None:
        self._table = table
        self._kind, self._parent = table.column("kind"), table.column("parent")
        self._start, self._end = table.column("start"), table.column("end")
        own = np.arange(len(self._kind))
        self._top = np.where(self._parent == NOWHERE, own, self._parent)
        for _ in range(_DEEPEST):
            self._top = self._top[self._top]
        self._top = np.where(self._top[self._top] == self._top, self._top, own)  # parents in a circle
        contig, strand = table.column("contig"), table.column("strand")
        placed = np.flatnonzero(contig != NOWHERE)
        tops, first = np.unique(self._top[placed], return_index=True)
        anchor = own.copy()
        anchor[tops] = np.where(contig[tops] == NOWHERE, placed[first], tops)
        self._contig, self._strand = contig[anchor], strand[anchor]
        self._member = (contig == self._contig[self._top]) & (strand == self._strand[self._top]) & (contig != NOWHERE)
        self._plus = strand == ord("+")

    def genes(self) -> Genes:
        is_top = np.flatnonzero(self._top == np.arange(len(self._top)))
        stranded = np.isin(self._strand[is_top], [ord("+"), ord("-")])
        numbers = is_top[stranded]
        gene_of = np.full(len(self._top), NOWHERE)
        gene_of[numbers] = np.arange(len(numbers))
        self._gene = np.where(self._member, gene_of[self._top], NOWHERE)
        coding = self._coding(len(numbers))
        start, end = self._reach(len(numbers))
        return Genes(
            chroms=self._table.chroms(),
            contig=self._contig[numbers],
            plus=self._plus[numbers] if len(numbers) else np.zeros(0, dtype=bool),
            start=start,
            end=end,
            coding=coding,
            labels=self._table.labels(numbers, coding),
            starts=self._starts(start, end, self._strand[numbers] == ord("+")),
            leaders=self._leaders(),
            without_strand=int(np.sum(~stranded)),
        )

    def _reach(self, count: int) -> tuple[Whole, Whole]:
        """Return the lowest start and the highest end of the features of each gene."""
        start, end = np.full(count, np.iinfo(np.int64).max), np.zeros(count, dtype=np.int64)
        of_gene = self._gene != NOWHERE
        np.minimum.at(start, self._gene[of_gene], self._start[of_gene])
        np.maximum.at(end, self._gene[of_gene], self._end[of_gene])
        return start, end

    def _coding(self, count: int) -> Whole:
        """Return the first coding base of each gene, read 5' to 3'."""
        low, high = self._table.column("coding_start"), self._table.column("coding_end")
        lowest, highest = np.full(count, np.iinfo(np.int64).max), np.full(count, NOWHERE)
        plus, minus = ((self._gene != NOWHERE) & (low != NOWHERE) & side for side in (self._plus, ~self._plus))
        np.minimum.at(lowest, self._gene[plus], low[plus])
        np.maximum.at(highest, self._gene[minus], high[minus] - 1)
        return np.where(lowest < np.iinfo(np.int64).max, lowest, highest)

    def _starts(self, start: Whole, end: Whole, plus: Flags) -> Stretches:
        """Return the 5' ends of the transcripts of each gene, or its own."""
        own = (self._kind == _TRANSCRIPT) & (self._gene != NOWHERE) & (self._parent == self._top)
        gene, position = self._gene[own], np.where(self._plus, self._start, self._end - 1)[own]
        alone = np.setdiff1d(np.arange(len(start)), gene)
        gene = np.concatenate([gene, alone])
        position = np.concatenate([position, np.where(plus, start, end - 1)[alone]])
        return _once(gene, position, position + 1)

    def _leaders(self) -> Stretches:
        """Return what lies before the start codon of each transcript, in its exons."""
        of, start, end = self._table.exons()
        low, high = self._table.column("coding_start")[of], self._table.column("coding_end")[of]
        plus = self._plus[of]
        start, end = np.where(plus, start, np.maximum(start, high)), np.where(plus, np.minimum(end, low), end)
        before = (start < end) & (low != NOWHERE) & (self._gene[of] != NOWHERE)
        return _once(self._gene[of][before], start[before], end[before])


def _once(gene: Whole, start: Whole, end: Whole) -> Stretches:
    """Return stretches sorted by gene and start, each once."""
    rows = np.unique(np.stack([gene, start, end], axis=1), axis=0) if len(gene) else np.empty((0, 3), dtype=np.int64)
    return Stretches(*rows.T)
