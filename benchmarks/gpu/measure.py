"""What is measured on a device, each group in a process of its own: environment, scan, precision, engines, profile.

python benchmarks/gpu/measure.py GROUP --data FOLDER --device cuda -o RESULT.json [--small]

A measurement that fails is written down as an error, and the next one begins. The result is written after each.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from packed import first_bases, random_contigs, read_packed, write_fasta
from parts import write_json

import promscan.cli
from promscan.inference import streaming
from promscan.inference.engine import open_engine
from promscan.inference.lanes import LaneNetwork, networks_on, room_to_smooth
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.networks import fading_gru
from promscan.networks.device import fetch, send
from promscan.networks.fading_gru import FadingGRU
from promscan.networks.weights import load_model
from promscan.seq.dna import UNKNOWN
from promscan.seq.records import Chunk
from promscan.seq.windows import WINDOW

PRODUCTS = 3
"""Products of bfloat16 for one product of float32 in the recurrence on CUDA."""
MODEL = "human"
WINDOWED = "core70"
PACKAGES = ("torch", "triton", "numpy", "pysam", "pyfaidx", "safetensors", "click", "matplotlib", "scikit-learn")


class Size(NamedTuple):
    """How much is measured: bases of each kind of sequence, and rows of the products that show what the device can."""

    contigs: int
    contig: int
    real: int
    exact: int
    windowed: int
    plain: int
    product: int


FULL = Size(10, 10_000_000, 20_000_000, 400_000, 1_000_000, 5_600_000, 8192)
SMALL = Size(2, 5_000, 5_000, 1_000, 200, 1_000, 128)


SMALL_UNIT = 4
"""Lanes in a unit of a CPU where sizes are tiny; they are short, too."""


class Bench:
    """One group of measurements: where it runs, how large it is, and its results so far."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.device = torch.device("cuda", 0) if arguments.device == "cuda" else torch.device(arguments.device)
        self.data, self.output, self.folder = arguments.data, arguments.output, folder
        self.size = SMALL if arguments.small else FULL
        self.results: dict[str, Any] = {}
        if self.cuda and torch.cuda.is_available():
            torch.zeros(1, device=self.device)  # nothing can be asked of its memory before something was there

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    def measure(self, name: str, measured: Callable[..., Any], *arguments: Any) -> None:
        """Add one measurement, or how it failed."""
        began = time.perf_counter()
        try:
            result = measured(self, *arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the next one begins
            traceback.print_exc()
            result = {"error": f"{type(error).__name__}: {error}".strip()[:2000]}
        self.results[name] = result
        write_json(self.output, self.results)
        print(f"{name}: {time.perf_counter() - began:.1f} s", flush=True)

    def synchronize(self) -> None:
        if self.cuda:
            torch.cuda.synchronize(self.device)

    def best_of(self, repeats: int, work: Callable[[], Any]) -> float:
        """Seconds of the fastest of some repeats, after one that does not count."""
        work()
        times = []
        for _ in range(repeats):
            self.synchronize()
            began = time.perf_counter()
            work()
            self.synchronize()
            times.append(time.perf_counter() - began)
        return min(times)

    @contextlib.contextmanager
    def memory(self, result: dict[str, Any]) -> Iterator[None]:
        """Note how much memory of the GPU was taken at most."""
        if self.cuda:
            torch.cuda.reset_peak_memory_stats(self.device)
        yield
        if self.cuda:
            result["peak_gpu_memory_bytes"] = torch.cuda.max_memory_allocated(self.device)
            result["peak_gpu_memory_reserved_bytes"] = torch.cuda.max_memory_reserved(self.device)

    def real(self, bases: int) -> list[Chunk]:
        contigs = first_bases(read_packed(self.data / "genome.npz"), bases)
        return [Chunk(name, 0, codes) for name, codes in contigs.items()]


def told_by(*command: str) -> str:
    """What a program of the machine says, if there is one."""
    if (program := shutil.which(command[0])) is None:
        return f"no {command[0]}"
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False, timeout=20)
    return (done.stdout + done.stderr).strip()


