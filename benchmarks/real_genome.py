"""Scans of real genome with a bundled model: command, time, peak memory, hits, and how many lie at a known TSS.

    chrIII   yeast chromosome III, both strands, stride 1; once as scans are, and once with every window scored
    human    the first 2 Mb of the human contigs, both strands, stride 10
    memory   one contig of 1 Mb and one of 10 Mb (human contigs end to end), stride 100

Each scan is a process of its own. A hit is at a TSS if one is listed within 100 bp on the same strand.

    python benchmarks/real_genome.py --data DATA -o benchmarks/results/real_genome.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from promscan.io.genome import Genome
from promscan.seq import dna

TOLERANCE = 100


def contigs(path: Path) -> Iterator[tuple[str, dna.Codes]]:
    for chunk in Genome(path).read_chunks(step=1 << 30):
        yield chunk.chrom, chunk.codes


def write_fasta(path: Path, records: list[tuple[str, dna.Codes]]) -> Path:
    path.write_text("".join(f">{name}\n{dna.decode(codes)}\n" for name, codes in records))
    return path


def first_bases(path: Path, bases: int) -> list[tuple[str, dna.Codes]]:
    taken: list[tuple[str, dna.Codes]] = []
    for name, codes in contigs(path):
        codes = codes[: bases - sum(len(c) for _, c in taken)]
        if len(codes) == 0:
            break
        taken.append((name, codes))
    return taken


def positions(path: Path, tss_column: int) -> dict[tuple[str, str], np.ndarray]:
    """TSS positions by contig and strand, from the listed TSSs (column 1) or from hits (column 6)."""
    found: dict[tuple[str, str], list[int]] = {}
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            fields = line.split("\t")
            found.setdefault((fields[0], fields[5]), []).append(int(fields[tss_column]))
    return {key: np.array(sorted(values)) for key, values in found.items()}


def near(these: dict[tuple[str, str], np.ndarray], those: dict[tuple[str, str], np.ndarray]) -> int:
    """How many of these positions have one of those within the tolerance, on the same strand."""
    count = 0
    for key, values in these.items():
        others = those.get(key)
        if others is not None:
            count += int((np.abs(values[:, None] - others[None, :]).min(axis=1) <= TOLERANCE).sum())
    return count


def scan(folder: Path, genome: Path, *options: str) -> tuple[Path, dict[str, Any]]:
    hits, summary = folder / "hits.bed", folder / "summary.json"
    arguments = [
        "scan",
        str(genome),
        "-o",
        str(hits),
        "--summary",
        str(summary),
        "--quiet",
        "--strength",
        "none",
        *options,
    ]
    subprocess.run([sys.executable, "-m", "promscan", *arguments], check=True)
    values = json.loads(summary.read_text())
    command = " ".join(["promscan", "scan", genome.name, "-o", "hits.bed", "--strength", "none", *options])
    kept = ("settings", "bases", "windows", "hits", "total_seconds", "peak_memory_bytes")
    return hits, {"command": command, **{key: values[key] for key in kept}}


def against_tss(hits: Path, listed: Path, scanned: set[str]) -> dict[str, int]:
    known = {key: values for key, values in positions(listed, 1).items() if key[0] in scanned}
    called = positions(hits, 6)
    return {
        "tss_listed": sum(len(values) for values in known.values()),
        "tss_found": near(known, called),
        "hits_at_a_tss": near(called, known),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="core70")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    data, model = arguments.data, ("--model", arguments.model)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hits, results["memory_1Mb"] = memory(folder, data, 1_000_000, *model)
        hits, results["memory_10Mb"] = memory(folder, data, 10_000_000, *model)
        chromosome = write_fasta(
            folder / "chrIII.fa",
            [record for record in contigs(data / "yeast/R64-1-1_without_IV_XI.fa") if record[0] == "chrIII"],
        )
        hits, results["chrIII"] = scan(folder, chromosome, *model)
        results["chrIII"] |= against_tss(hits, data / "yeast/tss.bed", {"chrIII"})
        hits, results["chrIII_exhaustive"] = scan(folder, chromosome, "--exhaustive", *model)
        records = first_bases(data / "human/hg38_contigs.fa", 2_000_000)
        hits, results["human"] = scan(folder, write_fasta(folder / "human_2Mb.fa", records), "--stride", "10", *model)
        results["human"] |= against_tss(hits, truncated_tss(folder, data, records), {name for name, _ in records})
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(results, indent=2) + "\n")
    print(arguments.output.read_text())


def memory(folder: Path, data: Path, bases: int, *options: str) -> tuple[Path, dict[str, Any]]:
    joined = np.concatenate([codes for _, codes in first_bases(data / "human/hg38_contigs.fa", bases)])
    genome = write_fasta(folder / f"one_contig_{bases // 1_000_000}Mb.fa", [("joined", joined)])
    return scan(folder, genome, "--stride", "100", *options)


def truncated_tss(folder: Path, data: Path, records: list[tuple[str, dna.Codes]]) -> Path:
    """The listed TSSs that lie in what is scanned of each contig."""
    lengths = {name: len(codes) for name, codes in records}
    lines = (data / "human/hg38_tss.bed").read_text().splitlines()
    path = folder / "tss.bed"
    path.write_text("".join(f"{x}\n" for x in lines if int(x.split("\t")[1]) < lengths.get(x.split("\t")[0], 0)))
    return path


if __name__ == "__main__":
    main()
