"""Make the demo genome: random DNA with the statistics of human sequence, and promoters planted in it.

    make_demo.py measure --data DATA     measure the statistics on public data -> demo_statistics.json
    make_demo.py write                   draw from them                        -> demo.fa, demo_tss.bed

No base of the demo is copied from a genome. Everything is a first-order Markov chain, whose matrices
`T[previous, next]` are measured, in the order A, T, G, C:

    ~~~~~~~~~~~~ / flank / [ 70-bp window, a matrix for each position ] \\ flank \\ ~~~~~~~~~~~~
     background   blends                 TSS at index 33                 blends    background

The background has a matrix for each third of the genome by G+C. Windows have two sets of matrices, with and without a
TATA box: averaged over all promoters, the box would drown.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import sys
from bisect import bisect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HERE = Path(__file__).parent
ALPHABET = "ATGC"
G, C = ALPHABET.index("G"), ALPHABET.index("C")
OTHER = len(ALPHABET)
WINDOW = 70
TSS_INDEX = 33

# Measuring.
HELD_OUT = {"chr9", "chr17", "chr10", "chr16"}
"""The dev and test chromosomes of the human models: the demo must not know them either."""
UPSTREAM_TSS_INDEX = 249
"""Where the TSS stands in the 300-bp promoters."""
TILE = 10_000
ISOCHORES = 3
PROMOTER_REACH = 1_000
"""Background keeps this far away from every listed TSS."""

# Writing.
SEED = 20_261_121
PROMOTERS = {"demo1": 12, "demo2": 8}
SLOT = 2_500
"""One promoter stands in each stretch of this length, within JITTER of its middle: never closer than 1.6 kb."""
JITTER = 450
FLANK = 350
BLEND = 150
"""A flank is FLANK bp on each side of the window; its outer BLEND bp turn gradually into background."""
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


def count_pairs(codes: Array) -> Array:
    """How often each base follows each base along the last axis: (4, 4), pairs with an unknown base left out."""
    pairs = (OTHER + 1) * codes[..., :-1].astype(np.int64) + codes[..., 1:]
    counts = np.bincount(pairs.reshape(-1), minlength=(OTHER + 1) ** 2)
    return counts.reshape(OTHER + 1, OTHER + 1)[:OTHER, :OTHER]


def transitions(counts: Array) -> list[Any]:
    """Counts of pairs (..., 4, 4) to probabilities of the next base; one pseudocount keeps empty rows defined."""
    smoothed = counts + 1.0
    return np.round(smoothed / smoothed.sum(axis=-1, keepdims=True), 4).tolist()


def figures(counts: Array) -> dict[str, float]:
    """G+C content and CpG observed/expected of counted pairs."""
    first, second, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    return {
        "gc": round(float((second[G] + second[C]) / total), 4),
        "cpg_oe": round(float(counts[C, G] * total / (first[C] * second[G])), 4),
    }


def read_fasta(path: Path) -> Iterator[tuple[str, str]]:
    """Names (first word) and sequences."""
    for record in path.read_text(encoding="ascii").split(">")[1:]:
        header, *lines = record.split("\n")
        yield header.split()[0], "".join(lines)


def measure_background(human: Path) -> dict[str, Any]:
    """Training contigs, promoters blotted out, in tiles sorted by G+C into isochore-like thirds."""
    tss: dict[str, list[int]] = {}
    for line in (human / "hg38_tss.bed").read_text(encoding="ascii").splitlines():
        chrom, start = line.split("\t")[:2]
        tss.setdefault(chrom, []).append(int(start))
    tiles = []
    for name, sequence in read_fasta(human / "hg38_contigs.fa"):
        if name.split(":")[0] in HELD_OUT:
            continue
        codes = encode(sequence)
        for position in tss.get(name, ()):
            codes[max(0, position - PROMOTER_REACH) : position + PROMOTER_REACH + 1] = OTHER
        tiles += [count_pairs(codes[begin : begin + TILE]) for begin in range(0, len(codes) - TILE + 1, TILE)]
    counts = np.array(tiles)
    bases = counts.sum(axis=1)
    gc = (bases[:, G] + bases[:, C]) / np.maximum(1, bases.sum(axis=1))
    thirds = [counts[rows].sum(axis=0) for rows in np.array_split(np.argsort(gc, kind="stable"), ISOCHORES)]
    return {
        "bases": int(bases.sum()),
        **figures(counts.sum(axis=0)),
        "isochores": [{**figures(third), "transitions": transitions(third)} for third in thirds],
    }


def measure_flank(human: Path, dropped: set[str]) -> dict[str, Any]:
    """Real upstream sequence of promoters; it ends where their core window begins."""
    core = UPSTREAM_TSS_INDEX - TSS_INDEX
    with (human / "promoters_300bp.tsv").open(encoding="ascii", newline="") as file:
        rows = [row["sequence"] for row in csv.DictReader(file, delimiter="\t") if row["split"] == "train"]
    upstream = [encode(row[:core]) for row in rows if row[core : core + WINDOW] not in dropped]
    counts = count_pairs(np.stack(upstream))
    return {"promoters": len(upstream), **figures(counts), "transitions": transitions(counts)}


def read_positives(path: Path) -> set[str]:
    """The promoters in a table of labelled windows."""
    with path.open(encoding="ascii", newline="") as file:
        return {row["sequence"] for row in csv.DictReader(file) if row["label"] == "1"}


def measure_windows(sequences: set[str]) -> dict[str, Any]:
    """A matrix for each position of a core window; at the first, the next base does not ask for the previous one."""
    codes = np.stack([encode(sequence) for sequence in sorted(sequences)])
    counts = np.stack(
        [np.tile(np.bincount(codes[:, 0], minlength=OTHER), (OTHER, 1))]
        + [count_pairs(codes[:, index - 1 : index + 1]) for index in range(1, WINDOW)]
    )
    return {"promoters": len(codes), **figures(count_pairs(codes)), "transitions": transitions(counts)}


def measure(data: Path, target: Path) -> None:
    """Measure everything on training rows and training contigs only, and write it as JSON."""
    human, gue = data / "human", data / "gue"
    lists = ("drop_for_dev_and_test.txt", "drop_for_genome_training.txt")
    dropped = {row for name in lists for row in (gue / name).read_text(encoding="ascii").split()}
    train = read_positives(gue / "prom_core_all" / "train.csv") - dropped
    statistics = {
        "background": measure_background(human),
        "flank": measure_flank(human, dropped),
        "windows": {
            kind: measure_windows(train & read_positives(gue / f"prom_core_{kind}" / "train.csv"))
            for kind in ("tata", "notata")
        },
    }
    text = json.dumps({"alphabet": ALPHABET, **statistics}, indent=1)
    # A matrix row stands on one line, so that a diff can be read.
    rows = re.sub(r"\[\s+([\d.,\s]+?)\s+\]", lambda match: f"[{' '.join(match[1].split())}]", text)
    target.write_text(rows + "\n", encoding="ascii")


def walk(rng: random.Random, chain: Array, before: int) -> Array:
    """One base for each matrix of `chain` (n, 4, 4), the first of them following `before`."""
    bases = np.empty(len(chain), dtype=np.uint8)
    # random() is the one draw that Python promises to repeat from a seed in every version.
    for index, thresholds in enumerate(np.cumsum(chain, axis=2)[:, :, : OTHER - 1].tolist()):
        before = bases[index] = bisect(thresholds[before], rng.random())
    return bases


def reverse_complement(codes: Array) -> Array:
    """The opposite strand; in the order A, T, G, C a base and its partner differ in the last bit."""
    return codes[::-1] ^ 1


def island_chain(statistics: dict[str, Any], kind: str, background: Array) -> Array:
    """Matrices of flank, window and flank, read along the promoter's own strand."""
    length = 2 * FLANK + WINDOW
    edge = np.minimum(np.arange(length), np.arange(length)[::-1])
    weight = np.minimum(1.0, (edge + 1) / BLEND)[:, None, None]
    chain = weight * np.array(statistics["flank"]["transitions"]) + (1.0 - weight) * background
    chain[FLANK : FLANK + WINDOW] = statistics["windows"][kind]["transitions"]
    return chain


