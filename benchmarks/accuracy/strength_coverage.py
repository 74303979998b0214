r"""Picture of the coverage of a strength model: share of measurements inside the intervals that it promises.

    python -m benchmarks.accuracy.strength_coverage benchmarks/results/0.1.0/strength.yeast-strength.json \
        docs/images/strength_coverage.png
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.common import parser_of, read_result, save_picture


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("result", type=Path, help="Result of benchmarks.accuracy.strength.")
    parser.add_argument("output", type=Path, help="PNG file.")
    arguments = parser.parse_args()
    result = read_result(arguments.result)
    figure = Figure(figsize=(4.2, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    for name, found in result["sets"].items():
        shares = [float(share) for share in found["coverage"]]
        axes.plot(shares, list(found["coverage"].values()), marker="o", label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="promised share", ylabel="share inside the interval")
    axes.legend()
    save_picture(figure, arguments.output, result["origin"]["models"])


if __name__ == "__main__":
    main()
