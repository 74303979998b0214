r"""Recall of a model by false hits per Mb, on contigs of a genome that it was not trained on.

The model scans the contigs at a threshold that nearly everything passes, and `promscan evaluate` judges its hits. Not
every real start is listed, so the false hits are an upper bound. `random` are the contigs of exactly 131,072 bp, which
were drawn at random from the genome; the others hold chosen genes and are denser in promoters.

    within_500  at a tolerance of 500 bp, not 100
    asked       false hits per Mb at the thresholds of the calibration, by what was asked for
    default     recall at the default threshold, of all starts, of main ones and of the alternative ones: EPDnew ends
                the name of the main start of a gene in _1

    python -m benchmarks.accuracy.genome_recall human --genome DATA/human/hg38_contigs.fa \
        --tss DATA/human/hg38_tss.bed --contigs chr10,chr16 -o benchmarks/results/0.1.0/genome_recall.human.json
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import promscan
from benchmarks.common import interval95, parser_of, save_result
from promscan.calling.settings import calling_logit
from promscan.commands.evaluate import RATES, Evaluation
from promscan.io.genome import Genome
from promscan.metrics.calibration import Calibration
from promscan.seq.regions import matching_contigs

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


def at_threshold(evaluation: Evaluation, threshold: float) -> dict[str, Any]:
    """Recall at a fixed threshold, with its 95 % interval by a bootstrap over blocks of 100 kb."""
    found, blocks = evaluation.ranking.found, len(evaluation.ranking.block_bases)
    reached = found.scores >= threshold
    draws, rng = list[float](), np.random.default_rng(0)
    while len(draws) < DRAWS:
        weights = np.bincount(rng.integers(blocks, size=blocks), minlength=blocks)[found.blocks]
        if weights.any():
            draws.append(float(weights @ reached / weights.sum()))
    return {
        "tss": len(reached),
        "found": int(reached.sum()),
        "recall": float(reached.mean()),
        "recall_interval95": interval95(np.array(draws)),
    }


def lists_of_starts(tss: Path, folder: Path) -> dict[str, Path]:
    """BED files of all starts, of those whose names end in _1, and of the others; without those that are empty."""
    rows = [line for line in tss.read_text(encoding="utf-8").splitlines(keepends=True) if line[:1] not in "#\n"]
    lists = {"all": tss}
    for kind in ("main", "alternative"):
        chosen = [row for row in rows if row.split("\t")[3].endswith("_1") == (kind == "main")]
        if chosen:
            lists[kind] = folder / f"{kind}.bed"
            lists[kind].write_text("".join(chosen), encoding="utf-8")
    return lists


def main() -> None:
    parser = parser_of(__doc__, "model", "genome", "tss", "contigs", "output")
    arguments = parser.parse_args()
    lengths = Genome(arguments.genome).contigs()
    contigs = matching_contigs(arguments.contigs.split(","), lengths)
    scan = promscan.scan(
        arguments.genome,
        model=arguments.model,
        to_rank=True,
        regions=contigs,
        strength=None,
        device="cpu",
        threads=1,
    )
    hits = list(scan)
    calibration = scan.card.calibration
    drawn = [chrom for chrom in contigs if lengths[chrom] == RANDOM_CONTIG]
    judgements = {"all": (contigs, 100), "within_500": (contigs, 500)} | ({"random": (drawn, 100)} if drawn else {})

    def judge(part: list[str], tolerance: int, tss: Path = arguments.tss) -> Evaluation:
        return promscan.evaluate(hits, tss, arguments.genome, contigs=part, tolerance=tolerance)

    threshold = calling_logit(scan.card, None, None)
    with tempfile.TemporaryDirectory() as name:
        lists = lists_of_starts(arguments.tss, Path(name))
        default = {kind: at_threshold(judge(contigs, 100, tss), threshold) for kind, tss in lists.items()}

    result: dict[str, Any] = {
        "contigs": arguments.contigs,
        "default": {"threshold": threshold, **default},
        **{name: describe(judge(part, tolerance), calibration) for name, (part, tolerance) in judgements.items()},
    }
    save_result(arguments.output, result, scan.card)


if __name__ == "__main__":
    main()
