"""Runs of `promscan scan` in a process of their own, with the values of their summary."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promscan.seq import dna


def write_fasta(path: Path, contigs: Mapping[str, dna.Codes]) -> Path:
    """A FASTA file with one line a contig."""
    path.write_text("".join(f">{name}\n{dna.decode(codes)}\n" for name, codes in contigs.items()))
    return path


def run_scan(genome: Path, *options: str) -> dict[str, Any]:
    """The summary of a scan to hits.bed next to the genome, with the seconds of the whole process."""
    summary = genome.with_name("summary.json")
    command = ["scan", str(genome), "-o", str(genome.with_name("hits.bed")), *options]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "promscan", *command, "--summary", str(summary), "--quiet"],
        check=True,
    )
    seconds = time.perf_counter() - began
    values: dict[str, Any] = json.loads(summary.read_text())
    return values | {"process_seconds": seconds}