def versions(_: Bench) -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform(), "promscan": promscan.__version__}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def properties(bench: Bench) -> dict[str, Any]:
    if not bench.cuda:
        return {"device": str(bench.device), "threads": torch.get_num_threads()}
    of = torch.cuda.get_device_properties(bench.device)
    free, total = torch.cuda.mem_get_info(bench.device)
    return {
        "device": of.name, "capability": f"{of.major}.{of.minor}", "multiprocessors": of.multi_processor_count,
        "memory_bytes": total, "free_bytes": free, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
    }  # fmt: skip


def environment(bench: Bench) -> None:
    bench.measure("versions", versions)
    bench.measure("device", properties)
    bench.measure("nvidia-smi", lambda _: told_by("nvidia-smi").splitlines())
    bench.measure("compiler", lambda _: told_by("gcc", "--version").partition("\n")[0])


def command_line(bench: Bench, genome: Path, *options: str) -> dict[str, Any]:
    """Figures of `promscan scan`, in this process, so that it can tell the memory of the GPU."""
    summary = bench.folder / "summary.json"
    words = ["scan", str(genome), "-o", str(bench.folder / "hits.bed"), "--model", MODEL, "--quiet"]
    result: dict[str, Any] = {}
    began = time.perf_counter()
    with bench.memory(result):
        try:
            promscan.cli.main([*words, "--summary", str(summary), "--device", str(bench.device), *options])
        except SystemExit as stop:
            if stop.code:
                raise RuntimeError(f"promscan scan: status {stop.code}, see the log") from stop
        seconds = time.perf_counter() - began
    values = json.loads(summary.read_text())
    measured = {name: values[name] for name in ("bases", "hits", "seconds", "peak_memory_bytes")}
    return {**measured, "total_seconds": seconds, "mb_per_second": values["bases"] / 1e6 / seconds, **result}


