"""Write the measured E. coli promoters, one table a set, with the families that each set is divided by.

The sets are libraries: variants of a few promoters, built into one reporter each. By shared 20-mers nearly each of them
would be one family. So the tables name their families, by what rows have in common:

- natural: the -35 box, spacer and -10 box. The eight genomic backgrounds stand in training, dev and test.
- designed: an element (UP, -35, spacer, -10, discriminator) or 12 transcribed bases that at most one in fifty designs
  have in common.
- lac: the same part. The pairs of operators around it stand in training, dev and test.
- pr, pl: the whole set is one family, which is never held out.
- random: 36 random bases between flanks; no names, as 20-mers tell them apart.

A sequence that is listed more than once has one row, with the mean of its expression.

    python -m recipes.steps.ecoli_tables DATA/strength/ecoli.tsv.gz -o runs/ecoli
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.common import parser_of
from promscan.io.files import atomic_path
from promscan.io.tables import read_table

COMMON = 0.02
"""An element that more than this share of the designs have belongs to their scaffold."""
DESIGN_ELEMENTS = (57, 51, 34, 28, 20)
"""Where -35 box, spacer, -10 box, discriminator and transcribed bases of a design begin, in bp from its 3' end."""
CORE = slice(85, 114)
"""The -35 box, spacer and -10 box in the 150 bp of a natural promoter, whose TSS has index 120."""
LAC_CORE = slice(80, 110)
"""The same in the 150 bp of a variant of the lac promoter, whose TSS has index 115."""
Namer = Callable[[Sequence[str]], list[str]]


class Unit(NamedTuple):
    """A set of promoters as a unit of a strength model.

    flanks: lengths in bp of what stands before and behind every insert of the set, and is not a part of it.
    families: names the families of sequences.
    """

    name: str
    flanks: tuple[int, int]
    families: Namer


def by_elements(sequences: Sequence[str]) -> list[str]:
    """Families of designs that share an element which is rare in the set."""
    rows = defaultdict[tuple[int, str], list[int]](list)
    for number, letters in enumerate(sequences):
        for element in elements_of(letters):
            rows[element].append(number)
    shared = [numbers for numbers in rows.values() if 1 < len(numbers) <= COMMON * len(sequences)]
    pairs = np.array([pair for numbers in shared for pair in pairwise(numbers)], dtype=np.int64).reshape(-1, 2)
    edges = coo_array((np.ones(len(pairs), dtype=bool), tuple(pairs.T)), shape=(len(sequences),) * 2)
    return [f"family {label}" for label in connected_components(edges, directed=False)[1].tolist()]


def elements_of(letters: str) -> Iterator[tuple[int, str]]:
    """The elements of a design, each with its place; of the transcribed end, all its 12-mers at no place."""
    ends = (*DESIGN_ELEMENTS, 0)
    for first, last in pairwise((len(letters), *ends)):
        yield first, letters[-first : len(letters) - last]
    transcribed = letters[-DESIGN_ELEMENTS[-1] :]
    yield from ((0, transcribed[i : i + 12]) for i in range(len(transcribed) - 11))


def by_part(part: slice) -> Namer:
    """Families of sequences that have this part in common."""
    return lambda sequences: [letters[part] for letters in sequences]


def one_family(sequences: Sequence[str]) -> list[str]:
    """One family of all."""
    return ["all"] * len(sequences)


def no_names(sequences: Sequence[str]) -> list[str]:
    """Families by the 20-mers that promscan finds."""
    return [""] * len(sequences)


UNITS = {
    "urtecho_genomic_sigma70": Unit("natural", (0, 0), by_part(CORE)),
    "lafleur": Unit("designed", (0, 0), by_elements),
    "yu": Unit("lac", (0, 0), by_part(LAC_CORE)),
    "lagator_random36": Unit("random", (40, 40), no_names),
    "lagator_pr": Unit("pr", (0, 0), one_family),
    "lagator_pl": Unit("pl", (0, 0), one_family),
}


def read_sets(path: str) -> dict[str, dict[str, float]]:
    """Mean expression by sequence, for each set."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row, _ in read_table(path, required=("sequence", "expression", "set")):
        values[row["set"]][row["sequence"]].append(float(row["expression"]))
    return {name: {letters: float(np.mean(each)) for letters, each in rows.items()} for name, rows in values.items()}


def write_unit(path: Path, unit: Unit, rows: dict[str, float]) -> int:
    """Write the table of a unit; returns the number of its families, without those found by 20-mers."""
    before, behind = unit.flanks
    inserts = [letters[before : len(letters) - behind] for letters in rows]
    families = unit.families(inserts)
    with atomic_path(path) as temporary, temporary.open("w", newline="") as out:
        write_rows(out, zip(inserts, rows.values(), families, strict=True))
    return len(set(families))


def write_rows(out: TextIO, rows: Iterable[tuple[str, float, str]]) -> None:
    """Write the rows of a table to an open file."""
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerow(["sequence", "expression", "family"])
    writer.writerows([letters, f"{value:.4f}", family] for letters, value, family in rows)


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("table", help="ecoli.tsv.gz of the public data.")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, rows in read_sets(arguments.table).items():
        unit = UNITS[name]
        families = write_unit(arguments.output / f"{unit.name}.tsv", unit, rows)
        print(f"{unit.name}: {len(rows)} promoters, {families} names of families")


if __name__ == "__main__":
    main()
