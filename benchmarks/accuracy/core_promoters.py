r"""Metrics of a classifier on the public core promoter benchmark (GUE).

For each of the sets all, tata and notata: the test split as it is, and without the sequences that share 35 bp with the
training split of `all` (the data of the bundled models); on the given strand, and as the mean logit of both
orientations. Intervals are 95 % of 1,000 bootstrap draws of the test sequences.

The test split is for reporting only: every choice is made on dev.

    python -m benchmarks.accuracy.core_promoters core70 --data DATA \
        -o benchmarks/results/0.1.0/core_promoters.core70.json
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.common import interval95, parser_of, save_result
from promscan.inference.settings import EngineSettings
from promscan.inference.windowed import WindowedEngine
from promscan.metrics.classification import classification_metrics
from promscan.networks.weights import load_model
from promscan.seq import dna
from promscan.train.data.labelled_windows import LabelledWindows, read_windows

SHARED = 35
DRAWS = 1000
Array = npt.NDArray[Any]


def kmers(codes: dna.Codes) -> Array:
    """The 35-mers of each window as byte strings."""
    windows = np.lib.stride_tricks.sliding_window_view(codes, SHARED, axis=-1)
    rows = np.ascontiguousarray(windows).reshape(-1, SHARED)
    return rows.view(f"S{SHARED}").reshape(windows.shape[:2])


def overlaps(test: LabelledWindows, train: LabelledWindows) -> Array:
    """Which test windows share a 35-mer with the training split."""
    # A byte string of codes must not end in 0, which numpy would strip: shift the codes.
    return np.isin(kmers(test.codes + 1), np.unique(kmers(train.codes + 1))).any(axis=1)


def with_intervals(labels: Array, logits: Array) -> dict[str, Any]:
    """Metrics, and their intervals."""
    metrics = {name: round(value, 4) for name, value in classification_metrics(labels, logits).items()}
    intervals = {name: interval95(values) for name, values in bootstrap(labels, logits).items()}
    return {"sequences": len(labels), **metrics, "interval95": intervals}


def bootstrap(labels: Array, logits: Array) -> dict[str, Array]:
    """Accuracy, MCC and AUC of DRAWS resamples, from the number of times each sequence was drawn."""
    order = np.argsort(logits)
    positive, called = labels[order] == 1, logits[order] > 0
    weights = np.random.default_rng(1).multinomial(len(labels), np.full(len(labels), 1 / len(labels)), DRAWS)
    weights = weights.astype(np.float64)
    tp, fp, fn, tn = (
        weights[:, mask].sum(axis=1)
        for mask in (positive & called, ~positive & called, positive & ~called, ~positive & ~called)
    )
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    negatives_below = np.cumsum(weights * ~positive, axis=1)
    return {
        "accuracy": (tp + tn) / len(labels),
        "mcc": np.divide(tp * tn - fp * fn, scale, out=np.zeros_like(tp), where=scale > 0),
        "auc": (negatives_below * weights * positive).sum(axis=1) / ((tp + fn) * (tn + fp)),
    }


def evaluate(data: Path, split: str, score: Callable[[dna.Codes], Array]) -> dict[str, Any]:
    """Metrics by set, orientation and overlap."""
    train = read_windows(str(data / "gue/prom_core_all/train.csv"))
    report: dict[str, Any] = {}
    for name in ("all", "tata", "notata"):
        test = read_windows(str(data / f"gue/prom_core_{name}/{split}.csv"))
        one = score(test.codes)
        both = (one + score(dna.reverse_complement(test.codes))) / 2
        new = ~overlaps(test, train)
        report[name] = {
            orientation: {
                "whole": with_intervals(test.promoters, logits),
                "without_overlap": with_intervals(test.promoters[new], logits[new]),
            }
            for orientation, logits in (("one_strand", one), ("both_orientations", both))
        }
    return report


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "output")
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    arguments = parser.parse_args()
    network, card = load_model(arguments.model)
    with WindowedEngine(network, [torch.device("cpu")], EngineSettings()) as engine:
        sets = evaluate(arguments.data, arguments.split, engine.score_windows)
    save_result(arguments.output, {"split": arguments.split, "sets": sets}, card)


if __name__ == "__main__":
    main()
