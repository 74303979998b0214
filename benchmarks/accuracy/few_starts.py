r"""What a list of starts is worth: models of S. pombe that learned from 100 to all of its starts, and `yeast` as it is.

The runs of `recipes/pombe.toml` from few and from all starts, with the weights of `yeast` or random ones, all with the
same number of segments, are judged on the dev region by their own validation. A start is found by a hit of its strand
within 50 bp; a hit more than 500 bp from every start of its strand is false. `error` is the standard error of the
recall of as many independent starts.

    python -m benchmarks.accuracy.few_starts runs/pombe --data DATA \
        -o benchmarks/results/0.1.0/few_starts.pombe.json
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import promscan
from benchmarks.common import POMBE, ModelHits, parser_of, save_result
from promscan.networks.card import Card, read_card
from promscan.networks.card_parts import Scale
from promscan.networks.model_files import find_model
from promscan.seq import dna
from promscan.seq.records import Interval
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome
from promscan.train.genome_validation import validate

SCALE = Scale(tolerance=50)
RATES = (10, 50, 100)
LISTS = ("100", "300", "1000", "all")
BEGINNINGS = ("yeast", "scratch")
"""Weights that a training begins with: those of `yeast`, or random ones."""


def point(recall: float, starts: int) -> dict[str, float]:
    return {"recall": round(recall, 4), "error": round(math.sqrt(recall * (1 - recall) / starts), 4)}


def trained(card: Card) -> dict[str, Any]:
    """What a training learned from, and its recall on dev."""
    dev, recipe = card.metrics["dev"], card.training["recipe"]
    return {
        "starts": card.training["genome"]["starts"],
        "segments": recipe["epochs"] * recipe["segments_per_epoch"],
        "recall": {str(rate): point(dev[f"recall_at_{rate}"], dev["starts"]) for rate in RATES},
    }


def scanned(model: str, part: LabelledGenome) -> tuple[dict[str, Any], Card]:
    """Recall of a model as it is on a part of the genome, and its card."""
    genome = {name: dna.decode(codes) for name, codes in part.contigs.items()}
    hits = ModelHits(promscan.scan(genome, model=model, to_rank=True, strength=None, device="cpu", threads=1))
    pieces = [Interval(name, 0, length) for name, length in part.lengths.items()]
    validation = validate(hits, pieces, part.starts, SCALE)
    starts = len(validation.found)
    return {"recall": {str(rate): point(validation.recall(rate), starts) for rate in RATES}}, hits.card


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("runs", type=Path, help="Folder of the run folders STARTS-yeast and STARTS-scratch.")
    arguments = parser.parse_args()
    dev = read_labelled_genome(arguments.data / POMBE.genome, arguments.data / POMBE.starts).part(POMBE.dev)
    as_it_is, card = scanned("yeast", dev)
    runs = {"yeast": as_it_is}
    for beginning in BEGINNINGS:
        for listed in LISTS:
            weights = arguments.runs / f"{listed}-{beginning}" / "best.safetensors"
            if weights.is_file():
                runs[f"{listed}-{beginning}"] = trained(read_card(find_model(str(weights))))
    scale = {"tolerance": SCALE.tolerance, "false_beyond": SCALE.false_beyond}
    save_result(arguments.output, {"scale": scale, "bases": dev.bases, "starts": len(dev.starts), "dev": runs}, card)


if __name__ == "__main__":
    main()
