"""Draw the coverage of a strength model, as `strength.py` measured it: docs/images/strength_coverage.png.

python benchmarks/strength_coverage.py benchmarks/results/strength.yeast-strength.json docs/images/strength_coverage.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure


def main(result: str, picture: str) -> None:
    figure = Figure(figsize=(4.2, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    for name, found in json.loads(Path(result).read_text())["sets"].items():
        shares = [float(share) for share in found["coverage"]]
        axes.plot(shares, list(found["coverage"].values()), marker="o", label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="promised share", ylabel="share inside the interval")
    axes.legend()
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    main(*sys.argv[1:])
