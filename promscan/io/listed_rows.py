"""Rows of lists of transcription starts and of hits, in BED, GFF3 or GTF, with every position that a row names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, cast
from urllib.parse import unquote

from promscan.errors import InputError
from promscan.io.bed import POSITION, columns_of, interval_of
from promscan.io.formats import ANNOTATIONS, BED
from promscan.io.gff import END_OF_FEATURES, PARTS, attributes_of, feature_of, is_feature
from promscan.io.lines import stripped, whole_lines
from promscan.io.schemas import BED_COLUMNS, LANDMARK, OVER_ORIGIN, TYPE
from promscan.io.tables import finite
from promscan.io.text import source_name
from promscan.seq.records import Strand

NARROWPEAK_COLUMNS = 10
_PROGRAM = "promscan"
_SUMMIT = re.compile("-1|[0-9]{1,15}")
_CIRCULAR = re.compile(r"(?:^|;)\s*Is_circular\s*=\s*true\s*(?:;|$)", re.IGNORECASE)
_SEQUENCE_REGION = re.compile(r"##sequence-region\s+(\S+)\s+1\s+([0-9]{1,15})\s*")
_NAMES = ("gene_name", "gene_id", "transcript_id")
"""Attributes of GTF that may name a feature; the first that is there does."""


class Row(NamedTuple):
    """A row of a list: an interval and the positions that may be its transcription start."""

    chrom: str
    start: int
    end: int
    strand: str
    """The strand in the file; see `stranded`."""
    name: str = ""
    """Column 4 of BED, the ID of GFF3, the gene of GTF."""
    type: str = ""
    """Type of a feature of GFF; empty in BED."""
    parent: str = ""
    thick: tuple[int, int] | None = None
    """Columns 7 and 8 of BED, if they are positions."""
    summit: int | None = None
    """Position that column 10 of narrowPeak names, maybe outside of the interval; before it if there is none (-1)."""
    tss: int | None = None
    """Position that promscan, or a column called `tss`, names; in the interval, unless that goes over the origin."""
    circle: int | None = None
    """Length of its contig if a landmark of GFF3 before it calls it circular; the row may end past it."""
    where: str = ""

    def holds(self, position: int) -> bool:
        """Whether a position lies in the interval."""
        return self.start <= position < self.end

    @property
    def five_prime(self) -> int:
        """First base of the interval on its strand."""
        return self.start if self.strand == "+" else self.end - 1


class ListedRows:
    """The rows of a list, with their columns as text; iterate over it once.

    Args:
        path: file, or `-` for standard input.
        wanted: what messages ask for.

    Attributes:
        source: what messages call the file.
        format: `bed` or `gff`, known from the first row on.
        comments: the lines with `#` before the first row.
        landmarks: by contig, the rows of GFF3 that say how long a circle is, as promscan writes them; they are no rows
            of the list.
        circles: by contig that a landmark calls circular, its bases.
        lengths: by contig, its bases, as lines `##sequence-region` of GFF3 say.
        line: the row that the iteration has reached, as it stands in the file.
    """

    def __init__(self, path: str, wanted: str) -> None:
        self.source = source_name(path)
        self.format: Literal["bed", "gff"] | None = None
        self.comments = list[str]()
        self.landmarks = dict[str, str]()
        self.lengths = dict[str, int]()
        self.line = ""
        self.circles = dict[str, int]()
        self._path, self._wanted = path, wanted
        self._tss_column: int | None = None

    def __iter__(self) -> Iterator[tuple[Row, list[str]]]:
        """Raise an `InputError` where the file cannot be read or a row is no interval."""
        for whole, where in whole_lines(self._path, self._wanted, (BED, *ANNOTATIONS)):
            self.line, line = whole, stripped(whole)
            if line.startswith("#"):
                if line == END_OF_FEATURES and self.format != "bed":
                    return
                if self.format is None:
                    self.comments.append(line)
                if match := _SEQUENCE_REGION.fullmatch(line):
                    self.lengths[unquote(match[1])] = int(match[2])
            elif line and (fields := columns_of(line)):
                if self.format is None:
                    self.format = "gff" if self._begins_gff(fields) else "bed"
                    self._tss_column = self.column_called("tss", len(fields))
                if self.format != "gff" or not self._is_landmark(fields, where):
                    yield self._row(fields, where), fields

    def column_called(self, name: str, columns: int) -> int | None:
        """Index of the column that the last comment before the rows calls `name`.

        A comment is used if it names every column, or is that of promscan, to which others have added columns.
        """
        names = self.comments[-1][1:].lower().split() if self.comments else []
        usable = len(names) == columns or (tuple(names) == BED_COLUMNS and columns > len(names))
        return names.index(name) if usable and name in names else None

    def _is_landmark(self, fields: Sequence[str], where: str) -> bool:
        """Whether a row is about a circle that promscan scanned; it is noted."""
        if fields[1:3] != [_PROGRAM, LANDMARK]:
            return False
        landmark = feature_of(fields, where)
        self.landmarks[landmark.chrom], self.circles[landmark.chrom] = self.line, landmark.end
        return True

    def _begins_gff(self, fields: Sequence[str]) -> bool:
        return is_feature(fields) or any(comment.startswith("##gff-version") for comment in self.comments)

    def _row(self, fields: Sequence[str], where: str) -> Row:
        if self.format == "bed":
            return _bed_row(fields, where, self._tss_column)
        row = _gff_row(fields, where)
        if row.start == 0 and len(fields) > 8 and _CIRCULAR.search(fields[8]):
            self.circles[row.chrom] = row.end
        if (circle := self.circles.get(row.chrom)) is None:
            return row
        return row._replace(tss=None if row.tss is None else row.tss % circle, circle=circle)


def stranded(row: Row) -> Strand:
    """Strand of a row.

    Raises:
        InputError: it has none.
    """
    if row.strand not in ("+", "-"):
        place = "7" if row.type else "6"
        cure = "correct it, or leave such rows out" if row.strand else "give BED of at least six columns"
        raise InputError(f"{row.where}: there is no strand, + or -, in column {place}; {cure}")
    return cast(Strand, row.strand)


def is_own_bed(fields: Sequence[str]) -> bool:
    """Whether promscan wrote a row of BED, with or without the header."""
    if len(fields) < len(BED_COLUMNS) or fields[12] not in (TYPE, OVER_ORIGIN):
        return False
    return fields[3] == f"{fields[0]}_{fields[6]}_{fields[5]}"


def _bed_row(fields: Sequence[str], where: str, tss_column: int | None) -> Row:
    chrom, start, end = interval_of(fields, where)
    name, strand = ("" if len(fields) <= index else fields[index] for index in (3, 5))
    row = Row(chrom, start, end, strand, name, where=where)
    if tss_column is not None:
        return row._replace(tss=_tss(fields, tss_column, row))
    if len(fields) < 8:
        return row
    if is_own_bed(fields):
        return row._replace(tss=_tss(fields, BED_COLUMNS.index("tss"), row))
    summit = None
    if len(fields) == NARROWPEAK_COLUMNS and _SUMMIT.fullmatch(fields[9]) and None not in map(finite, fields[6:9]):
        summit = start + int(fields[9])
    thick = (int(fields[6]), int(fields[7])) if all(map(POSITION.fullmatch, fields[6:8])) else None
    return row._replace(thick=thick, summit=summit)


def _tss(fields: Sequence[str], column: int, row: Row) -> int:
    text = fields[column] if column < len(fields) else ""
    if row.end - row.start == 1:
        return row.start  # a few lists count their own column from 1
    if not POSITION.fullmatch(text):
        raise InputError(f"{row.where}: {text!r} in column {column + 1}, called tss, is no position; correct it")
    if not row.holds(tss := int(text)):
        raise InputError(
            f"{row.where}: the tss {text} in column {column + 1} is not in its interval, {row.start} to {row.end}; "
            "correct it, or leave the column out"
        )
    return tss


def _gff_row(fields: Sequence[str], where: str) -> Row:
    feature = feature_of(fields, where)
    attributes = {} if feature.type in PARTS else attributes_of(feature.attributes)
    name = attributes.get("ID") or next((attributes[key] for key in _NAMES if attributes.get(key)), "")
    row = Row(
        feature.chrom, feature.start, feature.end, feature.strand, name or attributes.get("Name", ""),
        type=feature.type, parent=attributes.get("Parent", ""), where=where,
    )  # fmt: skip
    if feature.source != _PROGRAM or feature.type != TYPE:
        return row
    text = attributes.get("tss", "")
    # Attributes of GFF3 count from 1, as its columns do.
    if not POSITION.fullmatch(text) or not row.holds(int(text) - 1):
        raise InputError(
            f"{where}: the tss {text!r} of a hit of promscan is not in its interval, {fields[3]} to {fields[4]}; "
            "scan again"
        )
    return row._replace(tss=int(text) - 1)
