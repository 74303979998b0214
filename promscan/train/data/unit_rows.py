"""The rows that a strength model learns from or is judged on, unit by unit, and which of them an epoch draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError
from promscan.seq.dna import Codes
from promscan.strength.measurements import TRAIN, Division, Measurements

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class UnitRows:
    """The rows of one unit that are for the same purpose, from whatever table; none of weight 0."""

    unit: str
    inserts: Codes
    expression: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    sets: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.expression)

    def __getitem__(self, rows: Rows) -> UnitRows:
        return UnitRows(self.unit, self.inserts[rows], self.expression[rows], self.weights[rows], self.sets[rows])

    def some(self, most: int, seed: int) -> UnitRows:
        """All rows, or `most` of them drawn by the seed."""
        if len(self) <= most:
            return self
        return self[np.sort(np.random.default_rng(seed).permutation(len(self))[:most])]


def draw_rows(rows: int, count: int, epoch: int, seed: tuple[int, int]) -> Rows:
    """`count` row numbers of an epoch: the stream of permutations of all rows goes on from epoch to epoch."""
    first, last = epoch * count, (epoch + 1) * count
    drawn = [np.empty(0, dtype=np.int64)]
    for round_ in range(first // rows, -(-last // rows)):
        order = np.random.default_rng([*seed, round_]).permutation(rows)
        drawn.append(order[max(0, first - round_ * rows) : last - round_ * rows])
    return np.concatenate(drawn)


def epoch_counts(train: Sequence[UnitRows], shares: Mapping[str, float], rows_per_epoch: int) -> list[int]:
    """How many rows of each unit an epoch has: by `shares`, or by its rows if that is empty; in all as asked."""
    weights = [shares.get(rows.unit, 0.0) if shares else float(len(rows)) for rows in train]
    total = rows_per_epoch or sum(map(len, train))
    return [round(total * weight / sum(weights)) for weight in weights]


def rows_of(unit: str, tables: Sequence[Measurements], division: Division, part: int) -> UnitRows:
    """The rows of a unit that are for `part`, TRAIN or DEV.

    Raises:
        InputError: there are none.
    """
    chosen = [(table, division.rows(i, part)) for i, table in enumerate(tables) if table.unit == unit]
    chosen = [(table, rows[table.weights[rows] > 0]) for table, rows in chosen]
    rows = UnitRows(
        unit,
        np.concatenate([table.inserts[rows] for table, rows in chosen]),
        np.concatenate([table.expression[rows] for table, rows in chosen]),
        np.concatenate([table.weights[rows] for table, rows in chosen]),
        np.concatenate([table.sets[rows] for table, rows in chosen]),
    )
    if not len(rows):
        kind = "training" if part == TRAIN else "dev"
        raise InputError(
            f"unit {unit!r}: no rows are left for {kind}; give more sequence families, or another share to dev and test"
        )
    return rows
