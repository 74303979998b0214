"""Make the demo genome: random DNA with the statistics of human sequence, and promoters planted in it.

    make_demo.py measure --data DATA     measure the statistics on public data -> demo_statistics.json
    make_demo.py write                   draw from them                        -> demo.fa, demo_tss.bed

No base of the demo is copied from a genome. Everything is a Markov chain: the next base depends on the four before it,
in a table of 256 rows `T[previous four, next]`, bases in the order A, T, G, C.

    ~~~~~~~~~~ / flank | 50 bp | .. | 50 bp [ core window ] 50 bp | flank \\ ~~~~~~~~~~
    background  blends                        TSS at index 33           blends  background

The background has a table for each third of the genome by G+C, and a promoter one for each 50 bp from 249 bp before its
TSS to 50 bp after it, and for the flanks on both sides of that. Four bases know the sites that promoters are made of,
and not where they stand. So each position of the core window has weights besides: how often a base follows another
there, over how often it does in all windows. There are two sets of them, with and without a TATA box: averaged over all
promoters, the box would drown.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import sys
from bisect import bisect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HERE = Path(__file__).parent
ALPHABET = "ATGC"
G, C = ALPHABET.index("G"), ALPHABET.index("C")
OTHER = len(ALPHABET)
ORDER = 4
WINDOW = 70
TSS_INDEX = 33
KINDS = ("tata", "notata")

# Measuring.
HELD_OUT = {"chr9", "chr17", "chr10", "chr16"}
"""The dev and test chromosomes of the human models: the demo must not know them either."""
PROMOTER, PROMOTER_TSS_INDEX = 300, 249
"""Length of the promoters, and where the TSS stands in them."""
STRETCH = 50
TILE = 10_000
ISOCHORES = 3
PROMOTER_REACH = 1_000
"""Background keeps this far away from every listed TSS."""

# Writing.
SEED = 20_261_122
PROMOTERS = {"demo1": 12, "demo2": 8}
SLOT = 2_500
"""One promoter stands in each stretch of this length, within JITTER of its middle: never closer than 1.6 kb."""
JITTER = 450
FLANK = 500
BLEND = 200
"""A flank is FLANK bp on each side of the promoter; its outer BLEND bp turn gradually into background."""
TATA_EVERY = 5
"""One promoter in five has a TATA box: twice the share of life, so that a small demo shows some."""
UNKNOWN_RUNS = (("demo1", 0, 100), ("demo1", 4 * SLOT, 200), ("demo2", 5 * SLOT, 200))
MASKED_RUNS = (("demo1", 8 * SLOT, 300), ("demo2", 2 * SLOT, 400))
"""(contig, middle, length) of N and of lower case; slots meet in background, so no promoter is touched."""
LINE = 60

_CODES = np.full(256, OTHER, dtype=np.uint8)
_CODES[np.frombuffer(ALPHABET.encode(), dtype=np.uint8)] = range(OTHER)


def encode(sequence: str) -> Array:
    """Letters to 0..3; anything that is not an upper-case base becomes OTHER."""
    return _CODES[np.frombuffer(sequence.encode(), dtype=np.uint8)]


def count(codes: Array, order: int) -> Array:
    """How often each base follows each `order` bases along the last axis: (4 ** order, 4), without unknown bases."""
    words = np.zeros(codes[..., order:].shape, dtype=np.int64)
    known = np.ones(words.shape, dtype=bool)
    for before in range(order + 1):
        base = codes[..., before : codes.shape[-1] - order + before]
        known &= base != OTHER
        words = OTHER * words + np.minimum(base, OTHER - 1)
    return np.bincount(words[known], minlength=OTHER ** (order + 1)).reshape(-1, OTHER)


def transitions(counts: Array) -> list[Any]:
    """Counts (..., 4) to probabilities of the next base; one pseudocount keeps empty rows defined."""
    smoothed = counts + 1.0
    return np.round(smoothed / smoothed.sum(axis=-1, keepdims=True), 4).tolist()


def describe(counts: Array) -> dict[str, Any]:
    """The table of counts (256, 4), and the G+C content and CpG observed/expected of what was counted."""
    pairs = counts.reshape(-1, OTHER, OTHER).sum(axis=0)
    first, second, total = pairs.sum(axis=1), pairs.sum(axis=0), pairs.sum()
    return {
        "gc": round(float((second[G] + second[C]) / total), 4),
        "cpg_oe": round(float(pairs[C, G] * total / (first[C] * second[G])), 4),
        "transitions": transitions(counts),
    }


def read_fasta(path: Path) -> Iterator[tuple[str, str]]:
    """Names (first word) and sequences."""
    for record in path.read_text(encoding="ascii").split(">")[1:]:
        header, *lines = record.split("\n")
        yield header.split()[0], "".join(lines)


def training_contigs(human: Path) -> Iterator[tuple[Array, list[tuple[int, str]]]]:
    """The bases of each contig for training, and its listed TSSs with their strands."""
    tss: dict[str, list[tuple[int, str]]] = {}
    for line in (human / "hg38_tss.bed").read_text(encoding="ascii").splitlines():
        chrom, start, _, _, _, strand = line.split("\t")
        tss.setdefault(chrom, []).append((int(start), strand))
    for name, sequence in read_fasta(human / "hg38_contigs.fa"):
        if name.split(":")[0] not in HELD_OUT:
            yield encode(sequence), tss.get(name, [])


def measure_background(human: Path) -> dict[str, Any]:
    """Training contigs, promoters blotted out, in tiles sorted by G+C into isochore-like thirds."""
    tiles = []
    for codes, tss in training_contigs(human):
        for position, _ in tss:
            codes[max(0, position - PROMOTER_REACH) : position + PROMOTER_REACH + 1] = OTHER
        tiles += [codes[begin : begin + TILE] for begin in range(0, len(codes) - TILE + 1, TILE)]
    gc = [np.isin(tile, (G, C)).sum() / max(1, (tile != OTHER).sum()) for tile in tiles]
    order = np.argsort(gc, kind="stable")
    thirds = [count(np.array([tiles[row] for row in rows]), ORDER) for rows in np.array_split(order, ISOCHORES)]
    whole = describe(np.sum(thirds, axis=0))
    return {
        "bases": int(sum((tile != OTHER).sum() for tile in tiles)),
        "gc": whole["gc"],
        "cpg_oe": whole["cpg_oe"],
        "isochores": [describe(third) for third in thirds],
    }


def measure_flanks(human: Path) -> dict[str, Any]:
    """What lies on both sides of the promoters of the training contigs, on their own strand."""
    before, after = PROMOTER_TSS_INDEX, PROMOTER - PROMOTER_TSS_INDEX
    upstream, downstream = [], []
    for codes, tss in training_contigs(human):
        for position, strand in tss:
            whole = codes if strand == "+" else reverse_complement(codes)
            at = position if strand == "+" else len(codes) - 1 - position
            if before + FLANK <= at <= len(codes) - after - FLANK:
                upstream.append(whole[at - before - FLANK : at - before])
                downstream.append(whole[at + after : at + after + FLANK])
    return {
        "promoters": len(upstream),
        "upstream": describe(count(np.stack(upstream), ORDER)),
        "downstream": describe(count(np.stack(downstream), ORDER)),
    }


def measure_promoters(human: Path, dropped: set[str]) -> dict[str, Any]:
    """A table for each 50 bp of the 300-bp promoters."""
    core = PROMOTER_TSS_INDEX - TSS_INDEX
    with (human / "promoters_300bp.tsv").open(encoding="ascii", newline="") as file:
        rows = [row["sequence"] for row in csv.DictReader(file, delimiter="\t") if row["split"] == "train"]
    codes = np.stack([encode(row) for row in rows if row[core : core + WINDOW] not in dropped])
    return {
        "promoters": len(codes),
        "stretches": [
            describe(count(codes[:, max(0, begin - ORDER) : begin + STRETCH], ORDER))
            for begin in range(0, PROMOTER, STRETCH)
        ],
    }


def read_positives(path: Path) -> set[str]:
    """The promoters in a table of labelled windows."""
    with path.open(encoding="ascii", newline="") as file:
        return {row["sequence"] for row in csv.DictReader(file) if row["label"] == "1"}


def count_windows(sequences: set[str]) -> Array:
    """How often a base follows another at each position of core windows, (69, 4, 4)."""
    codes = np.stack([encode(sequence) for sequence in sorted(sequences)])
    return np.stack([count(codes[:, index : index + 2], 1) for index in range(WINDOW - 1)])


def measure_windows(kinds: dict[str, set[str]]) -> dict[str, Any]:
    """Tables for each position of the windows of a kind, and one for all positions and kinds together."""
    counts = {kind: count_windows(sequences) for kind, sequences in kinds.items()}
    return {
        "mean_transitions": transitions(sum(counts.values()).sum(axis=0)),
        **{kind: {"promoters": len(kinds[kind]), "transitions": transitions(counts[kind])} for kind in kinds},
    }


def measure(data: Path, target: Path) -> None:
    """Measure everything on training rows and training contigs only, and write it as JSON."""
    human, gue = data / "human", data / "gue"
    lists = ("drop_for_dev_and_test.txt", "drop_for_genome_training.txt")
    dropped = {row for name in lists for row in (gue / name).read_text(encoding="ascii").split()}
    train = read_positives(gue / "prom_core_all" / "train.csv") - dropped
    statistics = {
        "background": measure_background(human),
        "flanks": measure_flanks(human),
        "promoters": measure_promoters(human, dropped),
        "windows": measure_windows(
            {kind: train & read_positives(gue / f"prom_core_{kind}" / "train.csv") for kind in KINDS}
        ),
    }
    text = json.dumps({"alphabet": ALPHABET, **statistics}, indent=1)
    # A matrix row stands on one line, so that a diff can be read.
    rows = re.sub(r"\[\s+([\d.,\s]+?)\s+\]", lambda match: f"[{' '.join(match[1].split())}]", text)
    target.write_text(rows + "\n", encoding="ascii")


def walk(rng: random.Random, chain: Iterable[Array], before: list[int]) -> Array:
    """One base for each table (256, 4) of `chain`, the first of them following the four bases `before`."""
    bases = list(before)
    # random() is the one draw that Python promises to repeat from a seed in every version.
    for table in chain:
        row = 0
        for base in bases[-ORDER:]:
            row = OTHER * row + base
        bases.append(bisect(np.cumsum(table[row])[: OTHER - 1].tolist(), rng.random()))
    return np.array(bases[len(before) :], dtype=np.uint8)


def reverse_complement(codes: Array) -> Array:
    """The opposite strand; in the order A, T, G, C a base and its partner differ in the last bit."""
    return np.where(codes == OTHER, codes, codes ^ 1)[::-1]


def promoter_chain(statistics: dict[str, Any], kind: str, background: Array) -> list[Array]:
    """Tables of flank, promoter and flank, read along the promoter's own strand."""
    flanks, stretches = statistics["flanks"], statistics["promoters"]["stretches"]
    parts = [(flanks["upstream"], FLANK), *((part, STRETCH) for part in stretches), (flanks["downstream"], FLANK)]
    chain = [np.array(part["transitions"]) for part, length in parts for _ in range(length)]
    for edge in range(BLEND):
        share = (edge + 1) / (BLEND + 1)
        for index in (edge, -1 - edge):
            chain[index] = share * chain[index] + (1 - share) * background
    windows = statistics["windows"]
    weights = np.array(windows[kind]["transitions"]) / np.array(windows["mean_transitions"])
    first = FLANK + PROMOTER_TSS_INDEX - TSS_INDEX + 1
    for index, weight in enumerate(weights, start=first):
        weighted = chain[index] * np.tile(weight, (len(chain[index]) // OTHER, 1))
        chain[index] = weighted / weighted.sum(axis=1, keepdims=True)
    return chain


def make_contig(rng: random.Random, statistics: dict[str, Any], name: str) -> tuple[str, list[str]]:
    """One contig and the BED lines of its promoters."""
    tables = np.array([isochore["transitions"] for isochore in statistics["background"]["isochores"]])
    # Two slots are an isochore, and the thirds take turns, so that the demo as a whole is composed like the genome.
    slots = [tables[slot // 2 % ISOCHORES] for slot in range(PROMOTERS[name])]
    codes = walk(rng, (background for background in slots for _ in range(SLOT)), before=[0] * ORDER)
    lines = []
    for slot, background in enumerate(slots):
        tss = slot * SLOT + SLOT // 2 + int((2 * rng.random() - 1) * JITTER)
        strand = "+" if rng.random() < 0.5 else "-"
        kind = "notata" if (slot + 1) % TATA_EVERY else "tata"
        chain = promoter_chain(statistics, kind, background)
        before_tss = FLANK + PROMOTER_TSS_INDEX
        begin = tss - (before_tss if strand == "+" else len(chain) - 1 - before_tss)
        end = begin + len(chain)
        outside = codes[begin - ORDER : begin] if strand == "+" else reverse_complement(codes[end : end + ORDER])
        promoter = walk(rng, chain, before=outside.tolist())
        codes[begin:end] = promoter if strand == "+" else reverse_complement(promoter)
        lines.append(f"{name}\t{tss}\t{tss + 1}\t{name}_p{slot + 1}_{kind}\t0\t{strand}\n")
    return "".join(ALPHABET[code] for code in codes), lines


def replace_runs(name: str, sequence: str) -> str:
    """Put in the runs of N and of lower case."""
    for contig, middle, length in (*UNKNOWN_RUNS, *MASKED_RUNS):
        if contig == name:
            begin, end = max(0, middle - length // 2), middle + length // 2
            masked = (contig, middle, length) in MASKED_RUNS
            run = sequence[begin:end].lower() if masked else "N" * (end - begin)
            sequence = sequence[:begin] + run + sequence[end:]
    return sequence


def write(statistics_path: Path, folder: Path) -> None:
    """Draw the demo genome and write it with the positions of its promoters."""
    statistics = json.loads(statistics_path.read_text(encoding="ascii"))
    rng = random.Random(SEED)
    fasta, bed = [], []
    for name in PROMOTERS:
        sequence, lines = make_contig(rng, statistics, name)
        sequence = replace_runs(name, sequence)
        fasta.append(f">{name} synthetic\n")
        fasta += [f"{sequence[begin : begin + LINE]}\n" for begin in range(0, len(sequence), LINE)]
        bed += lines
    (folder / "demo.fa").write_text("".join(fasta), encoding="ascii")
    (folder / "demo_tss.bed").write_text("".join(bed), encoding="ascii")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make the demo genome of promscan.")
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure", help="measure the statistics on the public data")
    measuring.add_argument("--data", type=Path, required=True, help="the public data folder (CONTRIBUTING.md)")
    writing = commands.add_parser("write", help="draw the demo genome from the statistics")
    writing.add_argument("-o", "--output", type=Path, default=HERE, help="folder for demo.fa and demo_tss.bed")
    for command in (measuring, writing):
        command.add_argument("--statistics", type=Path, default=HERE / "demo_statistics.json")
    arguments = parser.parse_args()
    if arguments.command == "measure":
        measure(arguments.data, arguments.statistics)
        sys.stderr.write(f"wrote {arguments.statistics}\n")
    else:
        write(arguments.statistics, arguments.output)
        sys.stderr.write(f"wrote demo.fa and demo_tss.bed in {arguments.output}\n")


if __name__ == "__main__":
    main()
