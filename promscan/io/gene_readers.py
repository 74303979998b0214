"""Read genes from GFF3, GTF or BED: the dialects of NCBI, Ensembl, GENCODE, Prokka, Bakta and UCSC.

| format | gene | its 5' ends | its coding part |
| --- | --- | --- | --- |
| GFF3 | a feature of a type such as gene; a CDS or RNA without a parent | its transcripts | CDS |
| GTF | rows with one `gene_id` on one strand of a contig | rows with one `transcript_id` | CDS |
| BED | a row | the row | columns 7 and 8 of BED12 |
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote

from promscan.errors import InputError
from promscan.io.bed import POSITION
from promscan.io.gene_table import GeneTable
from promscan.io.genes import Genes, Labels
from promscan.io.gff import attributes_of, is_gtf
from promscan.io.listed_rows import ListedRows, Row, is_own_bed

WANTED = "genes as GFF3, GTF or BED"
_GENE = re.compile("(.*_)?(pseudo)?gene", re.IGNORECASE)
_TRANSCRIPT = re.compile("(.*_)?([a-z]*transcript|[a-z]*RNA|gene_segment|NMD_transcript_variant)", re.IGNORECASE)
_RNA = re.compile("(.*_)?[a-z]*RNA", re.IGNORECASE)
_EXONS = frozenset({"exon", "five_prime_UTR", "5UTR", "five_prime_utr"})
_CODING = "CDS"
_PARENT = re.compile(r"(?:^|;)\s*Parent\s*=([^;]*)")
_TRANSCRIPT_ID = re.compile(r'(?:^|[;\s])transcript_id\s+"([^"]+)"')
_IDS = ("gene_id", "locus_tag", "ID", "Name")
_NAMES = ("gene_name", "gene", "Name")
_BIOTYPES = ("gene_biotype", "gene_type", "biotype")
_BED12 = 12


def read_genes(path: str | os.PathLike[str]) -> Genes:
    """Read the genes of an annotation, line by line.

    Args:
        path: GFF3, GTF or BED with strands, plain or compressed, or `-` for standard input.

    Raises:
        InputError: the file cannot be read, a row is no feature or interval, or there is no gene with a strand.
    """
    rows = ListedRows(os.fspath(path), WANTED)
    table = GeneTable(rows.circles)
    reader: _BedReader | _GtfReader | _Gff3Reader | None = None
    for row, fields in rows:
        if reader is None:
            reader = _BedReader(table) if rows.format == "bed" else _gff_reader(fields, table)
        reader.add(row, fields)
    genes = replace(table.genes(), circles=rows.circles, lengths=rows.lengths)
    if not len(genes):
        what = "no gene in it has a strand" if genes.without_strand else "there are no genes in it"
        raise InputError(f"{rows.source}: {what}; give {WANTED}")
    return genes


def _gff_reader(fields: Sequence[str], table: GeneTable) -> _GtfReader | _Gff3Reader:
    return _GtfReader(table) if len(fields) > 8 and is_gtf(fields[8]) else _Gff3Reader(table)


class _Gff3Reader:
    """GFF3, where `ID` and `Parent` join the features."""

    def __init__(self, table: GeneTable) -> None:
        self._table = table

    def add(self, row: Row, fields: Sequence[str]) -> None:
        """Add a row."""
        text = fields[8] if len(fields) > 8 else ""
        match = _PARENT.search(text)
        parents = [unquote(parent) for parent in match[1].strip().split(",") if parent] if match else []
        if row.type in _EXONS:
            for parent in parents:
                self._table.add_exon(parent, row)
        elif row.type == _CODING and parents:
            for parent in parents:
                self._table.add_coding(parent, row)
        elif row.type == _CODING or _GENE.fullmatch(row.type) or (not parents and _TRANSCRIPT.fullmatch(row.type)):
            attributes = attributes_of(text)
            labels = _labels(attributes, row.type)
            key = attributes.get("ID") or f"{row.chrom}:{row.start}{row.strand}\t{labels.id or row.type}"
            self._table.add_gene(key, row, labels)
            if row.type == _CODING:
                self._table.add_coding(key, row)
        elif parents and _TRANSCRIPT.fullmatch(row.type):
            key = row.name or f"{row.chrom}:{row.start}{row.strand}\t{parents[0]}"
            self._table.add_transcript(key, row, parents[0], _biotype_of(row.type))


class _GtfReader:
    """GTF, where `gene_id` and `transcript_id` join the rows; rows of genes and transcripts may be missing.

    The same ids on another contig or strand are another gene: UCSC lists some genes at several places.
    """

    def __init__(self, table: GeneTable) -> None:
        self._table = table

    def add(self, row: Row, fields: Sequence[str]) -> None:
        """Add a row."""
        is_exon, is_coding = row.type in _EXONS, row.type == _CODING
        is_gene, is_transcript = _GENE.fullmatch(row.type), _TRANSCRIPT.fullmatch(row.type)
        if not (is_exon or is_coding or is_gene or is_transcript):
            return
        text, place = fields[8] if len(fields) > 8 else "", f"{row.chrom}\t{row.strand}\t"
        match = _TRANSCRIPT_ID.search(text) if is_exon or is_coding else None
        if match and (part_of := f"{place}transcript\t{match[1]}") in self._table:
            self._add_part(part_of, row)  # most rows end here, and need no other attribute
            return
        attributes = attributes_of(text)
        if not (gene_id := attributes.get("gene_id", "")):
            raise InputError(f"{row.where}: there is no gene_id in column 9, as GTF has; add it, or leave the row out")
        gene = f"{place}gene\t{gene_id}"
        if is_gene or gene not in self._table:
            self._table.add_gene(gene, row, _labels(attributes, row.type))
        transcript = attributes.get("transcript_id", "")
        part_of = f"{place}transcript\t{transcript}" if transcript else gene
        if transcript and (is_transcript or part_of not in self._table) and not is_gene:
            self._table.add_transcript(part_of, row, gene)
        if is_exon or is_coding:
            self._add_part(part_of, row)

    def _add_part(self, part_of: str, row: Row) -> None:
        if row.type == _CODING:
            self._table.add_coding(part_of, row)
        else:
            self._table.add_exon(part_of, row)


class _BedReader:
    """BED, where each row is a gene with one transcript."""

    def __init__(self, table: GeneTable) -> None:
        self._table, self._rows = table, 0

    def add(self, row: Row, fields: Sequence[str]) -> None:
        """Add a row."""
        if is_own_bed(fields):
            raise InputError(f"{row.where}: a hit of promscan, and no gene; give {WANTED}")
        if row.end == row.start:
            raise InputError(f"{row.where}: an interval without bases is no gene; leave it out")
        self._rows += 1
        key = f"{self._rows}\t{row.name or '.'}"
        self._table.add_gene(key, row, Labels(row.name, row.name))
        if len(fields) < _BED12:
            return
        blocks = _blocks(row, fields)
        if row.thick is None or not row.start <= row.thick[0] <= row.thick[1] <= row.end:
            raise InputError(f"{row.where}: the coding part in columns 7 and 8 is not in its interval; correct it")
        if row.thick[0] < row.thick[1]:
            self._table.add_coding(key, row._replace(start=row.thick[0], end=row.thick[1]))
        for start, end in blocks:
            self._table.add_exon(key, row._replace(start=start, end=end))


def _blocks(row: Row, fields: Sequence[str]) -> list[tuple[int, int]]:
    """Return the exons in columns 10 to 12 of BED12."""
    sizes, offsets = (text.strip(",").split(",") for text in fields[10:12])
    numbers = [*sizes, *offsets]
    if not len(sizes) == len(offsets) or fields[9] != str(len(sizes)) or not all(map(POSITION.fullmatch, numbers)):
        raise InputError(f"{row.where}: columns 10 to 12 are not the blocks of BED12; correct them, or cut -f 1-6")
    blocks = [
        (row.start + int(offset), row.start + int(offset) + int(size))
        for size, offset in zip(sizes, offsets, strict=True)
    ]
    if any(end > row.end for _, end in blocks):
        raise InputError(f"{row.where}: a block reaches past the end at {row.end}; correct columns 11 and 12")
    return blocks


def _labels(attributes: Mapping[str, str], type: str) -> Labels:
    found = [next((attributes[key] for key in keys if attributes.get(key)), "") for keys in (_IDS, _NAMES, _BIOTYPES)]
    # Bakta names a gene without a symbol after its product.
    if "gene_name" not in attributes and "gene" not in attributes and found[1] == attributes.get("product"):
        found[1] = ""
    return Labels(found[0], found[1], found[2] or _biotype_of(type, attributes))


def _biotype_of(type: str, attributes: Mapping[str, str] | None = None) -> str:
    """Return what the type of a feature says of its biotype; empty if nothing."""
    if type.lower() == "pseudogene" or (attributes or {}).get("pseudo", "").lower() == "true":
        return "pseudogene"
    if type in (_CODING, "mRNA"):
        return "protein_coding"
    if type.lower().endswith("_gene"):
        return type[: -len("_gene")]
    return type if _RNA.fullmatch(type) else ""
