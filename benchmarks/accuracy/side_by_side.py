r"""Evaluation of PromID and of our models on the same contigs, drawn from those that `human` was not trained on.

PromID (Umarov et al. 2019, `pip install promid`) needs a Python environment of its own, and 23 minutes of a core for a
Mb. So whole contigs are drawn at random until they have enough bases; both tools scan them, and `promscan evaluate`
judges both files of hits.

    python -m benchmarks.accuracy.side_by_side draw drawn.fa --data DATA --bases 1000000
    promid -I drawn.fa -O promid.bed
    promscan scan drawn.fa -o hits.bed --threshold 0.000001 --strength none
    python -m benchmarks.accuracy.side_by_side judge promid.bed drawn.fa --data DATA \
        -o benchmarks/results/0.1.0/side_by_side.promid.json
    python -m benchmarks.accuracy.side_by_side judge hits.bed drawn.fa --data DATA --model human \
        -o benchmarks/results/0.1.0/side_by_side.human.json
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import promscan
from benchmarks.common import HUMAN, parser_of, save_result
from promscan.io.genome import Genome
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq.dna import decode
from promscan.train.data.labelled_genome import read_labelled_genome

TOLERANCES = (100, 500)


def draw(arguments: argparse.Namespace) -> None:
    """Write the contigs, in the order in which they were drawn."""
    contigs = read_labelled_genome(arguments.genome, arguments.tss).part(HUMAN.test).contigs
    names, bases = sorted(contigs), 0
    random.Random(0).shuffle(names)
    with arguments.drawn.open("w") as out:
        for name in names:
            if bases >= arguments.bases:
                break
            out.write(f">{name}\n{decode(contigs[name])}\n")
            bases += len(contigs[name])


def judge(arguments: argparse.Namespace) -> None:
    """Write the evaluation of the hits, with the first line of their file, which names the model if it is ours."""
    contigs = Genome(arguments.drawn).contigs()
    evaluations = [
        promscan.evaluate(arguments.hits, arguments.tss, arguments.genome, contigs=list(contigs), tolerance=tolerance)
        for tolerance in TOLERANCES
    ]
    with arguments.hits.open() as lines:
        header = next(lines).strip()
    result = {
        "first_line": header,
        "contigs": contigs,
        **{f"tolerance_{each.tolerance}": each.describe() for each in evaluations},
    }
    cards = [read_card(find_model(arguments.model))] if arguments.model else []
    save_result(arguments.output, result, *cards)


def main() -> None:
    parser = parser_of(__doc__)
    steps = parser.add_subparsers(required=True)
    drawing, judging = steps.add_parser("draw"), steps.add_parser("judge")
    drawing.set_defaults(step=draw)
    judging.set_defaults(step=judge)
    judging.add_argument("hits", type=Path)
    for step in (drawing, judging):
        step.add_argument("drawn", type=Path)
        step.add_argument("--data", type=Path, required=True)
    drawing.add_argument("--bases", type=int, default=1_000_000)
    judging.add_argument("--model", help="Model of ours that made the hits.")
    judging.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.genome, arguments.tss = arguments.data / HUMAN.genome, arguments.data / HUMAN.starts
    arguments.step(arguments)


if __name__ == "__main__":
    main()
