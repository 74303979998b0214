r"""False positives per Mb that were asked for, and those that a scan gets on background it was not calibrated on.

Background lies at least the clearance of the model from every listed start; every hit on it is false.

    asked         rates at the thresholds of the card, on all background of the contigs and on parts of it
    tandem        within 100 bp of a tandem repeat: 50 bp of which 80 % equal the bases a lag of 1 to 60 bp before them
    gene_dense    100-kb blocks with at least five listed starts
    cross_fitted  thresholds from the background of the other chromosomes of the contigs

`interval95` is of a Poisson rate, `bootstrap95` over blocks of 100 kb, as false hits come in groups, and `card95` the
interval of the card's own count. Name contigs that the model was neither trained nor calibrated on.

    python -m benchmarks.accuracy.calibration human --genome DATA/human/hg38_contigs.fa \
        --tss DATA/human/hg38_tss.bed --tss DATA/human/rampage_tss.bed --contigs chr10,chr16 -o RESULT.json
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import promscan
from benchmarks.accuracy.crossfit import chromosome_folds, cross_fit
from benchmarks.common import interval95, parser_of, save_result
from promscan.commands.evaluating.lists import read_lists
from promscan.io.genome import Genome
from promscan.io.hits import RankedHits, rank_hits, read_hits
from promscan.metrics.blocks import BLOCK, Blocks, draw_blocks
from promscan.metrics.calibration import Calibration
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq.dna import Codes
from promscan.seq.intervals import Intervals
from promscan.seq.records import STRANDS, Interval
from promscan.seq.regions import matching_contigs
from promscan.seq.tss import SAME_START, KnownStarts

RATES = (1, 10, 100)
LAGS, REPEAT_WINDOW, REPEATED = range(1, 61), 50, 0.8
NEAR_REPEAT = 100
"""bp around tandem repeats that count as rich in them."""
DENSE = 5
"""Listed starts of a block from which on it is gene-dense."""


@dataclass(frozen=True)
class BackgroundHits:
    """The hits on a background.

    part: the bases of the background.
    blocks: of the background.
    logits: of the hits, shape (n,).
    numbers: of the blocks that the hits stand in, shape (n,).
    """

    part: Intervals
    blocks: Blocks
    logits: np.ndarray
    numbers: np.ndarray

    @classmethod
    def on(cls, part: Intervals, hits: RankedHits, lengths: Mapping[str, int]) -> BackgroundHits:
        """The hits that stand on a part of a genome."""
        blocks, logits, numbers = Blocks(part, lengths), [np.empty(0)], [np.empty(0, dtype=np.int64)]
        for chrom in part.chroms:
            for strand in STRANDS:
                tss, scores = hits.on(chrom, strand)
                inside = part.contains(chrom, tss)
                logits.append(scores[inside])
                numbers.append(blocks.at(chrom, tss[inside]))
        return cls(part, blocks, np.concatenate(logits), np.concatenate(numbers))

    @property
    def megabases(self) -> float:
        return self.part.total_bases / 1e6

    def table(self) -> Calibration:
        """The calibration of this background."""
        return Calibration.measure(self.logits, self.megabases, "background")

    def got(self, logit: float) -> dict[str, Any]:
        """FP/Mb at a threshold, with intervals."""
        if not self.megabases:
            return {"hits": 0, "megabases": 0.0, "fp_per_mb": None}
        reached = self.logits >= logit
        rate = int(reached.sum()) / self.megabases
        per_block = np.bincount(self.numbers[reached], minlength=len(self.blocks.bases))
        draws = [
            weights @ per_block / (weights @ self.blocks.bases) * 1e6 for weights in draw_blocks(len(self.blocks.bases))
        ]
        return {
            "hits": int(reached.sum()),
            "megabases": self.megabases,
            "fp_per_mb": rate,
            "interval95": poisson_interval(rate, self.megabases),
            "bootstrap95": interval95(np.array(draws)),
        }


def poisson_interval(rate: float, megabases: float) -> list[float]:
    """95 % interval of a Poisson rate; see `Calibration.interval`."""
    if not rate:
        return [0.0, -math.log(0.025) / megabases]
    return list(Calibration("background", megabases, (0.0,), (1,)).interval(rate))


def tandem_bases(codes: Codes) -> np.ndarray:
    """Which bases end a stretch that repeats itself at some lag; bool of the length of `codes`."""
    repeated = np.zeros(len(codes), dtype=np.bool_)
    for lag in LAGS:
        if len(codes) < lag + REPEAT_WINDOW:
            break
        same = np.concatenate([[0], np.cumsum(codes[lag:] == codes[:-lag])])
        shares = (same[REPEAT_WINDOW:] - same[:-REPEAT_WINDOW]) / REPEAT_WINDOW
        repeated[lag + REPEAT_WINDOW - 1 :] |= shares >= REPEATED
    return repeated


def tandem_repeats(genome: Path, contigs: Sequence[str], lengths: Mapping[str, int]) -> Intervals:
    """The bases near tandem repeats."""
    spans = {chrom: [(0, sys.maxsize)] for chrom in contigs}
    repeated = Intervals.of(
        Interval(chunk.chrom, base, base + 1)
        for chunk in Genome(genome).read_chunks(sys.maxsize, spans)
        for base in np.flatnonzero(tandem_bases(chunk.codes)).tolist()
    )
    return repeated.widened(NEAR_REPEAT, lengths)


def dense_blocks(starts: KnownStarts, scope: Intervals, lengths: Mapping[str, int]) -> Intervals:
    """The blocks of a scope that are dense in listed starts."""
    dense = list[Interval]()
    for chrom in scope.chroms:
        places = np.concatenate([starts.on(chrom, strand) for strand in STRANDS])
        for block, count in enumerate(np.bincount(places // BLOCK).tolist()):
            if count >= DENSE:
                dense.append(Interval(chrom, block * BLOCK, min(lengths[chrom], (block + 1) * BLOCK)))
    return Intervals.of(dense)


def whole(contigs: Sequence[str], lengths: Mapping[str, int]) -> Intervals:
    """All bases of contigs."""
    return Intervals.of(Interval(chrom, 0, lengths[chrom]) for chrom in contigs)


def cross_fitted(
    background: Intervals, contigs: Sequence[str], hits: RankedHits, lengths: Mapping[str, int], count: int
) -> dict[str, Any]:
    """FP/Mb asked and got, of all folds together, with the thresholds of the other folds."""
    folds = chromosome_folds({chrom: lengths[chrom] for chrom in contigs}, count)

    def on(part: list[str]) -> BackgroundHits:
        return BackgroundHits.on(background.intersection(whole(part, lengths)), hits, lengths)

    def judge(table: Calibration, part: list[str]) -> tuple[float, dict[int, int]]:
        judged = on(part)
        asked = {rate: table.logit_at(rate) for rate in RATES if table.least <= rate <= table.most}
        return judged.megabases, {rate: int((judged.logits >= logit).sum()) for rate, logit in asked.items()}

    judged, rows = cross_fit(folds, lambda part: on(part).table(), judge), dict[str, Any]()
    megabases = sum(each for each, _ in judged)
    for rate in RATES:
        if all(rate in counts for _, counts in judged):
            got = sum(counts[rate] for _, counts in judged) / megabases
            by_fold = [counts[rate] / each for each, counts in judged]
            rows[str(rate)] = {
                "fp_per_mb": got,
                "interval95": poisson_interval(got, megabases),
                "by_fold": by_fold,
            }
    return {"folds": [sorted({name.partition(":")[0] for name in fold}) for fold in folds], "asked": rows}


def main() -> None:
    parser = parser_of(__doc__, "model", "genome", "contigs", "output")
    parser.add_argument("--tss", type=Path, action="append", required=True, help="BED file of starts; may be repeated.")
    parser.add_argument("--hits", type=Path, help="Hits of a scan at a low threshold.  [default: scan]")
    parser.add_argument("--folds", type=int, default=2, help="Groups of chromosomes.  [default: 2]")
    arguments = parser.parse_args()
    card = read_card(find_model(arguments.model))
    if card.calibration is None:
        parser.error(f"{arguments.model} is not calibrated")
    lengths = Genome(arguments.genome).contigs()
    contigs = matching_contigs(arguments.contigs.split(","), lengths)
    if arguments.hits is None:
        options: dict[str, Any] = {"to_rank": True, "strength": None, "device": "cpu", "threads": 1}
        hits = rank_hits(promscan.scan(arguments.genome, model=arguments.model, regions=contigs, **options))
    else:
        hits = read_hits(arguments.hits, lengths)
    starts = read_lists(arguments.tss, lengths, None, SAME_START).starts
    near = Intervals.of(Interval(chrom, tss, tss + 1) for chrom, tss, _ in starts)
    background = whole(contigs, lengths).without(near.widened(card.scale.clearance, lengths))
    tandem, dense = tandem_repeats(arguments.genome, contigs, lengths), dense_blocks(starts, background, lengths)
    parts = {
        "all": background,
        "tandem": background.intersection(tandem),
        "not_tandem": background.without(tandem),
        "gene_dense": background.intersection(dense),
        "not_gene_dense": background.without(dense),
    }
    on_parts = {name: BackgroundHits.on(part, hits, lengths) for name, part in parts.items()}
    asked = [rate for rate in RATES if card.calibration.least <= rate <= card.calibration.most]
    result: dict[str, Any] = {
        "contigs": arguments.contigs,
        "calibrated_on": card.calibration.background,
        "asked": {
            str(rate): {
                "card95": list(card.calibration.interval(rate)),
                **{name: part.got(card.calibration.logit_at(rate)) for name, part in on_parts.items()},
            }
            for rate in asked
        },
        "cross_fitted": cross_fitted(background, contigs, hits, lengths, arguments.folds),
    }
    save_result(arguments.output, result, card)


if __name__ == "__main__":
    main()
