"""What simple scores find on the contigs that the models are judged on, with the same calling and the same judge.

    cpg      CpG observed/expected in a window around each position. It cannot tell the strands apart, so it calls each
             place on both.
    kmers    logistic regression on the counts of 4-mers in 300 bp, 249 of them before the transcription start; trained
             on promoters and on random places of the training contigs, 500 bp and more from each listed start

How far hits keep from one another, and the width of `cpg`, are chosen on the dev contigs, as for the models. Hits are
written as BED and judged as by `promscan evaluate`, at a tolerance of 100 bp and, as neither score is made to point at
a base, of 500 bp.

    python benchmarks/baselines.py cpg --data DATA -o benchmarks/results/baseline.cpg.json
    python benchmarks/baselines.py kmers --data DATA -o benchmarks/results/baseline.kmers.json
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import promscan
from promscan.calling.peaks import PeakCaller
from promscan.commands.evaluate import STRANDS, Evaluation
from promscan.seq.dna import Codes, encode, reverse_complement
from promscan.seq.records import Hit, ScoreTrack, Strand
from promscan.seq.tss import distances
from promscan.seq.windows import tss_of
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome
from promscan.train.data.promoters import read_promoters

DEV, TEST = ("chr9", "chr17"), ("chr10", "chr16")
MIN_DISTANCES = (70, 150, 300, 500)
WIDTHS = (100, 200, 300, 500, 1000, 2000)
CHOSEN_BY = (10, 50, 100)
"""What is chosen has the highest mean recall at these false hits per Mb of dev."""
AWAY = 500
CONTEXT, BEFORE = 300, 249
"""bp around a transcription start, and how many of them stand before it."""
KMER = 4
NEGATIVES = 100_000
TOLERANCES = (100, 500)

Score = Callable[[Codes], tuple[np.ndarray, int]]
"""Scores of one strand, read 5' to 3', and the place in the codes of the first of them."""


def window_sums(values: np.ndarray, width: int) -> np.ndarray:
    """Sums of each `width` neighbours, in float64."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return sums[width:] - sums[:-width]


def cpg_score(width: int) -> Score:
    """CpG observed/expected of the `width` bp around a position; 0 where nothing is expected."""
    c, g = encode("CG").tolist()

    def score(codes: Codes) -> tuple[np.ndarray, int]:
        pairs = np.append((codes[:-1] == c) & (codes[1:] == g), False)
        expected = window_sums(codes == c, width) * window_sums(codes == g, width) / width
        return np.divide(
            window_sums(pairs, width), expected, out=np.zeros_like(expected), where=expected > 0
        ), width // 2

    return score


def kmers_of(codes: Codes) -> np.ndarray:
    """The number, below 4 ** KMER, of the k-mer at each position; `codes` (..., length) of known bases."""
    ends = codes.shape[-1] - KMER + 1
    return sum(codes[..., i : i + ends].astype(np.int64) << (2 * i) for i in range(KMER))


def counts_of(windows: Codes) -> np.ndarray:
    """How often each k-mer stands in each window, (n, 4 ** KMER)."""
    kmers = kmers_of(windows) + np.arange(len(windows))[:, None] * 4**KMER
    return np.bincount(kmers.ravel(), minlength=len(windows) * 4**KMER).reshape(len(windows), -1)


def window_at(codes: Codes, tss: int, strand: Strand) -> Codes | None:
    """The bases around a transcription start, read on its strand; None where the contig ends."""
    start = tss - BEFORE if strand == "+" else tss - (CONTEXT - 1 - BEFORE)
    window = codes[max(start, 0) : start + CONTEXT]
    if start < 0 or len(window) < CONTEXT:
        return None
    return window if strand == "+" else reverse_complement(window)


def random_windows(genome: LabelledGenome, count: int) -> Iterator[Codes]:
    """Random places, on either strand, 500 bp and more from the listed starts of both."""
    rng, chroms = np.random.default_rng(0), list(genome.contigs)
    sizes = np.array([len(genome.contigs[chrom]) for chrom in chroms])
    places = {chrom: np.sort(np.concatenate([genome.starts.on(chrom, s) for s in STRANDS])) for chrom in chroms}
    while count:
        chrom = chroms[rng.choice(len(chroms), p=sizes / sizes.sum())]
        tss = int(rng.integers(len(genome.contigs[chrom])))
        window = window_at(genome.contigs[chrom], tss, STRANDS[rng.integers(2)])
        if window is not None and distances(np.array([tss]), places[chrom])[0] >= AWAY:
            count -= 1
            yield window


