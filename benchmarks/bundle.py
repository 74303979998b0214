"""Put a trained model into weights/, with a card that says what was measured.

Takes the texts of `benchmarks/models.json` and the results of `core_promoters.py` (and of `default_threshold.py`,
unless the texts name a threshold, and of `screening.py`, where it was run), for a scanning model that is calibrated of
`genome_recall.py` (and of `precision.py`, where it was run), or for a strength model of `strength.py`; refuses results
of other weights, writes weights/NAME.safetensors and NAME.json.

    python benchmarks/bundle.py core70 runs/core70/best.safetensors
    python benchmarks/bundle.py human runs/human/calibrated.safetensors
    python benchmarks/bundle.py yeast-strength runs/tuned/best.safetensors
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from promscan.networks.card import STRENGTH, Card, find_model, read_card, strength_of
from promscan.networks.card_parts import Screening
from promscan.networks.weights import load_model, load_strength, save_model

HERE = Path(__file__).parent
JUDGEMENTS = ("all", "within_500", "random")


def path_of(kind: str, name: str) -> Path:
    return HERE / "results" / f"{kind}.{name}.json"


def was_run(kind: str, name: str) -> bool:
    return path_of(kind, name).is_file()


def result(kind: str, name: str, sha256: str) -> dict[str, Any]:
    path = path_of(kind, name)
    values: dict[str, Any] = json.loads(path.read_text())
    if values["sha256"] != sha256:
        raise SystemExit(f"{path} was measured on other weights ({values['sha256']}): run {kind}.py again")
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("weights")
    arguments = parser.parse_args()
    strong = read_card(find_model(arguments.weights)).task == STRENGTH
    model, card = load_strength(arguments.weights) if strong else load_model(arguments.weights)
    texts = json.loads((HERE / "models.json").read_text())[arguments.name]
    if strong:
        card, texts = with_correlations(card, result("strength", arguments.name, card.sha256), texts)
    elif card.engine == "streaming":
        card = with_recall(card, result("genome_recall", arguments.name, card.sha256))
        if was_run("precision", arguments.name):
            moved = result("precision", arguments.name, card.sha256)
            card = dataclasses.replace(card, metrics={**card.metrics, "bfloat16": moved})
    else:
        card = with_benchmark(card, arguments.name, texts)
        if was_run("screening", arguments.name):
            measured = result("screening", arguments.name, card.sha256)
            card = dataclasses.replace(card, screening=Screening(**measured["screening"]))
    out = HERE.parent / "weights" / f"{arguments.name}.safetensors"
    print(save_model(out, model, dataclasses.replace(card, name=arguments.name, **texts)).sha256)


def with_recall(card: Card, test: dict[str, Any]) -> Card:
    """The card with the recall on contigs that were never used for choosing."""
    points = test["all"]["at_fp_per_mb"]
    figures = {name: {k: v for k, v in test[name].items() if k != "distance"} for name in JUDGEMENTS if name in test}
    return dataclasses.replace(
        card,
        metrics={**card.metrics, "test": {"contigs": test["contigs"], **figures}},
        headline={f"recall at {rate} false hits per Mb": points[rate]["recall"] for rate in ("10", "50", "100")},
        splits={**card.splits, "test": f"{test['contigs']}, never used for choosing"},
    )


def with_correlations(card: Card, test: dict[str, Any], texts: dict[str, Any]) -> tuple[Card, dict[str, Any]]:
    """The card with the correlations on promoters that were never used for choosing, and what its scores are about."""
    strength = dataclasses.replace(strength_of(card), **texts.pop("strength"))
    card = dataclasses.replace(
        card,
        metrics={**card.metrics, "test": test["sets"], "rate": test["rate"]},
        headline={f"correlation, {name} promoters": found["pearson"] for name, found in test["sets"].items()},
        strength=strength,
    )
    return card, texts


def with_benchmark(card: Card, name: str, texts: dict[str, Any]) -> Card:
    """The card with the figures of the benchmark, and `texts` with a threshold."""
    if "default_threshold" not in texts:
        threshold = result("default_threshold", name, card.sha256)
        texts["default_threshold"] = threshold["default_threshold"]
        texts["threshold_basis"] = (
            f"{threshold['hits_per_mb']} hits per Mb in {threshold['bases']} bp of {threshold['background']}"
        )
    test = result("core_promoters", name, card.sha256)["sets"]
    whole = test["all"]["one_strand"]["whole"]
    return dataclasses.replace(
        card,
        metrics={**card.metrics, "test": test},
        headline={name: whole[name] for name in ("accuracy", "mcc", "auc")},
        splits={**card.splits, "test": "core promoter benchmark (GUE prom_core), test split, never used for choosing"},
    )


if __name__ == "__main__":
    main()
