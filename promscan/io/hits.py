"""Hits to judge, of promscan or of any other tool: BED, GFF3 or narrowPeak becomes positions and scores."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from promscan.errors import InputError
from promscan.io.gff import attributes_of
from promscan.io.listed_rows import NARROWPEAK_COLUMNS, ListedRows, Row, is_own_bed, stranded
from promscan.io.scan_header import settings_in
from promscan.io.schemas import BED_COLUMNS
from promscan.io.tables import LARGEST_NUMBER, finite
from promscan.io.tss_layouts import NAMED, SUMMIT, THICK_BASE, fitting, named_tss, peak_summit, thick_base
from promscan.seq.intervals import Positions
from promscan.seq.records import Hit, Scores, Strand
from promscan.seq.regions import chr_hint

WANTED = "the hits of a scan as BED, GFF3 or narrowPeak"
_SCORE_COLUMN = {"bed": 5, "gff": 6}
"""Counted from 1."""
_SIGNAL_COLUMN = 7
"""Where narrowPeak of promscan has the logit."""
_ATTRIBUTES = 9
"""Column of GFF3 where promscan writes the logit."""
_SUFFIX = ".narrowpeak"


class RankedHits(NamedTuple):
    """Hits by contig and strand: their transcription starts and their scores, both of shape (n,), in any order."""

    by_strand: Mapping[tuple[str, Strand], tuple[Positions, Scores]]
    score: str
    """The column that they are ranked by, in words."""
    position: str
    """Which base of a hit is its transcription start, in words."""
    settings: Mapping[str, str]
    """The words of the first line of a file of promscan; empty for other tools."""

    def on(self, chrom: str, strand: Strand) -> tuple[Positions, Scores]:
        """Hits of one strand of a contig."""
        nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
        return self.by_strand.get((chrom, strand), nothing)


class _Hit(NamedTuple):
    chrom: str
    strand: Strand
    tss: int
    score: float


def rank_hits(hits: Iterable[Hit]) -> RankedHits:
    """Rank the hits of a scan by their logits."""
    settings: Mapping[str, str] = getattr(hits, "settings", {})  # those of a `Scan`
    rows = (_Hit(hit.chrom, hit.strand, hit.tss, hit.logit) for hit in hits)
    return RankedHits(_grouped(rows), "logit", NAMED, settings)


def read_hits(path: str | os.PathLike[str], contigs: Mapping[str, int], score_column: int | None = None) -> RankedHits:
    """Read hits from BED of at least six columns, from narrowPeak or from GFF3.

    The position of a hit is its tss, if promscan or a column called `tss` names it; else the thick interval, if it is
    one base inside the interval in every row; else the summit of narrowPeak; else the middle of the interval. A file
    without hits is one with a line that begins with `#`.

    Args:
        path: plain or compressed file, or `-` for standard input.
        contigs: contig to bases.
        score_column: what to rank by, counted from 1; None: `logit`, if promscan or a column of this name has it, else
            column 5 of BED and column 6 of GFF3.

    Raises:
        InputError: the file cannot be read, is empty, or a row is no hit on these contigs.
    """
    read = read_scored_rows(path, contigs, score_column)
    pairs = zip(read.rows, read.tss, read.scores, strict=True)
    hits = (_Hit(row.chrom, stranded(row), tss, value) for row, tss, value in pairs)
    return RankedHits(_grouped(hits), read.score, read.position, read.settings)


class ScoredRows(NamedTuple):
    """Hits in the order of their file.

    rows, tss, scores: of each hit.
    values: of each hit, the text of the columns that were asked for; empty where the file lacks one.
    score, position, settings: as in `RankedHits`.
    """

    rows: Sequence[Row]
    tss: Sequence[int]
    scores: Sequence[float]
    values: Sequence[tuple[str, ...]]
    score: str
    position: str
    settings: Mapping[str, str]


def read_scored_rows(
    path: str | os.PathLike[str],
    contigs: Mapping[str, int],
    score_column: int | None = None,
    columns: Sequence[str] = (),
) -> ScoredRows:
    """Read hits row by row, as `read_hits` does.

    Args:
        path: plain or compressed file, or `-` for standard input.
        contigs: contig to bases.
        score_column: what to rank by, counted from 1.
        columns: names of columns, or of attributes of GFF3, whose text is wanted as well.

    Raises:
        InputError: the file cannot be read, is empty, or a row is no hit on these contigs.
    """
    rows, score = ListedRows(os.fspath(path), WANTED), _Score(score_column)
    placed, scores, values, more = list[Row](), list[float](), list[tuple[str, ...]](), _Columns(columns)
    for row, fields in rows:
        stranded(row)
        _check_place(row, contigs)
        if not placed:
            score.find(rows, row, fields)
            more.find(rows, fields)
        placed.append(row)
        scores.append(score.of(fields, row.where))
        values.append(more.of(fields))
    if not placed and not rows.comments:
        raise InputError(f"{rows.source}: there is nothing in it, not even a header; give {WANTED}")
    settings = settings_in(rows.comments)
    claimed = claims_peaks(path, settings)
    position, starts = tss_positions(placed, claimed)
    return ScoredRows(placed, starts, scores, values, score.words, position, settings)


def _grouped(hits: Iterable[_Hit]) -> dict[tuple[str, Strand], tuple[Positions, Scores]]:
    grouped = defaultdict[tuple[str, Strand], list[tuple[int, float]]](list)
    for hit in hits:
        grouped[hit.chrom, hit.strand].append((hit.tss, hit.score))
    return {key: _arrays(pairs) for key, pairs in grouped.items()}


def _arrays(pairs: Iterable[tuple[int, float]]) -> tuple[Positions, Scores]:
    tss, scores = zip(*pairs, strict=True)
    return np.array(tss, dtype=np.int64), np.array(scores, dtype=np.float64)


def _check_place(row: Row, contigs: Mapping[str, int]) -> None:
    if row.chrom not in contigs:
        raise InputError(
            f"{row.where}: the genome has no contig {row.chrom!r}; use the genome's names"
            f"{chr_hint([row.chrom], contigs)}"
        )
    last = row.start if row.circle == contigs[row.chrom] else row.end - 1  # a window may go over the origin
    if max(last, row.start) >= contigs[row.chrom]:
        raise InputError(
            f"{row.where}: reaches past the end of {row.chrom} at {contigs[row.chrom]}; is it for this genome?"
        )


@dataclass
class _Score:
    """The place of the score in a row."""

    column: int | None
    """Counted from 1; None: not known yet."""
    words: str = field(init=False)
    attribute: str = ""
    """The attribute of GFF3 that is the score; empty: the whole column is."""

    def __post_init__(self) -> None:
        self.words = "logit" if self.column is None else f"column {self.column}"

    def find(self, rows: ListedRows, row: Row, fields: Sequence[str]) -> None:
        """Decide by the header and the first row of a file."""
        assert rows.format is not None  # known since the first row
        if self.column is not None:
            return
        if (named := rows.column_called("logit", len(fields))) is not None:
            self.column = named + 1
        elif rows.format == "gff" and row.tss is not None:
            self.column, self.attribute = _ATTRIBUTES, "logit"
        elif rows.format == "bed" and is_own_bed(fields):
            self.column = BED_COLUMNS.index("logit") + 1
        elif settings_in(rows.comments) and len(fields) == NARROWPEAK_COLUMNS:
            self.column = _SIGNAL_COLUMN
        else:
            self.column = _SCORE_COLUMN[rows.format]
            self.words = f"column {self.column}"

    def of(self, fields: Sequence[str], where: str) -> float:
        """Score of a row."""
        assert self.column is not None
        text = fields[self.column - 1] if self.column <= len(fields) else ""
        if self.attribute:
            text = attributes_of(text).get(self.attribute, "")
        place = f"the attribute {self.attribute}" if self.attribute else f"column {self.column}"
        if (score := finite(text)) is None:
            raise InputError(f"{where}: {text!r} in {place} is no score; name its column: --score-column")
        if abs(score) > LARGEST_NUMBER:
            raise InputError(f"{where}: the score {text[:40]} in {place} is beyond {LARGEST_NUMBER:g}; correct it")
        return score


@dataclass
class _Columns:
    """The places of further columns in a row."""

    names: Sequence[str]
    places: Sequence[int | None] = ()
    in_attributes: bool = False

    def find(self, rows: ListedRows, fields: Sequence[str]) -> None:
        """Find the columns by the header and the first row of a file."""
        self.in_attributes = rows.format == "gff"
        own = is_own_bed(fields)
        for name in self.names:
            place = rows.column_called(name, len(fields))
            if place is None and own and name in BED_COLUMNS:
                place = BED_COLUMNS.index(name)
            self.places = [*self.places, place]

    def of(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Text of the columns in a row; empty where there is none."""
        if not self.names:
            return ()
        if self.in_attributes:
            attributes = attributes_of(fields[_ATTRIBUTES - 1]) if len(fields) >= _ATTRIBUTES else {}
            return tuple(attributes.get(name, "") for name in self.names)
        return tuple("" if place is None or place >= len(fields) else fields[place] for place in self.places)


