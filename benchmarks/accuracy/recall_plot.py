"""Picture of the recall by false positives per Mb, of `human` and of simple scores, drawn from the results.

python -m benchmarks.accuracy.recall_plot docs/images/recall.png
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.common import find_result, newest_results, parser_of, read_result, save_picture
from benchmarks.tables.genomes import RATES, SIMPLE_SCORES, judgements

TOLERANCES = (100, 500)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("output", type=Path, help="PNG file.")
    arguments = parser.parse_args()
    measured = find_result("genome_recall.human.json")
    if measured is None:
        parser.error("there is no result genome_recall.human.json: run benchmarks.accuracy.genome_recall first")
    model = read_result(measured)
    results = {model["origin"]["models"][0]["name"]: model}
    for path in newest_results():
        if path.name.startswith("baseline."):
            result = read_result(path)
            results[SIMPLE_SCORES[result["baseline"]]] = result
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for name, result in results.items():
        for axes, points in zip(panels, judgements(result), strict=True):
            low, high = zip(*(points[rate]["recall_interval95"] for rate in RATES), strict=True)
            rates = [float(rate) for rate in RATES]
            axes.plot(rates, [points[rate]["recall"] for rate in RATES], marker=".", label=name)
            axes.fill_between(rates, low, high, alpha=0.15, linewidth=0)
    for axes, tolerance in zip(panels, TOLERANCES, strict=True):
        title = f"found: within {tolerance} bp, same strand"
        axes.set(xscale="log", ylim=(0, 1), xlabel="FP/Mb", title=title)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("recall of listed starts, 95 % bands")
    panels[0].legend(loc="upper left")
    save_picture(figure, arguments.output, model["origin"]["models"])


if __name__ == "__main__":
    main()
