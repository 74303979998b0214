"""Cut genomes into contigs for training, dev and test, so that a training can name them.

A contig `NAME` becomes `train:NAME:0-400`, `dev:NAME:400-500`, `test:NAME:500-600` and `train:NAME:600-1000`, positions
0-based and half-open. `--often NAME=N` writes the training pieces of a contig N times, as `train2:`, `train3:`, and so
on: the training then learns from it N times as often.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from promscan.seq import dna
from promscan.seq.records import Interval
from promscan.seq.tss import KnownStarts
from promscan.train.data.labelled_genome import read_labelled_genome

DEV = (0.4, 0.5)
TEST = (0.5, 0.6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("genome", type=Path)
    parser.add_argument("starts", type=Path)
    parser.add_argument("--often", action="append", default=[], metavar="NAME=N")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for genome.fa and tss.bed")
    arguments = parser.parse_args()
    often = {name: int(times) for name, _, times in (text.rpartition("=") for text in arguments.often)}
    genome = read_labelled_genome(arguments.genome, arguments.starts)
    arguments.output.mkdir(parents=True, exist_ok=True)
    with (arguments.output / "genome.fa").open("w") as fasta, (arguments.output / "tss.bed").open("w") as bed:
        for chrom, codes in genome.contigs.items():
            for name, piece in pieces_of(chrom, len(codes), often.get(chrom, 1)):
                fasta.write(f">{name}\n{dna.decode(codes[piece.start : piece.end])}\n")
                bed.writelines(rows(name, piece, genome.starts))


def pieces_of(chrom: str, length: int, times: int) -> Iterator[tuple[str, Interval]]:
    """The pieces of a contig and their names."""
    cuts = [0, *(round(share * length) for share in (DEV[0], DEV[1], TEST[1])), length]
    for part, (start, end) in zip(("train", "dev", "test", "train"), pairwise(cuts), strict=True):
        for copy in range(times if part == "train" else 1):
            yield f"{part}{copy + 1 if copy else ''}:{chrom}:{start}-{end}", Interval(chrom, start, end)


def rows(name: str, piece: Interval, starts: KnownStarts) -> Iterator[str]:
    """BED rows of the starts in a piece."""
    for strand in "+-":
        for tss in starts.on(piece.chrom, strand):  # type: ignore[arg-type]
            if piece.start <= tss < piece.end:
                at = int(tss) - piece.start
                yield f"{name}\t{at}\t{at + 1}\t.\t0\t{strand}\n"


if __name__ == "__main__":
    main()
