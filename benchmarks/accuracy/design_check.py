r"""Strengths of designed inserts, graded by a model that had no part in the design.

The model to check designs inserts for strengths over a range. An independent model (another seed and architecture)
grades them. The two may differ in scale, so the straight line that maps the predictions of the second model onto those
of the first for random inserts is applied to the grades. The result has the mean grade by wanted strength and, over all
proposals, the correlation of wanted and graded strength and the root mean square of their difference. If the search
only found the weak spots of its model, the grades would not follow.

    python -m benchmarks.accuracy.design_check yeast-strength runs/judge/best.safetensors \
        -o benchmarks/results/0.1.0/design_check.yeast-strength.json

A plot of graded against wanted strength is written next to the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure

import promscan
from benchmarks.common import models_of, parser_of, save_picture, save_result
from promscan.commands.design import Design
from promscan.errors import DesignError
from promscan.inference.strength import StrengthPredictor
from promscan.metrics.regression import regression_metrics
from promscan.networks.card import strength_of
from promscan.networks.weights import load_strength
from promscan.seq import dna
from promscan.seq.dna import Codes

RANDOM = 5_000
COUNT = 20
LEVELS = 9
"""Number of strengths to ask for, without the two beyond the range."""
RANGE = (0.5, 99.5)
"""Percentiles of the strengths of random inserts: the ends of the range."""
BEYOND = 0.2
"""Standard deviations of random inserts between an end of the range and the strength beyond it."""
Array = npt.NDArray[np.float64]


def predict(model: str, inserts: Codes, threads: int | None) -> Array:
    """Strengths (n,) of inserts (n, insert length)."""
    network, card = load_strength(model)
    with StrengthPredictor(network, card, [torch.device("cpu")], threads=threads) as predictor:
        return predictor.predict(inserts)[0].astype(np.float64)


def propose(model: str, wanted: float, threads: int | None) -> list[Design]:
    """Inserts of a strength; none if the search finds too few."""
    try:
        return promscan.design([wanted], model=model, count=COUNT, device="cpu", threads=threads)
    except DesignError as error:
        print(error)
        return []


def levels(strengths: Array) -> list[float]:
    """The strengths to ask for."""
    low, high = np.percentile(strengths, RANGE)
    beyond = BEYOND * strengths.std()
    return [round(float(x), 2) for x in [low - beyond, *np.linspace(low, high, LEVELS), high + beyond]]


def by_level(designs: list[Design], grades: Array) -> list[dict[str, Any]]:
    """Mean predicted and graded strength by wanted strength."""
    wanted = np.array([each.wanted for each in designs])
    return [
        {
            "wanted": float(level),
            "proposals": int((wanted == level).sum()),
            "predicted": round(float(np.mean([each.strength for each in designs if each.wanted == level])), 4),
            "graded": round(float(grades[wanted == level].mean()), 4),
            "graded_sd": round(float(grades[wanted == level].std()), 4),
        }
        for level in sorted(set(wanted.tolist()))
    ]


def draw(designs: list[Design], grades: Array, unit: str) -> Figure:
    figure = Figure(figsize=(4.2, 4), layout="constrained")
    ax = figure.subplots()
    wanted = [each.wanted for each in designs]
    ax.plot([min(wanted), max(wanted)], [min(wanted), max(wanted)], color="0.6", linestyle=":")
    ax.plot(wanted, grades, ".", alpha=0.4)
    ax.set(xlabel=f"wanted strength ({unit})", ylabel="graded by the independent model")
    return figure


def main() -> None:
    parser = parser_of(__doc__, "model", "threads", "output")
    parser.add_argument("judge", help="Another strength model, which grades the proposals.")
    arguments = parser.parse_args()
    (_, card), (_, judge_card) = load_strength(arguments.model), load_strength(arguments.judge)
    length = strength_of(card).reporter.insert
    random = np.random.default_rng(1).integers(0, 4, (RANDOM, length), dtype=np.uint8)
    by_model, by_judge = (predict(model, random, arguments.threads) for model in (arguments.model, arguments.judge))
    slope, offset = np.polyfit(by_judge, by_model, 1)
    designs = [each for level in levels(by_model) for each in propose(arguments.model, level, arguments.threads)]
    raw = predict(arguments.judge, np.stack([dna.encode(each.sequence) for each in designs]), arguments.threads)
    grades = slope * raw + offset
    result = {
        "units": {"model": strength_of(card).unit, "judge": strength_of(judge_card).unit},
        "random": {
            "inserts": RANDOM,
            "mean": round(float(by_model.mean()), 4),
            "sd": round(float(by_model.std()), 4),
            "pearson": round(float(np.corrcoef(by_model, by_judge)[0, 1]), 4),
            "slope": round(float(slope), 4),
            "offset": round(float(offset), 4),
        },
        "asked": levels(by_model),
        "metrics": regression_metrics(np.array([each.wanted for each in designs]), grades),
        "levels": by_level(designs, grades),
    }
    save_result(arguments.output, result, card, judge_card)
    figure = draw(designs, grades, strength_of(card).unit)
    save_picture(figure, arguments.output.with_suffix(".png"), models_of(card, judge_card))


if __name__ == "__main__":
    main()