def scan(bench: Bench) -> None:
    """The whole command; first on little sequence, while kernels are built and libraries begin."""
    size = bench.size
    random, real, little = (bench.folder / f"{name}.fa" for name in ("random", "real", "little"))
    contigs = random_contigs(size.contigs, size.contig)
    write_fasta(random, contigs)
    write_fasta(little, first_bases(contigs, size.contig // 10))
    write_fasta(real, first_bases(read_packed(bench.data / "genome.npz"), size.real))
    bench.measure("first", command_line, little)
    bench.measure("random", command_line, random)
    bench.measure("real", command_line, real)
    bench.measure("real_bfloat16", command_line, real, "--precision", "bfloat16")
    bench.measure("real_again", command_line, real)


def logits(bench: Bench, sequence: list[Chunk], device: torch.device, precision: str, *, kernels: bool) -> np.ndarray:
    network, card = load_model(MODEL)
    settings = EngineSettings(precision=precision, smoothing=card.smoothing)
    with plain_steps(not kernels), open_engine(card.engine, network, [device], settings) as engine:
        by_kernels = engine.by_kernels
        scores = np.concatenate([track.logits for tracks in engine.score(sequence) for track in tracks])
    if bench.cuda and device.type == "cuda" and by_kernels is not kernels:
        raise RuntimeError("the kernels did not run" if kernels else "the kernels ran")
    return scores


@contextlib.contextmanager
def plain_steps(wanted: bool) -> Iterator[None]:
    """Let networks on CUDA take plain steps, without the kernels."""
    use_kernels = LaneNetwork.use_kernels
    if wanted:
        LaneNetwork.use_kernels = lambda _: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        LaneNetwork.use_kernels = use_kernels  # type: ignore[method-assign]


def moved(bench: Bench, exact: np.ndarray, sequence: list[Chunk], precision: str, kernels: bool) -> dict[str, float]:
    fast = logits(bench, sequence, bench.device, precision, kernels=kernels)
    if not np.array_equal(np.isfinite(fast), np.isfinite(exact)):
        raise RuntimeError("other windows have no finite logit")
    by = np.abs(fast - exact)[np.isfinite(exact)]
    return {"mean": float(by.mean()), "99.9 %": float(np.quantile(by, 0.999)), "most": float(by.max())}


def precision(bench: Bench) -> None:
    """How far the logits of real sequence move from those of a CPU in float32."""
    sequence = bench.real(bench.size.exact)
    exact = logits(bench, sequence, torch.device("cpu"), "float32", kernels=True)
    bench.results |= {"windows": int(np.isfinite(exact).sum()), "spread": float(exact[np.isfinite(exact)].std())}
    for name, kernels in (("kernels", True), ("plain_steps", False)):
        for kind in ("float32", "bfloat16"):
            bench.measure(f"{name}_{kind}", moved, exact, sequence, kind, kernels)


def engine_speed(bench: Bench, name: str, model: str, bases: int, precision: str, kernels: bool) -> dict[str, Any]:
    """Mb of both strands a second that come out of an engine, with random sequence and the second of two runs."""
    network, card = load_model(model)
    chunks = [Chunk(name, 0, codes) for name, codes in random_contigs(2, bases // 2).items()]
    smoothing = card.smoothing if name == "streaming" else 1
    settings, result = EngineSettings(precision=precision, smoothing=smoothing), {}
    with (
        plain_steps(not kernels),
        bench.memory(result),
        open_engine(name, network, [bench.device], settings) as engine,
    ):
        seconds = bench.best_of(1, lambda: sum(1 for _ in engine.score(chunks)))
        result |= {"by_kernels": engine.by_kernels, "units_at_once": engine._runner.at_once}
    return {"bases": bases, "mb_per_second": bases / 1e6 / seconds, **result}


def ceilings(bench: Bench) -> dict[str, float]:
    """What the device can do at most: bytes copied, and operations of large products."""
    n = bench.size.product
    values = torch.randn(n * n * 4, device=bench.device)
    into = torch.empty_like(values)
    result = {"copy_gb_per_second": 2e-9 * values.nbytes / bench.best_of(5, lambda: into.copy_(values))}
    for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        left, right = (torch.randn(n, n, device=bench.device).to(kind) for _ in range(2))
        result[f"{name}_tera_operations"] = 2e-12 * n**3 / bench.best_of(5, lambda a=left, b=right: a @ b)
    return result


def floor(bench: Bench) -> dict[str, float]:
    """What a base costs at least with the rates just measured, and the share of that speed that is reached.

    The operations of a base are those that `benchmarks/floor.py` counted.
    """
    rates = bench.results["ceilings"]
    counted = json.loads(next(Path(__file__).resolve().parents[1].rglob("floor.json")).read_text())["a_base"][MODEL]
    seconds = PRODUCTS * counted["operations_in_the_recurrence"] / (1e12 * rates["bfloat16_tera_operations"])
    seconds += counted["operations_elsewhere"] / (1e12 * rates["float32_tera_operations"])
    reached = bench.results["streaming_float32"]["mb_per_second"]
    return {"mb_per_second": 1e-6 / seconds, "share_reached": reached * 1e6 * seconds}


def recurrence(bench: Bench, kernels: bool) -> dict[str, Any]:
    """Seconds of the recurrence in one training step, forward and backward."""
    segments, positions, hidden = (256, 1200, 64) if bench.cuda else (2, 20, 16)
    gru = FadingGRU(hidden, hidden, 1, 0.0, 32).to(bench.device)
    x = torch.randn(segments, positions, hidden, device=bench.device)
    steps, chosen = fading_gru._steps_on, fading_gru._steps_on(bench.device, torch.float32, hidden)
    by_kernels = chosen is not fading_gru._Steps
    if not kernels:
        fading_gru._steps_on = lambda *_: fading_gru._Steps  # type: ignore[assignment]
    result: dict[str, Any] = {"by_kernels": by_kernels and kernels, "segments": segments, "positions": positions}
    try:
        with bench.memory(result):
            result["seconds"] = bench.best_of(3, lambda: gru(x)[0].square().mean().backward())
    finally:
        fading_gru._steps_on = steps
    return result


def engines(bench: Bench) -> None:
    size = bench.size
    bases = size.contigs * size.contig // 2
    bench.measure("ceilings", ceilings)
    bench.measure("streaming_float32", engine_speed, "streaming", MODEL, bases, "float32", True)
    bench.measure("streaming_bfloat16", engine_speed, "streaming", MODEL, bases, "bfloat16", True)
    bench.measure("windowed_float32", engine_speed, "windowed", WINDOWED, size.windowed, "float32", True)
    bench.measure("windowed_bfloat16", engine_speed, "windowed", WINDOWED, size.windowed, "bfloat16", True)
    bench.measure("streaming_plain_steps", engine_speed, "streaming", MODEL, size.plain, "float32", False)
    bench.measure("floor", floor)
    bench.measure("training_by_kernels", recurrence, True)
    bench.measure("training_by_plain_steps", recurrence, False)


def profiled(bench: Bench) -> dict[str, Any]:
    """Where the time of units of the streaming engine goes; the table goes to a text file beside the result.

    They run in this thread, as the profiler sees no other.
    """
    from torch.profiler import ProfilerActivity, profile

    model, card = load_model(MODEL)
    network = networks_on([bench.device], model, "float32")[bench.device]
    lanes = streaming.lanes_on([bench.device], model.architecture)
    around = max(StreamingEngine.warm_up, model.architecture.reach) + room_to_smooth(card.smoothing)
    bases = 2 * around + StreamingEngine.lane + WINDOW
    rows = np.random.default_rng(1).integers(0, UNKNOWN, (lanes, bases), dtype=np.uint8)

    def unit() -> None:
        codes = send(rows, bench.device).T.contiguous()
        logits, _ = network.smoothed_logits(codes, around, StreamingEngine.warm_up, card.smoothing)
        fetch(logits.T.contiguous())

    kinds = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * bench.cuda
    units = 3 if bench.cuda else 1
    result: dict[str, Any] = {"lanes": lanes, "by_kernels": network.by_kernels}
    with torch.inference_mode(), bench.memory(result):
        seconds = bench.best_of(units, unit)
        with profile(activities=kinds) as taken:
            for _ in range(units):
                unit()
    averages = taken.key_averages()
    order = "self_device_time_total" if bench.cuda else "self_cpu_time_total"
    bench.output.with_suffix(".txt").write_text(averages.table(sort_by=order, row_limit=60) + "\n")
    busy = sum(event.self_device_time_total for event in averages) / 1e6 / units
    strand_mb = lanes * StreamingEngine.lane / 1e6
    speed = {"seconds_a_unit": seconds, "seconds_a_unit_on_the_gpu": busy, "mb_per_second": strand_mb / 2 / seconds}
    return result | speed


GROUPS: dict[str, Callable[[Bench], None]] = {
    "environment": environment,
    "scan": scan,
    "precision": precision,
    "engines": engines,
    "profile": lambda bench: bench.measure("streaming", profiled),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    if arguments.small:
        streaming.LANES["cpu"] = SMALL_UNIT
        StreamingEngine.lane, StreamingEngine.shorter, StreamingEngine.warm_up = 4 * WINDOW, (), 2 * WINDOW
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(arguments, Path(name))
        GROUPS[arguments.group](bench)
    sys.exit(any("error" in result for result in bench.results.values() if isinstance(result, dict)))


if __name__ == "__main__":
    main()
