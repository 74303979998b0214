"""The windowed engine: every window by itself, its states starting from zero, exactly as the network is defined.

Matrix products round differently in different shapes, so the unit of computation has one fixed shape: `UNIT` windows,
padded with unknown bases, run by one thread. Units lie on a fixed grid of absolute contig coordinates, and a window
always has the same row of the same unit. Batch size, threads and chunks decide how many units run at once and never
what is in one: on one kind of device a window's logit is the same bits whatever they are.

    contig  |----unit 0----|----unit 1----|----unit 2----|--
    chunk              ssssssssssssssss               s: window starts that the chunk owns
    runs    |..........ssss|ssssssssssssss|...           .: rows of unknown bases, thrown away
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from promscan import dna
from promscan.device import autocast, available_threads, make_repeatable
from promscan.dna import MAX_UNKNOWN, UNKNOWN, WINDOW, Codes
from promscan.errors import DeviceError
from promscan.log import logger
from promscan.model import BiGRUAttention
from promscan.records import Chunk, Logits, Mask, ScoreTrack, Strand

UNIT = {"cpu": 128, "cuda": 2048, "mps": 1024}
"""Windows in a unit, by kind of device."""
MAX_UNITS_AT_ONCE = 8
"""On a GPU; a few units in flight hide the latency of the recurrence, more only take memory."""


class WindowedEngine:
    """Scores the windows of chunks. Use it as a context manager: it owns threads.

    Args:
        model: the network, in evaluation mode; moved to `device`.
        device: where it runs.
        stride: only windows whose start is divisible by this are scored, on both strands.
        strands: which strands to score.
        threads: CPU threads (None: as many as the process may use).
        batch_size: windows in flight at most, rounded to whole units (None: by threads on CPU, by memory on CUDA).
        precision: `auto` and `float32` are exact; `bfloat16` is faster on some devices, and moves scores.
    """

    def __init__(
        self,
        model: BiGRUAttention,
        device: torch.device,
        *,
        stride: int = 1,
        strands: Sequence[Strand] = ("+", "-"),
        threads: int | None = None,
        batch_size: int | None = None,
        precision: str = "auto",
    ) -> None:
        make_repeatable()
        self.model = model.to(device).eval()
        self.device, self.precision = device, precision
        self.stride, self.strands = stride, tuple(strands)
        self.unit = UNIT[device.type]
        self.complement = torch.tensor([1, 0, 3, 2, 4], dtype=torch.uint8, device=device)
        if batch_size is not None:
            at_once = max(1, batch_size // self.unit)
        elif device.type == "cpu":
            at_once = threads or available_threads()
        else:
            at_once = self._units_that_fit()
        self.at_once = min(at_once, threads or available_threads()) if device.type == "cpu" else at_once
        self._pool = ThreadPoolExecutor(self.at_once, "promscan-unit")

    def __enter__(self) -> WindowedEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    @property
    def chunk_step(self) -> int:
        """Window starts a chunk should own, in bp: whole units, enough of them to keep every thread busy."""
        return self.stride * self.batch_windows

    @property
    def batch_windows(self) -> int:
        """How many loose windows to score in one call."""
        return self.unit * max(32, 4 * self.at_once)

    def score(self, chunk: Chunk) -> list[ScoreTrack]:
        """The tracks of a chunk, one a strand; windows with more than 7 unknown or any blocked base are NaN."""
        if chunk.windows == 0:
            return []
        first, end = -(-chunk.start // self.stride), -(-(chunk.start + chunk.windows) // self.stride)
        if first == end:
            return []
        unit_first, unit_end = first // self.unit, -(-end // self.unit)
        padded = self._pad(chunk, unit_first, unit_end)
        scored = scorable(padded, self.stride, blocked=self._pad_blocked(chunk, unit_first, unit_end))
        scored[: first - unit_first * self.unit] = False
        scored[end - unit_first * self.unit :] = False
        units = np.flatnonzero(scored.reshape(-1, self.unit).any(axis=1))
        windows = torch.from_numpy(padded).to(self.device).unfold(0, WINDOW, self.stride)
        own = slice(first - unit_first * self.unit, end - unit_first * self.unit)
        tracks = []
        for strand, values in zip(self.strands, self._run(windows, units), strict=True):
            logits = np.full(len(scored), np.nan, dtype=np.float32)
            logits.reshape(-1, self.unit)[units] = values
            logits[~scored] = np.nan
            tracks.append(ScoreTrack(chunk.chrom, strand, first * self.stride, self.stride, logits[own]))
        return tracks

    def score_windows(self, codes: Codes) -> Logits:
        """Logits (n,) of loose windows (n, 70), read 5' to 3'; NaN where more than 7 bases are unknown."""
        units = -(-len(codes) // self.unit)
        padded = np.full((units * self.unit, WINDOW), UNKNOWN, dtype=np.uint8)
        padded[: len(codes)] = codes
        windows = torch.from_numpy(padded).to(self.device)
        logits = next(self._run(windows, np.arange(units), strands=("+",))).reshape(-1)[: len(codes)]
        logits[(codes == UNKNOWN).sum(axis=1) > MAX_UNKNOWN] = np.nan
        return logits

    def _pad(self, chunk: Chunk, unit_first: int, unit_end: int) -> Codes:
        return self._place(chunk, unit_first, unit_end, chunk.codes, UNKNOWN)

    def _pad_blocked(self, chunk: Chunk, unit_first: int, unit_end: int) -> Mask | None:
        if chunk.blocked is None:
            return None
        return self._place(chunk, unit_first, unit_end, chunk.blocked, False)

    def _place(
        self, chunk: Chunk, unit_first: int, unit_end: int, values: npt.NDArray[Any], fill: int | bool
    ) -> npt.NDArray[Any]:
        """`values` of the chunk's bases on the stretch of the contig that whole units cover."""
        begin, span = unit_first * self.unit * self.stride, self.unit * self.stride
        placed = np.full((unit_end - unit_first) * span - self.stride + WINDOW, fill, dtype=values.dtype)
        offset = chunk.start - begin
        kept = values[: len(placed) - offset]
        placed[offset : offset + len(kept)] = kept
        return placed

    def _run(
        self, windows: Tensor, units: npt.NDArray[np.int64], strands: Sequence[Strand] | None = None
    ) -> Iterator[Logits]:
        """Logits (len(units), UNIT) for each strand; `windows` is (n * UNIT, 70) on the device."""
        strands = self.strands if strands is None else strands
        tasks = [(windows[u * self.unit : (u + 1) * self.unit], strand) for strand in strands for u in units.tolist()]
        values = self._map(self._run_unit, tasks)
        for i in range(len(strands)):
            part = values[i * len(units) : (i + 1) * len(units)]
            yield np.stack(part) if part else np.empty((0, self.unit), dtype=np.float32)

    def _run_unit(self, task: tuple[Tensor, Strand]) -> Logits:
        windows, strand = task
        with torch.inference_mode(), _own_stream(self.device), autocast(self.device, self.precision):
            if strand == "-":
                windows = self.complement[windows.flip(1).int()]
            logits: Logits = self.model(windows).float().cpu().numpy()
            return logits

    def _map(self, run: Callable[[tuple[Tensor, Strand]], Logits], tasks: list[tuple[Tensor, Strand]]) -> list[Logits]:
        """Run tasks in order of results, fewer at once whenever the device runs out of memory."""
        while True:
            try:
                with _one_thread_each():
                    return list(self._pool.map(run, tasks))
            except torch.OutOfMemoryError as error:
                self._pool.shutdown(cancel_futures=True)
                if self.at_once == 1:
                    raise DeviceError(
                        f"device {self.device}: no memory for {self.unit} windows; free some, or use --device cpu"
                    ) from error
                self.at_once //= 2
                logger.info("device %s is out of memory: %d units at once from here on", self.device, self.at_once)
                torch.cuda.empty_cache()
                self._pool = ThreadPoolExecutor(self.at_once, "promscan-unit")

    def _units_that_fit(self) -> int:
        """How many units fit into the free memory of the device, measured by running one of them."""
        if self.device.type != "cuda":
            return 1
        windows = torch.full((self.unit, WINDOW), UNKNOWN, dtype=torch.uint8, device=self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        self._run_unit((windows, "+"))
        taken = torch.cuda.max_memory_allocated(self.device) - before
        free, _ = torch.cuda.mem_get_info(self.device)
        return int(np.clip(0.8 * free // max(1, taken), 1, MAX_UNITS_AT_ONCE))


def scorable(codes: Codes, stride: int, *, blocked: Mask | None) -> Mask:
    """Which windows at 0, stride, ... of `codes` may be scored: at most 7 unknown bases, none blocked."""
    allowed = _window_sums(codes == dna.UNKNOWN)[::stride] <= MAX_UNKNOWN
    if blocked is not None:
        allowed &= _window_sums(blocked)[::stride] == 0
    return allowed


def _window_sums(flags: Mask) -> npt.NDArray[np.int64]:
    sums = np.zeros(len(flags) + 1, dtype=np.int64)
    np.cumsum(flags, out=sums[1:])
    counts: npt.NDArray[np.int64] = sums[WINDOW:] - sums[:-WINDOW]
    return counts


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Within a unit one thread: more would change the order of its sums, and fight with the other units."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _own_stream(device: torch.device) -> Iterator[None]:
    """On CUDA each unit runs in a stream of its own, so that several can overlap."""
    if device.type != "cuda":
        yield
        return
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.default_stream(device))
    with torch.cuda.stream(stream):
        yield
