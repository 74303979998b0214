"""How many promoters of a genome a model finds, by the number of false hits per Mb, on contigs it was not trained on.

A listed start is found if a hit of its strand lies within 100 bp of it; a hit farther than 500 bp from every listed
start of its strand is false. False hits are counted per Mb of scanned sequence, both strands together. Not every real
start is listed, so they are an upper bound. `random` are the contigs of exactly 131,072 bp, which were drawn at random
from the genome; the others hold chosen genes and are denser in promoters.

    asked     what the model was calibrated to: called at so many false hits per Mb, how many were there

    python benchmarks/genome_recall.py MODEL --data DATA --contigs chr10,chr16 -o RESULT.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

import promscan
from promscan.calibration import Calibration
from promscan.checkpoint import load_model
from promscan.figures import TOLERANCE
from promscan.train.calls import JudgedCalls, call_and_judge, draw_pieces
from promscan.tss import LabelledGenome, read_labelled_genome

RATES = (5, 10, 20, 50, 100, 500)
RANDOM_CONTIG = 131_072
DRAWS = 1000


def judge(model: Any, genome: LabelledGenome) -> JudgedCalls:
    pieces = draw_pieces(genome.contigs, genome.bases, np.random.default_rng(0))
    return call_and_judge(model, genome.contigs, pieces, genome.starts, torch.device("cpu"), None)


def figures(calls: JudgedCalls, calibration: Calibration | None) -> dict[str, Any]:
    """Recall at some rates with 95 % of bootstrap draws of the starts, and how honest the calibration is."""
    rng = np.random.default_rng(1)
    recall = {}
    for rate in RATES:
        threshold = calls.threshold(rate)
        hit = calls.found >= threshold
        draws = hit[rng.integers(len(hit), size=(DRAWS, len(hit)))].mean(axis=1)
        low, high = np.percentile(draws, [2.5, 97.5])
        recall[str(rate)] = {"recall": float(hit.mean()), "interval95": [float(low), float(high)], "logit": threshold}
    result: dict[str, Any] = {"bases": calls.bases, "starts": len(calls.found), "recall": recall}
    if calibration is not None:
        false = calls.false_logits
        result["asked"] = {
            str(rate): {
                "got": float((false >= calibration.logit_at(rate)).sum() / calls.bases * 1e6),
                "recall": float((calls.found >= calibration.logit_at(rate)).mean()),
            }
            for rate in RATES
            if calibration.least <= rate <= calibration.most
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--contigs", required=True, help="Contigs, or names before a colon, commas between.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    model, card = load_model(arguments.model)
    genome = read_labelled_genome(arguments.data / "human/hg38_contigs.fa", arguments.data / "human/hg38_tss.bed")
    part = genome.part(arguments.contigs.split(","))
    fixed = [chrom for chrom, codes in part.contigs.items() if len(codes) != RANDOM_CONTIG]
    calibration = Calibration.parse(card.calibration) if card.calibration else None
    result: dict[str, Any] = {
        "promscan": promscan.__version__,
        "model": card.name,
        "sha256": card.sha256,
        "contigs": arguments.contigs,
        "tolerance": TOLERANCE,
        "all": figures(judge(model, part), calibration),
        "random": figures(judge(model, part.without(fixed)), calibration),
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.output.read_text())


if __name__ == "__main__":
    main()
