"""Layouts of lists of transcription starts: which base of each interval is the start.

A layout counts only if every row of a list fits it. Where none does, or two do that differ, nothing is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from promscan.errors import InputError
from promscan.io.gff import PARTS
from promscan.io.listed_rows import ListedRows, Row, stranded
from promscan.io.tss_choices import CHOICES, TSS_FROM

WANTED = "TSSs as BED, GFF3 or GTF"
_EPDNEW_WIDTH, _EPDNEW_BEFORE = 60, 49
"""bp of an interval of EPDnew's BED files, and how many of them lie before the start."""
NAMED = "the tss that its row names"
THICK_BASE = "the one-base thick interval in columns 7 and 8"
SUMMIT = "the summit in column 10 of narrowPeak"
_EPDNEW = "the first thick base on its strand, as in EPDnew's BED"
_ONE_BASE = "the base of a one-base interval"
_GENE = re.compile("(.*_)?gene", re.IGNORECASE)
_TRANSCRIPT = re.compile("(.*_)?(transcript|primary_transcript|[a-z]*RNA|NMD_transcript_variant)", re.IGNORECASE)
_START = re.compile("TSS|transcription_start_site", re.IGNORECASE)


class Reading(NamedTuple):
    """The base of each row that is read as its transcription start."""

    words: str
    """Which base is the start, as messages put it."""
    rows: Sequence[Row]
    """The rows that name a start."""
    positions: Sequence[int]
    """The 0-based start of each."""


@dataclass
class StartList:
    """All rows of a list, but for the parts of transcripts, which are counted only."""

    source: str
    is_gff: bool = False
    rows: list[Row] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)
    """Rows of each type of feature, in GFF."""
    first_longer: Row | None = None
    """The first row of more or less than one base."""

    @classmethod
    def read(cls, path: str) -> StartList:
        """Read a BED, GFF3 or GTF file.

        Raises:
            InputError: the file cannot be read, or has no rows.
        """
        listed = ListedRows(path, WANTED)
        starts = cls(listed.source)
        for row, _ in listed:
            starts.types[row.type] += 1
            if starts.first_longer is None and row.end - row.start != 1:
                starts.first_longer = row
            if row.type not in PARTS:
                starts.rows.append(row)
        if not starts.types:
            raise InputError(f"{listed.source}: there are no TSSs in it; give {WANTED}")
        starts.is_gff = listed.format == "gff"
        return starts

    def reading(self, tss_from: str | None) -> Reading:
        """Find the transcription starts.

        Args:
            tss_from: which base they are, one of `TSS_FROM`; None: what the layout says.

        Raises:
            InputError: the layout does not say it, or does not have what was asked for.
        """
        if tss_from is None:
            return self._by_layout()
        if tss_from not in TSS_FROM:
            raise InputError(f"{tss_from!r} names no base of an interval; choose {CHOICES}")
        rows = self._features(tss_from) if self.is_gff else self.rows
        for row in rows:
            if row.start == row.end:
                raise InputError(f"{row.where}: an interval of 0 bp holds no TSS; end it at {row.end + 1}")
        words = f"{_WORDS[tss_from]} (--tss-from {tss_from})"
        return Reading(words, rows, [_CHOSEN[tss_from](row) for row in rows])

    def _by_layout(self) -> Reading:
        if not self.is_gff:
            for row in self.rows:
                stranded(row)  # no layout makes a list without strands usable
        if len(self.rows) == self.types.total():
            if self.first_longer is None and self._has_one_meaning():
                return Reading(_ONE_BASE, self.rows, [row.start for row in self.rows])
            for words, place in _LAYOUTS.items():
                if (positions := fitting(self.rows, place)) is not None:
                    self._check_no_other(words, positions)
                    return Reading(words, self.rows, positions)
        raise InputError(self._unclear())

    def _has_one_meaning(self) -> bool:
        """Whether all features are starts, or of one type; the ends of transcripts have one base, too."""
        return len(self.types) == 1 or all(map(_START.fullmatch, self.types))

    def _check_no_other(self, words: str, positions: Sequence[int]) -> None:
        """Refuse a list that fits another layout, too, with other starts; a named tss is beyond doubt."""
        for other, place in _LAYOUTS.items():
            others = None if NAMED in (words, other) else fitting(self.rows, place)
            for row, position, another in zip(self.rows, positions, others or positions, strict=True):
                if position != another:
                    raise InputError(f"{row.where}: the TSS may be {words}, or {other}; choose {CHOICES}")

    def _unclear(self) -> str:
        row = self.first_longer
        if self.is_gff or row is None:
            return f"{self.source}: it lists {self._counted()}, and not only TSSs; choose {CHOICES}"
        return (
            f"{row.where}: an interval of {row.end - row.start:,} bp, and nothing says which base is the TSS; "
            f"choose {CHOICES}"
        )

    def _features(self, tss_from: str) -> Sequence[Row]:
        """Return the features that a choice means."""
        if tss_from in ("thick", "summit"):
            raise InputError(
                f"{self.source}: GFF3 and GTF have no {tss_from} column; choose --tss-from transcript or gene"
            )
        if tss_from in ("transcript", "gene"):
            rows = genes(self.rows) if tss_from == "gene" else transcripts(self.rows)
            if not rows:
                raise InputError(
                    f"{self.source}: no feature in it is a {tss_from}, only {self._counted()}; choose {CHOICES}"
                )
            return rows
        if rows := [row for row in self.rows if _START.fullmatch(row.type)]:
            return rows
        if len(self.types) > 1 or not self.rows:
            raise InputError(f"{self.source}: it lists {self._counted()}; choose --tss-from transcript or gene")
        return self.rows

    def _counted(self) -> str:
        """Say how many features of each type there are; the most frequent ones."""
        most = self.types.most_common(5)
        return ", ".join(f"{count:,} {type}" for type, count in most) + (", ..." if len(self.types) > len(most) else "")


