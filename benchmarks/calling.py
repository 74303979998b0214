"""How the hits of a scanning model are best called: how far apart, and on logits averaged over how much.

The model scores dev once. Its logits are then averaged, called and judged by the code of promscan, for every setting
of a grid: a listed start is found by a hit of its strand within 100 bp, and a hit farther than 500 bp from every
listed start of its strand is false. `places` has the hits of the setting in the card at other tolerances, and judged
on either strand: as if all hits and all starts were of one.

Every window is scored once, so next to the end of what is scanned a mean is over fewer windows.

    python benchmarks/calling.py MODEL --genome GENOME.fa --tss TSS.bed --contigs chr9,chr17 -o RESULT.json
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from promscan.inference.lanes import mean_of_counted
from promscan.networks.device import resolve_devices
from promscan.networks.weights import load_model
from promscan.seq.intervals import Intervals
from promscan.seq.records import Hit, Interval, ScoreTrack
from promscan.seq.tss import KnownStarts
from promscan.train.data.labelled_genome import read_labelled_genome
from promscan.train.genome_validation import (
    MIN_DISTANCE,
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
"""False hits per Mb at which recall is told."""


def averaged(track: ScoreTrack, width: int) -> ScoreTrack:
    """A track as a scan with `--smoothing` has it; windows that were not scored do not count."""
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
        {"tolerance": tolerance, "strand": name, "recall": recalls(validate(called, pieces, listed, tolerance))}
        for name, (called, listed) in strands.items()
        for tolerance in TOLERANCES
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--genome", type=Path, required=True)
    parser.add_argument("--tss", type=Path, required=True)
    parser.add_argument("--contigs", required=True, help="Contigs, or names before a colon, commas between.")
    parser.add_argument("--bases", type=int, help="At most so many of them, in pieces drawn at random (default: all).")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    network, card = load_model(arguments.model)
    genome = read_labelled_genome(arguments.genome, arguments.tss).part(arguments.contigs.split(","))
    drawn = draw_pieces(genome.contigs, arguments.bases or genome.bases, np.random.default_rng(0))
    pieces = list(Intervals.of(drawn))  # those that touch become one
    device = resolve_devices(arguments.device)[0]
    scored = list(score_pieces(network, genome.contigs, pieces, device, threads=1))
    chosen = card.min_distance or MIN_DISTANCE
    hits = list(call_hits([[averaged(track, card.smoothing) for track in piece] for piece in scored], chosen))
    judged = validate(hits, pieces, genome.starts)
    result: dict[str, Any] = {
        "model": card.name,
        "sha256": card.sha256,
        "contigs": arguments.contigs,
        "bases": judged.bases,
        "starts": len(judged.found),
        "card": {"min_distance": chosen, "smoothing": card.smoothing},
        "grid": grid(scored, pieces, genome.starts),
        "places": places(hits, pieces, genome.starts),
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.output.read_text())


if __name__ == "__main__":
    main()