def claims_peaks(path: str | os.PathLike[str], settings: Mapping[str, str]) -> bool:
    """Whether a file with the ten columns of narrowPeak claims to be one, by its name or as a file of promscan."""
    return _SUFFIX in os.fspath(path).lower() or bool(settings)


def tss_positions(rows: Sequence[Row], claimed: bool) -> tuple[str, list[int]]:
    """Find which base of each hit is its transcription start, in words and one by one.

    A column is used only if it can be a position in every row.

    Args:
        rows: the hits.
        claimed: the file claims to be narrowPeak, if it has its ten columns.
    """
    for words, place in ((NAMED, named_tss), (THICK_BASE, thick_base), (SUMMIT, peak_summit)):
        if (positions := fitting(rows, place)) is not None:
            return words, positions
    wrong = next((row for row in rows if not _may_be_peak(row)), None)
    if claimed and wrong is not None and wrong.summit is not None:
        raise InputError(f"{wrong.where}: the summit in column 10 lies outside of its interval; correct it")
    if wrong is None and any(row.summit is not None and row.holds(row.summit) for row in rows):
        return f"{SUMMIT}, or the middle of a peak without one", [_summit_or_middle(row) for row in rows]
    return "the middle of its interval", [_middle(row) for row in rows]


def _may_be_peak(row: Row) -> bool:
    """Whether the summit of a row of narrowPeak lies in its interval, or is missing (-1)."""
    return row.summit is not None and (row.summit == row.start - 1 or row.holds(row.summit))


def _summit_or_middle(row: Row) -> int:
    return row.summit if row.summit is not None and row.holds(row.summit) else _middle(row)


def _middle(row: Row) -> int:
    return (row.start + row.end) // 2
