"""Speed and memory of the two engines on a CPU, for a network of the same size with random weights.

    ratio     streaming against windowed: seconds a base and strand, one thread each, the network of d = 128
    scan      the whole command on one contig of random bases, both strands, all threads: kb of genome a second
    human     the same with the default models, of promoters and of strength
    start     the whole command on one window: seconds until it is scored and written
    host      a scan whose logits are given, in units of a GPU's size: Mb of genome a second that one process can feed
              to a GPU and call, were that infinitely fast
    memory    peak of the whole command on contigs of 1 Mb and, with --long, 60 Mb

Random bases and weights take as long as real ones. Run it on an idle machine.

    python benchmarks/engines.py -o benchmarks/results/engines.json [--long]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

import promscan
from promscan.inference import streaming
from promscan.inference.engine import open_engine
from promscan.inference.lanes import LaneNetwork
from promscan.inference.settings import EngineSettings
from promscan.networks.card import Card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.device import available_threads
from promscan.networks.weights import save_model
from promscan.seq import dna
from promscan.seq.records import Chunk
from promscan.seq.windows import WINDOW

HIDDEN = 128
REPEATS = 3


def random_codes(length: int) -> dna.Codes:
    return np.random.default_rng(1).integers(0, 4, length, dtype=np.uint8)


def seconds_a_base(engine_name: str, model: BiGRUAttention, bases: int) -> float:
    """Best of some runs over one strand of so many windows, one thread."""
    chunk = Chunk("random", 0, random_codes(bases + WINDOW - 1))
    settings = EngineSettings(strands=["+"], threads=1)
    with open_engine(engine_name, model, [torch.device("cpu")], settings) as engine:
        times = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            list(engine.score([chunk]))
            times.append(time.perf_counter() - began)
    return min(times) / bases


def scan(folder: Path, bases: int, *options: str) -> dict[str, Any]:
    """Figures of `promscan scan` on one contig."""
    genome, summary = folder / "genome.fa", folder / "summary.json"
    genome.write_text(f">random\n{dna.decode(random_codes(bases))}\n")
    command = [sys.executable, "-m", "promscan", "scan", str(genome), "-o", str(folder / "hits.bed"), "--device", "cpu"]
    began = time.perf_counter()
    subprocess.run([*command, *options, "--summary", str(summary), "--quiet"], check=True)
    seconds = time.perf_counter() - began
    values = json.loads(summary.read_text())
    return {
        "bases": bases,
        "seconds": seconds,
        "kb_per_second": bases / 1000 / seconds,
        "stages": values["seconds"],
        "peak_memory_bytes": values["peak_memory_bytes"],
    }


def host(folder: Path, weights: Path, bases: int) -> float:
    """Mb a second of a scan that has no network to wait for."""
    genome = folder / "genome.fa"
    genome.write_text(f">random\n{dna.decode(random_codes(bases))}\n")
    lanes = streaming.LANES["cuda"]
    likely = torch.randn(streaming.StreamingEngine.lane, lanes) - 4.3  # some 20 hits per Mb

    def given(_network: LaneNetwork, codes: torch.Tensor, margin: int, *_: int) -> torch.Tensor:
        return likely[: len(codes) - 2 * margin - WINDOW]

    with (
        mock.patch.object(LaneNetwork, "smoothed_logits", given),
        mock.patch.dict(streaming.LANES, cpu=lanes),
    ):
        began = time.perf_counter()
        hits = list(promscan.scan(genome, model=str(weights), strength=None, device="cpu"))
        seconds = time.perf_counter() - began
    assert hits
    return bases / 1e6 / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--long", action="store_true", help="Also a contig of 60 Mb.")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    model = BiGRUAttention(Architecture(hidden=HIDDEN)).eval()
    by_windows, by_lanes = seconds_a_base("windowed", model, 4_096), seconds_a_base("streaming", model, 64 * 2_800)
    result: dict[str, Any] = {
        "promscan": promscan.__version__,
        "torch": torch.__version__,
        "hidden": HIDDEN,
        "threads": available_threads(),
        "microseconds_a_base_and_strand": {"windowed": 1e6 * by_windows, "streaming": 1e6 * by_lanes},
        "ratio": by_windows / by_lanes,
    }
    with tempfile.TemporaryDirectory() as name:
        weights = Path(name) / "random.safetensors"
        card = Card("random", "promoter", "streaming", "none", {}, "", strand_trusted=True, default_threshold=0.0)
        save_model(weights, model, card)
        random = ("--model", str(weights), "--strength", "none")
        result["start"] = min((scan(Path(name), WINDOW, *random) for _ in range(REPEATS)), key=lambda x: x["seconds"])
        result["scan_1Mb"] = scan(Path(name), 1_000_000, *random)
        result["scan_10Mb"] = scan(Path(name), 10_000_000, *random)
        result["human_10Mb"] = scan(Path(name), 10_000_000)
        result["host_mb_per_second"] = max(host(Path(name), weights, 46 * 1_000_000) for _ in range(REPEATS))
        if arguments.long:
            result["scan_60Mb"] = scan(Path(name), 60_000_000, *random)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.output.read_text())


if __name__ == "__main__":
    main()
