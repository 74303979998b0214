"""Write the rows of a table of measurements that a training can take up on the way.

Weights are only trained further with tables that are divided as before (`train strength --init`). Rows that share no
20-mer with any row of those tables, or of those held out, leave all of their families, and so the division, as they
were. Where a few sequences were measured in thousands of variants, the rows of a family count together as much as the
square root of their number; the weights have a mean of 1.

    python benchmarks/more_measurements.py NEW.tsv.gz --beside OLD.tsv.gz --beside HELD_OUT.tsv.gz -o more.tsv
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from promscan.io.tables import read_table
from promscan.strength.families import share_kmers
from promscan.strength.measurements import read_measurements
from promscan.strength.reporter import Reporter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--beside", action="append", required=True, help="a table that no row may share with")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    new, *others = (read_measurements(path, "", Reporter()) for path in (arguments.table, *arguments.beside))
    shared = share_kmers(np.concatenate([measured.inserts for measured in (new, *others)]))
    free = ~shared.touching(np.arange(len(shared.firsts)) >= len(new))[: len(new)]
    families = share_kmers(new.inserts[free]).families()
    weights = 1 / np.sqrt(np.bincount(families)[families])
    kept = [row for (row, _), keep in zip(read_table(arguments.table, ("sequence",)), free, strict=True) if keep]
    with arguments.output.open("w", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        writer.writerow(["sequence", "expression", "weight", "set"])
        for row, weight in zip(kept, weights / weights.mean(), strict=True):
            writer.writerow([row["sequence"], row["expression"], f"{weight:.4f}", row.get("set", "")])
    print(f"{len(kept)} of {len(new)} rows, {families.max() + 1} families")


if __name__ == "__main__":
    main()
