"""Write the rows of a table of measurements that can be added to a training that has begun.

`train strength --init` needs the same division of the tables as before. Rows that share no 20-mer with any row of those
tables, or of the held-out tables, do not change their families, and so not the division. Where a few sequences were
measured in thousands of variants, the rows of a family together weigh as much as the square root of their number; the
weights have a mean of 1.

    python -m recipes.steps.more_measurements NEW.tsv.gz --apart-from OLD.tsv.gz --apart-from TEST.tsv.gz -o more.tsv
"""

from __future__ import annotations

import csv

import numpy as np

from benchmarks.common import parser_of
from promscan.io.tables import read_table
from promscan.strength.families import share_kmers
from promscan.strength.measurements import read_measurements
from promscan.strength.reporter import Reporter


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("table")
    parser.add_argument(
        "--apart-from", action="append", required=True, help="Table with which no row may share a 20-mer."
    )
    arguments = parser.parse_args()
    new, *others = (read_measurements(path, "", Reporter()) for path in (arguments.table, *arguments.apart_from))
    shared = share_kmers(np.concatenate([measured.inserts for measured in (new, *others)]))
    free = ~shared.touching(np.arange(len(shared.firsts)) >= len(new))[: len(new)]
    families = share_kmers(new.inserts[free]).families()
    weights = 1 / np.sqrt(np.bincount(families)[families])
    rows = [row for (row, _), is_free in zip(read_table(arguments.table, ("sequence",)), free, strict=True) if is_free]
    with arguments.output.open("w", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        writer.writerow(["sequence", "expression", "weight", "set"])
        for row, weight in zip(rows, weights / weights.mean(), strict=True):
            writer.writerow([row["sequence"], row["expression"], f"{weight:.4f}", row.get("set", "")])
    print(f"{len(rows)} of {len(new)} rows, {families.max() + 1} families")


if __name__ == "__main__":
    main()
