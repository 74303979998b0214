r"""Kinds of the best false hits of a model, on contigs that it was not trained on.

A false hit lies farther than 500 bp from every listed start of its strand. Each of the 50 best ones counts for the
first kind that fits:

    core promoter    a promoter of the benchmark lies within 100 bp, on either strand, though no start is listed
    other strand     a listed start of the other strand within 500 bp
    near a start     a listed start of either strand within 2,000 bp
    CpG island       500 bp around it with at least 55 % G+C and CpG observed/expected of 0.65 (Takai and Jones 2002)
    simple sequence  fewer than half of the 4-mers that 100 bp could hold are distinct
    other            none of these

    python -m benchmarks.accuracy.false_calls human --data DATA --contigs chr10,chr16 \
        -o benchmarks/results/0.1.0/false_calls.human.json
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import promscan
from benchmarks.common import HUMAN, parser_of, save_result
from promscan.metrics.ranking import are_false
from promscan.networks.card_parts import Scale
from promscan.seq.dna import Codes, decode, reverse_complement
from promscan.seq.records import Hit
from promscan.seq.tss import distances
from promscan.seq.windows import WINDOW
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome
from promscan.train.data.labelled_windows import read_windows

BEST = 50
FP_PER_MB = 100
"""Threshold of the scan, low enough for 50 false hits."""
KINDS = ("core promoter", "other strand", "near a start", "CpG island", "simple sequence", "other")


def around(codes: Codes, middle: int, width: int) -> Codes:
    """The bases around a position, as far as the contig reaches."""
    return codes[max(0, middle - width // 2) : middle + width // 2]


def is_island(codes: Codes) -> bool:
    """Whether bases are composed like a CpG island."""
    letters = decode(codes)
    c, g, cpg = letters.count("C"), letters.count("G"), letters.count("CG")
    return c + g >= 0.55 * len(letters) and cpg * len(letters) >= 0.65 * c * g > 0


def is_simple(codes: Codes) -> bool:
    """Whether bases repeat few 4-mers."""
    letters = decode(codes)
    words = [letters[i : i + 4] for i in range(len(letters) - 3)]
    return len(set(words)) < len(words) / 2


def core_promoters(data: Path) -> set[str]:
    """The promoters of all splits of the benchmark, 70 bp each."""
    found = set[str]()
    for split in ("train", "dev", "test"):
        windows = read_windows(str(data / f"gue/prom_core_all/{split}.csv"))
        found |= {decode(codes) for codes in windows.codes[windows.promoters]}
    return found


def holds_promoter(codes: Codes, tss: int, promoters: set[str]) -> bool:
    """Whether a promoter whose start lies within 100 bp of `tss` stands in `codes`, on either strand."""
    first, last = max(0, tss - 100 - WINDOW), min(len(codes), tss + 100 + WINDOW)
    for letters in (decode(codes[first:last]), decode(reverse_complement(codes[first:last]))):
        if any(letters[i : i + WINDOW] in promoters for i in range(len(letters) - WINDOW + 1)):
            return True
    return False


def kind_of(hit: Hit, genome: LabelledGenome, promoters: set[str]) -> str:
    """The first kind that fits a false hit."""
    codes, place = genome.contigs[hit.chrom], np.array([hit.tss])
    same, other = (genome.starts.on(hit.chrom, strand) for strand in (hit.strand, "-" if hit.strand == "+" else "+"))
    if holds_promoter(codes, hit.tss, promoters):
        return "core promoter"
    if distances(place, other)[0] <= 500:
        return "other strand"
    if min(distances(place, same)[0], distances(place, other)[0]) <= 2_000:
        return "near a start"
    if is_island(around(codes, hit.tss, 500)):
        return "CpG island"
    return "simple sequence" if is_simple(around(codes, hit.tss, 100)) else "other"


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "contigs", "output")
    arguments = parser.parse_args()
    path = arguments.data / HUMAN.genome
    genome = read_labelled_genome(path, arguments.data / HUMAN.starts).part(arguments.contigs.split(","))
    scan = promscan.scan(
        path, model=arguments.model, fp_per_mb=FP_PER_MB, regions=list(genome.contigs),
        strength=None, device="cpu",
    )  # fmt: skip
    false = [
        hit
        for hit in scan
        if are_false(np.array([hit.tss]), genome.starts.on(hit.chrom, hit.strand), Scale.false_beyond)[0]
    ]
    best = sorted(false, key=lambda hit: (-hit.logit, hit.chrom, hit.start))[:BEST]
    promoters = core_promoters(arguments.data)
    kinds = [kind_of(hit, genome, promoters) for hit in best]
    counts = Counter(kinds)
    result: dict[str, Any] = {
        "contigs": arguments.contigs,
        "kinds": {kind: counts[kind] for kind in KINDS},
        "hits": [
            [hit.chrom, hit.tss, hit.strand, round(hit.logit, 3), kind] for hit, kind in zip(best, kinds, strict=True)
        ],
    }
    save_result(arguments.output, result, scan.card)


if __name__ == "__main__":
    main()
