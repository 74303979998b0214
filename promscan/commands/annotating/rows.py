"""Annotated hits as rows: the columns of the hits as they stand, then those of the genes.

| format | what is added |
| --- | --- |
| BED | columns after the last one, and their names in the line of column names |
| GFF3 | attributes at the end of column 9 |
| TSV | columns, under one line of column names |
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from promscan import __version__
from promscan.commands.annotating.classes import Annotation
from promscan.commands.annotating.distances import Distances
from promscan.errors import InputError, RunError
from promscan.io.files import PACKED_SUFFIXES, is_packed, open_text_output
from promscan.io.gff import attributes_of
from promscan.io.hit_layouts import LAYOUTS, Layout
from promscan.io.hit_lines import HitLines
from promscan.io.hit_writers import open_rows
from promscan.io.schemas import BED_COLUMNS

FORMATS = ("bed", "gff3", "tsv")
COLUMNS = (
    "class", "class_gene", "gene_id", "gene_name", "gene_biotype", "distance",
    "opposite_gene_id", "opposite_gene_name", "opposite_gene_biotype", "opposite_distance",
)  # fmt: skip
BACTERIAL_COLUMNS = ("start_codon_distance", "operon_head")
_GFF3_COLUMNS = ("seqid", "source", "type", "start", "end", "score", "strand", "phase", "attributes")
_SUFFIXES = {".bed": "bed", ".gff3": "gff3", ".gff": "gff3", ".tsv": "tsv"}
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_RESERVED = re.compile("[\x00-\x1f\x7f%;=&,]")
_NO_ATTRIBUTES = ("", ".")


def format_of(target: str, format: str | None, hits: HitLines | None = None) -> str | None:
    """Return the format of an output: the wanted one, or that of its suffix; on standard output that of the hits.

    Args:
        target: path, or `-`.
        format: one of `FORMATS`, or None.
        hits: None: they are not read yet, and neither is the format of standard output known.

    Raises:
        RunError: no format has the suffix, or the hits cannot be written in the format.
    """
    if format is None:
        name = target.lower()
        name = next((name.removesuffix(packed) for packed in PACKED_SUFFIXES if name.endswith(packed)), name)
        format = _SUFFIXES.get(os.path.splitext(name)[1])
        if target == "-" and hits is not None:
            format = "gff3" if hits.is_gff else "bed"
        elif format is None and target != "-":
            raise RunError(f"{target}: no format has this suffix; end it in .bed, .gff3 or .tsv, or give --format")
    elif format not in FORMATS:
        raise RunError(f"unknown format {format!r}; choose one of {', '.join(FORMATS)}")
    if hits is not None and format in ("bed", "gff3") and hits.is_gff != (format == "gff3"):
        has, other = ("GFF3", "BED") if hits.is_gff else ("BED", "GFF3")
        raise RunError(f"{target}: the hits are {has} and their columns stay, so {other} cannot be written; choose "
                       f"{has} or TSV")  # fmt: skip
    return format


def write_annotated(
    target: str, format: str, hits: HitLines, annotations: Sequence[Annotation], distances: Distances, bacteria: bool
) -> None:
    """Write hits with their annotations.

    Args:
        target: path; with `.gz` BED and GFF3 are bgzipped and indexed, and TSV is gzipped. `-` is standard output.
        format: one of `FORMATS`.
        hits: the hits.
        annotations: one for each hit.
        distances: what decided the classes, for the header.
        bacteria: whether the columns for bacteria are wanted.

    Raises:
        InputError: the hits have a column or attribute of one of these names, or a .gz is wanted and they are not
            sorted.
        RunError: the output cannot be written.
    """
    columns = (*COLUMNS, *(BACTERIAL_COLUMNS if bacteria else ()))
    names = _names(hits)
    _check_names(hits, names, columns)
    if format == "tsv":
        with open_text_output(target) as file:
            file.write("\t".join([*names, *columns]) + "\n")
            file.writelines(f"{row}\n" for row in _tabbed(hits, annotations, columns))
        return
    if is_packed(target):
        _check_sorted(hits)
    settings = {"core_promoter": distances.core_promoter, "upstream": distances.upstream}
    settings |= {"operon_gap": distances.operon_gap} if bacteria else {}
    own = " ".join([f"#promscan_annotate {__version__}", *(f"{key}={value}" for key, value in settings.items())])
    layout = _layout(format, hits, names, columns)
    rows = (_attributed if format == "gff3" else _tabbed)(hits, annotations, columns)
    with open_rows(target, layout, own, {}) as writer:
        landmarks = dict(hits.landmarks) if format == "gff3" else {}
        for row, text in zip(hits.rows, rows, strict=True):
            if row.chrom in landmarks:
                writer.write_row(landmarks.pop(row.chrom), row.circle or row.end)
            writer.write_row(text, row.end)


def _layout(format: str, hits: HitLines, names: Sequence[str], columns: Sequence[str]) -> Layout:
    """Return the layout of the output, whose first lines are those of the hits, our own, and the column names."""
    comments = list(hits.comments)
    if format == "gff3":
        return LAYOUTS["gff3"]._replace(preamble=lambda own: [*comments, own])
    if comments and _named_columns(hits) is not None:
        comments.pop()
    last = "#" + "\t".join([*names, *columns])
    return LAYOUTS["bed"]._replace(preamble=lambda own: [*comments, own, last])


def _names(hits: HitLines) -> list[str]:
    """Return the names of the columns of the hits."""
    if hits.is_gff:
        return list(_GFF3_COLUMNS)
    if (named := _named_columns(hits)) is not None:
        return named
    width = hits.lines[0].count("\t") + 1 if hits.lines else len(BED_COLUMNS[:6])
    return [*BED_COLUMNS[: min(width, 6)], *(f"column{number}" for number in range(7, width + 1))]


def _named_columns(hits: HitLines) -> list[str] | None:
    """Return the column names in the last comment, if it names every column."""
    names = hits.comments[-1][1:].split("\t") if hits.comments else []
    width = hits.lines[0].count("\t") + 1 if hits.lines else len(names)
    return names if len(names) > 1 and len(names) == width else None


def _check_names(hits: HitLines, names: Sequence[str], columns: Sequence[str]) -> None:
    taken = next((name for name in columns if name in names), None)
    if taken is None and hits.is_gff:
        for line in hits.lines:
            attributes = attributes_of(line.split("\t")[-1])
            taken = taken or next((name for name in columns if name in attributes), None)
    if taken is not None:
        what = "an attribute" if hits.is_gff else "a column"
        raise InputError(f"{hits.source}: the hits have {what} {taken!r} already; rename or remove it")


def _check_sorted(hits: HitLines) -> None:
    """Refuse rows that tabix cannot index."""
    finished = set[str]()
    for before, row in pairwise(hits.rows):
        if row.chrom != before.chrom:
            finished.add(before.chrom)
        if row.chrom in finished or (row.chrom == before.chrom and row.start < before.start):
            raise InputError(
                f"{row.where}: the hits are not sorted by contig and start, as the index of a .gz needs; sort them, or "
                "write without .gz"
            )


def _tabbed(hits: HitLines, annotations: Sequence[Annotation], columns: Sequence[str]) -> Iterator[str]:
    for line, annotation in zip(hits.lines, annotations, strict=True):
        cells = (_CONTROL.sub(_escaped, value or ".") for value in _values(annotation, columns))
        yield "\t".join([line, *cells])


def _attributed(hits: HitLines, annotations: Sequence[Annotation], columns: Sequence[str]) -> Iterator[str]:
    for line, annotation in zip(hits.lines, annotations, strict=True):
        before, _, attributes = line.rpartition("\t")
        added = ";".join(
            f"{name}={_RESERVED.sub(_escaped, value)}"
            for name, value in zip(columns, _values(annotation, columns), strict=True)
            if value
        )
        if attributes.strip() in _NO_ATTRIBUTES:
            yield f"{before}\t{added}"
        else:
            yield f"{line}{'' if line.rstrip().endswith(';') else ';'}{added}"


def _values(annotation: Annotation, columns: Sequence[str]) -> Iterator[str]:
    """Give the values of columns as text; empty where there is none."""
    for name in columns:
        value = getattr(annotation, "class_" if name == "class" else name)
        yield ("yes" if value else "no") if isinstance(value, bool) else "" if value is None else str(value)


def _escaped(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"
