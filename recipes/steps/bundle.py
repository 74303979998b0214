r"""Write the weights of a finished model with a card that holds its texts and what was measured.

The texts come from `recipes/cards.json`. The measurements are results of `benchmarks.accuracy`: `core_promoters` and,
unless the texts name a threshold, `default_threshold` (and `screening`, if there is one) for a classifier of windows;
`bacteria` for a model of many species, `genome_recall` (and `precision`, if there is one) for another one that scans;
`strength` for a strength model. Results of
other weights are refused.

    python -m recipes.steps.bundle core70 runs/core70/core70/best.safetensors --results runs/core70/results \
        -o runs/core70/core70.safetensors
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from benchmarks.common import parser_of, read_result
from promscan.networks.card import STRENGTH, Card, read_card, strength_of
from promscan.networks.card_parts import Screening
from promscan.networks.model_files import find_model
from promscan.networks.weights import load_model, load_screening, load_strength, save_model

CARDS = Path(__file__).resolve().parent.parent / "cards.json"
JUDGEMENTS = ("all", "within_500", "random")
SHOWN = ("E. coli", "S. pyogenes")
"""Species in the list of models."""
Values = dict[str, Any]


class Results:
    """The results of one model in a folder."""

    def __init__(self, folder: Path, name: str, sha256: str) -> None:
        self.folder, self.name, self.sha256 = folder, name, sha256

    def __contains__(self, kind: str) -> bool:
        return self._path(kind).is_file()

    def __getitem__(self, kind: str) -> Values:
        path = self._path(kind)
        if not path.is_file():
            raise SystemExit(f"{path} is missing: run benchmarks.accuracy.{kind}")
        values = read_result(path)
        measured = [model["sha256"] for model in values["origin"]["models"]]
        if self.sha256 not in measured:
            raise SystemExit(f"{path} was measured on other weights ({measured}): run benchmarks.accuracy.{kind} again")
        return values

    def _path(self, kind: str) -> Path:
        return self.folder / f"{kind}.{self.name}.json"


def without_origin(result: Values) -> Values:
    return {key: value for key, value in result.items() if key != "origin"}


def with_recall(card: Card, results: Results) -> Card:
    """The card of a scanning model, with the recall on the contigs of the test."""
    test = results["genome_recall"]
    points = test["all"]["at_fp_per_mb"]
    metrics = {name: {k: v for k, v in test[name].items() if k != "distance"} for name in JUDGEMENTS if name in test}
    moved = {"bfloat16": without_origin(results["precision"])} if "precision" in results else {}
    return dataclasses.replace(
        card,
        metrics={**card.metrics, "test": {"contigs": test["contigs"], **metrics}, **moved},
        headline={f"recall at {rate} FP/Mb": points[rate]["recall"] for rate in ("10", "50", "100")},
        splits={**card.splits, "test": f"{test['contigs']}, never used for choosing"},
    )


def with_species(card: Card, results: Results) -> Card:
    """The card of a model of many species, with the recall on the test part of each."""
    test = results["bacteria"]
    rates = {name: found["model"]["100"]["recall"] for name, found in by_species(test).items() if name in SHOWN}
    return dataclasses.replace(
        card,
        metrics={**card.metrics, "test": {"part": test["part"], "mean": test["mean"], "species": test["species"]}},
        headline={f"{name} recall at 100 FP/Mb": recall for name, recall in rates.items()},
        splits={**card.splits, "test": "bases from 0.5 to 0.6 of each contig, never used for choosing"},
    )


def by_species(test: Values) -> Values:
    """The measurements by short names of the species."""
    names = {name: found["species"].split() for name, found in test["species"].items()}
    return {f"{words[0][0]}. {words[1]}": test["species"][name] for name, words in names.items()}


def with_correlations(card: Card, results: Results, strength: Values) -> Card:
    """The card of a strength model, with the correlations on the promoters of the test."""
    test = results["strength"]
    return dataclasses.replace(
        card,
        metrics={**card.metrics, "test": test["sets"]} | ({"rate": test["rate"]} if "rate" in test else {}),
        headline={f"correlation, {name} promoters": found["pearson"] for name, found in test["sets"].items()},
        strength=dataclasses.replace(strength_of(card), **strength),
    )


def with_benchmark(card: Card, results: Results) -> Card:
    """The card of a classifier, with the metrics of the benchmark, the screening and the threshold."""
    if card.default_threshold is None:
        found = results["default_threshold"]
        basis = f"{found['hits_per_mb']} hits per Mb in {found['bases']} bp of {found['background']}"
        card = dataclasses.replace(card, default_threshold=found["default_threshold"], threshold_basis=basis)
    if "screening" in results:
        card = dataclasses.replace(card, screening=Screening(**results["screening"]["screening"]))
    test = results["core_promoters"]["sets"]
    whole = test["all"]["one_strand"]["whole"]
    return dataclasses.replace(
        card,
        metrics={**card.metrics, "test": test},
        headline={name: whole[name] for name in ("accuracy", "mcc", "auc")},
        splits={**card.splits, "test": "core promoter benchmark (GUE prom_core), test split, never used for choosing"},
    )


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("name", help="Name of the model in recipes/cards.json.")
    parser.add_argument("weights", help="Its weights file.")
    parser.add_argument("--results", type=Path, required=True, help="Folder of the results KIND.NAME.json.")
    arguments = parser.parse_args()
    is_strength = read_card(find_model(arguments.weights)).task == STRENGTH
    model, card = load_strength(arguments.weights) if is_strength else load_model(arguments.weights)
    texts: Values = json.loads(CARDS.read_text(encoding="utf-8"))[arguments.name]
    results = Results(arguments.results, arguments.name, card.sha256)
    strength = texts.pop("strength", {})
    card = dataclasses.replace(card, **{"default_threshold": None, "name": arguments.name, **texts})
    if is_strength:
        card = with_correlations(card, results, strength)
    elif "bacteria" in results:
        card = with_species(card, results)
    elif card.engine == "streaming":
        card = with_recall(card, results)
    else:
        card = with_benchmark(card, results)
    screening = None if is_strength else load_screening(arguments.weights)
    print(save_model(arguments.output, model, card, screening).sha256)


if __name__ == "__main__":
    main()
