r"""Recall on bacteria of a genus that a network never saw: leave one genus out of the training of `bacteria`.

For each genus, the trainings of `recipes/bacteria.toml` run without its genomes, and the network is judged on all of
them, and on their test parts alone. The same trainings on all genera, `none` left out, are judged on the test parts.
Fewer steps than in the recipe make ten trainings possible; they are the same for all of them. Close relatives stay
together, since a genus is left out as a whole. What an earlier run of the same sizes has finished is not done again:
trainings by their folder, and judgements by the output.

    python -m benchmarks.accuracy.left_out_genera runs/left-out --data DATA --stem-steps 2000 --epochs 1 \
        -o benchmarks/results/0.1.0/left_out_genera.json
"""

from __future__ import annotations

import csv
import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import promscan
from benchmarks.accuracy.bacteria import points_of
from benchmarks.common import ModelHits, parser_of, read_result, save_result
from recipes.make import Workspace, make
from recipes.recipe import Recipe, Step, find_recipe, read_recipe
from recipes.steps.parts_of_genomes import pieces_of

NONE = "none"
"""Name of the training that leaves no genus out."""
SMOOTHING = 5
"""Width in bp of the mean of logits, as the recipe calibrates with."""
TRAININGS = ("parts", "stem", "whole")
"""The steps of the recipe up to the trained network."""


class Contig(NamedTuple):
    """A contig of a genome of the data."""

    name: str
    bases: int

    def parts(self, *wanted: str) -> list[str]:
        """Names of its train, dev or test parts, each once."""
        pieces = (name for name, _ in pieces_of(self.name, self.bases, 1))
        return [name for name in pieces if name.partition(":")[0] in wanted]


def read_genera(table: Path) -> dict[str, list[Contig]]:
    """The contigs of each genus."""
    genera = defaultdict[str, list[Contig]](list)
    with table.open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            genera[row["species"].split()[0]].append(Contig(row["contig"], int(row["bp"])))
    return dict(genera)


def with_options(step: Step, options: Mapping[str, str]) -> Step:
    """The step with other values of those options that its command has."""
    words = list(step.run)
    for name in options.keys() & set(words):
        words[words.index(name) + 1] = options[name]
    return dataclasses.replace(step, run=tuple(words))


def once(step: Step, contigs: Sequence[Contig]) -> Step:
    """The step without options that repeat these contigs (`--often NAME=N`)."""
    names, words, run = {contig.name for contig in contigs}, iter(step.run), list[str]()
    for word in words:
        pair = [word, next(words)] if word == "--often" else [word]
        if pair[-1].rpartition("=")[0] not in names:
            run += pair
    return dataclasses.replace(step, run=tuple(run))


def without(recipe: Recipe, kept: Sequence[Contig], left_out: Sequence[Contig], sizes: Mapping[str, str]) -> Recipe:
    """The trainings of the recipe, with dev parts of `kept` contigs and nothing of those left out.

    Args:
        recipe: the recipe of `bacteria`.
        kept: contigs that the network learns from.
        left_out: contigs that it never sees.
        sizes: numbers of steps and of epochs, by the name of their option.
    """
    dev = [name for contig in kept for name in contig.parts("dev")]
    held_out = [name for contig in left_out for name in contig.parts("train", "dev")]
    splits = {"--dev": ",".join(dev), "--leave-out": ",".join(["test", *held_out])}
    steps = [once(with_options(step, {**splits, **sizes}), left_out) for step in recipe.steps if step.name in TRAININGS]
    return dataclasses.replace(recipe, steps=tuple(steps))


def judged(folder: Path, contig: Contig, *parts: str) -> dict[str, Any]:
    """Recall of the network in a folder on these parts of a contig, and on its test part, by false positives per Mb."""
    genome, starts, names = folder / "parts/genome.fa", folder / "parts/tss.bed", contig.parts(*parts)
    scan = promscan.scan(
        genome, model=str(folder / "whole/last.safetensors"), to_rank=True, regions=names, strength=None,
        smoothing=SMOOTHING, device="cpu", threads=1,
    )  # fmt: skip
    hits = ModelHits(scan)
    scale: dict[str, Any] = {
        "tolerance": hits.card.scale.tolerance,
        "false_beyond": hits.card.scale.false_beyond,
    }

    def judge(chosen: Sequence[str]) -> dict[str, Any]:
        evaluation = promscan.evaluate(hits, starts, genome, contigs=chosen, **scale)
        return {"tss": len(evaluation.ranking.found.scores), "points": points_of(evaluation)}

    test = contig.parts("test")
    return {"test": judge(test)} | ({"all": judge(names)} if names != test else {})


def judged_before(output: Path, sizes: Mapping[str, str]) -> dict[str, Any]:
    """What an earlier run found, by genus."""
    earlier = read_result(output) if output.is_file() else {}
    return dict(earlier["left_out"]) if earlier.get("sizes") == sizes else {}


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("runs", type=Path, help="Folder of the trainings, one folder a genus.")
    parser.add_argument("--stem-steps", type=int, default=2000, help="Steps of the convolutions.  [default: 2000]")
    parser.add_argument("--epochs", type=int, default=1, help="Epochs of the whole network.  [default: 1]")
    parser.add_argument("--genera", help="Genera to leave out, with commas between them, or none.  [default: all]")
    arguments = parser.parse_args()
    genera = read_genera(arguments.data / "bacteria/species.tsv")
    every = [contig for contigs in genera.values() for contig in contigs]
    sizes = {"--steps": str(arguments.stem_steps), "--epochs": str(arguments.epochs)}
    recipe, found = read_recipe(find_recipe("bacteria"), "full"), judged_before(arguments.output, sizes)
    for genus in arguments.genera.split(",") if arguments.genera else (NONE, *genera):
        if genus in found:
            continue
        left_out = genera.get(genus, [])
        kept, folder = [contig for contig in every if contig not in left_out], arguments.runs / genus
        make(without(recipe, kept, left_out, sizes), Workspace(arguments.data, folder))
        parts = ("train", "dev", "test") if left_out else ("test",)
        found[genus] = {contig.name: judged(folder, contig, *parts) for contig in left_out or every}
        save_result(arguments.output, {"sizes": sizes, "left_out": found})


if __name__ == "__main__":
    main()
