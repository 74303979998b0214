"""Speed and memory of the two engines on a CPU, for a network of the size of the models with random weights.

    ratio     streaming against windowed: seconds per base and strand, one thread each, a network of d = 128
    scan      the whole command on one contig of random bases, both strands, all threads: kb of genome per second
    human     the same with the default models for promoters and strength
    start     the whole command on one window: seconds until the window is scored and written
    host      a scan with given logits, in units of the size for a GPU: Mb of genome per second that one process could
              read and call if the GPU took no time
    memory    peak of the whole command on contigs of 1 Mb and 10 Mb, and of 60 Mb with --long

Random bases and weights take as long as real ones. Run it on an idle machine.

    python -m benchmarks.speed.engines -o benchmarks/results/0.1.0/engines.json --long
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

import promscan
from benchmarks.common import parser_of, save_result
from benchmarks.speed.scan_command import run_scan, write_fasta
from promscan.inference import streaming
from promscan.inference.engine import open_engine
from promscan.inference.lanes import LaneNetwork
from promscan.inference.settings import EngineSettings
from promscan.networks.card import DEFAULT_MODEL, Card, read_card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.device import available_threads
from promscan.networks.model_files import find_model
from promscan.networks.weights import save_model
from promscan.seq import dna
from promscan.seq.records import Chunk
from promscan.seq.windows import WINDOW

HIDDEN = 128
REPEATS = 3


def random_codes(length: int) -> dna.Codes:
    return np.random.default_rng(1).integers(0, 4, length, dtype=np.uint8)


def seconds_a_base(engine_name: str, model: BiGRUAttention, bases: int) -> float:
    """Seconds per base of the fastest of several runs over this many windows of one strand, one thread."""
    chunk = Chunk("random", 0, random_codes(bases + WINDOW - 1))
    settings = EngineSettings(strands=["+"], threads=1)
    with open_engine(engine_name, model, [torch.device("cpu")], settings) as engine:
        times = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            list(engine.score([chunk]))
            times.append(time.perf_counter() - began)
    return min(times) / bases


def random_genome(folder: Path, bases: int) -> Path:
    return write_fasta(folder / "genome.fa", {"random": random_codes(bases)})


def scan(folder: Path, bases: int, *options: str) -> dict[str, Any]:
    """Speed and memory of `promscan scan` on one contig."""
    values = run_scan(random_genome(folder, bases), "--device", "cpu", *options)
    return {
        "bases": bases,
        "seconds": values["process_seconds"],
        "kb_per_second": bases / 1000 / values["process_seconds"],
        "stages": values["seconds"],
        "peak_memory_bytes": values["peak_memory_bytes"],
    }


def host(folder: Path, weights: Path, bases: int) -> float:
    """Mb per second of a scan that does not wait for a network."""
    genome = random_genome(folder, bases)
    lanes = streaming.LANES["cuda"]
    likely = torch.randn(streaming.StreamingEngine.lane, lanes) - 4.3  # about 20 hits per Mb

    def given(
        _network: LaneNetwork, codes: torch.Tensor, margin: int, *_: int, **_flags: bool
    ) -> tuple[torch.Tensor, None]:
        return likely[: len(codes) - 2 * margin - WINDOW], None

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
    parser = parser_of(__doc__, "output")
    parser.add_argument("--long", action="store_true", help="Scan a contig of 60 Mb as well.")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    model = BiGRUAttention(Architecture(hidden=HIDDEN)).eval()
    by_windows, by_lanes = seconds_a_base("windowed", model, 4_096), seconds_a_base("streaming", model, 64 * 2_800)
    result: dict[str, Any] = {
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
    save_result(arguments.output, result, read_card(find_model(DEFAULT_MODEL)))


if __name__ == "__main__":
    main()