def genes(rows: Sequence[Row]) -> list[Row]:
    """Return the features that are genes."""
    return [row for row in rows if _GENE.fullmatch(row.type)]


def transcripts(rows: Sequence[Row]) -> list[Row]:
    """Return the features that are transcripts, and not cut out of another one, as a microRNA is."""
    found = [row for row in rows if _TRANSCRIPT.fullmatch(row.type)]
    names = {row.name for row in found if row.name}
    return [row for row in found if not names.intersection(row.parent.split(","))]


def fitting(rows: Sequence[Row], place: Callable[[Row], int | None]) -> list[int] | None:
    """Place the start of each row; None if one does not fit."""
    positions = list[int]()
    for row in rows:
        if (position := place(row)) is None:
            return None
        positions.append(position)
    return positions


def named_tss(row: Row) -> int | None:
    """Return the tss that promscan or a column of this name gives."""
    return row.tss


def thick_base(row: Row) -> int | None:
    """Return the thick interval of a row if it is one base inside the interval, as in CAGE peaks."""
    if row.thick is None or row.thick[1] - row.thick[0] != 1 or not row.holds(row.thick[0]):
        return None
    return row.thick[0]


def peak_summit(row: Row) -> int | None:
    """Return the summit of a row of narrowPeak with a strand."""
    return row.summit if row.summit is not None and row.holds(row.summit) and row.strand in ("+", "-") else None


def _epdnew(row: Row) -> int | None:
    """Return the start as EPDnew lays it out: 60 bp, thick from the start on downstream."""
    if row.thick is None or row.end - row.start != _EPDNEW_WIDTH or row.strand not in ("+", "-"):
        return None
    expected = row.start + _EPDNEW_BEFORE if row.strand == "+" else row.end - 1 - _EPDNEW_BEFORE
    inside = row.start <= row.thick[0] < row.thick[1] <= row.end
    first = row.thick[0] if row.strand == "+" else row.thick[1] - 1
    return first if inside and first == expected else None


_LAYOUTS: Mapping[str, Callable[[Row], int | None]] = {
    NAMED: named_tss,
    THICK_BASE: thick_base,
    _EPDNEW: _epdnew,
    SUMMIT: peak_summit,
}


def _thick(row: Row) -> int:
    if row.thick is None or row.thick[0] >= row.thick[1] or not (row.start <= row.thick[0] and row.thick[1] <= row.end):
        raise InputError(f"{row.where}: there is no thick interval in it (columns 7 and 8); choose {CHOICES}")
    return row.thick[0] if row.strand == "+" else row.thick[1] - 1


def _summit(row: Row) -> int:
    if row.summit is None or not row.holds(row.summit):
        raise InputError(f"{row.where}: there is no summit in it (column 10 of narrowPeak); choose {CHOICES}")
    return row.summit


_CHOSEN: Mapping[str, Callable[[Row], int]] = {
    "start": lambda row: row.start,
    "5prime": lambda row: row.five_prime,
    "thick": _thick,
    "summit": _summit,
    "transcript": lambda row: row.five_prime,
    "gene": lambda row: row.five_prime,
}
_WORDS = {
    "start": "the lower end of its interval",
    "5prime": "the 5' end of its interval",
    "thick": "the 5' end of its thick interval",
    "summit": SUMMIT,
    "transcript": "the 5' end of a transcript",
    "gene": "the 5' end of a gene",
}
