r"""Write a rule for placing and grading hits into the card of a model, in place of its calibration.

The rule is a JSON file, as the part `calling` of a card (docs/formats.md). A table of logits says nothing about grades,
so the result has no calibration: run `promscan calibrate` on it. A rule that reads `wide_estimates` takes a model with
a screening network, which stays; its floors do not.

    python -m recipes.steps.with_rule human recipes/rules/human.json -o runs/graded.safetensors
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from benchmarks.common import parser_of
from promscan.networks.calling_rule import WIDE_ESTIMATES, CallingRule
from promscan.networks.card_fields import read_json
from promscan.networks.card_parts import Screening
from promscan.networks.weights import load_model, load_screening, save_model


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("model", help="Bundled name or weights file.")
    parser.add_argument("rule", type=Path, help="JSON file with the rule.")
    arguments = parser.parse_args()
    rule = CallingRule.parse(read_json(arguments.rule.read_text(encoding="utf-8"), str(arguments.rule)))
    model, card = load_model(arguments.model)
    network = load_screening(arguments.model) if rule.select(WIDE_ESTIMATES) else None
    if network is None and rule.select(WIDE_ESTIMATES):
        raise SystemExit(f"{arguments.model} has no screening network, and the rule reads {WIDE_ESTIMATES}")
    screening = None if network is None else Screening(0.0, 0.0, "estimates for grades alone", network.sizes)
    card = dataclasses.replace(card, calling=rule, calibration=None, screening=screening)
    save_model(arguments.output, model, card, network)


if __name__ == "__main__":
    main()
