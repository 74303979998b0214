"""What it costs to divide a scan: start-up, index, merging, and the scan itself whole and in two shards.

Processor seconds of single-threaded processes, so that a busy machine changes little. A default scan with `human` of
dev contigs; shards of the tiny model for merging.

    python -m benchmarks.speed.shards --data DATA -o benchmarks/results/0.1.0/shards.json
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import promscan
from benchmarks.common import HUMAN, ROOT, parser_of, save_result
from benchmarks.speed.scan_command import write_fasta
from benchmarks.speed.species import contigs_of
from promscan.io.hit_writers import open_writer
from promscan.networks.card import find_model, read_card

BASES = 1_000_000
SHARDS = 40
"""Shards that are merged; a second merge has half of the bases and half of the shards."""
TINY = ROOT / "tests" / "data" / "tiny.safetensors"


def seconds_of(*command: object) -> float:
    """Processor seconds of a process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, *map(str, command)], env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    print(f"{used.ru_utime + used.ru_stime:.2f} s: {' '.join(map(str, command[:12]))}", flush=True)
    return used.ru_utime + used.ru_stime


def scan(genome: Path, shard: str) -> float:
    """Cost of a shard of a default scan with `human`."""
    target = genome.with_name(f"{shard.replace('/', '-of-')}.bed")
    machine = ["--threads", 1, "--device", "cpu", "--quiet"]
    return seconds_of("-m", "promscan", "scan", genome, "-o", target, "--shard", shard, *machine)


def merge(genome: Path, count: int) -> dict[str, Any]:
    """Cost of merging this many shards, and the hits in them."""
    parts, hits = [], 0
    for index in range(1, count + 1):
        job = promscan.scan(
            genome, model=TINY, strength=None, device="cpu", threads=1, shard=(index, count), threshold=0.99
        )
        parts.append(genome.with_name(f"part{index}.bed"))
        with open_writer(str(parts[-1]), "bed", job.settings) as writer:
            for hit in job:
                writer.write(hit)
                hits += 1
    seconds = seconds_of("-m", "promscan", "merge", *parts, "-o", genome.with_name("merged.bed.gz"))
    return {"shards": count, "hits": hits, "seconds": seconds}


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    arguments = parser.parse_args()
    source = arguments.data / HUMAN.genome
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        genome = write_fasta(folder / "genome.fa", contigs_of(source, tuple(HUMAN.dev), BASES))
        index = seconds_of(ROOT / "workflow/scripts/index_genome.py", source, folder / "whole.fa")
        seconds_of(ROOT / "workflow/scripts/index_genome.py", genome, folder / "indexed.fa")
        merges = [merge(genome, count) for count in (SHARDS // 2, SHARDS)]
        result = {
            "bases": BASES,
            "index_seconds_per_gb": index / (source.stat().st_size / 1e9),
            "start_seconds": scan(folder / "indexed.fa", "500/1000"),
            "one_worker_seconds": [scan(folder / "indexed.fa", "1/1")],
            "two_workers_seconds": [scan(folder / "indexed.fa", f"{part}/2") for part in (1, 2)],
            "merges": merges,
        }
    save_result(arguments.output, result, read_card(find_model("human")))


if __name__ == "__main__":
    main()
