"""Devices, precision, threads, and the settings of torch that make results repeatable."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from promscan.errors import DeviceError, is_lack_of_memory
from promscan.log import counted
from promscan.networks.cpu_quota import cpu_quota

Value = TypeVar("Value")

PRECISIONS = ("auto", "float32", "bfloat16")


def resolve_device(name: str) -> torch.device:
    """Device with this name: `auto` (CUDA if there is one, else CPU), `cpu`, `cuda` (the first one), `cuda:N` or `mps`.

    Raises:
        DeviceError: the device is unknown or not present.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name[:40]!r}: use auto, cpu, cuda, cuda:N or mps") from error
    if device.type == "cuda":
        device = torch.device("cuda", device.index or 0)
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if device.index >= count:
            raise DeviceError(
                f"device {name}: this machine has {counted(count, 'CUDA device')}; use --device auto or cpu"
            )
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("device mps: not available on this machine; use --device auto or cpu")
    elif device.type not in ("cpu", "cuda", "mps"):
        raise DeviceError(f"unknown device {name[:40]!r}: use auto, cpu, cuda, cuda:N or mps")
    return device


def resolve_devices(name: str) -> list[torch.device]:
    """Devices with this name: one, as `resolve_device` finds it, or for `all` every CUDA device of the machine.

    Raises:
        DeviceError: there is no such device, or the CUDA devices are of different models.
    """
    if name != "all":
        return [resolve_device(name)]
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise DeviceError("device all: this machine has no CUDA device; use --device auto or cpu")
    devices = [torch.device("cuda", index) for index in range(count)]
    if len(models := {describe(device): None for device in devices}) > 1:
        raise DeviceError(
            f"device all: GPUs of different models round differently: {', '.join(models)}; use --device cuda:N, or "
            "name those of one model in CUDA_VISIBLE_DEVICES"
        )
    return devices


