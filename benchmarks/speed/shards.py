"""What it costs to divide a scan: start-up, index, and the scan itself by one worker and by two at a time.

Processor seconds of single-threaded processes; of the scans, seconds on the clock as well, for which nothing else may
run on the two cores. A default scan with `human` of dev contigs.

    python -m benchmarks.speed.shards --data DATA -o benchmarks/results/0.1.0/shards.json
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import HUMAN, ROOT, parser_of, save_result
from benchmarks.speed.scan_command import write_fasta
from benchmarks.speed.species import contigs_of
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model

BASES = 4_000_000


class Job:
    """A process of one thread."""

    def __init__(self, *command: object) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.name = " ".join(map(str, command[:12]))
        self.process = subprocess.Popen([sys.executable, *map(str, command)], env=environment)

    def seconds(self) -> float:
        """Wait for its end; returns its processor seconds."""
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode:
            raise SystemExit(self.process.returncode)
        print(f"{used.ru_utime + used.ru_stime:.2f} s: {self.name}", flush=True)
        return used.ru_utime + used.ru_stime


def seconds_of(*command: object) -> float:
    """Processor seconds of a process."""
    return Job(*command).seconds()


def scan(genome: Path, *shards: str) -> dict[str, float | list[float]]:
    """Cost of shards of a default scan with `human` that run at the same time."""
    began, machine = time.perf_counter(), ["--threads", 1, "--device", "cpu", "--quiet"]
    jobs = [
        Job(
            "-m",
            "promscan",
            "scan",
            genome,
            "-o",
            genome.with_name(f"{shard.replace('/', '-')}.bed"),
            "--shard",
            shard,
            *machine,
        )
        for shard in shards
    ]
    used = [job.seconds() for job in jobs]
    return {"clock": time.perf_counter() - began, "processor": used}


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    arguments = parser.parse_args()
    source = arguments.data / HUMAN.genome
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        genome = write_fasta(folder / "genome.fa", contigs_of(source, tuple(HUMAN.dev), BASES))
        index = seconds_of(ROOT / "workflow/scripts/index_genome.py", source, folder / "whole.fa")
        seconds_of(ROOT / "workflow/scripts/index_genome.py", genome, folder / "indexed.fa")
        result = {
            "bases": BASES,
            "index_seconds_per_gb": index / (source.stat().st_size / 1e9),
            "start_seconds": scan(folder / "indexed.fa", "500/1000"),
            "one_worker_seconds": scan(folder / "indexed.fa", "1/1"),
            "two_workers_seconds": scan(folder / "indexed.fa", "1/2", "2/2"),
        }
    save_result(arguments.output, result, read_card(find_model("human")))


if __name__ == "__main__":
    main()
