"""Do designed inserts have the strength that was asked for? Graded by a model that had no part in the design.

Inserts are designed for strengths over a range, by the model to check. An independent model (of another seed and
architecture) grades them. As the two may differ in scale, its grades are also told after the straight line that maps
its predictions onto those of the first for random inserts, which were not designed. Then the figures by wanted strength
are the mean grade, and over all proposals the correlation of wanted and graded strength and the root mean square of
their difference. A search that only finds the weak spots of its model would have grades that do not follow.

    python benchmarks/design_check.py MODEL JUDGE -o benchmarks/results/design_check.MODEL.json

writes a plot of graded against wanted strength beside the result.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import promscan
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
"""How many strengths are asked for."""
RANGE = (0.5, 99.5)
"""Percentiles of the strengths of random inserts, between which strengths are asked for; and beyond, `BEYOND`."""
BEYOND = 0.2
"""Standard deviations of random inserts past either end of the range."""
Array = npt.NDArray[np.float64]


def predict(model: str, inserts: Codes, threads: int | None) -> Array:
    """Strengths (n,) of inserts (n, insert length)."""
    network, card = load_strength(model)
    with StrengthPredictor(network, card, [torch.device("cpu")], threads=threads) as predictor:
        return predictor.predict(inserts)[0].astype(np.float64)


def propose(model: str, wanted: float, threads: int | None) -> list[Design]:
    """Inserts of a strength; none if it is out of reach."""
    try:
        return promscan.design([wanted], model=model, count=COUNT, device="cpu", threads=threads)
    except DesignError as error:
        print(error)
        return []


def levels(strengths: Array) -> list[float]:
    low, high = np.percentile(strengths, RANGE)
    beyond = BEYOND * strengths.std()
    return [round(float(x), 2) for x in [low - beyond, *np.linspace(low, high, LEVELS), high + beyond]]


def by_level(designs: list[Design], grades: Array) -> list[dict[str, Any]]:
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


def plot(designs: list[Design], grades: Array, unit: str, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 4), layout="constrained")
    ax = figure.subplots()
    wanted = [each.wanted for each in designs]
    ax.plot([min(wanted), max(wanted)], [min(wanted), max(wanted)], color="0.6", linestyle=":")
    ax.plot(wanted, grades, ".", alpha=0.4)
    ax.set(xlabel=f"wanted strength ({unit})", ylabel="graded by the independent model")
    figure.savefig(path, format="png", dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("judge", help="Another strength model, which grades the proposals.")
    parser.add_argument("--threads", type=int)
    parser.add_argument("-o", "--output", type=Path, required=True)
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
        "promscan": promscan.__version__,
        "model": {"name": card.name, "sha256": card.sha256, "unit": strength_of(card).unit},
        "judge": {"name": judge_card.name, "sha256": judge_card.sha256, "unit": strength_of(judge_card).unit},
        "random": {
            "inserts": RANDOM,
            "mean": round(float(by_model.mean()), 4),
            "sd": round(float(by_model.std()), 4),
            "pearson": round(float(np.corrcoef(by_model, by_judge)[0, 1]), 4),
            "slope": round(float(slope), 4),
            "offset": round(float(offset), 4),
        },
        "asked": levels(by_model),
        "figures": regression_metrics(np.array([each.wanted for each in designs]), grades),
        "levels": by_level(designs, grades),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    plot(designs, grades, strength_of(card).unit, arguments.output.with_suffix(".png"))
    print(json.dumps(result["figures"]))


if __name__ == "__main__":
    main()
