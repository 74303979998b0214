r"""Metrics of a strength model of E. coli on promoters of families that it was not trained on, and of two baselines.

The tables of `recipes.steps.ecoli_tables` are divided again as they were for the training. On the rows of the test, by
unit: the model by its head of that unit; the prediction of Promoter Calculator (LaFleur et al. 2022) that is listed
with each promoter; and a ridge regression on counts of 4-, 5- and 6-mers, trained on the training rows of the unit,
with its regularisation chosen on dev. Intervals hold 95 % of bootstrap draws of whole families.

    python -m benchmarks.accuracy.ecoli_strength ecoli-strength --data DATA --tables runs/ecoli-strength/tables \
        -o benchmarks/results/0.1.0/strength.ecoli-strength.json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.accuracy.strength import Split, counts, divide_again
from benchmarks.common import interval95, parser_of, save_result
from promscan.inference.strength import StrengthPredictor
from promscan.io.tables import read_table
from promscan.metrics.regression import coverage, regression_metrics
from promscan.networks.card import Card
from promscan.networks.expression import ExpressionNetwork
from promscan.networks.weights import load_strength
from promscan.seq import dna
from promscan.strength.measurements import DEV, TEST, TRAIN
from recipes.steps.ecoli_tables import UNITS

DRAWS = 1000
FEWEST = 20
"""Rows of a unit for a correlation."""
FEWEST_FAMILIES = 5
"""Families for an interval."""
Array = npt.NDArray[Any]
Listed = dict[tuple[str, str], float]


def calculator(path: Path, split: Split) -> Listed:
    """Predictions of Promoter Calculator by unit and insert, as the tables of the split have it."""
    listed: Listed = {}
    for row, _ in read_table(str(path), required=("sequence", "promoter_calculator", "set")):
        unit = UNITS[row["set"]]
        before, behind = unit.flanks
        insert = row["sequence"][before : len(row["sequence"]) - behind]
        listed[unit.name, insert[-split.tables[unit.name].reporter.insert :]] = float(row["promoter_calculator"])
    return listed


def report_on(measured: Array, predicted: Array, families: Array, deviation: Array | None = None) -> dict[str, Any]:
    """Metrics of predictions, with a bootstrap of whole families, and coverage of their uncertainty if there is one."""
    members = [np.flatnonzero(families == family) for family in np.unique(families)]
    found = {name: round(value, 4) for name, value in regression_metrics(measured, predicted).items()}
    interval = draw_interval(measured, predicted, members) if len(members) >= FEWEST_FAMILIES else None
    report = {"sequences": len(measured), "families": len(members), **found, "interval95": interval}
    if deviation is not None:
        covered = coverage(measured, predicted, deviation)
        report["coverage"] = {str(share): round(value, 4) for share, value in covered.items()}
    return report


def draw_interval(measured: Array, predicted: Array, members: Sequence[Array]) -> list[float]:
    """The interval of the correlation, from draws of families, whose row numbers are `members`."""
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(DRAWS):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        drawn.append(np.corrcoef(measured[rows], predicted[rows])[0, 1])
    return interval95(np.array(drawn))


def ridge(split: Split, unit: str, inserts: dna.Codes) -> Array:
    """Predictions of a linear model of the training rows of a unit for inserts."""
    from sklearn.linear_model import Ridge

    (x, y), (dev_x, dev_y) = split.rows(unit, TRAIN), split.rows(unit, DEV)
    dev_counts, train_counts = counts(dev_x), counts(x)
    models = [Ridge(alpha, solver="lsqr").fit(train_counts, y) for alpha in (1, 10, 100, 1000)]
    best = max(models, key=lambda model: float(np.corrcoef(dev_y, model.predict(dev_counts))[0, 1]))
    predicted: Array = best.predict(counts(inserts))
    return predicted


def measure(arguments: argparse.Namespace, network: ExpressionNetwork, card: Card) -> dict[str, Any]:
    """Metrics by unit and method."""
    split = divide_again(card, arguments.data, sorted(arguments.tables.glob("*.tsv")))
    listed = calculator(arguments.data / "strength/ecoli.tsv.gz", split)
    part = {"dev": DEV, "test": TEST}[arguments.split]
    sets: dict[str, Any] = {}
    for index, unit in enumerate(split.tables):
        inserts, measured = split.rows(unit, part)
        if len(measured) < FEWEST:
            continue
        families = split.division.labels[index][split.division.rows(index, part)]
        with StrengthPredictor(network, card, [torch.device("cpu")], unit=unit, threads=1) as predictor:
            mean, deviation = predictor.predict(inserts)
        known = np.array([listed[unit, dna.decode(row).lstrip("N")] for row in inserts])
        baselines = {"promoter_calculator": known, "ridge": ridge(split, unit, inserts)}
        sets[unit] = report_on(measured, mean, families, deviation) | {
            name: report_on(measured, predicted, families) for name, predicted in baselines.items()
        }
    return {"split": arguments.split, "sets": sets}


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "output")
    parser.add_argument("--tables", type=Path, required=True, help="Folder of the tables that the model learned from.")
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    arguments = parser.parse_args()
    network, card = load_strength(arguments.model)
    save_result(arguments.output, measure(arguments, network, card), card)


if __name__ == "__main__":
    main()
