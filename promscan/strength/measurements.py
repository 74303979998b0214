"""Tables of inserts with their expression: reading them, and dividing them into training, dev and test by family."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError
from promscan.io.tables import encode_at, number_at, read_table
from promscan.seq.dna import UNKNOWN, Codes, Mask
from promscan.strength.families import KMER, draw_families, name_families, share_kmers
from promscan.strength.reporter import Changes, Reporter

Array = npt.NDArray[Any]

TRAIN, DEV, TEST, LEFT_OUT = 0, 1, 2, 3
"""What a row is for."""
PARTS = ("train", "dev", "test", "left_out")
"""Their names in cards, in this order."""


@dataclass(frozen=True)
class Measurements:
    """Inserts with their expression in one unit.

    inserts: codes (n, insert length) uint8, with unknown bases before those that are shorter.
    expression: (n,) float32.
    weights: how much a row counts in training, (n,) float32.
    sets: the part of the table that a row belongs to, (n,) text; the card has metrics for each set.
    changes: how many sequences were stripped of a part of the flank, trimmed and padded.
    reporter: what the inserts stand in.
    families: names of the families that the table itself knows, (n,) text; empty: a family is found by its sequence.
    """

    unit: str
    inserts: Codes
    expression: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    sets: npt.NDArray[np.str_]
    changes: Changes
    source: str
    sha256: str
    reporter: Reporter = field(default_factory=Reporter)
    families: npt.NDArray[np.str_] = field(default_factory=lambda: np.empty(0, dtype=np.str_))

    def __len__(self) -> int:
        return len(self.expression)

    @property
    def named_families(self) -> npt.NDArray[np.str_]:
        """The names of the families, (n,), each with the unit before it; empty where the table names none."""
        if not len(self.families):
            return np.full(len(self), "")
        return np.array([f"{self.unit}\t{name}" if name else "" for name in self.families.tolist()])

    def describe(self) -> dict[str, object]:
        """Counts and checksum, for a card."""
        return {"unit": self.unit, "rows": len(self), **self.changes._asdict(), "sha256": self.sha256}


def read_measurements(path: str, unit: str, reporter: Reporter) -> Measurements:
    """Inserts and their expression from a table.

    Args:
        path: CSV or TSV, plain or gzip, with columns `sequence` and `expression` and, if you like, `weight`, `set` and
            `family`.
        unit: name of the unit of expression.
        reporter: what the inserts stand in.

    Raises:
        InputError: unreadable file, missing column, or a sequence or number that cannot be used, named by its line.
    """
    sequences, expression, weights = list[Codes](), list[float](), list[float]()
    sets, families = list[str](), list[str]()
    digest = hashlib.sha256()
    for row, place in read_table(path, required=("sequence", "expression"), digest=digest):
        sequences.append(_insert(row["sequence"], place))
        expression.append(number_at(row["expression"], "expression", place))
        weights.append(_weight(row["weight"], place) if "weight" in row else 1.0)
        sets.append(row.get("set", ""))
        families.append(row.get("family", ""))
    if not sequences:
        raise InputError(f"{path}: no measurements in it; give a table with columns 'sequence' and 'expression'")
    inserts, changes = reporter.fit(sequences)
    changes.log(path)
    return Measurements(
        unit,
        inserts,
        np.array(expression, dtype=np.float32),
        np.array(weights, dtype=np.float32),
        np.array(sets),
        changes,
        path,
        digest.hexdigest(),
        reporter,
        np.array(families),
    )


def _insert(sequence: str, place: str) -> Codes:
    codes = encode_at(sequence, place)
    if len(codes) < KMER:
        raise InputError(f"{place}: the sequence has {len(codes)} bp; an insert has at least {KMER}")
    return codes


def _weight(text: str, place: str) -> float:
    weight = number_at(text, "weight", place)
    if weight < 0:
        raise InputError(f"{place}: weight {text} is negative; leave the row out, or give it weight 0")
    return weight


@dataclass(frozen=True)
class Division:
    """The part of each row of the tables: `parts[i]` are TRAIN, DEV, TEST or LEFT_OUT for the rows of table i.

    families: how many there are, over all tables together.
    labels: the family of each row, as a number, in the same form as `parts`.
    """

    parts: Sequence[npt.NDArray[np.uint8]]
    families: int
    labels: Sequence[npt.NDArray[np.int64]]

    def rows(self, table: int, part: int) -> npt.NDArray[np.int64]:
        """Row numbers of a part of a table."""
        return np.flatnonzero(self.parts[table] == part)

    def describe(self, table: int) -> dict[str, int]:
        """Rows of a table by what they are for."""
        counts = np.bincount(self.parts[table], minlength=4).tolist()
        return dict(zip(PARTS, counts, strict=True))


def divide(
    tables: Sequence[Measurements],
    held_out: Sequence[Measurements],
    *,
    dev_share: float,
    test_share: float,
    seed: int,
) -> Division:
    """Divide all tables together into training, dev and test, by family.

    No row of training shares a 20-mer with a row of dev, of test or of `held_out`; no row of dev or test is of a family
    with one of `held_out`. Rows whose table names their family are divided by the name instead: they may share 20-mers
    with each other, as the members of a library on one scaffold do.

    Args:
        tables: what is divided.
        held_out: sequences that whole families are left out for.
        dev_share: share of the families that becomes dev.
        test_share: share of the families that becomes test.
        seed: of the draw.

    Raises:
        InputError: too many rows.
        DependencyError: scipy is missing.
    """
    everything = [*tables, *held_out]
    shared = share_kmers(joined_inserts([measured.inserts for measured in everything]))
    named = name_families(shared, np.concatenate([measured.named_families for measured in everything]))
    families = named.families
    drawn = draw_families(families, named.firsts, seed)
    parts = np.full(len(families), TRAIN, dtype=np.uint8)
    parts[drawn < dev_share + test_share] = TEST
    parts[drawn < dev_share] = DEV
    ours = sum(len(measured) for measured in tables)
    outside: Mask = np.arange(len(families)) >= ours
    parts[np.isin(families, np.unique(families[outside])) | shared.touching(outside)] = LEFT_OUT
    judged = (parts == DEV) | (parts == TEST)
    not_learned = shared.touching(judged & ~named.rows) | (shared.touching(judged & named.rows) & ~named.rows)
    parts[(parts == TRAIN) & not_learned] = LEFT_OUT
    bounds = np.cumsum([len(measured) for measured in tables])
    count = len(np.unique(families[:ours]))
    return Division(np.split(parts[:ours], bounds[:-1]), count, np.split(families[:ours], bounds[:-1]))


def joined_inserts(tables: Sequence[Codes]) -> Codes:
    """The inserts of tables (n, insert length), of the length of the longest, with unknown bases before them."""
    joined = np.full((sum(map(len, tables)), max(inserts.shape[1] for inserts in tables)), UNKNOWN, dtype=np.uint8)
    first = 0
    for inserts in tables:
        joined[first : first + len(inserts), joined.shape[1] - inserts.shape[1] :] = inserts
        first += len(inserts)
    return joined