def send(values: npt.NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Copy values to a device; to CUDA from pinned memory, while other work runs there."""
    tensor = torch.from_numpy(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def fetch(values: torch.Tensor) -> npt.NDArray[np.float32]:
    """Copy the values (float32) of a tensor to an array; from CUDA when the stream has computed them."""
    host = torch.empty(values.shape, pin_memory=values.is_cuda).copy_(values, non_blocking=values.is_cuda)
    if values.is_cuda:
        torch.cuda.current_stream(values.device).synchronize()
    array: npt.NDArray[np.float32] = host.numpy()
    return array


class _Arithmetic(NamedTuple):
    """The switches of torch that decide about bits; None for a value that torch does not give.

    products: precision of float32 products, as `torch.set_float32_matmul_precision` has it.
    by_backend: the same for each backend, which torch has from 2.9 on.
    """

    products: str | None
    cudnn_tf32: bool | None
    benchmark: bool
    deterministic: bool
    by_backend: Sequence[str]

    @classmethod
    def now(cls) -> _Arithmetic:
        """The switches as they are."""
        cudnn = torch.backends.cudnn
        return cls(
            _readable(torch.get_float32_matmul_precision),
            _readable(lambda: bool(cudnn.allow_tf32)),
            cudnn.benchmark,
            cudnn.deterministic,
            [backend.fp32_precision for backend in _backends()],
        )

    def set(self) -> None:
        """Give torch these values."""
        if self.products is not None:
            torch.set_float32_matmul_precision(self.products)
        if self.cudnn_tf32 is not None:
            torch.backends.cudnn.allow_tf32 = self.cudnn_tf32
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = self.benchmark, self.deterministic
        for backend, precision in zip(_backends(), self.by_backend, strict=False):
            backend.fp32_precision = precision


def _backends() -> list[Any]:
    backends: Any = torch.backends
    if not hasattr(backends.cuda.matmul, "fp32_precision"):
        return []
    return [backends.cuda.matmul, backends.mkldnn.matmul, backends.cudnn.conv, backends.cudnn.rnn]


def _readable(read: Callable[[], Value]) -> Value | None:
    """A value of torch; None where a caller has set it in two ways that contradict each other, which torch refuses."""
    try:
        return read()
    except RuntimeError:
        return None


class _Repeatable:
    """The arithmetic flags of torch: how many blocks need them, and their values outside of all of these blocks."""

    def __init__(self) -> None:
        self._lock, self._blocks = threading.Lock(), 0
        self._before = _Arithmetic.now()

    def enter(self) -> None:
        with self._lock:
            if self._blocks == 0:
                self._before = _Arithmetic.now()
                # The precision of products also decides whether a CPU multiplies float32 as bfloat16.
                _Arithmetic("highest", False, False, True, ()).set()
            self._blocks += 1

    def leave(self) -> None:
        with self._lock:
            self._blocks -= 1
            if self._blocks == 0:
                self._before.set()


_REPEATABLE = _Repeatable()


@contextmanager
def repeatable() -> Iterator[None]:
    """Let equal inputs give equal bits inside the block: no TF32, no autotuned kernels.

    The flags are global in torch. Of several blocks that overlap, the one that ends last restores the caller's
    flags.
    """
    _REPEATABLE.enter()
    try:
        yield
    finally:
        _REPEATABLE.leave()


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Run the CPU operations of torch on `count` threads inside the block, and on the caller's number after it.

    The block must not yield to other code: the number is valid for the whole thread that runs the block.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def no_denormals() -> Iterator[None]:
    """Let this thread round numbers below 1e-38 to zero inside the block, where the processor can.

    Along a few hundred steps of a recurrence, gradients fade to such numbers. They change no weight, and a processor
    takes many times as long for them as for others.
    """
    before = _rounds_denormals()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _rounds_denormals() -> bool:
    return bool(torch.tensor(1e-39) * 1 == 0)


_STARTING = threading.Lock()
"""Threads that start together would take the number of one of them for the caller's."""


def use_one_cpu_thread_here() -> None:
    """Run the CPU operations of this thread on one thread, and leave those of all other threads as they are.

    It is meant for the start of a worker thread. torch has one number for each thread that has begun, and one for
    threads to come; so another thread puts the latter back.
    """
    with _STARTING:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        restoring = threading.Thread(target=torch.set_num_threads, args=(before,))
        restoring.start()
        restoring.join()


@contextmanager
def memory_errors(cure: str) -> Iterator[None]:
    """Turn a lack of memory inside the block, reported by Python, NumPy or torch, into one line that ends in `cure`.

    Raises:
        DeviceError: there was too little memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        of_gpu = isinstance(error, torch.OutOfMemoryError)
        if not (of_gpu or is_lack_of_memory(error)):
            raise
        where = "of the GPU" if of_gpu else "of this machine"
        raise DeviceError(f"the memory {where} is too small; {cure}") from None


def available_threads() -> int:
    """Processors that this process may use: the smaller of its affinity mask and its CPU quota, and at least 1.

    The load of the machine does not count: weights depend on the number of threads, so the number must not change from
    one hour to the next.
    """
    mask = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return max(1, mask if quota is None else min(mask, quota))


def check_precision(precision: str) -> None:
    """Raise ValueError if there is no such precision."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Run matrix products in `precision` on `device` inside the block.

    `auto` means float32 here: half precision changes scores, so the user must ask for it.
    """
    check_precision(precision)
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def training_precision(precision: str, device: torch.device) -> str:
    """Precision of a training; `auto` is bfloat16 on CUDA and float32 elsewhere."""
    if precision == "auto":
        return "bfloat16" if device.type == "cuda" else "float32"
    return precision


def describe(device: torch.device) -> str:
    """Name of the device, for a message."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def arithmetic(device: torch.device) -> dict[str, str]:
    """Properties on which the last bits of a result depend: version of torch, kind of device, and processor.

    The processor is the instruction set that torch uses on a CPU, or the model of a GPU.
    """
    processor = torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else describe(device)
    return {"torch": str(torch.__version__), "device": device.type, "processor": processor}
