"""Put a trained model into weights/, with a card that says what was measured.

Takes the texts of `benchmarks/models.json` and the results of `core_promoters.py` (and of `default_threshold.py`,
unless the texts name a threshold), refuses results of other weights, writes weights/NAME.safetensors and NAME.json.

    python benchmarks/bundle.py core70 runs/core70/best.safetensors
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from promscan.checkpoint import load_model, save_model

HERE = Path(__file__).parent


def result(kind: str, name: str, sha256: str) -> dict[str, Any]:
    path = HERE / "results" / f"{kind}.{name}.json"
    values: dict[str, Any] = json.loads(path.read_text())
    if values["sha256"] != sha256:
        raise SystemExit(f"{path} was measured on other weights ({values['sha256']}): run {kind}.py again")
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("weights")
    arguments = parser.parse_args()
    model, card = load_model(arguments.weights)
    texts = json.loads((HERE / "models.json").read_text())[arguments.name]
    if "default_threshold" not in texts:
        threshold = result("default_threshold", arguments.name, card.sha256)
        texts["default_threshold"] = threshold["default_threshold"]
        texts["threshold_basis"] = (
            f"{threshold['hits_per_mb']} hits per Mb in {threshold['bases']} bp of {threshold['background']}"
        )
    test = result("core_promoters", arguments.name, card.sha256)["sets"]
    whole = test["all"]["one_strand"]["whole"]
    card = dataclasses.replace(
        card,
        name=arguments.name,
        **texts,
        metrics={**card.metrics, "test": test},
        headline={name: whole[name] for name in ("accuracy", "mcc", "auc")},
        splits={**card.splits, "test": "core promoter benchmark (GUE prom_core), test split, never used for choosing"},
    )
    out = HERE.parent / "weights" / f"{arguments.name}.safetensors"
    print(save_model(out, model, card).sha256)


if __name__ == "__main__":
    main()
