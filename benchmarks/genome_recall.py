"""How many promoters of a genome a model finds, by the number of false hits per Mb, on contigs it was not trained on.

The model scans the contigs at a threshold that lets nearly everything pass, and its hits are judged as by `promscan
evaluate`. Not every real start is listed, so the false hits are an upper bound. `random` are the contigs of exactly
131,072 bp, which were drawn at random from the genome; the others hold chosen genes and are denser in promoters.

    within_500  at a tolerance of 500 bp, not 100
    asked       what the model was calibrated to: called at so many false hits per Mb, how many were there

    python benchmarks/genome_recall.py MODEL --genome GENOME.fa --tss TSS.bed --contigs chr10,chr16 -o RESULT.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import promscan
from promscan.commands.evaluate import RATES, Evaluation
from promscan.io.genome import Genome
from promscan.metrics.calibration import Calibration
from promscan.seq.regions import matching_contigs

LOWEST = 1e-6
RANDOM_CONTIG = 131_072


def figures(evaluation: Evaluation, calibration: Calibration | None) -> dict[str, Any]:
    """What `promscan evaluate --json` writes, and how honest the calibration is."""
    result = evaluation.describe()
    if calibration is not None:
        result["asked"] = {
            str(rate): evaluation.at(calibration.logit_at(rate))._asdict()
            for rate in RATES
            if calibration.least <= rate <= calibration.most
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--genome", type=Path, required=True)
    parser.add_argument("--tss", type=Path, required=True)
    parser.add_argument("--contigs", required=True, help="Contigs, or names before a colon, commas between.")
    parser.add_argument("-o", "--output", type=Path, required=True)
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
        "model": scan.card.name,
        "sha256": scan.card.sha256,
        "contigs": arguments.contigs,
        **{name: figures(judge(part, tolerance), calibration) for name, (part, tolerance) in judgements.items()},
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.output.read_text())


if __name__ == "__main__":
    main()
