"""Training and dev rows of a strength model for each unit, and the rows that an epoch draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError
from promscan.log import counted
from promscan.seq.dna import Codes
from promscan.strength.measurements import TRAIN, Division, Measurements
from promscan.strength.reporter import Reporter

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class UnitRows:
    """Rows of one unit and one purpose, from all tables, without those of weight 0.

    reporter: what the inserts stand in.
    """

    unit: str
    reporter: Reporter
    inserts: Codes
    expression: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    sets: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.expression)

    def __getitem__(self, rows: Rows) -> UnitRows:
        inserts, expression = self.inserts[rows], self.expression[rows]
        return UnitRows(self.unit, self.reporter, inserts, expression, self.weights[rows], self.sets[rows])

    def sample(self, most: int, seed: int) -> UnitRows:
        """All rows, or `most` of them, drawn by the seed."""
        if len(self) <= most:
            return self
        return self[np.sort(np.random.default_rng(seed).permutation(len(self))[:most])]


def draw_rows(rows: int, count: int, epoch: int, seed: tuple[int, int]) -> Rows:
    """Draw `count` row numbers for an epoch from a stream of permutations that goes on from epoch to epoch."""
    first, last = epoch * count, (epoch + 1) * count
    drawn = [np.empty(0, dtype=np.int64)]
    for round_ in range(first // rows, -(-last // rows)):
        order = np.random.default_rng([*seed, round_]).permutation(rows)
        drawn.append(order[max(0, first - round_ * rows) : last - round_ * rows])
    return np.concatenate(drawn)


def epoch_counts(train: Sequence[UnitRows], shares: Mapping[str, float], rows_per_epoch: int) -> list[int]:
    """Rows of each unit in an epoch, by `shares` or, without shares, by the rows that the unit has.

    Raises:
        InputError: a unit has a share of the epoch that is no row.
    """
    weights = [shares.get(rows.unit, 0.0) if shares else float(len(rows)) for rows in train]
    total = rows_per_epoch or sum(map(len, train))
    counts = [round(total * weight / sum(weights)) for weight in weights]
    for rows, weight, count in zip(train, weights, counts, strict=True):
        if weight and not count:
            raise InputError(
                f"unit {rows.unit!r}: its share of the {total:,} rows of an epoch is no row, so it would not be "
                "learned; raise --rows-per-epoch or its --share"
            )
    return counts


def rows_of(
    unit: str, tables: Sequence[Measurements], division: Division, part: int, *, may_be_empty: bool = False
) -> UnitRows:
    """Rows of a unit for `part`, TRAIN or DEV.

    Raises:
        InputError: there are no rows, and there must be; or the tables of the unit were measured in several reporters.
    """
    chosen = [(table, division.rows(i, part)) for i, table in enumerate(tables) if table.unit == unit]
    chosen = [(table, rows[table.weights[rows] > 0]) for table, rows in chosen]
    reporter = chosen[0][0].reporter
    if any(table.reporter != reporter for table, _ in chosen):
        raise InputError(f"unit {unit!r}: its tables have different reporters; give each reporter a unit of its own")
    rows = UnitRows(
        unit,
        reporter,
        np.concatenate([table.inserts[rows] for table, rows in chosen]),
        np.concatenate([table.expression[rows] for table, rows in chosen]),
        np.concatenate([table.weights[rows] for table, rows in chosen]),
        np.concatenate([table.sets[rows] for table, rows in chosen]),
    )
    if not len(rows) and not may_be_empty:
        kind = "training" if part == TRAIN else "dev"
        raise InputError(
            f"unit {unit!r}: no rows are left for {kind}; give more sequence families, or another share to dev and test"
        )
    return rows


def require_differences(train: Sequence[UnitRows], dev: UnitRows) -> None:
    """Refuse rows whose values are all equal: nothing can be learned from them, and there is no correlation.

    Raises:
        InputError: those of a unit are.
    """
    for kind, rows in [*(("training", rows) for rows in train), ("dev", dev)]:
        if not np.ptp(rows.expression):
            raise InputError(
                f"unit {rows.unit!r}: {counted(len(rows), 'row')} for {kind}, and no two of their values differ, so no "
                "insert is stronger than another; give measurements that differ"
            )
