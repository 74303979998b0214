"""Processes of one training, as torchrun starts them; each computes its own rows of every batch.

All processes draw the same batches and hold the same weights. A loss may compare any rows of a batch, so the processes
gather the outputs of all rows, and each of them computes the whole loss. Its gradient flows through its own rows only;
the sum over the processes is the gradient of the loss. Without torchrun there is one process, and nothing is exchanged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

# Import this before there is a group. The default arguments of its functions are the group of that moment, and a new
# optimiser imports it; so they would keep the group, and the threads of gloo, to the end of the process. There such a
# thread, when it frees the tensor of the last exchange, aborts ("terminate called without an active exception").
import torch.distributed.nn
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from promscan.errors import DeviceError, RunError
from promscan.log import counted
from promscan.networks.device import resolve_device

PATIENCE = timedelta(days=1)
"""Longest time that a process waits for the others. The main process may scan for hours; if a process dies, torchrun
ends all of them."""


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a training, as one of them sees them.

    device: device of this process.
    rank: number of this process, from 0.
    size: number of processes.

    Raises:
        RunError: another process has failed; any exchange can find this out.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process validates, writes files and writes messages."""
        return self.rank == 0

    def own_rows(self, rows: int) -> slice:
        """Rows of a batch of `rows` that this process computes."""
        return slice(rows * self.rank // self.size, rows * (self.rank + 1) // self.size)

    def gather(self, own: Tensor, rows: int) -> Tensor:
        """Gather the outputs of all rows, (rows, ...), from the own rows of each process.

        Only the own rows of this process carry a gradient.
        """
        if self.size == 1:
            return own
        every = own.new_zeros(rows, *own.shape[1:])
        every[self.own_rows(rows)] = own.detach()
        _exchange(dist.all_reduce, every)  # a row is zero in all processes but one
        every[self.own_rows(rows)] = own
        return every

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its sum over the processes."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = nn.utils.parameters_to_vector(gradients)
        _exchange(dist.all_reduce, flat)
        nn.utils.vector_to_parameters(flat, gradients)

    def broadcast(self, compute: Callable[[], Sequence[int]]) -> list[int]:
        """Call `compute` in the main process and return its result in all processes; the others wait for it."""
        answer = torch.tensor(compute() if self.is_main else [], dtype=torch.int64)
        if self.size > 1:
            length = torch.tensor(len(answer))
            _exchange(dist.broadcast, length, 0)
            answer = answer if self.is_main else answer.new_empty(int(length))
            _exchange(dist.broadcast, answer, 0)
        numbers: list[int] = answer.tolist()
        return numbers

    def wait_for_main(self) -> None:
        """Let the other processes wait until the main process has come here too."""
        self.broadcast(list)

    def require_equal(self, parameters: Iterable[nn.Parameter]) -> None:
        """Check that all processes hold the same bits.

        Raises:
            RunError: the bits differ.
        """
        if self.size == 1:
            return
        bits = nn.utils.parameters_to_vector(parameters).detach().view(torch.int32)
        first = bits.clone()
        _exchange(dist.broadcast, first, 0)
        differing = (bits != first).sum()
        _exchange(dist.all_reduce, differing)
        if differing:
            raise RunError("the processes no longer hold the same weights; train on devices of one kind, or on one")


def single_process(device: str) -> ProcessGroup:
    """Group of this process alone, on the device with this name.

    Raises:
        RunError: torchrun has started several processes, which would all do the same work.
        DeviceError: no such device.
    """
    if _started() > 1:
        raise RunError("only `promscan train genome` runs in several processes; start this training without torchrun")
    return ProcessGroup(resolve_device(device))


@contextmanager
def process_group(device: str) -> Iterator[ProcessGroup]:
    """Join the processes that torchrun has started, for the length of the block; without torchrun, this process alone.

    Args:
        device: `auto`, `cpu` or `cuda`; each process gets a CUDA device of its own. A single process takes every name
            that `resolve_device` knows.

    Raises:
        DeviceError: no such device, or fewer devices than processes.
    """
    if _started() == 1:
        yield ProcessGroup(resolve_device(device))
        return
    own = _own_device(device)
    # torchrun has one store for all its restarts. The prefix hides what processes wrote there before they died.
    store, rank, size = next(rendezvous("env://"))
    store = PrefixStore(f"restart {os.environ['TORCHELASTIC_RESTART_COUNT']}", store)
    store.set_timeout(PATIENCE)
    # Exchange numbers on the CPU by gloo even with CUDA: waiting for gloo does not block the GPU.
    backend = "gloo" if own.type == "cpu" else "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield ProcessGroup(own, dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def processes_on_this_machine() -> int:
    """Number of processes of this training on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if _started() > 1 else 1


def _started() -> int:
    """Number of processes that torchrun has started; 1 without torchrun."""
    return int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def _own_device(name: str) -> torch.device:
    """Device of this process, one of several."""
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if name not in ("auto", "cuda"):
        raise DeviceError(f"device {name}: processes of torchrun cannot share it; use --device auto, cuda or cpu")
    processes, devices = processes_on_this_machine(), torch.cuda.device_count()
    if processes > devices:
        raise DeviceError(
            f"device {name}: {processes} processes, but this machine has {counted(devices, 'CUDA device')}; "
            "give torchrun a smaller --nproc-per-node, or use --device cpu"
        )
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    return device


def _exchange(operation: Callable[..., object], *arguments: object) -> None:
    """Run an operation that all processes take part in."""
    try:
        operation(*arguments)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise RunError(f"a process of this training has failed; see its own message ({reason})") from error
