r"""Recall of a model by false positives per Mb, on contigs of a genome that it was not trained on.

The model scans the contigs at a threshold that nearly everything passes, and `promscan evaluate` judges its hits. Not
every real start is listed, so the false hits are an upper bound. `random` are the contigs of exactly 131,072 bp, which
were drawn at random from the genome; the others hold chosen genes and are denser in promoters.

    within_500  at a tolerance of 500 bp, not 100; within_50 is at that of the card, if it is smaller than 100
    asked       false positives per Mb at the thresholds of the calibration, by what was asked for
    default     recall at the default threshold, of all starts, of main ones and of the alternative ones: EPDnew ends
                the name of the main start of a gene in _1

    python -m benchmarks.accuracy.genome_recall human --genome DATA/human/hg38_contigs.fa \
        --tss DATA/human/hg38_tss.bed --contigs chr10,chr16 -o benchmarks/results/0.1.0/genome_recall.human.json
"""

from __future__ import annotations

from typing import Any

import numpy as np

import promscan
from benchmarks.common import EPDNEW_CLASSES, ModelHits, interval95, parser_of, save_result
from promscan.calling.settings import calling_logit
from promscan.commands.evaluating.classes import BY_NAME
from promscan.commands.evaluating.evaluation import RATES, Evaluation
from promscan.io.genome import Genome
from promscan.metrics.calibration import Calibration
from promscan.seq.regions import named_regions, region_name

DRAWS = 1000
"""Draws of the bootstrap over blocks of 100 kb."""
RANDOM_CONTIG = 131_072


def describe(evaluation: Evaluation, calibration: Calibration | None) -> dict[str, Any]:
    """The values of `promscan evaluate --json`, and those at the thresholds of the calibration."""
    result = evaluation.describe()
    if calibration is not None:
        result["asked"] = {
            str(rate): evaluation.at(calibration.logit_at(rate))._asdict()
            for rate in RATES
            if calibration.least <= rate <= calibration.most
        }
    return result


def at_threshold(evaluation: Evaluation, threshold: float, members: np.ndarray) -> dict[str, Any]:
    """Recall of a class of starts at a fixed threshold, with its 95 % interval by a bootstrap over blocks of 100 kb."""
    found, blocks = evaluation.ranking.found, len(evaluation.ranking.block_bases)
    reached, numbers = found.scores[members] >= threshold, found.blocks[members]
    draws, rng = list[float](), np.random.default_rng(0)
    while len(draws) < DRAWS:
        weights = np.bincount(rng.integers(blocks, size=blocks), minlength=blocks)[numbers]
        if weights.any():
            draws.append(float(weights @ reached / weights.sum()))
    return {
        "tss": len(reached),
        "found": int(reached.sum()),
        "recall": float(reached.mean()),
        "recall_interval95": interval95(np.array(draws)),
    }


def at_default(evaluation: Evaluation, threshold: float) -> dict[str, Any]:
    """Recall at the default threshold of all starts, of main and of alternative ones, where there are any."""
    ranking = evaluation.ranking
    kinds = {"all": ranking.members[0]} | {each.name: each.members for each in ranking.classes if each.kind == BY_NAME}
    return {kind: at_threshold(evaluation, threshold, members) for kind, members in kinds.items() if members.any()}


def main() -> None:
    parser = parser_of(__doc__, "model", "genome", "tss", "contigs", "output")
    arguments = parser.parse_args()
    lengths = Genome(arguments.genome).contigs()
    regions = named_regions(arguments.contigs.split(","), lengths)
    contigs = [region_name(region) for region in regions]
    scan = promscan.scan(
        arguments.genome,
        model=arguments.model,
        to_rank=True,
        regions=contigs,
        strength=None,
        device="cpu",
        threads=1,
    )
    hits = ModelHits(scan)
    calibration = scan.card.calibration
    drawn = [region.chrom for region in regions if lengths[region.chrom] == RANDOM_CONTIG]
    judgements = {"all": (contigs, 100), "within_500": (contigs, 500)} | ({"random": (drawn, 100)} if drawn else {})
    own = scan.card.scale.tolerance
    judgements |= {f"within_{own}": (contigs, own)} if own < 100 else {}

    def judge(part: list[str], tolerance: int, pattern: str | None = None) -> Evaluation:
        return promscan.evaluate(
            hits, arguments.tss, arguments.genome, contigs=part, tolerance=tolerance, class_pattern=pattern
        )

    threshold = calling_logit(scan.card, None, None)
    default = at_default(judge(contigs, 100, EPDNEW_CLASSES), threshold)
    result: dict[str, Any] = {
        "contigs": arguments.contigs,
        "default": {"threshold": threshold, **default},
        **{name: describe(judge(part, tolerance), calibration) for name, (part, tolerance) in judgements.items()},
    }
    save_result(arguments.output, result, scan.card)


if __name__ == "__main__":
    main()
