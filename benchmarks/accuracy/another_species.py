r"""A model on a species that it has not learned from, as it is and calibrated there.

A calibration moves no hit in the ranking, so the recall at a number of false positives per Mb is that of both. It
changes what a user gets for the rate that was asked for.

    ranked      the values of `promscan evaluate --json`
    asked       by the rate that was asked for: the values at the threshold of each of the two tables
    default     the same at the default rate, with the recall of all starts, of main and of alternative ones, and of
                all within 500 bp

    promscan calibrate human --genome mouse.fa --exclude tss.bed -o mouse.safetensors
    python -m benchmarks.accuracy.another_species human --calibrated mouse.safetensors --genome mouse.fa \
        --tss tss.bed --species "Mus musculus" -o benchmarks/results/0.1.0/another_species.mouse.json
"""

from __future__ import annotations

from typing import Any

import promscan
from benchmarks.accuracy.genome_recall import at_default
from benchmarks.common import EPDNEW_CLASSES, ModelHits, parser_of, save_result
from promscan.calling.settings import calling_logit
from promscan.commands.evaluating.evaluation import RATES, Evaluation
from promscan.networks.card import Card, find_model, read_card


def asked_of(evaluation: Evaluation, card: Card) -> dict[str, Any]:
    """What the thresholds of a calibration give, by the rate that was asked for."""
    table = card.calibration
    if table is None:
        return {}
    rates = (rate for rate in RATES if table.least <= rate <= table.most)
    return {str(rate): evaluation.at(table.logit_at(rate))._asdict() for rate in rates}


def default_of(near: Evaluation, wide: Evaluation, card: Card) -> dict[str, Any]:
    """What a scan with default options gives."""
    threshold = calling_logit(card, None, None)
    recalls = at_default(near, threshold)
    return {**near.at(threshold)._asdict(), **recalls, "within_500": wide.at(threshold).recall}


def main() -> None:
    parser = parser_of(__doc__, "model", "genome", "tss", "threads", "output")
    parser.add_argument("--calibrated", required=True, help="The same weights, calibrated on this genome.")
    parser.add_argument("--species", required=True, help="Scientific name.")
    arguments = parser.parse_args()
    scan = promscan.scan(
        arguments.genome, model=arguments.model, to_rank=True, strength=None, device="cpu",
        threads=arguments.threads or 1,
    )  # fmt: skip
    hits, scale = ModelHits(scan), scan.card.scale
    cards = {"as_it_is": scan.card, "calibrated": read_card(find_model(arguments.calibrated))}
    if cards["calibrated"].sha256 != scan.card.sha256:
        parser.error(f"{arguments.calibrated} has other weights than {arguments.model}")
    near, wide = (
        promscan.evaluate(
            hits, arguments.tss, arguments.genome, tolerance=tolerance, false_beyond=scale.false_beyond,
            class_pattern=EPDNEW_CLASSES,
        )
        for tolerance in (scale.tolerance, 500)
    )  # fmt: skip
    result = {
        "species": arguments.species,
        "ranked": near.describe(),
        "asked": {name: asked_of(near, card) for name, card in cards.items()},
        "default": {name: default_of(near, wide, card) for name, card in cards.items()},
    }
    save_result(arguments.output, result, scan.card)


if __name__ == "__main__":
    main()
