"""Dev recall after a short training, with the context read at every fourth base and at every base.

In training, the features of the context are read at every fourth base, which saves time (`CONTEXT_STEP`). Trainings of
one seed draw the same segments, so their recalls are compared in pairs.

    python -m benchmarks.accuracy.training_recall --data DATA -o benchmarks/results/0.1.0/training_recall.json
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import HUMAN, parser_of, save_result
from promscan.networks import classifier
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome
from promscan.train.genome import train_genome
from promscan.train.genome_trainer import GenomeRecipe

STEPS = (classifier.CONTEXT_STEP, 1)
"""Distances in bp of the bases at which the context is read: that of promscan, and the exact one."""


def recalls(genome: LabelledGenome, recipe: GenomeRecipe, threads: int | None) -> list[float]:
    """Mean recall at the rates of dev after each epoch."""
    with tempfile.TemporaryDirectory() as name:
        run = Path(name) / "run"
        held_out: dict[str, Any] = {"dev": HUMAN.dev, "leave_out": HUMAN.test}
        train_genome(genome, run, recipe, species="Homo sapiens", device="cpu", threads=threads, **held_out)
        with (run / "metrics.tsv").open(encoding="utf-8") as table:
            return [float(row["recall"]) for row in csv.DictReader(table, delimiter="\t")]


def main() -> None:
    parser = parser_of(__doc__, "data", "threads", "output")
    parser.add_argument("--seeds", type=int, default=3, help="Trainings of each kind.  [default: 3]")
    parser.add_argument("--epochs", type=int, default=4, help="Epochs of each.  [default: 4]")
    parser.add_argument("--segments", type=int, default=8000, help="Segments of an epoch.  [default: 8000]")
    parser.add_argument("--dev-bases", type=int, default=4_000_000, help="Bases of dev.  [default: 4000000]")
    parser.add_argument("--mining-bases", type=int, default=4_000_000, help="As in training.  [default: 4000000]")
    arguments = parser.parse_args()
    genome = read_labelled_genome(arguments.data / HUMAN.genome, arguments.data / HUMAN.starts)
    sizes = {
        "epochs": arguments.epochs,
        "segments_per_epoch": arguments.segments,
        "dev_bases": arguments.dev_bases,
        "mining_bases": arguments.mining_bases,
    }
    recall: dict[int, list[list[float]]] = {step: [] for step in STEPS}
    for seed in range(1, arguments.seeds + 1):
        for step in STEPS:
            classifier.CONTEXT_STEP = step
            recall[step].append(recalls(genome, GenomeRecipe(**sizes, seed=seed), arguments.threads))
    save_result(arguments.output, {**sizes, "recall_by_context_step": recall, "difference": difference(recall)})


def difference(recall: dict[int, list[list[float]]]) -> dict[str, float | None]:
    """How much better the last epochs are with the step of promscan: mean over the seeds, and its standard error."""
    ours, exact = (np.array(recall[step])[:, -1] for step in STEPS)
    pairs = ours - exact
    error = float(pairs.std(ddof=1) / len(pairs) ** 0.5) if len(pairs) > 1 else None
    return {"mean": float(pairs.mean()), "standard_error": error}


if __name__ == "__main__":
    main()
