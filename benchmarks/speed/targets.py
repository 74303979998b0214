r"""What scans cost, as a share of what they cost with an older checkout, with the same weights on the same machine.

The machine should do nothing else. Old and new program take turns; the faster of two runs counts. The old checkout
needs no environment of its own: it runs on the Python of this command.

    git worktree add /tmp/old 38cf804
    python -m benchmarks.speed.targets --old-checkout /tmp/old --data DATA \
        --old-model benchmarks/speed/human-38cf804.safetensors --model MODEL_WITH_ITS_SCREENING \
        -o benchmarks/results/0.1.0/targets.json
"""

from __future__ import annotations

import dataclasses
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import HUMAN, ROOT, parser_of, save_result
from promscan.io.genome import Genome
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq import dna

BASES = 5_000_000
SHORT_BASES, SHORT = 200_000, 500
TURNS = 2


class Run:
    """Commands of one checkout.

    seconds: wall time of the fastest run of each command, by name; memory: peak resident memory in GB.
    """

    def __init__(self, checkout: Path, model: str, threads: int, folder: Path) -> None:
        self.checkout, self.model, self.threads, self.folder = checkout, model, threads, folder
        self.seconds: dict[str, float] = {}
        self.memory: dict[str, float] = {}
        self.hits: dict[str, set[str]] = {}

    def scan(self, name: str, genome: Path, *options: str) -> None:
        """Scan a genome, and remember the hits: places with their logits."""
        out = self.folder / "hits.bed"
        words = ["-m", "promscan", "scan", str(genome), "-o", str(out), "--model", self.model, "--quiet"]
        words += ["--threads", str(self.threads), *options]
        seconds, memory = timed([sys.executable, *words], self.checkout)
        self.seconds[name] = min(seconds, self.seconds.get(name, seconds))
        self.memory[name] = max(memory, self.memory.get(name, memory))
        rows = [line.split("\t") for line in out.read_text().splitlines() if not line.startswith(("#", "chrom\t"))]
        self.hits[name] = {"\t".join((row[0], row[1], row[5])) for row in rows}


def timed(command: Sequence[str], checkout: Path) -> tuple[float, float]:
    """Wall seconds of a command that imports from a checkout, and its peak memory in GB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)})
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return seconds, memory_of(usage)


def memory_of(usage: resource.struct_rusage) -> float:
    """Peak resident memory in GB; Linux counts in kB."""
    return usage.ru_maxrss / 1e6


def genomes(source: Path, folder: Path, bases: int) -> dict[str, Path]:
    """The FASTA files of the scans: dev contigs, contigs of 500 bp and the same in one, and one window."""
    genome = Genome(source)
    names = [name for name in genome.contigs() if name.split(":")[0] in HUMAN.dev]
    long, short, left = [], "", bases
    for chunk in genome.read_chunks(bases, {name: [(0, bases)] for name in names}):
        if left <= 0:
            break
        text = dna.decode(chunk.codes)[:left]
        long.append(f">{chunk.chrom}\n{text}\n")
        left -= len(text)
        short = short if len(short) >= SHORT_BASES else (short + text.replace("N", ""))[:SHORT_BASES]
    pieces = [short[at : at + SHORT] for at in range(0, len(short), SHORT)]
    texts = {
        "dev": "".join(long),
        "contigs": "".join(f">piece{n}\n{piece}\n" for n, piece in enumerate(pieces)),
        "contig": f">whole\n{short}\n",
        "window": f">window\n{short[:70]}\n",
    }
    paths = {name: folder / f"{name}.fa" for name in texts}
    for name, text in texts.items():
        paths[name].write_text(text)
    return paths


def compare(old: Run, new: Run, paths: Mapping[str, Path], turns: int) -> dict[str, Any]:
    """All runs, and the ratios of the table of targets."""
    scans = {"default": (), "exhaustive": ("--exhaustive",), "100 FP/Mb": ("--fp-per-mb", "100")}
    for _ in range(turns):
        for name, options in scans.items():
            for run in (old, new):
                if run is new or name != "exhaustive":  # the old program has no screening: that is its default
                    run.scan(name, paths["dev"], *options)
        for name in ("contigs", "contig"):
            for run in (old, new):
                run.scan(name, paths[name], "--exhaustive")
        for run in (old, new):
            run.scan("window", paths["window"])
            run.seconds["import torch"] = min(
                timed([sys.executable, "-c", "import torch"], run.checkout)[0], run.seconds.get("import torch", 1e9)
            )
    new.scan("100 FP/Mb exhaustive", paths["dev"], "--fp-per-mb", "100", "--exhaustive")
    return {"ratios": ratios(old, new), "lost": lost(new), "seconds": {"old": old.seconds, "new": new.seconds},
            "memory_gb": {"old": old.memory, "new": new.memory}}  # fmt: skip


def ratios(old: Run, new: Run) -> dict[str, float]:
    whole = old.seconds["default"]
    return {
        "default threshold": new.seconds["default"] / whole,
        "exhaustive": new.seconds["exhaustive"] / whole,
        "100 FP/Mb": new.seconds["100 FP/Mb"] / old.seconds["100 FP/Mb"],
        "500-bp contigs to one contig": new.seconds["contigs"] / new.seconds["contig"],
        "500-bp contigs to one contig, old": old.seconds["contigs"] / old.seconds["contig"],
        "one window to import torch": new.seconds["window"] / new.seconds["import torch"],
        "one window to import torch, old": old.seconds["window"] / old.seconds["import torch"],
    }


def lost(new: Run) -> dict[str, dict[str, int]]:
    """Hits of exhaustive scans, and how many of them a screened scan lacks."""
    pairs = {"default": "exhaustive", "100 FP/Mb": "100 FP/Mb exhaustive"}
    return {
        name: {"hits": len(new.hits[whole]), "lost": len(new.hits[whole] - new.hits[name])}
        for name, whole in pairs.items()
    }


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("--old-checkout", type=Path, required=True, help="Checkout of the older program.")
    parser.add_argument("--old-model", default=str(ROOT / "benchmarks/speed/human-38cf804.safetensors"))
    parser.add_argument("--model", required=True, help="The same weights with their screening, for this program.")
    parser.add_argument("--bases", type=int, default=BASES, help="Bases of dev contigs to scan.")
    parser.add_argument("--turns", type=int, default=TURNS, help="Runs of each command.")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads.")
    arguments = parser.parse_args()
    model = find_model(arguments.model).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = genomes(arguments.data / HUMAN.genome, folder, arguments.bases)
        for each in ("old", "new"):
            (folder / each).mkdir()
        old_model = str(Path(arguments.old_model).resolve())
        old = Run(arguments.old_checkout.resolve(), old_model, arguments.threads, folder / "old")
        new = Run(ROOT, str(model), arguments.threads, folder / "new")
        values = compare(old, new, paths, arguments.turns)
    bases = {"bases": arguments.bases, "threads": arguments.threads, "old": commit_of(arguments.old_checkout)}
    # The weights are those of another time than the bundled ones of that name.
    save_result(arguments.output, bases | values, dataclasses.replace(read_card(model), name=model.stem))


def commit_of(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
