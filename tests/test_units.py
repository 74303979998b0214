"""Units of work: results in order, and fewer at once when a device has no memory for more."""

import threading
import time
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from promscan.errors import DeviceError
from promscan.predict import streaming, units
from promscan.predict.units import UnitRunner

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


class Device:
    """Squares numbers, as many at a time as it has room for."""

    def __init__(self, room: int) -> None:
        self.room, self.busy, self.lock = room, 0, threading.Lock()

    def run(self, number: int, device: torch.device) -> int:
        with self.lock:
            self.busy += 1
            full = self.busy > self.room
        time.sleep(0.01)
        with self.lock:
            self.busy -= 1
        if full:
            raise torch.OutOfMemoryError
        return number**2


def runner(device: Device, at_once: int, where: torch.device = CPU) -> UnitRunner[int, int]:
    return UnitRunner(device.run, [where], unit_windows=1, threads=at_once, batch_size=None, sample=lambda: 0)


@pytest.mark.parametrize("room", [1, 2, 3, 8])
def test_results_come_in_order_however_little_memory_there_is(room):
    work = runner(Device(room), at_once=8)
    assert list(work.map(range(40))) == [number**2 for number in range(40)]
    assert room < 2 * work.at_once  # never halved further than needed
    assert work.at_once <= 8
    work.close()


def test_a_device_without_memory_for_one_unit_is_told():
    work = runner(Device(0), at_once=4)
    with pytest.raises(DeviceError, match="device cpu: no memory for 1 windows; free some, or use --device cpu"):
        list(work.map(range(10)))
    work.close()


def test_a_gpu_without_memory_for_one_unit_is_told_before_the_scan(monkeypatch):
    monkeypatch.setattr(units, "_own_stream", lambda _: nullcontext())
    for name in ("reset_peak_memory_stats", "memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda _: 0)
    with pytest.raises(DeviceError, match="device cuda:0: no memory for 1 windows"):
        runner(Device(0), at_once=4, where=CUDA)


@pytest.mark.parametrize(("gigabytes", "lanes"), [(141, 4096), (40, 4096), (24, 2048), (12, 1024), (8, 512), (0.5, 32)])
def test_a_small_gpu_runs_fewer_lanes_at_a_time(monkeypatch, gigabytes, lanes):
    memory = {0: 200 * 10**9, 1: int(gigabytes * 10**9)}
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=memory[device.index])
    )
    assert streaming.lanes_on([CUDA, torch.device("cuda", 1)]) == lanes
