r"""Training losses of the original GRU for strength at several learning rates, and its memory before training.

Each training is short, on the native promoters, and differs only in its peak learning rate. The memory of an untrained
GRU is the standard deviation of its state over random inserts, as a share of the size of the state, after each base of
the 3' flank; for the GRU of promscan, and for one that is initialised like `torch.nn.GRU`.

    python -m benchmarks.accuracy.strength_learning_rates --data DATA \
        -o benchmarks/results/0.1.0/strength_learning_rates.json --plot docs/images/strength_learning_rates.png
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from benchmarks.common import parser_of, save_picture, save_result
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.strength.measurements import Measurements, read_measurements
from promscan.strength.reporter import Reporter
from promscan.train.strength import train_strength
from promscan.train.strength_trainer import StrengthRecipe

RATES = (0.5, 0.05, 0.005, 0.0005, 0.00005)
EPOCHS = 10
ROWS = 4000
BATCH = 32
ORIGINAL = ExpressionArchitecture(kind="gru", units=("native",), hidden=256, bins=0)


def losses(table: Measurements, rate: float, threads: int | None) -> list[float]:
    """Training loss of each epoch, in variances of the unit."""
    recipe = StrengthRecipe(
        architecture=ORIGINAL, learning_rate=rate, averaging=0.0, batch_size=BATCH, epochs=EPOCHS, rows_per_epoch=ROWS,
        patience=EPOCHS, dev_share=0.01, test_share=0.1,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        train_strength([table], run, recipe, threads=threads)
        with open(run / "metrics.tsv", encoding="utf-8") as file:
            return [float(row["train_native_loss"]) for row in csv.DictReader(file, delimiter="\t")]


def known_at_first(network: ExpressionNetwork, gru: nn.GRU) -> dict[str, float]:
    """What the state of an untrained GRU still holds of an insert, by the number of bases that it has read since."""
    reporter = Reporter()
    inserts = np.random.default_rng(1).integers(0, 4, (200, reporter.insert), dtype=np.uint8)
    constructs = network.bases[torch.from_numpy(reporter.constructs(inserts)).int()]
    with torch.inference_mode():
        states = gru(constructs)[0]
    behind = states[:, -len(reporter.three_prime) - 1 :]
    shares = behind.std(dim=0).mean(dim=1) / behind.square().mean(dim=(0, 2)).sqrt()
    return {str(bases): float(f"{share:.2g}") for bases, share in enumerate(shares.tolist())}


def draw(by_rate: dict[str, list[float]]) -> Figure:
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    axes = figure.subplots()
    for rate, values in by_rate.items():
        axes.plot(range(1, EPOCHS + 1), values, marker=".", label=rate)
    axes.set(yscale="log", xlabel=f"epoch of {ROWS:,} rows", ylabel="training loss (variances of the unit)")
    axes.legend(title="peak learning rate")
    return figure


def main() -> None:
    parser = parser_of(__doc__, "data", "threads", "output")
    parser.add_argument("--plot", type=Path, required=True, help="PNG file of the losses.")
    arguments = parser.parse_args()
    table = read_measurements(str(arguments.data / "strength/yeast_native80.tsv.gz"), "native", Reporter())
    by_rate = {str(rate): losses(table, rate, arguments.threads) for rate in RATES}
    torch.manual_seed(1)
    network = ExpressionNetwork(ORIGINAL)
    known = {
        "original GRU": known_at_first(network, network.trunk.gru),
        "torch.nn.GRU": known_at_first(network, nn.GRU(4, ORIGINAL.hidden, batch_first=True)),
    }
    settings: dict[str, Any] = {"rows_per_epoch": ROWS, "batch_size": BATCH, "known_at_first": known}
    save_result(arguments.output, settings | {"losses": by_rate})
    save_picture(draw(by_rate), arguments.plot, [])


if __name__ == "__main__":
    main()
