"""The zoom levels of a bigWig: for every 64, 256, 1,024, ... bases the lowest, mean and highest value.

A browser draws from them what is too wide to draw base by base.
"""

from __future__ import annotations

import zlib
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from promscan.io.bigwig_trees import ENTRY
from promscan.seq.records import Scores

DECIMALS = 1000
"""Values are rounded to thousandths."""

_FIRST_WIDTH, _FACTOR, _MOST_LEVELS = 64, 4, 10
_RECORDS = 512
"""Records that are packed together."""
_RECORD = np.dtype(
    [("contig", "<u4"), ("start", "<u4"), ("end", "<u4"), ("covered", "<u4"),
     ("min", "<f4"), ("max", "<f4"), ("sum", "<f4"), ("squares", "<f4")]
)  # fmt: skip
_PACKING = 6

Sums = npt.NDArray[np.float64]
"""Zoom records of one contig, one a row: start, end, covered bases, lowest, highest, sum, and sum of squares.

Values count in thousandths, as whole numbers, so no sum depends on an order.
"""
_START, _END, COVERED, MIN, MAX, SUM, SQUARES = range(7)


class Sections:
    """Packed pieces one after the other in a file, and their index in another one."""

    def __init__(self, file: IO[bytes], index: IO[bytes]) -> None:
        self.file, self.index, self.count = file, index, 0

    def add(self, content: bytes, first: tuple[int, int], last: tuple[int, int]) -> None:
        """Write a piece from contig and base `first` to contig and end `last`."""
        packed = zlib.compress(content, _PACKING)
        self.index.write(np.array([(*first, *last, self.file.tell(), len(packed))], dtype=ENTRY).tobytes())
        self.file.write(packed)
        self.count += 1


class Zoom:
    """One zoom level: a record for every `width` bases that hold a value."""

    def __init__(self, width: int, sections: Sections) -> None:
        self.width, self.sections = width, sections
        self.waiting = np.empty((0, 7))
        """Records of the level below whose record of this level is not complete."""
        self._records = np.empty(0, dtype=_RECORD)

    def gather(self, below: Sums, reached: int) -> Sums:
        """Take records of the level below; return those of this level that end before the base `reached`."""
        if not len(below) and not len(self.waiting):
            return below
        rows = np.concatenate([self.waiting, below])
        cells = rows[:, _START] // self.width
        done = int(np.searchsorted(cells, reached // self.width))
        self.waiting = rows[done:]
        return _joined(rows[:done], cells[:done])

    def add(self, contig: int, sums: Sums) -> None:
        """Write the records of one contig."""
        if not len(sums):
            return
        records = np.empty(len(sums), dtype=_RECORD)
        records["contig"] = contig
        for name, column, unit in (
            ("start", _START, 1), ("end", _END, 1), ("covered", COVERED, 1), ("min", MIN, DECIMALS),
            ("max", MAX, DECIMALS), ("sum", SUM, DECIMALS), ("squares", SQUARES, DECIMALS**2),
        ):  # fmt: skip
            records[name] = sums[:, column] / unit
        self._records = np.concatenate([self._records, records])
        while len(self._records) >= _RECORDS:
            self.flush()

    def flush(self) -> None:
        """Write the first records that wait, as many as are packed together."""
        records, self._records = self._records[:_RECORDS], self._records[_RECORDS:]
        if len(records):
            first, last = records[0], records[-1]
            self.sections.add(records.tobytes(), (first["contig"], first["start"]), (last["contig"], last["end"]))


def zoom_widths(longest: int) -> list[int]:
    """Bases of a record of each zoom level: at least one level, none wider than needed for the longest contig."""
    widths = [_FIRST_WIDTH * _FACTOR**level for level in range(_MOST_LEVELS)]
    return [width for width in widths if width == _FIRST_WIDTH or width < longest]


def first_sums(thousandths: Scores, known: npt.NDArray[np.bool_], at: int) -> Sums:
    """Records of the first zoom level, of values from the base `at` on, which lies on the grid."""
    short = -len(thousandths) % _FIRST_WIDTH
    shape = (-1, _FIRST_WIDTH)
    mask = np.pad(known, (0, short)).reshape(shape)
    values = np.pad(thousandths, (0, short)).reshape(shape)
    starts = at + _FIRST_WIDTH * np.arange(len(mask))
    filled = np.where(mask, values, 0.0)
    sums = np.stack(
        [
            starts + mask.argmax(axis=1),
            starts + _FIRST_WIDTH - mask[:, ::-1].argmax(axis=1),
            mask.sum(axis=1),
            np.where(mask, values, np.inf).min(axis=1),
            np.where(mask, values, -np.inf).max(axis=1),
            filled.sum(axis=1),
            (filled * filled).sum(axis=1),
        ],
        axis=1,
    )
    return sums[mask.any(axis=1)]


def _joined(rows: Sums, cells: npt.NDArray[Any]) -> Sums:
    """One record for the rows of each cell."""
    if len(rows) < 2:
        return rows
    firsts = np.flatnonzero(np.diff(cells, prepend=-1))
    lasts = np.append(firsts[1:], len(rows)) - 1
    joined = np.empty((len(firsts), 7))
    joined[:, _START], joined[:, _END] = rows[firsts, _START], rows[lasts, _END]
    joined[:, MIN] = np.minimum.reduceat(rows[:, MIN], firsts)
    joined[:, MAX] = np.maximum.reduceat(rows[:, MAX], firsts)
    for column in (COVERED, SUM, SQUARES):
        joined[:, column] = np.add.reduceat(rows[:, column], firsts)
    return joined
