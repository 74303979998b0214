r"""Comparison of scanning models start by start, which sees smaller differences than recalls do.

For each listed start: the share of the range from 1 to 1,000 FP/Mb, on a logarithmic scale, at which it is
found. The mean over the starts is the recall over that range. The starts are the same for all models, so the mean
difference from the first model has a small standard error. All models are called with the settings of the first card.

    python -m benchmarks.accuracy.compare FIRST OTHER... --genome GENOME.fa --tss TSS.bed --contigs chr9,chr17 \
        -o RESULT.json
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.accuracy.calling import TOLERANCES, averaged
from benchmarks.common import parser_of, save_result
from promscan.metrics.ranking import at_least
from promscan.networks.card_parts import Scale
from promscan.networks.device import resolve_devices
from promscan.networks.weights import load_model
from promscan.seq.intervals import Intervals
from promscan.train.data.labelled_genome import read_labelled_genome
from promscan.train.genome_validation import (
    GenomeValidation,
    call_hits,
    draw_pieces,
    score_pieces,
    validate,
)

DECADES = 3
"""Length of the range in powers of ten, from 1 false hit per Mb on."""


def shares(judged: GenomeValidation) -> npt.NDArray[np.float64]:
    """By listed start, (n,): the share of the range at which it is found."""
    rates = at_least(judged.false_logits, judged.found) * 1e6 / judged.bases
    return np.clip(1 - np.log10(np.maximum(rates, 1)) / DECADES, 0, 1)


def main() -> None:
    parser = parser_of(__doc__, "models", "genome", "tss", "contigs", "output")
    arguments = parser.parse_args()
    genome = read_labelled_genome(arguments.genome, arguments.tss).part(arguments.contigs.split(","))
    pieces = list(Intervals.of(draw_pieces(genome.contigs, genome.bases, np.random.default_rng(0))))
    device = resolve_devices("cpu")[0]
    first = load_model(arguments.models[0])[1]
    found: list[list[npt.NDArray[np.float64]]] = []
    rows, cards = [], []
    for name in arguments.models:
        network, card = load_model(name)
        tracks = [
            [averaged(track, first.smoothing) for track in piece]
            for piece in score_pieces(network, genome.contigs, pieces, device, threads=1)
        ]
        hits = list(call_hits(tracks, first.min_distance))
        found.append(
            [shares(validate(hits, pieces, genome.starts, Scale(tolerance=tolerance))) for tolerance in TOLERANCES]
        )
        cards.append(card)
        row: dict[str, Any] = {"model": card.name, "starts": len(found[-1][0])}
        for tolerance, own, others in zip(TOLERANCES, found[-1], found[0], strict=True):
            difference = own - others
            row[f"within_{tolerance}"] = {
                "recall": float(own.mean()),
                "difference": float(difference.mean()),
                "standard_error": float(difference.std() / len(difference) ** 0.5),
            }
        rows.append(row)
    save_result(arguments.output, {"contigs": arguments.contigs, "compared": rows}, *cards)


if __name__ == "__main__":
    main()
