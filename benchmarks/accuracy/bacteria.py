r"""Recall of a model on bacteria by false positives per Mb, species by species, and of a position weight matrix.

The genome is that of `recipes.steps.parts_of_genomes`. A start is found by a hit of its strand within the tolerance of
the card, and every other hit is false, so hits at real starts that the list lacks count as false ones. Each species
has a threshold of its own at each rate. The matrix (`sigma70`) is learned from the training parts of the same species.

    species  by contig: `model` and `matrix` have recall, precision and median distance by FP/Mb
    mean     the mean recall of genera, in which close relatives count as one
    asked    for each species, recall, precision and FP/Mb at the thresholds of the calibration

    python -m benchmarks.accuracy.bacteria bacteria --genome runs/bacteria/genome.fa --tss runs/bacteria/tss.bed \
        --species DATA/bacteria/species.tsv --part test -o benchmarks/results/0.1.0/bacteria.bacteria.json
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import promscan
from benchmarks.accuracy import sigma70
from benchmarks.common import ModelHits, parser_of, save_result
from promscan.calling.peaks import PeakCaller
from promscan.commands.evaluating.evaluation import Evaluation
from promscan.networks.card import Card
from promscan.seq.dna import Codes, reverse_complement
from promscan.seq.records import STRANDS, Hit, ScoreTrack, Strand
from promscan.seq.windows import WINDOW, tss_of
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome

RATES = (10, 20, 50, 100, 200, 400)


def points_of(evaluation: Evaluation) -> dict[str, Any]:
    """Recall, precision and place at each of `RATES`."""
    points = {rate: evaluation.at(evaluation.ranking.threshold(rate)) for rate in RATES}
    names = ("recall", "precision", "median_distance", "within_2")
    return {str(rate): {name: getattr(point, name) for name in names} for rate, point in points.items()}


def matrix_hits(genome: LabelledGenome, contig: str, accession: str, min_distance: int) -> Iterator[Hit]:
    """Hits of the matrix of a species on a contig, without a threshold."""
    training = [name for name in genome.contigs if name.startswith(f"train:{accession}:")]
    upstream, counts = list[Codes](), np.zeros(sigma70.UNKNOWN)
    for name in training:
        codes = genome.contigs[name]
        for strand, read in zip(STRANDS, (codes, reverse_complement(codes)), strict=True):
            counts += np.bincount(read, minlength=sigma70.UNKNOWN + 1)[: sigma70.UNKNOWN]
            for tss in genome.starts.on(name, strand).tolist():
                at = tss if strand == "+" else len(codes) - 1 - tss
                if at >= sigma70.BEFORE:
                    upstream.append(read[at - sigma70.BEFORE : at + 1])
    boxes = sigma70.learn_boxes(np.stack(upstream), counts / counts.sum())
    for strand in STRANDS:
        yield from _called(genome.contigs[contig], contig, strand, boxes, min_distance)


def _called(codes: Codes, contig: str, strand: Strand, boxes: sigma70.Boxes, min_distance: int) -> Iterator[Hit]:
    scores = np.full(len(codes), -math.inf, dtype=np.float32)
    scores[sigma70.BEFORE :] = sigma70.scores_of(codes if strand == "+" else reverse_complement(codes), boxes)
    of_bases = scores if strand == "+" else scores[::-1]
    first = tss_of(0, strand)
    of_windows = np.ascontiguousarray(of_bases[first : first + len(codes) - WINDOW + 1])
    caller = PeakCaller(strand, -1e9, min_distance, 1)
    yield from caller.feed(ScoreTrack(contig, strand, 0, 1, of_windows))
    yield from caller.flush()


def asked_of(evaluation: Evaluation, card: Card) -> dict[str, Any]:
    """What the thresholds of the calibration give, by the rate that was asked for."""
    table, names = card.calibration, ("recall", "precision", "fp_per_mb")
    if table is None:
        return {}
    points = {rate: evaluation.at(table.logit_at(rate)) for rate in RATES if table.least <= rate <= table.most}
    return {str(rate): {name: getattr(point, name) for name in names} for rate, point in points.items()}


def genera(species: Mapping[str, Mapping[str, Any]], kind: str) -> dict[str, float]:
    """Mean recall of genera by FP/Mb."""
    groups = defaultdict[str, list[list[float]]](list)
    for found in species.values():
        groups[found["species"].split()[0]].append([found[kind][str(rate)]["recall"] for rate in RATES])
    means = np.mean([np.mean(rows, axis=0) for rows in groups.values()], axis=0)
    return dict(zip(map(str, RATES), means.round(4).tolist(), strict=True))


def parts_of(genome: LabelledGenome, part: str, accession: str) -> Sequence[str]:
    return [name for name in genome.contigs if name.startswith(f"{part}:{accession}:")]


def main() -> None:
    parser = parser_of(__doc__, "model", "genome", "tss", "threads", "output")
    parser.add_argument("--species", type=Path, required=True, help="Table of contigs and their species.")
    parser.add_argument("--part", default="test", help="Part of each contig to judge on: dev or test.")
    arguments = parser.parse_args()
    genome = read_labelled_genome(arguments.genome, arguments.tss)
    with arguments.species.open() as table:
        names = {row["contig"]: row["species"] for row in csv.DictReader(table, delimiter="\t")}
    contigs = {name: contig for name in names for contig in parts_of(genome, arguments.part, name)}
    scan = promscan.scan(
        arguments.genome, model=arguments.model, to_rank=True, regions=list(contigs.values()), strength=None,
        device="cpu", threads=arguments.threads or 1,
    )  # fmt: skip
    hits, card = ModelHits(scan), scan.card
    scale = {"tolerance": card.scale.tolerance, "false_beyond": card.scale.false_beyond}
    species = dict[str, dict[str, Any]]()
    for name, contig in contigs.items():

        def judge(found: Any, contig: str = contig) -> Evaluation:
            return promscan.evaluate(found, arguments.tss, arguments.genome, contigs=[contig], **scale)

        evaluation = judge(hits)
        species[name] = {
            "species": names[name],
            "bases": evaluation.ranking.bases,
            "tss": len(evaluation.ranking.found.scores),
            "model": points_of(evaluation),
            "matrix": points_of(judge(list(matrix_hits(genome, contig, name, card.min_distance)))),
            "asked": asked_of(evaluation, card),
        }
    means = {kind: genera(species, kind) for kind in ("model", "matrix")}
    save_result(arguments.output, {"part": arguments.part, "scale": scale, "mean": means, "species": species}, card)


if __name__ == "__main__":
    main()
