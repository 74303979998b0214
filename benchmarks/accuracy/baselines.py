"""Recall of two simple scores on the human test contigs, called and evaluated like the models.

    cpg      CpG observed/expected in a window around each position. It does not know the strand, so it calls each
             place on both strands.
    kmers    Logistic regression on the counts of 4-mers in 300 bp, 249 of them before the transcription start. Trained
             on promoters and on random places of the training contigs, at least 500 bp from each listed start.

The least distance between hits and the width of `cpg` are chosen on the dev contigs, as for the models. The hits are
evaluated at a tolerance of 100 bp, and of 500 bp because neither score is made to point at a base.

    python -m benchmarks.accuracy.baselines cpg --data DATA -o benchmarks/results/0.1.0/baseline.cpg.json
    python -m benchmarks.accuracy.baselines kmers --data DATA -o benchmarks/results/0.1.0/baseline.kmers.json
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import promscan
from benchmarks.common import HUMAN, parser_of, save_result
from promscan.calling.peaks import PeakCaller
from promscan.commands.evaluating.evaluation import Evaluation
from promscan.seq.dna import Codes, encode, reverse_complement
from promscan.seq.records import STRANDS, Hit, ScoreTrack, Strand
from promscan.seq.tss import distances
from promscan.seq.windows import tss_of
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome
from promscan.train.data.promoters import read_promoters

MIN_DISTANCES = (70, 150, 300, 500)
WIDTHS = (100, 200, 300, 500, 1000, 2000)
CHOSEN_BY = (10, 50, 100)
"""False positives per Mb of dev; the setting with the highest mean recall at these is chosen."""
AWAY = 500
CONTEXT, BEFORE = 300, 249
"""Bases around a transcription start, and the number of them before it."""
KMER = 4
NEGATIVES = 100_000
TOLERANCES = (100, 500)

Score = Callable[[Codes], tuple[np.ndarray, int]]
"""Scores of one strand, read 5' to 3', and the position of the first score in the codes."""


def window_sums(values: np.ndarray, width: int) -> np.ndarray:
    """Sums of each `width` neighbours, in float64."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return sums[width:] - sums[:-width]


def cpg_score(width: int) -> Score:
    """CpG observed/expected of the `width` bp around a position; 0 where none is expected."""
    c, g = encode("CG").tolist()

    def score(codes: Codes) -> tuple[np.ndarray, int]:
        pairs = np.append((codes[:-1] == c) & (codes[1:] == g), False)
        expected = window_sums(codes == c, width) * window_sums(codes == g, width) / width
        observed = window_sums(pairs, width)
        return np.divide(observed, expected, out=np.zeros_like(expected), where=expected > 0), width // 2

    return score


def kmers_of(codes: Codes) -> np.ndarray:
    """The number, below 4 ** KMER, of the k-mer at each position; `codes` (..., length) of known bases."""
    ends = codes.shape[-1] - KMER + 1
    numbers = np.zeros((*codes.shape[:-1], ends), dtype=np.int64)
    for i in range(KMER):
        numbers += codes[..., i : i + ends].astype(np.int64) << (2 * i)
    return numbers


def counts_of(windows: Codes) -> np.ndarray:
    """Counts of each k-mer in each window, (n, 4 ** KMER)."""
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
    """Windows at random places, on either strand, at least 500 bp from the listed starts of both strands."""
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
    """The trained 4-mer score, which is a sum over positions and so runs along a contig, and its settings."""
    train = genome.without(genome.part([*HUMAN.dev, *HUMAN.test]).contigs)
    drop = [str(data / "gue" / f"drop_for_{name}.txt") for name in ("genome_training", "dev_and_test")]
    promoters = read_promoters(str(data / "human/promoters_300bp.tsv"), BEFORE, drop).codes
    at_starts = [window_at(train.contigs[chrom], tss, strand) for chrom, tss, strand in train.starts]
    positives = np.concatenate([promoters, np.stack([window for window in at_starts if window is not None])])
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
    """The peaks of both strands, with no threshold."""
    for strand in STRANDS:
        caller = PeakCaller(strand, -math.inf, min_distance, 1)
        for chrom, codes in genome.contigs.items():
            scores, first = score(codes if strand == "+" else reverse_complement(codes))
            if strand == "-":
                scores, first = scores[::-1], len(codes) - first - len(scores)
            logits = np.ascontiguousarray(scores, dtype=np.float32)
            yield from caller.feed(ScoreTrack(chrom, strand, first - tss_of(0, strand), 1, logits))
        yield from caller.flush()


def evaluate(
    data: Path, genome: LabelledGenome, score: Score, min_distance: int, tolerances: Sequence[int]
) -> list[Evaluation]:
    """The evaluation of a score at each tolerance."""
    hits, contigs = list(call(genome, score, min_distance)), list(genome.contigs)
    return [
        promscan.evaluate(hits, data / HUMAN.starts, data / HUMAN.genome, tolerance=tolerance, contigs=contigs)
        for tolerance in tolerances
    ]


def best(data: Path, dev: LabelledGenome, scores: Mapping[int, Score]) -> tuple[int, int, dict[str, dict[str, float]]]:
    """The best width and least distance, and the mean recall on dev of all that were tried."""
    recalls = {}
    for width, score in scores.items():
        for min_distance in MIN_DISTANCES:
            (evaluation,) = evaluate(data, dev, score, min_distance, [TOLERANCES[0]])
            recalls[width, min_distance] = float(np.mean([evaluation.rates[rate].recall for rate in CHOSEN_BY]))
    width, min_distance = max(recalls, key=lambda tried: recalls[tried])
    table = {str(w): {str(d): recalls[w, d] for d in MIN_DISTANCES} for w in scores}
    return width, min_distance, table


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("baseline", choices=["cpg", "kmers"])
    arguments = parser.parse_args()
    data = arguments.data
    genome = read_labelled_genome(data / HUMAN.genome, data / HUMAN.starts)
    settings: dict[str, Any] = {}
    if arguments.baseline == "cpg":
        scores = {width: cpg_score(width) for width in WIDTHS}
    else:
        score, settings = kmer_score(data, genome)
        scores = {CONTEXT: score}
    width, min_distance, recalls = best(data, genome.part(HUMAN.dev), scores)
    settings |= {"width": width, "min_distance": min_distance, "dev_recall_by_width_and_distance": recalls}
    evaluations = evaluate(data, genome.part(HUMAN.test), scores[width], min_distance, TOLERANCES)
    result = {
        "baseline": arguments.baseline,
        "contigs": ",".join(HUMAN.test),
        "settings": settings,
        **{f"tolerance_{each.tolerance}": each.describe() for each in evaluations},
    }
    save_result(arguments.output, result)


if __name__ == "__main__":
    main()
