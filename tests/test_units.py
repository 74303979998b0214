"""Units of work: results in order, and fewer at once when a device has no memory for more."""

import threading
import time
from types import SimpleNamespace
from weakref import WeakSet

import pytest
import torch

from promscan.errors import DeviceError
from promscan.inference import streaming
from promscan.inference.work_units import UnitRunner
from promscan.networks.classifier import Architecture
from promscan.networks.device import resolve_devices
from promscan.networks.weights import load_model

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
NO_MEMORY = "device cpu: no memory for 1 windows; free memory, or use a machine with more"


class Block:
    """Memory of a device, taken for as long as anything refers to it."""


class Device:
    """Squares numbers, as many at a time as it has blocks."""

    def __init__(self, room: int) -> None:
        self.room, self.taken, self.lock = room, WeakSet[Block](), threading.Lock()

    def run(self, number: int, device: torch.device) -> int:
        block = Block()
        with self.lock:
            self.taken.add(block)
            full = len(self.taken) > self.room
        time.sleep(0.01)
        if full:
            raise torch.OutOfMemoryError
        return number**2


class Streams:
    """Streams of a GPU: in which one a thread runs, and in which ones units ran."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.used: list[Streams.Stream] = []
        self.current = threading.local()
        monkeypatch.setattr(torch.cuda, "Stream", lambda _: self.Stream())
        monkeypatch.setattr(torch.cuda, "default_stream", lambda _: "default")
        monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: setattr(self.current, "stream", stream))

    class Stream:
        def __init__(self) -> None:
            self.waited: list[str] = []
            self.wait_stream = self.waited.append

    def run(self, number: int, device: torch.device) -> int:
        self.used.append(self.current.stream)
        time.sleep(0.001)
        return number


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    return Streams(monkeypatch)


def runner(device: Device | Streams, at_once: int, where: torch.device = CPU) -> UnitRunner[int, int]:
    return UnitRunner(device.run, [where], unit_windows=1, threads=at_once, batch_size=None, sample=lambda: 0)


@pytest.mark.parametrize("room", [1, 2, 3, 8])
def test_results_come_in_order_however_little_memory_there_is(room):
    work = runner(Device(room), at_once=8)
    assert list(work.map(range(40))) == [number**2 for number in range(40)]
    assert room < 2 * work.at_once  # never halved further than needed
    assert work.at_once <= 8
    work.close()


def test_a_device_without_memory_for_one_unit_is_an_error_of_one_line():
    work = runner(Device(0), at_once=4)
    with pytest.raises(DeviceError, match=NO_MEMORY):
        list(work.map(range(10)))
    work.close()


class FullMemory:
    """Fails as torch, NumPy and Python do where memory ends."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def run(self, number: int, device: torch.device) -> int:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 9.1 GiB for an array"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_too_little_memory_for_a_unit_on_a_cpu_is_one_line(error):
    work = runner(FullMemory(error), at_once=4)
    with pytest.raises(DeviceError, match=NO_MEMORY) as caught:
        list(work.map(range(10)))
    assert "\n" not in str(caught.value)
    work.close()


def test_a_bug_in_a_unit_keeps_its_error():
    work = runner(FullMemory(RuntimeError("shapes differ")), at_once=4)
    with pytest.raises(RuntimeError, match="shapes differ"):
        list(work.map(range(10)))
    work.close()


def memory_of_a_gpu(monkeypatch: pytest.MonkeyPatch, *, free: int, taken: int) -> None:
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 0)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: taken)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, free))


@pytest.mark.usefixtures("streams")
def test_a_gpu_without_memory_for_one_unit_is_refused_before_the_scan(monkeypatch):
    memory_of_a_gpu(monkeypatch, free=100, taken=0)
    with pytest.raises(DeviceError, match="device cuda:0: no memory for 1 windows"):
        runner(Device(0), at_once=4, where=CUDA)


@pytest.mark.parametrize(("taken", "at_once"), [(1, 8), (25, 3), (90, 1)])
def test_a_gpu_runs_as_many_units_as_it_has_memory_for_each_thread_in_a_stream(monkeypatch, streams, taken, at_once):
    """What the allocator has is reused in the stream that it was got for, and there are few of them."""
    memory_of_a_gpu(monkeypatch, free=100, taken=taken)
    work = runner(streams, at_once=1, where=CUDA)
    assert work.at_once == at_once
    (measured,) = streams.used
    assert list(work.map(range(50))) == list(range(50))
    used = set(streams.used) - {measured}
    assert 1 <= len(used) <= at_once
    assert all(stream.waited == ["default"] for stream in streams.used)  # in which the weights were copied
    work.close()


HUMAN = load_model("human")[0].architecture


@pytest.mark.parametrize(
    ("gigabytes", "architecture", "lanes"),
    [
        (141, HUMAN, 4096), (40, HUMAN, 4096), (24, HUMAN, 2048), (12, HUMAN, 1024), (8, HUMAN, 1024), (0.5, HUMAN, 64),
        (141, Architecture(hidden=128), 4096), (40, Architecture(hidden=256, layers=2), 512),
    ],
)  # fmt: skip
def test_a_small_gpu_or_a_large_network_runs_fewer_lanes_at_a_time(monkeypatch, gigabytes, architecture, lanes):
    memory = {0: 200 * 10**9, 1: int(gigabytes * 10**9)}
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=memory[device.index])
    )
    assert streaming.lanes_on([CUDA, torch.device("cuda", 1)], architecture) == lanes


@pytest.mark.parametrize(("name", "numbers"), [("auto", [0]), ("cuda", [0]), ("cuda:1", [1]), ("all", [0, 1])])
def test_a_gpu_is_known_by_its_number(monkeypatch, name, numbers):
    """What is asked of torch about `cuda` is about whatever device is the current one of a thread."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a GPU")
    assert resolve_devices(name) == [torch.device("cuda", number) for number in numbers]
