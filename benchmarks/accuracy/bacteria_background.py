r"""Hits of a model on bacteria where no start is listed and in shuffled sequence, and the bases around its hits.

The genome is that of `recipes.steps.parts_of_genomes`; the thresholds are those of the calibration. These genomes come
without genes, so intergenic and genic sequence cannot be separated: what counts instead is the sequence more than 200
bp from every listed start, either strand. Unlisted starts are still in it. The shuffle has no start at all: pieces of 1
kb with the same pairs of neighbours in another order, so without genes.

    far       hits per Mb more than 200 bp from every listed start, by the rate that was asked for
    shuffled  hits per Mb of the shuffled sequence
    logos     how often A, C, G and T stand at each position around the hits at the default rate (`called`), and around
              the listed starts of the whole genome (`listed`)

    python -m benchmarks.accuracy.bacteria_background bacteria --genome runs/bacteria/genome.fa \
        --tss runs/bacteria/tss.bed --species DATA/bacteria/species.tsv \
        -o benchmarks/results/0.1.0/bacteria_background.bacteria.json
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import promscan
from benchmarks.common import ModelHits, parser_of, save_result
from promscan.networks.card import Card
from promscan.seq import dna
from promscan.seq.dna import UNKNOWN, Codes, reverse_complement
from promscan.seq.records import Hit
from promscan.seq.tss import KnownStarts, Site
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome

RATES = (50, 100, 200)
FAR = 200
"""Bases between a hit and every listed start of either strand."""
PIECE = 1000
"""Bases that are shuffled together, so that the composition stays where it is."""
BEFORE, BEHIND = 45, 5
"""Bases before and behind a start that are counted."""


def shuffled(codes: Codes, rng: np.random.Generator) -> Codes:
    """Bases in another order with the same pairs of neighbours: a random path through all of the pairs."""
    follows = [codes[1:][codes[:-1] == base] for base in range(UNKNOWN + 1)]
    end = int(codes[-1])
    while True:  # the last pairs of all bases have to lead to the end
        lasts = {
            base: int(rng.integers(len(next_))) for base, next_ in enumerate(follows) if len(next_) and base != end
        }
        if all(_leads_to(end, base, follows, lasts) for base in lasts):
            break
    orders = []
    for base, next_ in enumerate(follows):
        rest = np.delete(next_, lasts[base]) if base in lasts else next_
        orders.append([*rng.permutation(rest).tolist(), *([int(next_[lasts[base]])] if base in lasts else [])])
    path, taken = [int(codes[0])], [0] * len(orders)
    while len(path) < len(codes):
        base = path[-1]
        path.append(orders[base][taken[base]])
        taken[base] += 1
    return np.array(path, dtype=np.uint8)


def _leads_to(end: int, base: int, follows: Sequence[Codes], lasts: Mapping[int, int]) -> bool:
    seen = set[int]()
    while base != end and base not in seen:
        seen.add(base)
        base = int(follows[base][lasts[base]])
    return base == end


def shuffled_contig(codes: Codes, rng: np.random.Generator) -> Codes:
    """A contig whose pieces are shuffled one by one."""
    return np.concatenate([shuffled(codes[at : at + PIECE], rng) for at in range(0, len(codes), PIECE)])


def far_from(starts: KnownStarts, contig: str, length: int) -> np.ndarray:
    """Which bases of a contig are more than `FAR` from every listed start."""
    far = np.ones(length, dtype=bool)
    for strand in "+-":
        for tss in starts.on(contig, strand).tolist():  # type: ignore[arg-type]
            far[max(tss - FAR, 0) : tss + FAR + 1] = False
    return far


def counts_of(genome: LabelledGenome, sites: Iterable[Site]) -> dict[str, Any]:
    """How many of A, C, G and T stand at each position from `BEFORE` bases before these places to `BEHIND` after."""
    counts, number = np.zeros((BEFORE + BEHIND + 1, UNKNOWN + 1), dtype=int), 0
    for chrom, tss, strand in sites:
        codes = genome.contigs[chrom]
        around = codes[tss - BEFORE : tss + BEHIND + 1] if strand == "+" else codes[tss - BEHIND : tss + BEFORE + 1]
        if tss >= max(BEFORE, BEHIND) and len(around) == len(counts):
            counts[np.arange(len(counts)), around if strand == "+" else reverse_complement(around)] += 1
            number += 1
    return {"number": number, "counts": counts[:, dna.encode("ACGT")].tolist()}


def rates_of(hits: Sequence[Hit], wanted: Mapping[str, np.ndarray], card: Card) -> dict[str, Any]:
    """Hits per Mb of the wanted bases of contigs, at the thresholds of the calibration."""
    table, megabases = card.calibration, sum(int(mask.sum()) for mask in wanted.values()) / 1e6
    logits = [hit.logit for hit in hits if hit.chrom in wanted and wanted[hit.chrom][hit.tss]]
    if table is None or not megabases:
        return {}
    asked = {str(rate): table.logit_at(rate) for rate in RATES if table.least <= rate <= table.most}
    return {rate: round(sum(logit >= least for logit in logits) / megabases, 1) for rate, least in asked.items()}


def scanned(genome: Any, model: str, threads: int) -> ModelHits:
    """All hits of a model on a genome in memory."""
    return ModelHits(promscan.scan(genome, model=model, to_rank=True, strength=None, device="cpu", threads=threads))


def main() -> None:
    parser = parser_of(__doc__, "model", "genome", "tss", "threads", "output")
    parser.add_argument("--species", type=Path, required=True, help="Table of contigs and their species.")
    parser.add_argument("--bases", type=int, default=10**9, help="Bases of each contig to scan, at most.")
    arguments = parser.parse_args()
    genome, rng = read_labelled_genome(arguments.genome, arguments.tss), np.random.default_rng(0)
    with arguments.species.open() as table:
        names = {row["contig"]: row["species"] for row in csv.DictReader(table, delimiter="\t")}
    part = {name: codes[: arguments.bases] for name, codes in genome.contigs.items() if name.startswith("test:")}
    bases = {name: dna.decode(codes) for name, codes in part.items()}
    mixed = {name: dna.decode(shuffled_contig(codes, rng)) for name, codes in part.items()}
    found, false = (scanned(each, arguments.model, arguments.threads or 1) for each in (bases, mixed))
    card, species = found.card, dict[str, Any]()
    least = card.calibration.logit_at(card.scale.fp_per_mb) if card.calibration else card.default_threshold or 0.0
    for accession, name in names.items():
        own = [contig for contig in part if contig.startswith(f"test:{accession}:")]
        far = {contig: far_from(genome.starts, contig, len(part[contig])) for contig in own}
        listed = [site for site in genome.starts if site.chrom.startswith(tuple(f"{p}:{accession}:" for p in PARTS))]
        called = [Site(hit.chrom, hit.tss, hit.strand) for hit in found if hit.chrom in own and hit.logit >= least]
        species[accession] = {
            "species": name,
            "bases": sum(len(part[contig]) for contig in own),
            "far_bases": sum(int(mask.sum()) for mask in far.values()),
            "far": rates_of(found, far, card),
            "shuffled": rates_of(false, {contig: np.ones(len(part[contig]), dtype=bool) for contig in own}, card),
            "logos": {"listed": counts_of(genome, listed), "called": counts_of(genome, called)},
        }
    save_result(arguments.output, {"first": -BEFORE, "far_from": FAR, "species": species}, card)


PARTS = ("train", "dev", "test")
"""Parts of a genome that hold each listed start once."""


if __name__ == "__main__":
    main()
