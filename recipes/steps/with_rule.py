r"""Write a rule for placing and grading hits into the card of a model, in place of its calibration.

The rule is a JSON file, as the part `calling` of a card (docs/formats.md). A table of logits says nothing about grades,
so the result has no calibration: run `promscan calibrate` on it.

    python -m recipes.steps.with_rule human recipes/rules/human.json -o runs/graded.safetensors
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from benchmarks.common import parser_of
from promscan.networks.calling_rule import CallingRule
from promscan.networks.card_fields import read_json
from promscan.networks.weights import load_model, save_model


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("model", help="Bundled name or weights file.")
    parser.add_argument("rule", type=Path, help="JSON file with the rule.")
    arguments = parser.parse_args()
    rule = CallingRule.parse(read_json(arguments.rule.read_text(encoding="utf-8"), str(arguments.rule)))
    model, card = load_model(arguments.model)
    save_model(arguments.output, model, dataclasses.replace(card, calling=rule, calibration=None))


if __name__ == "__main__":
    main()
