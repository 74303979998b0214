"""Where the networks run: devices, precision, threads, and the switches that make results repeatable."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import numpy.typing as npt
import torch

from promscan.errors import DeviceError

PRECISIONS = ("auto", "float32", "bfloat16")


def resolve_device(name: str) -> torch.device:
    """`auto` (CUDA if there is one, else CPU), `cpu`, `cuda` (the first), `cuda:N` or `mps` to a device that exists.

    Raises:
        DeviceError: the device is unknown or not present.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name!r}: use auto, cpu, cuda, cuda:N or mps") from error
    if device.type == "cuda":
        device = torch.device("cuda", device.index or 0)
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if device.index >= count:
            raise DeviceError(f"device {name}: this machine has {count} CUDA devices; use --device auto or cpu")
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("device mps: not available on this machine; use --device auto or cpu")
    elif device.type not in ("cpu", "cuda", "mps"):
        raise DeviceError(f"unknown device {name!r}: use auto, cpu, cuda, cuda:N or mps")
    return device


def resolve_devices(name: str) -> list[torch.device]:
    """As `resolve_device`; `all` are all CUDA devices of the machine.

    Raises:
        DeviceError: there is no such device, or `all` are of different models.
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
    """The values on a device; to CUDA they go from pinned memory, beside what runs there."""
    tensor = torch.from_numpy(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def fetch(values: torch.Tensor) -> npt.NDArray[np.float32]:
    """The values (float32) of a tensor; from CUDA they come likewise, once the stream has computed them."""
    host = torch.empty(values.shape, pin_memory=values.is_cuda).copy_(values, non_blocking=values.is_cuda)
    if values.is_cuda:
        torch.cuda.current_stream(values.device).synchronize()
    array: npt.NDArray[np.float32] = host.numpy()
    return array


def make_repeatable() -> None:
    """Let equal inputs give equal bits: no TF32, no autotuned kernels."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def available_threads() -> int:
    """Processors that this process may use, by its affinity mask."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_precision(precision: str) -> None:
    """Raise ValueError if there is no such precision."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context in which matrix products run in `precision` on `device`.

    `float32` changes nothing. `auto` means float32 here: half precision moves scores, so it has to be asked for.
    """
    check_precision(precision)
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def training_precision(asked: str, device: torch.device) -> str:
    """What `auto` means in training: bfloat16 on CUDA, float32 elsewhere."""
    if asked == "auto":
        return "bfloat16" if device.type == "cuda" else "float32"
    return asked


def describe(device: torch.device) -> str:
    """Name of the device for people."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def arithmetic(device: torch.device) -> dict[str, str]:
    """What the last bits of any result depend on: version of torch, kind of device, and what the processor is.

    That is the instruction set of a CPU, as torch uses it, and the model of a GPU.
    """
    processor = torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else describe(device)
    return {"torch": str(torch.__version__), "device": device.type, "processor": processor}
