"""Scans of real genome with a bundled model: command, time, peak memory, hits, and hits at a known TSS.

    chrIII   yeast chromosome III, both strands, stride 1; once by default, and once with every window scored
    human    the first 2 Mb of the human contigs, both strands, stride 10
    memory   one contig of 1 Mb and one of 10 Mb (human contigs joined), stride 100

Each scan is a process of its own. A hit is at a TSS if one is listed within 100 bp on the same strand.

    python -m benchmarks.speed.real_genome core70 --data DATA -o benchmarks/results/0.1.0/real_genome.core70.json
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import HUMAN, YEAST, parser_of, save_result
from benchmarks.speed.scan_command import run_scan, write_fasta
from promscan.io.genome import Genome
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq import dna
from promscan.seq.records import STRANDS
from promscan.seq.tss import KnownStarts, Site, distances
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome

TOLERANCE = 100
KEYS = ("settings", "bases", "windows", "hits", "total_seconds", "peak_memory_bytes")


def scan(genome: Path, *options: str) -> dict[str, Any]:
    """The command of a scan and the values of its summary; its hits are hits.bed next to the genome."""
    options = ("--strength", "none", *options)
    values = run_scan(genome, *options)
    command = shlex.join(["promscan", "scan", genome.name, "-o", "hits.bed", *options])
    return {"command": command, **{key: values[key] for key in KEYS}}


def hits_of(path: Path) -> KnownStarts:
    """The transcription starts that a scan predicted."""
    rows = (line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#"))
    return KnownStarts(Site(row[0], int(row[6]), "+" if row[5] == "+" else "-") for row in rows)


def near(these: KnownStarts, those: KnownStarts, contigs: list[str]) -> int:
    """Number of `these` within the tolerance of one of `those`, on the same strand."""
    pairs = ((these.on(chrom, strand), those.on(chrom, strand)) for chrom in contigs for strand in STRANDS)
    return sum(int((distances(positions, others) <= TOLERANCE).sum()) for positions, others in pairs)


def scan_and_compare(folder: Path, genome: LabelledGenome, name: str, *options: str) -> dict[str, Any]:
    """A scan of a genome, with the hits at its listed starts."""
    result = scan(write_fasta(folder / name, genome.contigs), *options)
    contigs, called = list(genome.contigs), hits_of(folder / "hits.bed")
    return result | {
        "tss_listed": len(genome.starts),
        "tss_found": near(genome.starts, called, contigs),
        "hits_at_a_tss": near(called, genome.starts, contigs),
    }


def first_bases(path: Path, bases: int) -> dict[str, dna.Codes]:
    """The first contigs of a file, the last one cut, with this many bases in all."""
    taken = dict[str, dna.Codes]()
    for chunk in Genome(path).read_chunks(step=sys.maxsize):
        if bases > 0:
            taken[chunk.chrom] = chunk.codes[:bases]
            bases -= len(taken[chunk.chrom])
    return taken


def first_human(data: Path, bases: int) -> LabelledGenome:
    """The first bases of the human contigs, with the starts that are listed on them."""
    contigs = first_bases(data / HUMAN.genome, bases)
    starts = read_labelled_genome(data / HUMAN.genome, data / HUMAN.starts).starts
    return LabelledGenome(contigs, KnownStarts(s for s in starts if s.tss < len(contigs.get(s.chrom, ()))))


def one_contig(folder: Path, data: Path, megabases: int, *options: str) -> dict[str, Any]:
    """A scan of joined human contigs, for its memory."""
    joined = np.concatenate(list(first_bases(data / HUMAN.genome, megabases * 1_000_000).values()))
    genome = write_fasta(folder / f"one_contig_{megabases}Mb.fa", {"joined": joined})
    return scan(genome, "--stride", "100", *options)


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "output")
    arguments = parser.parse_args()
    data, model = arguments.data, ("--model", arguments.model)
    yeast = read_labelled_genome(data / YEAST.genome, data / YEAST.starts).part(["chrIII"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scans = {
            "memory_1Mb": one_contig(folder, data, 1, *model),
            "memory_10Mb": one_contig(folder, data, 10, *model),
            "chrIII": scan_and_compare(folder, yeast, "chrIII.fa", *model),
            "chrIII_exhaustive": scan(folder / "chrIII.fa", "--exhaustive", *model),
            "human": scan_and_compare(folder, first_human(data, 2_000_000), "human_2Mb.fa", "--stride", "10", *model),
        }
    save_result(arguments.output, {"scans": scans}, read_card(find_model(arguments.model)))


if __name__ == "__main__":
    main()
