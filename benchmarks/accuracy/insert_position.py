r"""Predicted strength of genomic inserts by their distance from listed starts: where `promscan scan` takes its inserts.

For each distance, the inserts that end this many bp before the listed transcription starts of a genome, read on their
strands, are predicted. The contrast is the mean of their strengths minus that of inserts at random positions, in
standard deviations of the latter. Where it is largest, the model sees most of what makes a promoter strong, and
`promscan scan` takes its inserts from there: `tss_index` of the reporter in the card, or 60 bp before the start.

    python -m benchmarks.accuracy.insert_position yeast-strength --data DATA \
        -o benchmarks/results/0.1.0/insert_position.yeast-strength.json
    python -m benchmarks.accuracy.insert_position ecoli-strength --species ecoli --data DATA \
        -o benchmarks/results/0.1.0/insert_position.ecoli-strength.json

A plot of the contrast is written next to the result. `--contigs` must not be the contigs of the test.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure

from benchmarks.common import ECOLI, YEAST, interval95, models_of, parser_of, save_picture, save_result
from promscan.commands.scanning.hit_strengths import unit_of_hits
from promscan.inference.strength import StrengthPredictor
from promscan.networks.weights import load_strength
from promscan.seq import dna
from promscan.seq.dna import UNKNOWN, Codes
from promscan.seq.tss import Site
from promscan.strength.reporter import Reporter
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome

SPECIES = {"yeast": (YEAST, range(-50, 301, 10)), "ecoli": (ECOLI, range(-80, 41, 5))}
"""Genome, and the distances of an insert in bp; a negative one is of an insert that ends behind the start."""
RANDOM = 10_000
DRAWS = 1000
Strengths = npt.NDArray[np.float64]


def strengths_at(
    predictor: StrengthPredictor, genome: LabelledGenome, sites: Iterable[Site], ends_before: int
) -> Strengths:
    """Strengths (n,) of the inserts of `sites`, without those that pass the end of a contig."""
    inserts = list[Codes]()
    length = predictor.reporter.insert
    reporter = Reporter(insert=length, tss_index=length + ends_before)
    for chrom, tss, strand in sites:
        start, end = reporter.interval(tss, strand)
        codes = genome.contigs[chrom][max(0, start) : end]
        if len(codes) == length and not (codes == UNKNOWN).any():
            inserts.append(codes if strand == "+" else dna.reverse_complement(codes))
    return predictor.predict(np.stack(inserts))[0].astype(np.float64)


def random_sites(genome: LabelledGenome, count: int, seed: int) -> list[Site]:
    """Places on random strands, spread evenly over the contigs."""
    rng = np.random.default_rng(seed)
    names = list(genome.contigs)
    lengths = np.array([len(genome.contigs[name]) for name in names])
    chosen = rng.choice(len(names), count, p=lengths / lengths.sum())
    return [
        Site(names[i], int(rng.integers(lengths[i])), "+" if upright else "-")
        for i, upright in zip(chosen, rng.random(count) < 0.5, strict=True)
    ]


def contrast(strengths: Strengths, background: Strengths) -> dict[str, Any]:
    """Mean strength, and its contrast to the background with 95 % of bootstrap draws of the starts."""
    rng = np.random.default_rng(1)
    scaled = (strengths - background.mean()) / background.std()
    draws = scaled[rng.integers(len(scaled), size=(DRAWS, len(scaled)))].mean(axis=1)
    return {
        "starts": len(strengths),
        "mean": round(float(strengths.mean()), 4),
        "contrast": round(float(scaled.mean()), 4),
        "interval95": interval95(draws),
    }


def draw(found: dict[int, dict[str, Any]], best: int) -> Figure:
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    ax = figure.subplots()
    low, high = zip(*(row["interval95"] for row in found.values()), strict=True)
    ax.fill_between(list(found), low, high, alpha=0.25)
    ax.plot(list(found), [row["contrast"] for row in found.values()], marker=".")
    ax.axhline(0, color="0.7", linestyle=":")
    ax.axvline(best, color="0.5", linestyle=":", label=f"largest: {best} bp")
    ax.set(xlabel="bp between the end of the insert and the start", ylabel="strength over random (sd)")
    ax.legend()
    return figure


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "threads", "output")
    parser.add_argument("--species", choices=list(SPECIES), default="yeast", help="Genome.  [default: %(default)s]")
    parser.add_argument("--contigs", help="Contigs or regions of it.  [default: those of dev]")
    arguments = parser.parse_args()
    network, card = load_strength(arguments.model)
    public, distances = SPECIES[arguments.species]
    names = arguments.contigs.split(",") if arguments.contigs else list(public.dev)
    genome = read_labelled_genome(arguments.data / public.genome, arguments.data / public.starts).part(names)
    unit = unit_of_hits(card)
    with StrengthPredictor(network, card, [torch.device("cpu")], unit=unit, threads=arguments.threads) as predictor:
        background = strengths_at(predictor, genome, random_sites(genome, RANDOM, seed=1), 0)
        found = {
            distance: contrast(strengths_at(predictor, genome, genome.starts, distance), background)
            for distance in distances
        }
    best = max(found, key=lambda distance: float(found[distance]["contrast"]))
    result = {
        "unit": unit,
        "contigs": names,
        "insert": predictor.reporter.insert,
        "random": {
            "inserts": len(background),
            "mean": round(float(background.mean()), 4),
            "sd": round(float(background.std()), 4),
        },
        "ends_before": found,
        "best": best,
    }
    save_result(arguments.output, result, card)
    save_picture(draw(found, best), arguments.output.with_suffix(".png"), models_of(card))


if __name__ == "__main__":
    main()
