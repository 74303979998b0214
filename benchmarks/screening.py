r"""Scans that are screened as the card of a model says, against scans that score every window: hits lost, and times.

The sequence is about a Mb of chr9, a dev contig, so the margin must have been measured on another one. `share` is how
many of its windows are scored, `lost` how many hits of the exhaustive scan are missing, and `other` how many stand
where that has none: a hit that is lost leaves its place to a lower one nearby. A wider stride is scanned at the default
threshold of the model.

    promscan calibrate core70 --genome DATA/human/hg38_contigs.fa --exclude DATA/human/hg38_tss.bed --contigs chr17 \
        -o runs/screened.safetensors
    python benchmarks/screening.py runs/screened.safetensors --data DATA -o benchmarks/results/screening.core70.json
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from itertools import accumulate, chain
from pathlib import Path
from time import perf_counter
from typing import Any

import promscan
from promscan.calling.peaks import probability_of
from promscan.calling.screening import Shortfalls
from promscan.commands.scan import Scan
from promscan.inference.engine import open_engine
from promscan.io.genome import Genome
from promscan.networks.card import find_model, read_card
from promscan.seq.regions import matching_contigs

CONTIG = "chr9"
BASES = 1_000_000
STRIDES = (10,)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    card = read_card(find_model(arguments.model))
    genome = arguments.data / "human/hg38_contigs.fa"
    lengths = Genome(genome).contigs()
    contigs = matching_contigs([CONTIG], lengths)
    enough = sum(begin < BASES for begin in accumulate((lengths[name] for name in contigs), initial=0))
    contigs = contigs[:enough]

    def timed_scan(logit: float, **options: Any) -> tuple[Scan, set[tuple[str, int, str, float]], float]:
        scan = promscan.scan(
            genome, model=arguments.model, threshold=probability_of(logit), regions=contigs, strength=None, **options
        )
        begin = perf_counter()
        hits = {(hit.chrom, hit.start, hit.strand, hit.logit) for hit in scan}
        return scan, hits, perf_counter() - begin

    # A hair above what was measured, lest rounding take the logit below it.
    lowest = card.screening.lowest + 1e-6
    table = card.calibration
    levels = {
        "10 hits per Mb of the background": table.logit_at(10),
        "default threshold": card.default_threshold,
        "lowest logit that the margin holds for": lowest,
    }
    whole, every, seconds = timed_scan(lowest, exhaustive=True)
    shortfalls = {logit: Shortfalls(logit) for logit in levels.values()}
    with open_engine("streaming", whole.network, whole.devices, whole.engine_settings) as engine:
        for track in chain.from_iterable(engine.score(whole.chunks(engine, engine.chunk_step))):
            for counted in shortfalls.values():
                counted.add(track.logits)
    result: dict[str, Any] = {
        "sha256": card.sha256,
        "screening": dataclasses.asdict(card.screening),
        "contigs": contigs,
        "bases": sum(lengths[name] for name in contigs),
        "exhaustive_seconds": seconds,
        "called_at": {},
        "strides": {},
    }
    for name, logit in levels.items():
        scan, hits, seconds = timed_scan(logit)
        called = {hit for hit in every if hit[-1] >= scan.calling.threshold}
        result["called_at"][name] = {
            "logit": logit,
            "share": shortfalls[logit].share_within(card.screening.margin),
            "hits": len(called),
            "lost": len(called - hits),
            "other": len(hits - called),
            "seconds": seconds,
        }
        print(name, result["called_at"][name], flush=True)
    for stride in STRIDES:
        screened, exhaustive = (
            timed_scan(card.default_threshold, stride=stride, exhaustive=e)[2] for e in (False, True)
        )
        result["strides"][stride] = {"seconds": screened, "exhaustive_seconds": exhaustive}
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.output.read_text())


if __name__ == "__main__":
    main()
