r"""Effects of promoter variants, predicted and measured: saturation mutagenesis of TERT in four cell lines and of LDLR.

Each measured variant is scored as `promscan variants` does it, and the difference of its scores is compared with the
measured log2 effect (Pearson r), on the strand that is chosen for it. Other summaries of the same scores are compared
with the one in use, so that the choice can be made again for other weights.

    python -m benchmarks.accuracy.variants human --data DATA \
        -o benchmarks/results/0.1.0/variants.human.json
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import HUMAN, parser_of, save_result
from promscan.commands.variation import effects
from promscan.commands.variation.job import VariantEffects
from promscan.io.vcf import Record

MEASURED = "variants/promoter_mutagenesis.tsv.gz"
FEWEST_BARCODES = 10
PROMOTERS = ("TERT", "LDLR")
"""The elements of the data that are promoters; the others are enhancers."""
SUMMARIES = [(within, around) for within in (100, 150, 200) for around in (50, 75, 100)]
"""How far the summit may be from a variant, and how far from it scores count."""

Key = tuple[str, int, str, str]


def measured(path: Path) -> Iterator[dict[str, str]]:
    """The rows of the data about promoters with enough barcodes."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["element"].startswith(PROMOTERS) and int(row["barcodes"]) >= FEWEST_BARCODES:
                yield row


def key_of(row: dict[str, str]) -> Key:
    return row["contig"], int(row["pos"]) - 1, row["ref"], row["alt"]


def predicted(job: VariantEffects, contigs: dict[str, str], keys: list[Key]) -> dict[Key, float]:
    """The difference of the scores of each variant; a deleted base is written with the one before it."""
    records = []
    for number, (chrom, position, reference, alternative) in enumerate(keys, start=1):
        if alternative == "-":
            base = contigs[chrom][position - 1]
            records.append(Record(chrom, position - 1, base + reference, (base,), "", number))
        else:
            records.append(Record(chrom, position, reference, (alternative,), "", number))
    found = (scored.effects[0] for scored in job.of(records))
    return {key: 0.0 if effect is None else effect.difference for key, effect in zip(keys, found, strict=True)}


def correlations(rows: list[dict[str, str]], differences: dict[Key, float]) -> dict[str, Any]:
    """Pearson r of each element, means by promoter, and the mean of these."""
    by_element: dict[str, float] = {}
    for element in sorted({row["element"] for row in rows}):
        pairs = [(differences[key_of(row)], float(row["log2_effect"])) for row in rows if row["element"] == element]
        by_element[element] = float(np.corrcoef(np.array(pairs).T)[0, 1])
    promoters = {
        name: float(np.mean([r for element, r in by_element.items() if element.startswith(name)])) for name in PROMOTERS
    }
    return {"mean": float(np.mean(list(promoters.values()))), "promoters": promoters, "elements": by_element}


def precision_by_size(rows: list[dict[str, str]], differences: dict[Key, float]) -> dict[str, Any]:
    """Variants whose scores change by this much, and how many of them change expression, in the same direction."""
    table = {}
    for least in (0.05, 0.1, 0.2, 0.3, 0.5):
        chosen = [row for row in rows if abs(differences[key_of(row)]) >= least]
        if not chosen:
            continue
        significant = [row for row in chosen if float(row["p_value"]) < 1e-5]
        right = [row for row in significant if float(row["log2_effect"]) * differences[key_of(row)] > 0]
        strong = [row for row in right if abs(float(row["log2_effect"])) >= 0.5]
        table[str(least)] = {
            "variants": len(chosen),
            "change_expression": len(significant) / len(chosen),
            "in_this_direction": len(right) / len(chosen),
            "by_half_a_log2": len(strong) / len(chosen),
        }
    return table


def with_summaries(measure: Callable[[], dict[Key, float]], rows: list[dict[str, str]]) -> dict[str, Any]:
    """What each summary reaches; that in use is restored."""
    in_use = effects.SUMMIT_WITHIN, effects.AROUND_SUMMIT
    result = {}
    try:
        for effects.SUMMIT_WITHIN, effects.AROUND_SUMMIT in SUMMARIES:
            name = f"mean within {effects.AROUND_SUMMIT} bp of the summit within {effects.SUMMIT_WITHIN} bp"
            result[name] = correlations(rows, measure())
    finally:
        effects.SUMMIT_WITHIN, effects.AROUND_SUMMIT = in_use
    return result


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "threads", "output")
    parser.add_argument("--summaries", action="store_true", help="Compare other summaries, too.")
    arguments = parser.parse_args()
    rows = list(measured(arguments.data / MEASURED))
    keys = sorted({key_of(row) for row in rows})
    job = VariantEffects(arguments.data / HUMAN.genome, model=arguments.model, threads=arguments.threads)
    contigs = bases_of(arguments.data / HUMAN.genome, {chrom for chrom, *_ in keys})
    differences = predicted(job, contigs, keys)
    result: dict[str, Any] = {
        "variants": len(keys),
        "summary": f"mean within {effects.AROUND_SUMMIT} bp of the summit within {effects.SUMMIT_WITHIN} bp",
        "pearson": correlations(rows, differences),
        "by_size": precision_by_size(rows, differences),
    }
    if arguments.summaries:
        result["summaries"] = with_summaries(lambda: predicted(job, contigs, keys), rows)
    save_result(arguments.output, result, job.card)


def bases_of(genome: Path, wanted: set[str]) -> dict[str, str]:
    """The letters of these contigs."""
    found: dict[str, str] = {}
    name = ""
    with genome.open(encoding="ascii") as file:
        for line in file:
            if line.startswith(">"):
                name = line[1:].split()[0]
                found |= {name: ""} if name in wanted else {}
            elif name in wanted:
                found[name] += line.strip()
    return found


if __name__ == "__main__":
    main()
