"""Run units of work on a device: some at once, their results in order, fewer at once when memory runs out.

Matrix products round differently in different shapes, so an engine cuts its work into units of one fixed shape, each
run by one thread. Batch size and threads decide how many of them run at once, and never what is in one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from promscan.device import available_threads, make_repeatable
from promscan.dna import MAX_UNKNOWN, UNKNOWN, WINDOW, Codes
from promscan.errors import DeviceError
from promscan.log import logger
from promscan.records import Mask

Unit = TypeVar("Unit")
Result = TypeVar("Result")

MAX_UNITS_AT_ONCE = 8
"""On a GPU; a few units in flight hide the latency of the recurrence, more only take memory."""


class UnitRunner(Generic[Unit, Result]):
    """Runs units with `run`; close it when done, for it owns threads.

    Args:
        run: computes one unit; called in threads, with one torch thread each and, on CUDA, a stream of its own.
        device: where units run.
        unit_windows: how many windows one unit scores.
        threads: CPU threads (None: as many as the process may use).
        batch_size: windows in flight at most, rounded to whole units (None: by threads on CPU, by memory on CUDA).
        sample: a unit to measure the memory of a GPU with.
    """

    def __init__(
        self,
        run: Callable[[Unit], Result],
        device: torch.device,
        *,
        unit_windows: int,
        threads: int | None,
        batch_size: int | None,
        sample: Callable[[], Unit],
    ) -> None:
        make_repeatable()
        self._run, self.device, self.unit_windows = run, device, unit_windows
        if batch_size is not None:
            at_once = max(1, batch_size // unit_windows)
        elif device.type == "cuda":
            at_once = self._units_that_fit(sample())
        else:
            at_once = MAX_UNITS_AT_ONCE
        if device.type == "cpu":
            allowed = threads or available_threads()
            at_once = allowed if batch_size is None else min(at_once, allowed)
        self.at_once = at_once
        self._pool = ThreadPoolExecutor(at_once, "promscan-unit")

    def close(self) -> None:
        """Stop the threads; units that have not begun are dropped."""
        self._pool.shutdown(cancel_futures=True)

    def map(self, units: Iterable[Unit]) -> Iterator[Result]:
        """Results of `units`, in their order; `units` is read no further ahead than is needed to keep all threads busy.

        Raises:
            DeviceError: the device has not even memory for one unit.
        """
        running: deque[tuple[Unit, Future[Result]]] = deque()
        with _one_thread_each():
            try:
                for unit in units:
                    running.append((unit, self._submit(unit)))
                    if len(running) > self.at_once:
                        yield self._result(running)
                while running:
                    yield self._result(running)
            finally:
                for _, future in running:
                    future.cancel()

    def _submit(self, unit: Unit) -> Future[Result]:
        return self._pool.submit(self._run_in_own_stream, unit)

    def _run_in_own_stream(self, unit: Unit) -> Result:
        with torch.inference_mode(), _own_stream(self.device):
            return self._run(unit)

    def _result(self, running: deque[tuple[Unit, Future[Result]]]) -> Result:
        """The result of the first unit that runs, which is taken out; it runs again if the device was out of memory."""
        unit, future = running.popleft()
        while True:
            try:
                return future.result()
            except torch.OutOfMemoryError as error:
                self._run_fewer(error)
                future = self._submit(unit)

    def _run_fewer(self, error: torch.OutOfMemoryError) -> None:
        if self.at_once == 1:
            raise DeviceError(
                f"device {self.device}: no memory for {self.unit_windows} windows; free some, or use --device cpu"
            ) from error
        self.at_once //= 2
        logger.info("device %s is out of memory: %d units at once from here on", self.device, self.at_once)
        self._pool.shutdown()
        torch.cuda.empty_cache()
        self._pool = ThreadPoolExecutor(self.at_once, "promscan-unit")

    def _units_that_fit(self, sample: Unit) -> int:
        """How many units fit into the free memory of the device, measured by running one of them."""
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        self._run_in_own_stream(sample)
        taken = torch.cuda.max_memory_allocated(self.device) - before
        free, _ = torch.cuda.mem_get_info(self.device)
        return int(min(max(0.8 * free // max(1, taken), 1), MAX_UNITS_AT_ONCE))


def scorable(codes: Codes, stride: int, *, blocked: Mask | None) -> Mask:
    """Which windows at 0, stride, ... of `codes` may be scored: at most 7 unknown bases, none blocked."""
    allowed = _window_sums(codes == UNKNOWN)[::stride] <= MAX_UNKNOWN
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
