"""Judge another scanner and a model of ours on the same few contigs, drawn from those that `human` was not trained on.

PromID (Umarov et al. 2019, `pip install promid`) needs a Python environment of its own, and 23 minutes of a core for a
Mb. So whole contigs are drawn at random until they have enough bases; both scan them, and both files of hits are judged
as by `promscan evaluate`.

    python benchmarks/side_by_side.py draw drawn.fa --data DATA --bases 1000000
    promid -I drawn.fa -O promid.bed
    promscan scan drawn.fa -o hits.bed --threshold 0.000001 --strength none
    python benchmarks/side_by_side.py judge promid.bed drawn.fa --data DATA -o RESULT.json
    python benchmarks/side_by_side.py judge hits.bed drawn.fa --data DATA -o RESULT.json
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import promscan
from promscan.io.genome import Genome
from promscan.seq.dna import decode
from promscan.train.data.labelled_genome import read_labelled_genome

TEST = ("chr10", "chr16")
TOLERANCES = (100, 500)


def draw(arguments: argparse.Namespace) -> None:
    """Write the contigs, in the order in which they were drawn."""
    contigs = read_labelled_genome(arguments.genome, arguments.tss).part(TEST).contigs
    names, bases = sorted(contigs), 0
    random.Random(0).shuffle(names)
    with arguments.drawn.open("w") as out:
        for name in names:
            if bases >= arguments.bases:
                break
            out.write(f">{name}\n{decode(contigs[name])}\n")
            bases += len(contigs[name])


def judge(arguments: argparse.Namespace) -> None:
    """Write how good the hits are, with the first line of their file, which names the weights if they are ours."""
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
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True)
    drawing, judging = steps.add_parser("draw"), steps.add_parser("judge")
    drawing.set_defaults(step=draw)
    judging.set_defaults(step=judge)
    judging.add_argument("hits", type=Path)
    for step in (drawing, judging):
        step.add_argument("drawn", type=Path)
        step.add_argument("--data", type=Path, required=True)
    drawing.add_argument("--bases", type=int, default=1_000_000)
    judging.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.genome, arguments.tss = (arguments.data / "human" / f"hg38_{name}" for name in ("contigs.fa", "tss.bed"))
    arguments.step(arguments)


if __name__ == "__main__":
    main()
