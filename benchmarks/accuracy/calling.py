"""Recall of a scanning model by how its hits are called: least distance between them, and width of the mean of logits.

The model scores dev once. For every setting of a grid the logits are averaged, called and evaluated by promscan: a hit
of its strand within 100 bp finds a listed start, and a hit farther than 500 bp from every listed start of its strand is
false. `places` holds the setting of the card at other tolerances, also with the strands of hits and starts ignored.

Every window is scored once, so a mean next to the end of the scanned sequence is over fewer windows.

    python -m benchmarks.accuracy.calling MODEL --genome GENOME.fa --tss TSS.bed --contigs chr9,chr17 -o RESULT.json
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from benchmarks.common import parser_of, save_result
from promscan.inference.lanes import mean_of_counted
from promscan.networks.card_parts import Scale
from promscan.networks.device import resolve_devices
from promscan.networks.weights import load_model
from promscan.seq.intervals import Intervals
from promscan.seq.records import Hit, Interval, ScoreTrack
from promscan.seq.tss import KnownStarts
from promscan.train.data.labelled_genome import read_labelled_genome
from promscan.train.genome_validation import (
    GenomeValidation,
    call_hits,
    draw_pieces,
    score_pieces,
    validate,
)

MIN_DISTANCES = (70, 100, 200, 500)
SMOOTHINGS = (1, 51, 75, 101, 151, 201)
TOLERANCES = (50, 100, 200, 500)
RATES = (10, 50, 100, 500)
"""False positives per Mb at which recall is given."""


def averaged(track: ScoreTrack, width: int) -> ScoreTrack:
    """The track with logits averaged over `width` windows, as `smoothing` in a card; unscored windows do not count."""
    logits = torch.from_numpy(track.logits)
    scored = logits.isfinite()
    columns = (pad(values, (width // 2, width // 2))[:, None] for values in (logits.nan_to_num(), scored.float()))
    means = mean_of_counted(*columns, width)[:, 0]
    return replace(track, logits=means.masked_fill(~scored, math.nan).numpy())


def recalls(judged: GenomeValidation) -> dict[str, float]:
    return {str(rate): judged.recall(rate) for rate in RATES}


def grid(scored: Sequence[list[ScoreTrack]], pieces: Sequence[Interval], starts: KnownStarts) -> list[dict[str, Any]]:
    """Recall by setting."""
    rows = []
    for width in SMOOTHINGS:
        tracks = [[averaged(track, width) for track in piece] for piece in scored]
        for apart in MIN_DISTANCES:
            judged = validate(call_hits(tracks, apart), pieces, starts)
            rows.append({"min_distance": apart, "smoothing": width, "recall": recalls(judged)})
    return sorted(rows, key=lambda row: (row["min_distance"], row["smoothing"]))


def places(hits: Sequence[Hit], pieces: Sequence[Interval], starts: KnownStarts) -> list[dict[str, Any]]:
    """Recall by how far a hit may be from a start, on the same or on either strand."""
    one_strand = KnownStarts(site._replace(strand="+") for site in starts)
    strands = {"same": (hits, starts), "either": ([replace(hit, strand="+") for hit in hits], one_strand)}
    return [
        {
            "tolerance": tolerance,
            "strand": name,
            "recall": recalls(validate(called, pieces, listed, Scale(tolerance=tolerance))),
        }
        for name, (called, listed) in strands.items()
        for tolerance in TOLERANCES
    ]


def main() -> None:
    parser = parser_of(__doc__, "model", "genome", "tss", "contigs", "device", "output")
    parser.add_argument("--bases", type=int, help="At most this many bases, in pieces drawn at random.  [default: all]")
    arguments = parser.parse_args()
    network, card = load_model(arguments.model)
    genome = read_labelled_genome(arguments.genome, arguments.tss).part(arguments.contigs.split(","))
    drawn = draw_pieces(genome.contigs, arguments.bases or genome.bases, np.random.default_rng(0))
    pieces = list(Intervals.of(drawn))  # pieces that touch become one
    device = resolve_devices(arguments.device)[0]
    scored = list(score_pieces(network, genome.contigs, pieces, device, threads=1))
    chosen = card.min_distance
    hits = list(call_hits([[averaged(track, card.smoothing) for track in piece] for piece in scored], chosen))
    judged = validate(hits, pieces, genome.starts)
    result: dict[str, Any] = {
        "contigs": arguments.contigs,
        "bases": judged.bases,
        "starts": len(judged.found),
        "card": {"min_distance": chosen, "smoothing": card.smoothing},
        "grid": grid(scored, pieces, genome.starts),
        "places": places(hits, pieces, genome.starts),
    }
    save_result(arguments.output, result, card)


if __name__ == "__main__":
    main()
