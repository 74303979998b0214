r"""The comparison of learning rates on the founding page, for the founding GRU: training losses as a plot and JSON.

Each training is short, on the native promoters, and the same but for its peak learning rate. Beside them stands how
much an untrained GRU still knows of an insert behind it: the standard deviation of its state over random inserts, as a
share of the size of the state, after so many bases of the 3' flank; for the founding GRU as it is here, and for one
that begins as `torch.nn.GRU` does.

    python benchmarks/strength_learning_rates.py --data DATA -o benchmarks/results/strength_learning_rates.json \
        --plot docs/images/strength_learning_rates.png
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import promscan
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.strength.measurements import Measurements, read_measurements
from promscan.strength.reporter import Reporter
from promscan.train.strength import StrengthRecipe, train_strength

RATES = (0.5, 0.05, 0.005, 0.0005, 0.00005)
EPOCHS = 10
ROWS = 4000
BATCH = 32
FOUNDING = ExpressionArchitecture(kind="gru", units=("native",), hidden=256, bins=0)


def losses(table: Measurements, rate: float, threads: int | None) -> list[float]:
    """Training loss of each epoch, in variances of the unit."""
    recipe = StrengthRecipe(
        architecture=FOUNDING, learning_rate=rate, averaging=0.0, batch_size=BATCH, epochs=EPOCHS, rows_per_epoch=ROWS,
        patience=EPOCHS, dev_share=0.01, test_share=0.1,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        train_strength([table], run, recipe, threads=threads)
        with open(run / "metrics.tsv", encoding="utf-8") as file:
            return [float(row["train_native_loss"]) for row in csv.DictReader(file, delimiter="\t")]


def known_at_first(network: ExpressionNetwork, gru: nn.GRU) -> dict[str, float]:
    """What the state of an untrained GRU still tells of an insert, by the bases of the flank that it has read since."""
    reporter = Reporter()
    inserts = np.random.default_rng(1).integers(0, 4, (200, reporter.insert), dtype=np.uint8)
    constructs = network.bases[torch.from_numpy(reporter.constructs(inserts)).int()]
    with torch.inference_mode():
        states = gru(constructs)[0]
    behind = states[:, -len(reporter.three_prime) - 1 :]
    shares = behind.std(dim=0).mean(dim=1) / behind.square().mean(dim=(0, 2)).sqrt()
    return {str(bases): float(f"{share:.2g}") for bases, share in enumerate(shares.tolist())}


def plot(by_rate: dict[str, list[float]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
    for rate, values in by_rate.items():
        axes.plot(range(1, EPOCHS + 1), values, marker=".", label=rate)
    axes.set(yscale="log", xlabel=f"epoch of {ROWS:,} rows", ylabel="training loss (variances of the unit)")
    axes.legend(title="peak learning rate")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--plot", type=Path, required=True)
    arguments = parser.parse_args()
    table = read_measurements(str(arguments.data / "strength/yeast_native80.tsv.gz"), "native", Reporter())
    by_rate: dict[str, list[float]] = {}
    for rate in RATES:
        by_rate[str(rate)] = losses(table, rate, arguments.threads)
        print(rate, by_rate[str(rate)], flush=True)
    torch.manual_seed(1)
    network = ExpressionNetwork(FOUNDING)
    known = {
        "founding GRU": known_at_first(network, network.trunk.gru),
        "torch.nn.GRU": known_at_first(network, nn.GRU(4, FOUNDING.hidden, batch_first=True)),
    }
    settings = {"rows_per_epoch": ROWS, "batch_size": BATCH, "known_at_first": known}
    result = {"promscan": promscan.__version__, **settings, "losses": by_rate}
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    plot(by_rate, arguments.plot)


if __name__ == "__main__":
    main()