def make_contig(rng: random.Random, statistics: dict[str, Any], name: str) -> tuple[str, list[str]]:
    """One contig and the BED lines of its promoters."""
    count = PROMOTERS[name]
    matrices = np.array([isochore["transitions"] for isochore in statistics["background"]["isochores"]])
    # Two slots are an isochore, and the thirds take turns, so that the demo as a whole is composed like the genome.
    isochores = [slot // 2 % ISOCHORES for slot in range(count)]
    codes = walk(rng, np.repeat(matrices[isochores], SLOT, axis=0), before=0)
    lines = []
    for slot in range(count):
        tss = slot * SLOT + SLOT // 2 + int((2 * rng.random() - 1) * JITTER)
        strand = "+" if rng.random() < 0.5 else "-"
        kind = "notata" if (slot + 1) % TATA_EVERY else "tata"
        chain = island_chain(statistics, kind, matrices[isochores[slot]])
        before_tss = FLANK + TSS_INDEX
        begin = tss - (before_tss if strand == "+" else len(chain) - 1 - before_tss)
        end = begin + len(chain)
        outside = codes[begin - 1] if strand == "+" else codes[end] ^ 1
        island = walk(rng, chain, int(outside))
        codes[begin:end] = island if strand == "+" else reverse_complement(island)
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
