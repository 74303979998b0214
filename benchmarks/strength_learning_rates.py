r"""The comparison of learning rates on the founding page, for the founding GRU: training losses as a plot and JSON.

Each training is short, on the native promoters, and the same but for its peak learning rate.

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

import promscan
from promscan.expression import ExpressionArchitecture
from promscan.measurements import read_measurements
from promscan.reporter import Reporter
from promscan.train.strength import StrengthRecipe, train_strength

RATES = (0.5, 0.05, 0.005, 0.0005, 0.00005)
EPOCHS = 10
ROWS = 4000
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--plot", type=Path, required=True)
    arguments = parser.parse_args()
    table = read_measurements(str(arguments.data / "strength/yeast_native80.tsv.gz"), "native", Reporter())
    losses: dict[str, list[float]] = {}
    for rate in RATES:
        recipe = StrengthRecipe(
            architecture=ExpressionArchitecture(kind="gru", units=("native",), hidden=256, bins=0),
            learning_rate=rate, averaging=0.0, batch_size=BATCH, epochs=EPOCHS, rows_per_epoch=ROWS, patience=EPOCHS,
            dev_share=0.01, test_share=0.1,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            train_strength([table], run, recipe, threads=arguments.threads)
            with open(run / "metrics.tsv", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
        losses[str(rate)] = [float(row["train_native_loss"]) for row in rows]
        print(rate, losses[str(rate)])
    result = {"promscan": promscan.__version__, "rows_per_epoch": ROWS, "losses": losses}
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
    for rate, values in losses.items():
        axes.plot(range(1, EPOCHS + 1), values, marker=".", label=rate)
    axes.set(yscale="log", xlabel=f"epoch of {ROWS:,} rows", ylabel="training loss (variances of the unit)")
    axes.legend(title="peak learning rate")
    figure.savefig(arguments.plot, dpi=120)


if __name__ == "__main__":
    main()
