"""Recall on dev that a training of a few epochs reaches, for several seeds: whether a change costs accuracy.

Run it from the program before and after the change, with the same options, and compare the means over the seeds with
their spread.

    python -m benchmarks.accuracy.training_recall --data DATA -o benchmarks/results/0.1.0/training_recall.json
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import HUMAN, parser_of, save_result
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome
from promscan.train.genome import GenomeRecipe, train_genome


def recalls(genome: LabelledGenome, recipe: GenomeRecipe, threads: int | None) -> list[float]:
    """Mean recall at the rates of dev after each epoch."""
    with tempfile.TemporaryDirectory() as name:
        run = Path(name) / "run"
        held_out: dict[str, Any] = {"dev": HUMAN.dev, "leave_out": HUMAN.test}
        train_genome(genome, run, recipe, species="Homo sapiens", threads=threads, **held_out)
        with (run / "metrics.tsv").open(encoding="utf-8") as table:
            return [float(row["recall"]) for row in csv.DictReader(table, delimiter="\t")]


def main() -> None:
    parser = parser_of(__doc__, "data", "threads", "output")
    parser.add_argument("--seeds", type=int, default=3, help="Trainings.  [default: 3]")
    parser.add_argument("--epochs", type=int, default=4, help="Epochs of each.  [default: 4]")
    parser.add_argument("--segments", type=int, default=8000, help="Segments of an epoch.  [default: 8000]")
    arguments = parser.parse_args()
    genome = read_labelled_genome(arguments.data / HUMAN.genome, arguments.data / HUMAN.starts)
    sizes = {"epochs": arguments.epochs, "segments_per_epoch": arguments.segments}
    seeds = range(1, arguments.seeds + 1)
    rows = [recalls(genome, GenomeRecipe(**sizes, seed=seed), arguments.threads) for seed in seeds]
    last = np.array(rows)[:, -1]
    spread = float(last.std(ddof=1)) if len(last) > 1 else None
    save_result(arguments.output, {**sizes, "recall": rows, "mean": float(last.mean()), "standard_deviation": spread})


if __name__ == "__main__":
    main()
