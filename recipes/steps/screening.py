r"""Give a streaming model a screening network, and measure what screened scans lose.

The network learns from `--learn`, contigs that the model was trained on; its floors are measured on `--measure`, and
the loss is reported on `--judge`. All three are scanned whole, with their promoters. Nothing else of the model changes.

    python -m recipes.steps.screening human --data DATA --learn chr1 chr2 --measure chr17 --judge chr9 \
        --result benchmarks/results/0.1.0/screening_network.human.json -o weights/human.safetensors
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

import promscan
from benchmarks.common import HUMAN, YEAST, parser_of, save_result
from promscan.commands.scan import Scan
from promscan.inference.background import (
    LEARNED_MEGABASES,
    Background,
    learn_screening,
    measure_network,
    screening_levels,
)
from promscan.inference.engine import Engine
from promscan.inference.floors import measure_floors
from promscan.io.genome import Genome
from promscan.io.tss import read_known_promoters
from promscan.metrics.calibration import Calibration
from promscan.networks.card import Card, read_card
from promscan.networks.card_parts import Screening
from promscan.networks.model_files import find_model
from promscan.networks.screening import ScreeningNetwork
from promscan.networks.weights import load_model, save_model
from promscan.seq.records import Chunk
from promscan.seq.regions import matching_contigs

AT_A_START = 100
"""A hit at most this far (bp) from a listed start may be a true one."""
RATES = (1.0, 10.0, 100.0)
GENOMES = {"human": HUMAN, "yeast": YEAST}


class Sequences:
    """Scans of contigs of a genome with a model, every window scored."""

    def __init__(self, genome: Path, model: str, threads: int | None) -> None:
        self.genome, self.model, self.threads = genome, model, threads
        self.lengths = Genome(genome).contigs()

    def scan(self, contigs: Sequence[str], most: float = float("inf")) -> Scan:
        """A scan of the contigs with these names, the first of them up to about `most` bases."""
        names = matching_contigs(contigs, self.lengths)
        begins = accumulate((self.lengths[name] for name in names), initial=0)
        regions = [name for name, begin in zip(names, begins, strict=False) if begin < most]
        return promscan.scan(
            self.genome, model=self.model, to_rank=True, regions=regions, exhaustive=True, strength=None,
            threads=self.threads,
        )  # fmt: skip

    def hits(self, scan: Scan, contigs: Sequence[str]) -> Background:
        """The hits of a scan."""
        where = f"{', '.join(contigs)} of {self.genome.name}, with its promoters"
        return Background.collect(scan, self.lengths, lambda: scan.statistics.windows / 2e6, where)


def chunks_of(scan: Scan, engine: Engine) -> Iterator[Chunk]:
    return scan.chunks(engine, engine.chunk_step)


def loss(
    network: ScreeningNetwork, screening: Screening, table: Calibration, scan: Scan, found: Background, known: Any
) -> dict[str, Any]:
    """Hits that a screened scan loses, and the time of lanes that it runs, at several rates."""
    with scan.open_screened(network, float("inf")) as engine:
        floors = measure_floors(engine, chunks_of(scan, engine), found.begins, found.hits, scan.calling.needs)
    chroms, begins = list(found.begins), np.array(list(found.begins.values()))
    places = found.hits["place"]
    owners = np.searchsorted(begins, places, side="right") - 1
    middles = places - begins[owners] + 35
    listed = np.array([known.mask(chroms[o], m, m + 1)[0] for o, m in zip(owners, middles, strict=True)], dtype=bool)
    rates = {}
    for rate in RATES:
        logit = table.logit_at(rate)
        floor, reached = screening.floor(logit), (found.hits["logit"] >= logit) & np.isfinite(floors.of_hits)
        if floor is None:
            continue
        lost = reached & (floors.of_hits < floor)
        rates[f"{rate:g}"] = {
            "logit": logit, "floor": floor, "time_of_lanes": floors.share(floor), "hits": int(reached.sum()),
            "lost": int(lost.sum()), "hits_at_starts": int((reached & listed).sum()),
            "lost_at_starts": int((lost & listed).sum()),
        }  # fmt: skip
    return {"megabases": found.megabases, "at_fp_per_mb": rates}


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "threads", "output")
    parser.add_argument("--species", choices=list(GENOMES), default="human", help="Genome of the model.")
    for name, text in {
        "learn": "contigs that the network learns from, the first 4 Mb of them",
        "measure": "contigs that the floors are measured on",
        "judge": "contigs that the loss is reported on",
    }.items():
        parser.add_argument(f"--{name}", nargs="+", required=True, help=f"Names or prefixes of {text}.")
    parser.add_argument("--result", type=Path, required=True, help="JSON file for the loss.")
    arguments = parser.parse_args()
    files = GENOMES[arguments.species]
    sequences = Sequences(arguments.data / files.genome, arguments.model, arguments.threads)
    card: Card = read_card(find_model(arguments.model))
    table = card.calibration
    if table is None:
        raise SystemExit(f"{arguments.model} is not calibrated: run promscan calibrate")
    usual, levels = table.logit_at(card.scale.fp_per_mb), screening_levels(table, card.scale.fp_per_mb)
    model, _ = load_model(arguments.model)
    learned = sequences.scan(arguments.learn, LEARNED_MEGABASES * 1e6)
    network = learn_screening(model, learned.open_screened, lambda engine: chunks_of(learned, engine), usual)
    measured = sequences.scan(arguments.measure)
    screening = measure_network(
        network, sequences.hits(measured, arguments.measure), levels, usual, measured.calling.needs,
        measured.open_screened,
        lambda engine: chunks_of(measured, engine),
    )  # fmt: skip
    if screening is None:
        raise SystemExit(f"screening of {arguments.model} saves too little")
    judged = sequences.scan(arguments.judge)
    known = read_known_promoters(arguments.data / files.starts, sequences.lengths).widened(
        AT_A_START, sequences.lengths
    )
    result = loss(network, screening, table, judged, sequences.hits(judged, arguments.judge), known)
    written = save_model(arguments.output, model, dataclasses.replace(card, screening=screening), network)
    save_result(arguments.result, {"screening": screening.describe(), "contigs": arguments.judge, **result}, written)


if __name__ == "__main__":
    main()
