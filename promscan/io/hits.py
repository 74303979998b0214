"""Hits to judge, ours or those of any other tool: BED with strands becomes positions and scores."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np

from promscan.errors import InputError
from promscan.io.bed import POSITION, bed_lines, columns_of, interval_of
from promscan.io.tables import finite
from promscan.io.text import sniff, source_name
from promscan.seq.intervals import Positions
from promscan.seq.records import Hit, Scores, Strand

SCORE_COLUMN = 5
"""Of BED, counted from 1."""
POSITION_COLUMN = 7
"""thickStart, where tools that predict a transcription start put it."""
WANTED = "the hits of a scan as BED"


class RankedHits(NamedTuple):
    """Hits by contig and strand: their transcription starts and their scores, both of shape (n,), in any order."""

    by_strand: Mapping[tuple[str, Strand], tuple[Positions, Scores]]
    score: str
    """What they are ranked by, in words."""

    def on(self, chrom: str, strand: Strand) -> tuple[Positions, Scores]:
        """Those of one strand of a contig."""
        nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
        return self.by_strand.get((chrom, strand), nothing)


class _Row(NamedTuple):
    chrom: str
    strand: Strand
    tss: int
    score: float


def rank_hits(hits: Iterable[Hit]) -> RankedHits:
    """The hits of a scan, ranked by their logits."""
    return _gather((_Row(hit.chrom, hit.strand, hit.tss, hit.logit) for hit in hits), "logit")


def read_hits(path: str | os.PathLike[str], contigs: Mapping[str, int], score_column: int | None = None) -> RankedHits:
    """Hits from BED of at least six columns, plain or gzipped.

    The position of a hit is column 7 where there is one (thickStart, or the tss of promscan), else the middle of its
    interval. A file without hits is one with a line that begins with `#`.

    Args:
        path: BED file, or `-` for standard input.
        contigs: contig to bases.
        score_column: what to rank by, counted from 1; None: the column that the header calls `logit`, else column 5.

    Raises:
        InputError: the file cannot be read, is empty, or a row is no hit on these contigs.
    """
    name = os.fspath(path)
    if name != "-" and os.path.isfile(name):
        sniff(name, WANTED)  # a bgzip file that lacks its end can be read without an error
    column, score = score_column or SCORE_COLUMN, f"column {score_column or SCORE_COLUMN}"
    rows, header = list[_Row](), False
    for line, where in bed_lines(name):
        if line.startswith("#"):
            header = True
            names = line[1:].split()
            if score_column is None and not rows and "logit" in names:
                column, score = names.index("logit") + 1, "logit"
        elif fields := columns_of(line):
            rows.append(_row(fields, where, contigs, column))
    if not rows and not header:
        raise InputError(f"{source_name(name)}: there is nothing in it, not even a header; give {WANTED}")
    return _gather(rows, score)


def _gather(rows: Iterable[_Row], score: str) -> RankedHits:
    grouped = defaultdict[tuple[str, Strand], list[tuple[int, float]]](list)
    for row in rows:
        grouped[row.chrom, row.strand].append((row.tss, row.score))
    return RankedHits({key: _arrays(pairs) for key, pairs in grouped.items()}, score)


def _arrays(pairs: Iterable[tuple[int, float]]) -> tuple[Positions, Scores]:
    tss, scores = zip(*pairs, strict=True)
    return np.array(tss, dtype=np.int64), np.array(scores, dtype=np.float64)


def _row(fields: Sequence[str], where: str, contigs: Mapping[str, int], score_column: int) -> _Row:
    chrom, start, end = interval_of(fields, where)
    if len(fields) < 6 or fields[5] not in ("+", "-"):
        raise InputError(f"{where}: there is no strand, + or -, in column 6; give BED of at least six columns")
    if chrom not in contigs:
        raise InputError(f"{where}: the genome has no contig {chrom!r}; use the genome's names")
    tss = (start + end) // 2 if len(fields) < POSITION_COLUMN else _position(fields[POSITION_COLUMN - 1], where)
    if max(end - 1, tss) >= contigs[chrom]:
        raise InputError(f"{where}: reaches past the end of {chrom} at {contigs[chrom]}; is it for this genome?")
    return _Row(chrom, cast(Strand, fields[5]), tss, _score(fields, where, score_column))


def _position(text: str, where: str) -> int:
    if not POSITION.fullmatch(text):
        raise InputError(
            f"{where}: {text!r} in column {POSITION_COLUMN} is no position; give BED, with the thick start there, or "
            "of six columns"
        )
    return int(text)


def _score(fields: Sequence[str], where: str, column: int) -> float:
    text = fields[column - 1] if column <= len(fields) else ""
    if (score := finite(text)) is None:
        raise InputError(f"{where}: {text!r} in column {column} is no score; name its column: --score-column")
    return score
