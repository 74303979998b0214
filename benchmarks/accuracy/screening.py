r"""Hits lost, and time spared, by scans that are screened as the card of a model says.

Both kinds of scan run on about a Mb of chr9, a dev contig, so the margin must have been measured on another one.
`share` is the share of windows that are scored, `lost` the number of hits of the exhaustive scan that are missing, and
`other` the number of hits where that scan has none: a lost hit leaves its place to a lower one nearby. A scan with a
stride runs at the default threshold of the model.

    promscan calibrate core70 --genome DATA/human/hg38_contigs.fa --exclude DATA/human/hg38_tss.bed --contigs chr17 \
        -o runs/screened.safetensors
    python -m benchmarks.accuracy.screening runs/screened.safetensors --data DATA \
        -o benchmarks/results/0.1.0/screening.core70.json
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from itertools import accumulate, chain
from pathlib import Path
from time import perf_counter
from typing import Any

import promscan
from benchmarks.common import HUMAN, parser_of, save_result
from promscan.calling.peaks import probability_of
from promscan.calling.screening import Shortfalls
from promscan.commands.scan import Scan
from promscan.inference.engine import open_engine
from promscan.io.genome import Genome
from promscan.networks.card import Card, read_card
from promscan.networks.model_files import find_model
from promscan.seq.records import Strand
from promscan.seq.regions import matching_contigs

CONTIG = "chr9"
BASES = 1_000_000
STRIDES = (10,)
Called = tuple[str, int, Strand, float]


def first_contigs(genome: Path) -> dict[str, int]:
    """Lengths of the first contigs of chr9 that together have a Mb."""
    lengths = Genome(genome).contigs()
    names = matching_contigs([CONTIG], lengths)
    enough = sum(begin < BASES for begin in accumulate((lengths[name] for name in names), initial=0))
    return {name: lengths[name] for name in names[:enough]}


def timed(scan: Scan) -> tuple[set[Called], float]:
    """The hits of a scan, and its seconds."""
    begin = perf_counter()
    hits = {(hit.chrom, hit.start, hit.strand, hit.logit) for hit in scan}
    return hits, perf_counter() - begin


def shortfalls_of(scan: Scan, logits: Iterable[float]) -> dict[float, Shortfalls]:
    """The shortfalls of the streaming pass over what `scan` scores, for each of these calling logits."""
    found = {logit: Shortfalls(logit) for logit in logits}
    with open_engine("streaming", scan.network, scan.devices, scan.engine_settings) as engine:
        for track in chain.from_iterable(engine.score(scan.chunks(engine, engine.chunk_step))):
            for counted in found.values():
                counted.add(track.logits)
    return found


def compare(card: Card, scan_at: Callable[..., Scan]) -> dict[str, Any]:
    """Exhaustive scans against screened ones, at several logits and strides."""
    # A little above the lowest measured logit: rounding must not take the calling logit below it.
    lowest = card.screening.lowest + 1e-6
    levels = {
        "10 hits per Mb of the background": card.calibration.logit_at(10),
        "default threshold": card.default_threshold,
        "lowest logit that the margin holds for": lowest,
    }
    whole = scan_at(lowest, exhaustive=True)
    every, exhaustive_seconds = timed(whole)
    shortfalls = shortfalls_of(whole, levels.values())
    called_at, strides = {}, {}
    for name, logit in levels.items():
        scan = scan_at(logit)
        hits, seconds = timed(scan)
        expected = {hit for hit in every if hit[-1] >= scan.calling.threshold}
        called_at[name] = {
            "logit": logit,
            "share": shortfalls[logit].share_within(card.screening.margin),
            "hits": len(expected),
            "lost": len(expected - hits),
            "other": len(hits - expected),
            "seconds": seconds,
        }
    for stride in STRIDES:
        screened, exhaustive = (
            timed(scan_at(card.default_threshold, stride=stride, exhaustive=every_window))[1]
            for every_window in (False, True)
        )
        strides[stride] = {"seconds": screened, "exhaustive_seconds": exhaustive}
    return {"exhaustive_seconds": exhaustive_seconds, "called_at": called_at, "strides": strides}


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "output")
    arguments = parser.parse_args()
    card = read_card(find_model(arguments.model))
    genome = arguments.data / HUMAN.genome
    contigs = first_contigs(genome)

    def scan_at(logit: float, **options: Any) -> Scan:
        return promscan.scan(
            genome, model=arguments.model, threshold=probability_of(logit), regions=list(contigs), strength=None,
            **options,
        )  # fmt: skip

    where = {"screening": dataclasses.asdict(card.screening), "contigs": list(contigs), "bases": sum(contigs.values())}
    save_result(arguments.output, where | compare(card, scan_at), card)


if __name__ == "__main__":
    main()
