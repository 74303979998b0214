r"""Paired comparison of hits, or of models, on the same sequence: is one really better than the other?

Each of them is judged by each list of starts alone, and by all lists joined (`all lists`). The first one is what the
others are compared with. Differences are paired: the same bootstrap draws of blocks of 100 kb give the standard error
of each number and of each difference, and P is two-sided, of a normal distribution.

    mean_log_rate_recall   mean of the recall over 1 to 400 FP/Mb, on a logarithmic scale
    recall_at_R            at R FP/Mb
    within_D               share of the starts found at 50 FP/Mb whose hit lies within D bp
    other_strand_of_100    false hits within 500 bp of a start of the other strand, among the 100 best false hits

The first two are given of all starts, of the classes of `--class-pattern`, and of starts in sequence like a CpG island
and others. The hits must reach down to 400 FP/Mb: scan with a low threshold (`ends_at_fp_per_mb` says how far they
reach). A model, bundled or a weights file, is scanned here, which takes a minute of one core a Mb.

    python -m benchmarks.accuracy.paired human=human.bed new=new.bed --genome DATA/human/hg38_contigs.fa \
        --tss DATA/human/hg38_tss.bed --tss DATA/human/rampage_tss.bed --contigs chr9,chr17 -o RESULT.json
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import promscan
from benchmarks.common import EPDNEW_CLASSES, ModelHits, parser_of, save_result
from promscan.commands.evaluating.evaluation import Evaluation
from promscan.io.genome import Genome
from promscan.metrics.blocks import BLOCK, DRAWS, draw_blocks
from promscan.metrics.judged import OTHER_STRAND, WITHIN, Ranking
from promscan.metrics.log_rate import log_rate_shares
from promscan.seq.regions import matching_contigs

RATES = (1, 10, 50, 100)
PLACES_AT = 50
"""FP/Mb at which the places of hits are compared."""
BEST_FALSE = 100
ALL_LISTS = "all lists"


def measures_of(ranking: Ranking, weights: np.ndarray | None = None) -> dict[str, float]:
    """All numbers of hits, by name; NaN where there is nothing to count.

    Args:
        ranking: the judged hits.
        weights: how often each block counts; None: once.
    """
    weights = np.ones(len(ranking.block_bases), dtype=np.int64) if weights is None else weights
    starts, rates = ranking.members * weights[ranking.found.blocks], ranking.rates_before(weights)
    by_start = {"mean_log_rate_recall": log_rate_shares(rates)}
    by_start |= {f"recall_at_{rate}": rates <= rate for rate in RATES}
    names = ["all", *(each.name for each in ranking.classes)]
    present = ranking.members.any(axis=1)
    values = {
        f"{name}/{measure}": share_of(counted, reached)
        for measure, reached in by_start.items()
        for name, counted, some in zip(names, starts, present, strict=True)
        if some
    }
    found = starts[0] * (rates <= PLACES_AT)
    values |= {f"all/within_{near}": share_of(found, np.abs(ranking.found.distances) <= near) for near in WITHIN}
    return {**values, f"all/other_strand_of_{BEST_FALSE}": other_strand_of_best(ranking, weights)}


def share_of(counted: np.ndarray, reached: np.ndarray) -> float:
    """Mean of `reached`, weighted by how often each start is counted; NaN if none is."""
    return float(counted @ reached / counted.sum()) if counted.any() else math.nan


def other_strand_of_best(ranking: Ranking, weights: np.ndarray) -> float:
    """How many of the best false hits stand at a start of the other strand."""
    order = np.argsort(-ranking.false.scores, kind="stable")
    counts = weights[ranking.false.blocks[order]]
    left = np.clip(BEST_FALSE - np.cumsum(counts) + counts, 0, counts)
    return float(left[ranking.false.kinds[order] == OTHER_STRAND].sum())


def drawn_measures(ranking: Ranking) -> np.ndarray:
    """All numbers in each draw of blocks, shape (draws, numbers)."""
    draws = draw_blocks(len(ranking.block_bases))
    return np.array([[*measures_of(ranking, weights).values()] for weights in draws])


def compared(rankings: Mapping[str, Ranking]) -> dict[str, Any]:
    """The numbers of each system with standard errors, and the differences of the others from the first one."""
    values = {name: measures_of(ranking) for name, ranking in rankings.items()}
    draws = {name: drawn_measures(ranking) for name, ranking in rankings.items()}
    first = next(iter(rankings))
    rows = dict[str, Any]()
    for i, measure in enumerate(values[first]):
        rows[measure] = {
            name: {"value": number(own[measure]), "standard_error": number(deviation(draws[name][:, i]))}
            for name, own in values.items()
        }
        for name in list(rankings)[1:]:
            gain = values[name][measure] - values[first][measure]
            rows[measure][name] |= difference(gain, (draws[name] - draws[first])[:, i])
    return rows


def difference(gain: float, draws: np.ndarray) -> dict[str, Any]:
    """A difference from the first system, its standard error and its two-sided P value."""
    error = deviation(draws)
    p = math.erfc(abs(gain) / error / math.sqrt(2)) if error > 0 else None
    return {"difference": number(gain), "difference_standard_error": number(error), "p": p}


def deviation(draws: np.ndarray) -> float:
    """Standard deviation of the draws that have a value; NaN if none has."""
    known = draws[np.isfinite(draws)]
    return float(known.std(ddof=1)) if len(known) > 1 else math.nan


def number(value: float) -> float | None:
    """A number as JSON has it, which knows no NaN."""
    return round(value, 6) if math.isfinite(value) else None


def show(truth: str, starts: int, rows: Mapping[str, Any]) -> None:
    """Print a table: a row for each number, a column for each system, with differences from the first."""
    print(f"\n{truth}: {starts} starts")
    for measure, systems in rows.items():
        cells = []
        for name, row in systems.items():
            text = f"{name} {shown(row['value'])} ± {shown(row['standard_error'])}"
            if "difference" in row:
                p = "." if row["p"] is None else f"{row['p']:.2g}"
                text += f" ({shown(row['difference'], '+')} ± {shown(row['difference_standard_error'])}, P {p})"
            cells.append(text)
        print(f"  {measure:<38} " + "   ".join(cells))


def shown(value: float | None, sign: str = "") -> str:
    """Three decimals."""
    return "." if value is None else f"{value:{sign}.3f}"


def systems_of(words: Sequence[str], genome: Path, contigs: Sequence[str]) -> dict[str, Path | ModelHits]:
    """The hits of each argument, `NAME=SOURCE` or `SOURCE`: a file of hits, or a model to scan with."""
    systems: dict[str, Path | ModelHits] = {}
    for word in words:
        name, equals, source = word.partition("=")
        path = Path(source if equals else word)
        if path.is_file() and path.suffix != ".safetensors":
            hits: Path | ModelHits = path
        else:
            regions = matching_contigs(contigs, Genome(genome).contigs())
            options: dict[str, Any] = {"to_rank": True, "strength": None, "device": "cpu", "threads": 1}
            hits = ModelHits(promscan.scan(genome, model=str(path), regions=regions, **options))
        label = name if equals else path.name
        if label in systems:
            raise SystemExit(f"two systems are called {label!r}: name them, as in first={word}")
        systems[label] = hits
    return systems


def truths_of(lists: Sequence[Path]) -> dict[str, list[Path]]:
    """The lists to judge by: each alone, and all of them joined."""
    return {path.name: [path] for path in lists} | ({ALL_LISTS: [*lists]} if len(lists) > 1 else {})


def main() -> None:
    parser = parser_of(__doc__, "genome", "contigs", "output")
    parser.add_argument("systems", nargs="+", help="Files of hits, or models; NAME= before one names it.")
    parser.add_argument("--tss", type=Path, action="append", required=True, help="BED file of starts; may be repeated.")
    parser.add_argument("--class-pattern", default=EPDNEW_CLASSES, help="Classes by name.  [default: %(default)s]")
    parser.add_argument("--bed", type=Path, help="Judge only what lies in these intervals.")
    arguments = parser.parse_args()
    contigs = arguments.contigs.split(",")
    systems = systems_of(arguments.systems, arguments.genome, contigs)
    result: dict[str, Any] = {
        "contigs": arguments.contigs,
        "blocks": {"bp": BLOCK, "draws": DRAWS},
        "judged_by": {},
    }
    for truth, lists in truths_of(arguments.tss).items():
        evaluations: dict[str, Evaluation] = {
            name: promscan.evaluate(
                hits, lists, arguments.genome, contigs=contigs, bed=arguments.bed, class_pattern=arguments.class_pattern
            )
            for name, hits in systems.items()
        }
        rankings = {name: evaluation.ranking for name, evaluation in evaluations.items()}
        ranking = next(iter(rankings.values()))
        rows = compared(rankings)
        result["judged_by"][truth] = {
            "bases": ranking.bases,
            "blocks": len(ranking.block_bases),
            "starts": {"all": len(ranking.found.scores)}
            | {each.name: int(each.members.sum()) for each in ranking.classes},
            "ends_at_fp_per_mb": {name: each.whole.fp_per_mb for name, each in evaluations.items()},
            "numbers": rows,
        }
    cards = [hits.card for hits in systems.values() if isinstance(hits, ModelHits)]
    save_result(arguments.output, result, *cards)
    for truth, judged in result["judged_by"].items():
        show(truth, judged["starts"]["all"], judged["numbers"])


if __name__ == "__main__":
    main()
