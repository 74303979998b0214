"""Figures of a strength model on promoters that it has not learned from, as JSON.

Random promoters are those of the public test. Native ones are the families of yeast_native80 that the recipe in the
card sets aside; they are found again by dividing the same tables in the same way. With `--split dev` both kinds are
those that choices are made on, and the public test is not read at all except to leave its families out.

Two baselines are measured on the same split: `--baseline ridge`, a linear model of 4-, 5- and 6-mers trained on the
measured rows of training, and `--baseline teacher`, whose labels are looked up where they name the very same insert.

    python benchmarks/strength.py runs/strength/best.safetensors --data DATA --split dev -o dev.json
    python benchmarks/strength.py yeast-strength --data DATA -o benchmarks/results/strength.yeast-strength.json
    python benchmarks/strength.py yeast-strength --baseline ridge --data DATA -o benchmarks/results/strength.ridge.json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

import promscan
from promscan.inference.strength import StrengthPredictor
from promscan.metrics.regression import coverage, regression_metrics
from promscan.networks.card import Card, strength_of
from promscan.networks.device import available_threads
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
    """The tables by unit, how they are divided, and the public test."""

    tables: dict[str, Measurements]
    division: Division
    held_out: Measurements

    def rows(self, unit: str, part: int) -> tuple[dna.Codes, Array]:
        chosen = self.division.rows(list(self.tables).index(unit), part)
        return self.tables[unit].inserts[chosen], self.tables[unit].expression[chosen]

    def asked(self, split: str) -> dict[str, tuple[dna.Codes, Array]]:
        """Inserts and expression of random and native promoters."""
        if split == "dev":
            return {unit: self.rows(unit, DEV) for unit in MEASURED}
        return {"random": (self.held_out.inserts, self.held_out.expression), "native": self.rows("native", TEST)}


def divide_again(card: Card, data: Path, more: Sequence[Path]) -> Split:
    """The tables of a card, found in DATA or among `more` by their checksums, divided as they were for its training."""
    reporter = Reporter.of(card)
    paths = [*(data / "strength").glob("*.gz"), *more]
    by_sum = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}

    def read(described: Mapping[str, Any]) -> Measurements:
        return read_measurements(str(by_sum[described["sha256"]]), described["unit"], reporter)

    tables = [read(described) for described in card.training["tables"]]
    held_out = [read(described) for described in card.training["held_out"]]
    recipe = card.training["recipe"]
    options = {name: recipe[name] for name in ("dev_share", "test_share", "seed")}
    return Split({table.unit: table for table in tables}, divide(tables, held_out, **options), held_out[0])


def report_on(measured: Array, predicted: Array, deviation: Array | None = None) -> dict[str, Any]:
    found = regression_metrics(measured, predicted)
    rng = np.random.default_rng(1)
    draws = (rng.integers(0, len(measured), len(measured)) for _ in range(DRAWS))
    bounds = np.quantile([np.corrcoef(measured[rows], predicted[rows])[0, 1] for rows in draws], [0.025, 0.975])
    report: dict[str, Any] = {"sequences": len(measured)} | {name: round(value, 4) for name, value in found.items()}
    report["interval95"] = [round(float(bound), 4) for bound in bounds]
    if deviation is not None:
        covered = coverage(measured, predicted, deviation)
        report["coverage"] = {str(share): round(value, 4) for share, value in covered.items()}
        errors = np.abs(measured - predicted)
        report["error_of_sharpest_quarter"] = round(float(errors[deviation <= np.quantile(deviation, 0.25)].mean()), 3)
        report["error_of_vaguest_quarter"] = round(float(errors[deviation >= np.quantile(deviation, 0.75)].mean()), 3)
    return report


def counts(inserts: dna.Codes) -> Any:
    """How often each 4-, 5- and 6-mer stands in each insert, (n, 5376), sparse."""
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
    """Trained on all measured rows of training; how strongly it is held back is chosen on dev."""
    from sklearn.linear_model import Ridge

    def joined(part: int) -> tuple[Any, Array]:
        parts = [split.rows(unit, part) for unit in MEASURED]
        return counts(np.concatenate([inserts for inserts, _ in parts])), np.concatenate([y for _, y in parts])

    (x, y), (dev_x, dev_y) = joined(TRAIN), joined(DEV)
    models = [Ridge(alpha, solver="lsqr").fit(x, y) for alpha in (10, 100, 1000)]
    best = max(models, key=lambda model: float(np.corrcoef(dev_y, model.predict(dev_x))[0, 1]))
    return lambda inserts: best.predict(counts(inserts))


def looked_up(split: Split, inserts: dna.Codes) -> Array:
    """The label of the teacher for each insert, NaN where it has none."""
    labels = split.tables[TEACHER]
    known = {row.tobytes(): float(value) for row, value in zip(labels.inserts, labels.expression, strict=True)}
    return np.array([known.get(row.tobytes(), np.nan) for row in inserts])


def rate(model: str, inserts: dna.Codes) -> dict[str, Any]:
    """Sequences a second of `promscan.score` from a file, with all threads, loading the model included."""
    some = inserts[np.random.default_rng(1).integers(0, len(inserts), SCORED)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inserts.tsv"
        path.write_text("sequence\n" + "".join(f"{dna.decode(row).lstrip('N')}\n" for row in some))
        began = time.monotonic()
        scored = sum(1 for _ in promscan.score(path, model=model, device="cpu"))
        seconds = time.monotonic() - began
    return {"sequences": scored, "threads": available_threads(), "per_second": round(scored / seconds)}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    network, card = load_strength(arguments.model)
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
        "sha256": card.sha256,
        "unit": strength_of(card).unit,
        "sets": sets,
        "rate": rate(arguments.model, asked["native"][0]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--more", type=Path, action="append", default=[], help="A table that is not in DATA.")
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--baseline", choices=["ridge", "teacher"])
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    result = {"promscan": promscan.__version__, "split": arguments.split} | measure(arguments)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    for name, found in result["sets"].items():
        print(f"{name}, {found['sequences']} sequences: r {found['pearson']} {found['interval95']}")


if __name__ == "__main__":
    main()
