"""The processes of one training, as torchrun starts them: each computes its share of the rows of every batch.

All of them draw the same batches and hold the same weights. A loss may compare any rows, so the outputs of all rows go
round, and every process computes the whole loss; but its gradient through its own rows only, so that the sum over the
processes is the gradient. Without torchrun there is one process, and nothing goes round.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from promscan.errors import DeviceError, RunError
from promscan.networks.device import resolve_device

PATIENCE = timedelta(days=1)
"""How long a process waits for the others: the first one may scan for hours. If one dies, torchrun ends all."""


@dataclass(frozen=True)
class Team:
    """`size` processes, of which this is the one of this rank, and the device that it computes on.

    Raises:
        RunError: whenever processes meet, another one has failed.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that judges, writes and speaks for all."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """Which of so many rows this process computes."""
        return slice(rows * self.rank // self.size, rows * (self.rank + 1) // self.size)

    def whole(self, own: Tensor, rows: int) -> Tensor:
        """The outputs of all rows, (rows, ...), from those of this process's share; they alone carry a gradient."""
        if self.size == 1:
            return own
        every = own.new_zeros(rows, *own.shape[1:])
        every[self.share(rows)] = own.detach()
        _meet(dist.all_reduce, every)  # a row is zero wherever it was not computed
        every[self.share(rows)] = own
        return every

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace the gradients by their sums over the team."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = nn.utils.parameters_to_vector(gradients)
        _meet(dist.all_reduce, flat)
        nn.utils.vector_to_parameters(flat, gradients)

    def ask_first(self, question: Callable[[], Sequence[int]]) -> list[int]:
        """What the first process answers, told to all; the others wait for it."""
        answer = torch.tensor(question() if self.leads else [], dtype=torch.int64)
        if self.size > 1:
            length = torch.tensor(len(answer))
            _meet(dist.broadcast, length, 0)
            answer = answer if self.leads else answer.new_empty(int(length))
            _meet(dist.broadcast, answer, 0)
        numbers: list[int] = answer.tolist()
        return numbers

    def require_equal(self, parameters: Iterable[nn.Parameter]) -> None:
        """Check that all processes hold the same bits.

        Raises:
            RunError: they do not.
        """
        if self.size == 1:
            return
        bits = nn.utils.parameters_to_vector(parameters).detach().view(torch.int32)
        first = bits.clone()
        _meet(dist.broadcast, first, 0)
        differing = (bits != first).sum()
        _meet(dist.all_reduce, differing)
        if differing:
            raise RunError("the processes no longer hold the same weights; train on devices of one kind, or on one")


def alone(device: str) -> Team:
    """This process by itself, on the device of this name.

    Raises:
        RunError: torchrun has started several, which would all do the same.
        DeviceError: no such device.
    """
    if _started() > 1:
        raise RunError("only `promscan train genome` runs in several processes; start this training without torchrun")
    return Team(resolve_device(device))


@contextmanager
def joined(device: str) -> Iterator[Team]:
    """The team of all processes that torchrun has started, or this process by itself, for the length of the block.

    Args:
        device: `auto`, `cpu` or `cuda`, of which each process gets one; by itself, any that `resolve_device` knows.

    Raises:
        DeviceError: no such device, or too few for all processes.
    """
    if _started() == 1:
        yield Team(resolve_device(device))
        return
    own = _own_device(device)
    # torchrun keeps one store for all its restarts: what processes that have died told there must not be found again.
    store, rank, size = next(rendezvous("env://"))
    store = PrefixStore(f"restart {os.environ['TORCHELASTIC_RESTART_COUNT']}", store)
    store.set_timeout(PATIENCE)
    # Numbers on the CPU go round by gloo even then, since a process can wait for those without holding its GPU up.
    backend = "gloo" if own.type == "cpu" else "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield Team(own, dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def _started() -> int:
    """How many processes torchrun has started, 1 without it."""
    return int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def _own_device(name: str) -> torch.device:
    """The device of this one of several processes."""
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if name not in ("auto", "cuda"):
        raise DeviceError(f"device {name}: processes of torchrun cannot share it; use --device auto, cuda or cpu")
    processes, devices = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
    if processes > devices:
        raise DeviceError(
            f"device {name}: {processes} processes, but this machine has {devices} CUDA devices; "
            "give torchrun a smaller --nproc-per-node, or use --device cpu"
        )
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    return device


def _meet(operation: Callable[..., object], *arguments: object) -> None:
    """An operation that all processes do together."""
    try:
        operation(*arguments)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise RunError(f"the processes of this training lost each other; see what another said ({reason})") from error
