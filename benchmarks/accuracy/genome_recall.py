r"""Recall of a model by false hits per Mb, on contigs of a genome that it was not trained on.

The model scans the contigs at a threshold that nearly everything passes, and `promscan evaluate` judges its hits. Not
every real start is listed, so the false hits are an upper bound. `random` are the contigs of exactly 131,072 bp, which
were drawn at random from the genome; the others hold chosen genes and are denser in promoters.

    within_500  at a tolerance of 500 bp, not 100
    asked       false hits per Mb at the thresholds of the calibration, by what was asked for

    python -m benchmarks.accuracy.genome_recall human --genome DATA/human/hg38_contigs.fa \
        --tss DATA/human/hg38_tss.bed --contigs chr10,chr16 -o benchmarks/results/0.1.0/genome_recall.human.json
"""

from __future__ import annotations

from typing import Any

import promscan
from benchmarks.common import parser_of, save_result
from promscan.commands.evaluate import RATES, Evaluation
from promscan.io.genome import Genome
from promscan.metrics.calibration import Calibration
from promscan.seq.regions import matching_contigs

LOWEST = 1e-6
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


def main() -> None:
    parser = parser_of(__doc__, "model", "genome", "tss", "contigs", "output")
    arguments = parser.parse_args()
    lengths = Genome(arguments.genome).contigs()
    contigs = matching_contigs(arguments.contigs.split(","), lengths)
    scan = promscan.scan(
        arguments.genome,
        model=arguments.model,
        threshold=LOWEST,
        regions=contigs,
        strength=None,
        device="cpu",
        threads=1,
    )
    hits = list(scan)
    calibration = scan.card.calibration
    drawn = [chrom for chrom in contigs if lengths[chrom] == RANDOM_CONTIG]
    judgements = {"all": (contigs, 100), "within_500": (contigs, 500)} | ({"random": (drawn, 100)} if drawn else {})

    def judge(part: list[str], tolerance: int) -> Evaluation:
        return promscan.evaluate(hits, arguments.tss, arguments.genome, contigs=part, tolerance=tolerance)

    result: dict[str, Any] = {
        "contigs": arguments.contigs,
        **{name: describe(judge(part, tolerance), calibration) for name, (part, tolerance) in judgements.items()},
    }
    save_result(arguments.output, result, scan.card)


if __name__ == "__main__":
    main()