def kmer_score(data: Path, genome: LabelledGenome) -> tuple[Score, dict[str, Any]]:
    """A linear score is a sum over positions, so that windows are sums of neighbours."""
    train = genome.without(genome.part([*DEV, *TEST]).contigs)
    drop = [str(data / "gue" / f"drop_for_{name}.txt") for name in ("genome_training", "dev_and_test")]
    pasted = read_promoters(str(data / "human/promoters_300bp.tsv"), BEFORE, drop).codes
    at_starts = [window_at(train.contigs[chrom], tss, strand) for chrom, tss, strand in train.starts]
    positives = np.concatenate([pasted, np.stack([window for window in at_starts if window is not None])])
    negatives = np.stack(list(random_windows(train, NEGATIVES)))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(
        np.concatenate([counts_of(positives), counts_of(negatives)]).astype(np.float32),
        np.repeat([1, 0], [len(positives), len(negatives)]),
    )
    weights = model[-1].coef_[0] / model[0].scale_

    def score(codes: Codes) -> tuple[np.ndarray, int]:
        return window_sums(weights[kmers_of(codes)], CONTEXT - KMER + 1), BEFORE

    return score, {"kmer": KMER, "positives": len(positives), "negatives": len(negatives)}


def call(genome: LabelledGenome, score: Score, min_distance: int) -> Iterator[Hit]:
    """The peaks of both strands, however low."""
    for strand in STRANDS:
        caller = PeakCaller(strand, -math.inf, min_distance, 1)
        for chrom, codes in genome.contigs.items():
            scores, first = score(codes if strand == "+" else reverse_complement(codes))
            if strand == "-":
                scores, first = scores[::-1], len(codes) - first - len(scores)
            yield from caller.feed(
                ScoreTrack(chrom, strand, first - tss_of(0, strand), 1, np.ascontiguousarray(scores, dtype=np.float32))
            )
        yield from caller.flush()


def judge(
    data: Path, genome: LabelledGenome, score: Score, min_distance: int, tolerances: Sequence[int]
) -> list[Evaluation]:
    """As any tool is judged, by a BED file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hits.bed"
        with path.open("w") as file:
            file.writelines(
                f"{hit.chrom}\t{hit.tss}\t{hit.tss + 1}\t{hit.name}\t{hit.logit:.6g}\t{hit.strand}\t{hit.tss}\n"
                for hit in call(genome, score, min_distance)
            )
        starts, fasta = data / "human/hg38_tss.bed", data / "human/hg38_contigs.fa"
        return [
            promscan.evaluate(path, starts, fasta, tolerance=tolerance, contigs=list(genome.contigs))
            for tolerance in tolerances
        ]


def best(data: Path, dev: LabelledGenome, scores: Mapping[int, Score]) -> tuple[int, int, dict[str, dict[str, float]]]:
    """Width and least distance and, for each of those tried, the mean recall on dev."""
    recalls = {}
    for width, score in scores.items():
        for min_distance in MIN_DISTANCES:
            (evaluation,) = judge(data, dev, score, min_distance, [TOLERANCES[0]])
            recalls[width, min_distance] = float(np.mean([evaluation.rates[rate].recall for rate in CHOSEN_BY]))
    width, min_distance = max(recalls, key=lambda tried: recalls[tried])
    table = {str(w): {str(d): recalls[w, d] for d in MIN_DISTANCES} for w in scores}
    return width, min_distance, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baseline", choices=["cpg", "kmers"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    data = arguments.data
    genome = read_labelled_genome(data / "human/hg38_contigs.fa", data / "human/hg38_tss.bed")
    if arguments.baseline == "cpg":
        scores, settings = {width: cpg_score(width) for width in WIDTHS}, {}
    else:
        score, settings = kmer_score(data, genome)
        scores = {CONTEXT: score}
    width, min_distance, recalls = best(data, genome.part(DEV), scores)
    settings |= {"width": width, "min_distance": min_distance, "dev_recall_by_width_and_distance": recalls}
    evaluations = judge(data, genome.part(TEST), scores[width], min_distance, TOLERANCES)
    result = {
        "baseline": arguments.baseline,
        "contigs": ",".join(TEST),
        "settings": settings,
        **{f"tolerance_{evaluation.tolerance}": evaluation.describe() for evaluation in evaluations},
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.output.read_text())


if __name__ == "__main__":
    main()
