"""Made-up data in the layout of the public data, for recipes at the scale `demo`.

Promoters are rich in G and C and have a TATA box before their transcription start; inserts are strong or weak by
planted motifs. Everything is drawn from a seed: no base is copied from a genome.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.common import HUMAN, POMBE, YEAST, PublicGenome
from promscan.seq import dna
from promscan.seq.windows import TSS_INDEX, WINDOW
from promscan.train.data.scramble import scramble

WINDOWS = {"train": 320, "dev": 160, "test": 160}
PROMOTER, PROMOTER_TSS = 300, 249
CONTIG = 6_000
CONTIGS = ("chr1", "chr2", *HUMAN.dev, *HUMAN.test)
TATA, BEFORE_TSS = "TATAAAAG", 30
SUMMITS = ((2, 30), (1500, 40), (900, 2))
"""Distance in bp from the listed start, and RPM, of the summits of a contig."""
RISING, FALLING = "CCGGAAGTG", "TACCCGGTA"
ACCESSIONS, GENOME, EVERY = ("NC_1", "NC_2"), 20_000, 500
"""Bacterial contigs of the demo, their length, and the distance of their starts."""
BACTERIAL = "TTGACAATTAATCATCGGCTCGTATAATGTGTGGA"
"""A designed promoter (tac); its last base is the start."""
POMBE_PIECES, PIECE = {"I": 8, "II": 190}, 10_000
"""Pieces of the contigs of S. pombe, and their length: as long as its dev and test regions need."""
YEAST_PIECES = dict.fromkeys(("chrI", *YEAST.dev, *YEAST.test), 3)
INSERT = 80
TABLES = {
    "yeast_random_hq": 240,
    "yeast_native80": 240,
    "yeast_teacher_labels": 600,
    "yeast_dream_maude": 160,
    "yeast_random_single_read": 160,
    "yeast_random_public_test": 160,
}

ECOLI_SETS = {
    "urtecho_genomic_sigma70": (240, 150, 108),
    "lafleur": (240, 73, 39),
    "yu": (240, 150, 92),
    "lagator_random36": (240, 116, 60),
    "lagator_pr": (60, 139, 60),
    "lagator_pl": (60, 139, 60),
}
"""Promoters, their length in bp, and the first base of the -10 box, by set."""


def random_bases(rng: np.random.Generator, length: int, gc: float) -> str:
    """Independent bases with this share of G and C."""
    shares = {"A": (1 - gc) / 2, "C": gc / 2, "G": gc / 2, "T": (1 - gc) / 2}
    return "".join(rng.choice(list(shares), length, p=list(shares.values())))


def promoter(rng: np.random.Generator, length: int, tss: int) -> str:
    """Bases rich in G and C, with a TATA box 30 bp before the transcription start."""
    bases = random_bases(rng, length, 0.65)
    box = tss - BEFORE_TSS
    return bases[:box] + TATA + bases[box + len(TATA) :]


def write_table(path: Path, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A CSV or TSV file; gzipped, without a time, if its name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    separator = "," if path.suffix == ".csv" else "\t"
    text = "".join(separator.join(row) + "\n" for row in (head, *rows)).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def write_windows(folder: Path, rng: np.random.Generator) -> None:
    """The core promoter benchmark: promoters, and promoters with pieces of random bases."""
    for name in ("all", "tata", "notata"):
        for split, count in WINDOWS.items():
            windows = [promoter(rng, WINDOW, TSS_INDEX) for _ in range(count)]
            codes = np.stack([dna.encode(window) for window in windows[::2]])
            negatives = [dna.decode(row) for row in scramble(codes, rng)[0]]
            rows = [[window, "1"] for window in windows[1::2]] + [[window, "0"] for window in negatives]
            write_table(folder / f"gue/prom_core_{name}/{split}.csv", ["sequence", "label"], rows)


def write_human(folder: Path, rng: np.random.Generator) -> None:
    """Promoters of 300 bp, and contigs with a CpG island and a listed start each."""
    rows = [[promoter(rng, PROMOTER, PROMOTER_TSS), "train"] for _ in range(60)]
    write_table(folder / "human/promoters_300bp.tsv", ["sequence", "split"], rows)
    contigs, starts, summits = [], [], []
    for chrom in CONTIGS:
        name = f"{chrom}:0-{CONTIG}"
        flanks = [random_bases(rng, (CONTIG - 2 * PROMOTER) // 2, 0.42) for _ in range(2)]
        island = random_bases(rng, PROMOTER, 0.65)
        contigs.append(f">{name}\n{flanks[0]}{promoter(rng, PROMOTER, PROMOTER_TSS)}{island}{flanks[1]}\n")
        tss = len(flanks[0]) + PROMOTER_TSS
        starts.append(f"{name}\t{tss}\t{tss + 1}\t{chrom}_1\t0\t+\n")
        summits += [f"{name}\t{tss + at}\t{tss + at + 1}\tP{at}\t{rpm}\t+\t3\n" for at, rpm in SUMMITS]
    (folder / HUMAN.genome).write_text("".join(contigs))
    (folder / HUMAN.starts).write_text("".join(starts))
    (folder / "human/rampage_tss.bed").write_text("".join(summits))
    for name, rows_of in (("extra_contigs.fa", contigs), ("extra_tss.bed", starts)):
        (folder / "human" / name).write_text(rows_of[0].replace(CONTIGS[0], f"hg19_{CONTIGS[0]}"))
    for part in ("genome_training", "dev_and_test"):
        (folder / f"gue/drop_for_{part}.txt").write_text(random_bases(rng, WINDOW, 0.5) + "\n")


def write_bacteria(folder: Path, rng: np.random.Generator) -> None:
    """Bacterial contigs with a promoter every 500 bp of one strand."""
    (folder / "bacteria").mkdir(parents=True, exist_ok=True)
    contigs, starts = [], []
    for name in ACCESSIONS:
        gaps = [random_bases(rng, EVERY - len(BACTERIAL), 0.5) for _ in range(GENOME // EVERY)]
        contigs.append(f">{name}\n{''.join(gap + BACTERIAL for gap in gaps)}\n")
        starts += [f"{name}\t{end - 1}\t{end}\t.\t0\t+\n" for end in range(EVERY, GENOME + 1, EVERY)]
    for file, lines in (("genomes.fa.gz", contigs), ("tss.bed.gz", starts)):
        (folder / "bacteria" / file).write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
    species = [[name, f"Demo species {name}"] for name in ACCESSIONS]
    write_table(folder / "bacteria/species.tsv", ["contig", "species"], species)


def write_pieces(folder: Path, genome: PublicGenome, pieces_of: Mapping[str, int], rng: np.random.Generator) -> None:
    """Contigs of one piece again and again, with a promoter at its end."""
    contigs, starts = [], []
    for name, pieces in pieces_of.items():
        piece = random_bases(rng, PIECE - len(BACTERIAL), 0.36) + BACTERIAL
        contigs.append(f">{name}\n{piece * pieces}\n")
        ends = range(PIECE, PIECE * pieces + 1, PIECE)
        starts += [f"{name}\t{end - 1}\t{end}\t.\t0\t+\n" for end in ends]
    path, fasta = folder / genome.genome, "".join(contigs).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(fasta, mtime=0) if path.suffix == ".gz" else fasta)
    (folder / genome.starts).write_text("".join(starts))


def write_strength(folder: Path, rng: np.random.Generator) -> None:
    """Inserts and their expression: one motif adds 4, the other takes 3 away, around 8."""
    for name, count in TABLES.items():
        rows = []
        for number in range(count):
            motif, effect = (("", 0.0), (RISING, 4.0), (FALLING, -3.0))[number % 3]
            bases = random_bases(rng, INSERT, 0.4)
            place = int(rng.integers(0, INSERT - len(motif)))
            insert = bases[:place] + motif + bases[place + len(motif) :]
            rows.append([insert, f"{8 + effect + rng.normal(0, 0.2):.4f}"])
        write_table(folder / f"strength/{name}.tsv.gz", ["sequence", "expression"], rows)


def write_ecoli_strength(folder: Path, rng: np.random.Generator) -> None:
    """Promoters of each set of E. coli: stronger with the boxes of sigma 70, and a prediction that is half right."""
    rows = []
    for name, (count, length, ten) in ECOLI_SETS.items():
        for number in range(count):
            boxes = [number % 2 == 0, number % 3 == 0]
            bases = random_bases(rng, length, 0.5)
            for wanted, box, place in zip(boxes, ("TTGACA", "TATAAT"), (ten - 23, ten), strict=True):
                bases = bases[:place] + (box if wanted else "GCGCGC") + bases[place + len(box) :]
            rows.append(
                [bases, bases, f"{sum(boxes) + rng.normal(0, 0.1):.4f}", f"{boxes[0] + rng.normal(0, 0.1):.4f}", name]
            )
    columns = ["sequence", "in_context", "expression", "promoter_calculator", "set"]
    write_table(folder / "strength/ecoli.tsv.gz", columns, rows)


def write_demo_data(folder: Path, seed: int = 1) -> None:
    """All tables and sequences that the recipes read."""
    rng = np.random.default_rng(seed)
    write_windows(folder, rng)
    write_human(folder, rng)
    write_strength(folder, rng)
    write_ecoli_strength(folder, rng)
    write_bacteria(folder, rng)
    write_pieces(folder, POMBE, POMBE_PIECES, rng)
    write_pieces(folder, YEAST, YEAST_PIECES, rng)
