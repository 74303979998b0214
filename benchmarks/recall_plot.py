"""Draw recall by false hits per Mb, of the models that scan and of simple scores, from benchmarks/results.

python benchmarks/recall_plot.py docs/images/recall.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
from write_results import JUDGED, RATES, RESULTS, SIMPLE, read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for path in (RESULTS / "genome_recall.human.json", *sorted(RESULTS.glob("baseline.*.json"))):
        result = read(path)
        name = result["model"] if "model" in result else SIMPLE[result["baseline"]]
        for axes, keys in zip(panels, JUDGED, strict=True):
            points = next(result[key] for key in keys if key in result)["at_fp_per_mb"]
            low, high = zip(*(points[rate]["recall_interval95"] for rate in RATES), strict=True)
            rates = [float(rate) for rate in RATES]
            axes.plot(rates, [points[rate]["recall"] for rate in RATES], marker=".", label=name)
            axes.fill_between(rates, low, high, alpha=0.15, linewidth=0)
    for axes, tolerance in zip(panels, (100, 500), strict=True):
        axes.set(
            xscale="log", ylim=(0, 1), xlabel="false hits per Mb", title=f"found: within {tolerance} bp, same strand"
        )
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("recall of listed starts, 95 % bands")
    panels[0].legend(loc="upper left")
    figure.savefig(arguments.output, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
