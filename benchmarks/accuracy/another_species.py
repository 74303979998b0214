r"""A model on a species that it has not learned from, as it is and calibrated there.

A calibration moves no hit in the ranking, so the recall at a number of false positives per Mb is that of both. It
changes what a user gets for the rate that was asked for. The threshold of the calibration is taken from the same scan:
the hits as far from every listed start as `promscan calibrate` asks for are its background.

    ranked   the values of `promscan evaluate --json`
    default  at the default rate, by the threshold of the card (`as_it_is`) and by that of the background here
             (`calibrated`): the recall of all starts, of main and of alternative ones, and of all within 500 bp

    python -m benchmarks.accuracy.another_species human --genome mouse.fa --tss tss.bed --species "Mus musculus" \
        -o benchmarks/results/0.1.0/another_species.mouse.json
"""

from __future__ import annotations

import math
from typing import Any

import promscan
from benchmarks.accuracy.genome_recall import at_default
from benchmarks.common import EPDNEW_CLASSES, ModelHits, parser_of, save_result
from promscan.calling.settings import calling_logit
from promscan.commands.evaluating.evaluation import Evaluation
from promscan.metrics.judged import Ranking
from promscan.metrics.ranking import lowest_threshold


def calibrated_threshold(ranking: Ranking, fp_per_mb: float) -> float:
    """The lowest score with no more hits than this per Mb of background."""
    return lowest_threshold(ranking.background, math.floor(fp_per_mb * ranking.background_bases / 1e6))


def default_of(near: Evaluation, wide: Evaluation, threshold: float) -> dict[str, Any]:
    """What a scan with this threshold gives."""
    return {**near.at(threshold)._asdict(), **at_default(near, threshold), "within_500": wide.at(threshold).recall}


def main() -> None:
    parser = parser_of(__doc__, "model", "genome", "tss", "threads", "output")
    parser.add_argument("--species", required=True, help="Scientific name.")
    arguments = parser.parse_args()
    scan = promscan.scan(
        arguments.genome, model=arguments.model, to_rank=True, strength=None, device="cpu",
        threads=arguments.threads or 1,
    )  # fmt: skip
    hits, scale = ModelHits(scan), scan.card.scale
    near, wide = (
        promscan.evaluate(
            hits, arguments.tss, arguments.genome, tolerance=tolerance, false_beyond=scale.false_beyond,
            class_pattern=EPDNEW_CLASSES,
        )
        for tolerance in (scale.tolerance, 500)
    )  # fmt: skip
    thresholds = {
        "as_it_is": calling_logit(scan.card, None, None),
        "calibrated": calibrated_threshold(near.ranking, scale.fp_per_mb),
    }
    default = {name: default_of(near, wide, threshold) for name, threshold in thresholds.items()}
    result = {"species": arguments.species, "ranked": near.describe(), "default": default}
    save_result(arguments.output, result, scan.card)


if __name__ == "__main__":
    main()
