"""What a variant costs: user CPU time for one SNV, on one thread, and time on the clock with all, with strengths.

Two sets of SNVs in a dev contig of human: sorted ones that share most of their surroundings, and isolated ones. The
model and the genome are ready before the clock starts. For times on the clock, nothing else may run.

    python -m benchmarks.speed.variant_speed human --data DATA -o benchmarks/results/0.1.0/variant_speed.json
"""

from __future__ import annotations

import dataclasses
import os
import random
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.common import HUMAN, parser_of, save_result
from promscan.commands.variants import variants
from promscan.io.genome import Genome
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq import dna

NEAR, ISOLATED = (300, 1, 500), (60, 4000, 6000)
"""SNVs of a set, and the least and the largest distance of two neighbours in bp."""
START = 10_000
"""Place of the first SNV in its contig."""
SEED = 1

Snv = tuple[str, int, str, str]


def snvs(contig: str, bases: str, count: int, least: int, largest: int) -> list[Snv]:
    """Random SNVs in order, at known bases."""
    draw, place, found = random.Random(SEED), START, list[Snv]()
    while len(found) < count and place < len(bases):
        if bases[place] in "ACGT":
            others = [base for base in "ACGT" if base != bases[place]]
            found.append((contig, place, bases[place], draw.choice(others)))
        place += draw.randint(least, largest)
    return found


def seconds_each(chosen: list[Snv], genome: dict[str, str], model: str, threads: int | None) -> tuple[float, float]:
    """User CPU seconds of an SNV, and seconds on the clock."""
    # Only the first call of a process compiles and allocates.
    list(variants(chosen[:1], genome, model=model, device="cpu", threads=threads))
    effects = variants(chosen, genome, model=model, device="cpu", threads=threads)
    began = os.times()
    list(effects)
    ended = os.times()
    return (ended.user - began.user) / len(chosen), (ended.elapsed - began.elapsed) / len(chosen)


def measured(model: str, contig: str, bases: str) -> dict[str, Any]:
    """Seconds of an SNV of both sets, with this model."""
    genome = {contig: bases}
    sets = {"near": snvs(contig, bases, *NEAR), "isolated": snvs(contig, bases, *ISOLATED)}
    return {
        name: {
            "variants": len(chosen),
            "user_seconds_each": seconds_each(chosen, genome, model, 1)[0],
            "clock_seconds_each": seconds_each(chosen, genome, model, None)[1],
        }
        for name, chosen in sets.items()
    }


def main() -> None:
    arguments = parser_of(__doc__, "models", "data", "output").parse_args()
    source = Genome(arguments.data / HUMAN.genome)
    contigs = source.contigs()
    contig = max((name for name in contigs if name.startswith(HUMAN.dev)), key=lambda name: contigs[name])
    chunk = next(islice(source.read_chunks(1 << 40, {contig: [(0, contigs[contig])]}), 1))
    bases = dna.decode(chunk.codes).upper()
    speeds = {Path(model).stem: measured(model, "contig", bases) for model in arguments.models}
    # By file: the weights of an earlier release have the name of today's in their card.
    cards = (dataclasses.replace(read_card(find_model(model)), name=Path(model).stem) for model in arguments.models)
    save_result(arguments.output, {"speeds": speeds}, *cards)


if __name__ == "__main__":
    main()
