r"""Metrics of a strength model on promoters that it was not trained on.

The random promoters are those of the public test. The native promoters are the families of yeast_native80 that the
training set aside; the same tables are divided again in the same way to find them. With `--split dev` both kinds are
those that choices are made on, and the public test is read only to leave its families out.

Two baselines are measured on the same split: `--baseline ridge`, a linear model of 4-, 5- and 6-mers trained on the
measured rows of training, and `--baseline teacher`, the labels of the teacher for the inserts that it labelled.

    python -m benchmarks.accuracy.strength runs/strength/best.safetensors --data DATA --split dev -o dev.json
    python -m benchmarks.accuracy.strength yeast-strength --data DATA --more runs/dream.tsv --more runs/single.tsv \
        -o benchmarks/results/0.1.0/strength.yeast-strength.json
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

import promscan
from benchmarks.common import interval95, parser_of, save_result
from promscan.inference.strength import StrengthPredictor
from promscan.metrics.regression import coverage, regression_metrics
from promscan.networks.card import Card, strength_of
from promscan.networks.device import available_threads
from promscan.networks.expression import ExpressionNetwork
from promscan.networks.weights import load_strength
from promscan.seq import dna
from promscan.strength.measurements import DEV, TEST, TRAIN, Division, Measurements, divide, read_measurements
from promscan.strength.reporter import Reporter

MEASURED = ("random", "native")
TEACHER = "teacher"
DRAWS = 1000
SCORED = 20_000
Array = npt.NDArray[Any]


class Split(NamedTuple):
    """The tables by unit, how they are divided, and the public test, if there is one."""

    tables: dict[str, Measurements]
    division: Division
    held_out: Measurements | None

    def rows(self, unit: str, part: int) -> tuple[dna.Codes, Array]:
        chosen = self.division.rows(list(self.tables).index(unit), part)
        return self.tables[unit].inserts[chosen], self.tables[unit].expression[chosen]

    def asked(self, split: str) -> dict[str, tuple[dna.Codes, Array]]:
        """Inserts and expression of random and native promoters."""
        if split == "dev" or self.held_out is None:
            return {unit: self.rows(unit, DEV) for unit in MEASURED}
        return {"random": (self.held_out.inserts, self.held_out.expression), "native": self.rows("native", TEST)}


def divide_again(card: Card, data: Path, more: Sequence[Path]) -> Split:
    """The tables of a card, found in DATA or among `more` by their checksums, divided as they were for its training."""
    paths = [*(data / "strength").glob("*.gz"), *more]
    by_sum = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}

    def read(described: Mapping[str, Any]) -> Measurements:
        reporter = Reporter.of(card, described["unit"] or strength_of(card).unit)
        return read_measurements(str(by_sum[described["sha256"]]), described["unit"], reporter)

    tables = [read(described) for described in card.training["tables"]]
    held_out = [read(described) for described in card.training["held_out"]]
    recipe = card.training["recipe"]
    options = {name: recipe[name] for name in ("dev_share", "test_share", "seed")}
    test = held_out[0] if held_out else None
    return Split({table.unit: table for table in tables}, divide(tables, held_out, **options), test)


def report_on(measured: Array, predicted: Array, deviation: Array | None = None) -> dict[str, Any]:
    """Metrics of predictions, and coverage of their uncertainty if there is one."""
    found = regression_metrics(measured, predicted)
    rng = np.random.default_rng(1)
    draws = (rng.integers(0, len(measured), len(measured)) for _ in range(DRAWS))
    drawn = np.array([np.corrcoef(measured[rows], predicted[rows])[0, 1] for rows in draws])
    report: dict[str, Any] = {"sequences": len(measured)} | {name: round(value, 4) for name, value in found.items()}
    report["interval95"] = interval95(drawn)
    if deviation is not None:
        covered = coverage(measured, predicted, deviation)
        report["coverage"] = {str(share): round(value, 4) for share, value in covered.items()}
        errors = np.abs(measured - predicted)
        report["error_of_sharpest_quarter"] = round(float(errors[deviation <= np.quantile(deviation, 0.25)].mean()), 3)
        report["error_of_vaguest_quarter"] = round(float(errors[deviation >= np.quantile(deviation, 0.75)].mean()), 3)
    return report


def counts(inserts: dna.Codes) -> Any:
    """Counts of each 4-, 5- and 6-mer in each insert, (n, 5376), sparse."""
    from scipy.sparse import csr_array

    columns, rows, first = [], [], 0
    for k in (4, 5, 6):
        windows = np.lib.stride_tricks.sliding_window_view(inserts, k, axis=1)
        known = (windows != dna.UNKNOWN).all(axis=2)
        row, _ = np.nonzero(known)
        columns.append(first + windows[known].astype(np.int64) @ 4 ** np.arange(k))
        rows.append(row)
        first += 4**k
    place = np.concatenate(rows), np.concatenate(columns)
    return csr_array((np.ones(len(place[0])), place), shape=(len(inserts), first))


def ridge(split: Split) -> Callable[[dna.Codes], Array]:
    """A linear model of all measured rows of training; its regularisation is chosen on dev."""
    from sklearn.linear_model import Ridge

    def joined(part: int) -> tuple[Any, Array]:
        parts = [split.rows(unit, part) for unit in MEASURED]
        return counts(np.concatenate([inserts for inserts, _ in parts])), np.concatenate([y for _, y in parts])

    (x, y), (dev_x, dev_y) = joined(TRAIN), joined(DEV)
    models = [Ridge(alpha, solver="lsqr").fit(x, y) for alpha in (10, 100, 1000)]
    best = max(models, key=lambda model: float(np.corrcoef(dev_y, model.predict(dev_x))[0, 1]))
    return lambda inserts: best.predict(counts(inserts))


def looked_up(split: Split, inserts: dna.Codes) -> Array:
    """The label of the teacher for each insert; NaN where there is none."""
    labels = split.tables[TEACHER]
    known = {row.tobytes(): float(value) for row, value in zip(labels.inserts, labels.expression, strict=True)}
    return np.array([known.get(row.tobytes(), np.nan) for row in inserts])


def rate(model: str, inserts: dna.Codes) -> dict[str, Any]:
    """Sequences per second of `promscan.score` from a file with all threads, including the loading of the model."""
    drawn = inserts[np.random.default_rng(1).integers(0, len(inserts), SCORED)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inserts.tsv"
        path.write_text("sequence\n" + "".join(f"{dna.decode(row).lstrip('N')}\n" for row in drawn))
        began = time.monotonic()
        scored = sum(1 for _ in promscan.score(path, model=model, device="cpu"))
        seconds = time.monotonic() - began
    return {"sequences": scored, "threads": available_threads(), "per_second": round(scored / seconds)}


def measure(arguments: argparse.Namespace, network: ExpressionNetwork, card: Card) -> dict[str, Any]:
    """The metrics of the model or of a baseline."""
    split = divide_again(card, arguments.data, arguments.more)
    asked = split.asked(arguments.split)
    if arguments.baseline == "ridge":
        predict = ridge(split)
        return {"sets": {name: report_on(y, predict(inserts)) for name, (inserts, y) in asked.items()}}
    if arguments.baseline == "teacher":
        named = {name: (y, looked_up(split, inserts)) for name, (inserts, y) in asked.items()}
        named = {name: (y[~np.isnan(label)], label[~np.isnan(label)]) for name, (y, label) in named.items()}
        return {"sets": {name: report_on(y, label) for name, (y, label) in named.items() if len(y)}}
    sets = {}
    with StrengthPredictor(network, card, [torch.device("cpu")]) as predictor:
        for name, (inserts, y) in asked.items():
            sets[name] = report_on(y, *predictor.predict(inserts))
    return {
        "unit": strength_of(card).unit,
        "sets": sets,
        "rate": rate(arguments.model, asked["native"][0]),
    }


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "output")
    parser.add_argument("--more", type=Path, action="append", default=[], help="A table that is not in DATA.")
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--baseline", choices=["ridge", "teacher"])
    arguments = parser.parse_args()
    network, card = load_strength(arguments.model)
    result = {"split": arguments.split} | measure(arguments, network, card)
    save_result(arguments.output, result, *([] if arguments.baseline else [card]))


if __name__ == "__main__":
    main()
