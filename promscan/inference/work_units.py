"""Run units of work on a device: several at once, their results in order, fewer at once when memory runs out.

Matrix products round differently in different shapes, so an engine cuts its work into units of one fixed shape, each
run by one thread. Batch size and threads decide how many of them run at once, and never what is in one.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from promscan.errors import DeviceError, ModelError
from promscan.log import logger
from promscan.networks.device import available_threads, memory_errors, repeatable, use_one_cpu_thread_here
from promscan.seq.bounds import check_machine

Unit = TypeVar("Unit")
Result = TypeVar("Result")
Network = TypeVar("Network", bound=torch.nn.Module)

MAX_UNITS_AT_ONCE = 8
"""Largest number on a CUDA device; a few in flight hide the latency of the recurrence, more only take memory."""


class UnitRunner(Generic[Unit, Result]):
    """Runs units with `run`; close it when done, for it owns threads.

    Args:
        run: computes a unit on a device, to anything but None; called in threads, with one torch thread and, on CUDA,
            one stream each.
        devices: of one kind; each gets its share of the units.
        unit_windows: how many windows one unit scores.
        threads: CPU threads (None: as many as the process may use).
        batch_size: windows in flight at most, rounded to whole units a device (None: by threads on CPU, by memory on
            CUDA).
        sample: a unit to measure the memory of a GPU with.
    """

    def __init__(
        self,
        run: Callable[[Unit, torch.device], Result],
        devices: Sequence[torch.device],
        *,
        unit_windows: int,
        threads: int | None,
        batch_size: int | None,
        sample: Callable[[], Unit],
    ) -> None:
        check_machine(threads, batch_size)
        self._run, self.unit_windows = run, unit_windows
        kind = devices[0].type
        allowed = {"cpu": threads or available_threads(), "cuda": MAX_UNITS_AT_ONCE}.get(kind, 1)
        if batch_size is not None:
            allowed = min(allowed, max(1, batch_size // (unit_windows * len(devices))))
        self._workers = [_Worker(device, allowed) for device in devices]
        if kind == "cuda" and batch_size is None:
            for worker in self._workers:
                worker.resize(self._units_that_fit(sample(), worker))

    @property
    def at_once(self) -> int:
        """Units that run at once, on all devices."""
        return sum(worker.at_once for worker in self._workers)

    def close(self) -> None:
        """Stop the threads; units that have not begun are dropped."""
        for worker in self._workers:
            worker.pool.shutdown(cancel_futures=True)

    def map(self, units: Iterable[Unit]) -> Iterator[Result]:
        """Results of `units`, in their order; `units` is read no further ahead than is needed to keep all threads busy.

        Raises:
            DeviceError: a device has not even memory for one unit.
        """
        running: deque[_Running[Unit, Result]] = deque()
        try:
            for unit, worker in zip(units, cycle(self._workers)):
                running.append(self._submit(unit, worker))
                if len(running) > self.at_once:
                    yield self._result(running.popleft())
            while running:
                yield self._result(running.popleft())
        finally:
            for begun in running:
                begun.future.cancel()

    def _submit(self, unit: Unit, worker: _Worker) -> _Running[Unit, Result]:
        future = worker.pool.submit(self._attempt, unit, worker)
        return _Running(unit, worker, worker.at_once, future)

    def _attempt(self, unit: Unit, worker: _Worker) -> Result | None:
        """The result of a unit, or None if there was too little memory for it.

        An exception would hold the frames that it passed through, and with them their tensors. The arithmetic flags of
        torch belong to the whole process, so they are set only while a unit runs.
        """
        try:
            with memory_errors(""):
                worker.prepare_thread()
                with torch.inference_mode(), repeatable():
                    return self._run(unit, worker.device)
        except DeviceError:
            return None

    def _result(self, begun: _Running[Unit, Result]) -> Result:
        """The result of a unit, which runs again if its device was out of memory."""
        while (result := begun.future.result()) is None:
            worker = begun.worker
            if begun.at_once == 1:
                raise self._no_memory(worker.device)
            if worker.at_once == begun.at_once:  # else a unit that ran at the same time has changed it already
                worker.resize(worker.at_once // 2)
                logger.info("device %s is out of memory: %d units at once from here on", worker.device, worker.at_once)
                _give_cached_memory_back(worker.device)
            begun = self._submit(begun.unit, worker)
        return result

    def _no_memory(self, device: torch.device) -> DeviceError:
        cure = "free memory, or use a machine with more" if device.type == "cpu" else "free memory, or use --device cpu"
        return DeviceError(f"device {device}: no memory for {self.unit_windows} windows; {cure}")

    def _units_that_fit(self, sample: Unit, worker: _Worker) -> int:
        """How many units fit into the free memory of a device, measured by running one of them."""
        device = worker.device
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        if self._submit(sample, worker).future.result() is None:
            raise self._no_memory(device)
        taken = torch.cuda.max_memory_allocated(device) - before
        torch.cuda.empty_cache()  # what the sample took would stay with its stream
        free, _ = torch.cuda.mem_get_info(device)
        return int(min(max(0.8 * free // max(1, taken), 1), MAX_UNITS_AT_ONCE))


class _Running(NamedTuple, Generic[Unit, Result]):
    """A unit that was given to a worker, and how many units that ran at once then."""

    unit: Unit
    worker: _Worker
    at_once: int
    future: Future[Result | None]


class _Worker:
    """A device and the threads that run units on it."""

    def __init__(self, device: torch.device, at_once: int) -> None:
        self.device, self._thread = device, threading.local()
        self._start(at_once)

    def resize(self, at_once: int) -> None:
        """Run `at_once` units at once, after those that run or wait."""
        self.pool.shutdown()
        self._start(at_once)

    def _start(self, at_once: int) -> None:
        self.at_once, self.pool = at_once, ThreadPoolExecutor(at_once, "promscan-unit")

    def prepare_thread(self) -> None:
        """Prepare this thread before its first unit; here a lack of memory is one, and in a pool it breaks the pool."""
        if not hasattr(self._thread, "ready"):
            _start_worker(self.device)
            self._thread.ready = True


def check_finite(values: npt.NDArray[np.float32]) -> None:
    """Check what a network gives for windows or inserts that were scored, before any others become NaN.

    Raises:
        ModelError: a value is NaN or infinite; it would be no hit, as if there were nothing to find.
    """
    if not np.isfinite(values).all():
        raise ModelError("the model gives scores that are no numbers: its weights are damaged, or were never trained")


def copies(model: Network, devices: Sequence[torch.device]) -> dict[torch.device, Network]:
    """The network on each device, in evaluation mode."""
    return {device: copy.deepcopy(model).to(device).eval() for device in devices}


def _start_worker(device: torch.device) -> None:
    """Prepare a new thread that runs units.

    One torch thread computes a unit: more would change the order of its sums, and compete with the other units. On CUDA
    each thread has a stream of its own, so that units can overlap; memory is reused within a stream only.
    """
    use_one_cpu_thread_here()
    if device.type == "cuda":
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.default_stream(device))  # in which the networks were copied
        torch.cuda.set_stream(stream)  # and its device, both for this thread alone


def _give_cached_memory_back(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
