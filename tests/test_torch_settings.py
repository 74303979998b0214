"""What the library changes in torch for its own work, and gives back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
import torch

from promscan.errors import DeviceError
from promscan.networks.device import cpu_threads, memory_errors, no_denormals, repeatable, use_one_cpu_thread_here

FLAGS = (
    (torch.backends.cuda.matmul, "allow_tf32"),
    (torch.backends.cudnn, "allow_tf32"),
    (torch.backends.cudnn, "benchmark"),
    (torch.backends.cudnn, "deterministic"),
)
REPEATABLE = [False, False, False, True]
OTHERS = [True, True, True, False]


def flags() -> list[bool]:
    return [getattr(owner, name) for owner, name in FLAGS]


@pytest.fixture
def other_flags() -> Iterator[None]:
    """The flags of a caller who has set each of them to what the library does not use."""
    before = flags()
    for (owner, name), value in zip(FLAGS, OTHERS, strict=True):
        setattr(owner, name, value)
    yield
    for (owner, name), value in zip(FLAGS, before, strict=True):
        setattr(owner, name, value)


@pytest.mark.usefixtures("other_flags")
def test_the_flags_of_the_caller_come_back_after_an_error() -> None:
    inside = list[bool]()
    with suppress(KeyError), repeatable():
        inside += flags()
        raise KeyError
    assert inside == REPEATABLE
    assert flags() == OTHERS


@pytest.mark.usefixtures("other_flags")
@pytest.mark.parametrize("first_to_end", [0, 1])
def test_blocks_that_overlap_may_end_in_any_order(first_to_end: int) -> None:
    blocks = [repeatable(), repeatable()]
    for block in blocks:
        block.__enter__()
    blocks[first_to_end].__exit__(None, None, None)
    assert flags() == REPEATABLE
    blocks[1 - first_to_end].__exit__(None, None, None)
    assert flags() == OTHERS


def test_the_thread_count_of_the_caller_comes_back() -> None:
    before = torch.get_num_threads()
    inside = 0
    with suppress(KeyError), cpu_threads(before + 2):
        inside = torch.get_num_threads()
        raise KeyError
    assert inside == before + 2
    assert torch.get_num_threads() == before


def test_a_worker_thread_runs_alone_and_others_keep_their_count() -> None:
    with cpu_threads(3):
        with ThreadPoolExecutor(2, initializer=use_one_cpu_thread_here) as workers:
            assert list(workers.map(lambda _: torch.get_num_threads(), range(8))) == [1] * 8
            assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == 3


def _allocate_with_torch() -> None:
    torch.empty(1 << 60, dtype=torch.uint8)


def _allocate_with_numpy() -> None:
    np.empty(1 << 60, dtype=np.uint8)


def _allocate_on_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(
    ("allocate", "whose"),
    [(_allocate_with_torch, "this machine"), (_allocate_with_numpy, "this machine"), (_allocate_on_a_gpu, "the GPU")],
)
def test_too_little_memory_is_one_line(allocate, whose: str) -> None:
    with pytest.raises(DeviceError) as stop, memory_errors("use a smaller --batch-size"):
        allocate()
    assert str(stop.value) == f"the memory of {whose} is too small; use a smaller --batch-size"


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), DeviceError("no such device"), ValueError("x")])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as stop, memory_errors("cure"):
        raise error
    assert stop.value is error


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_a_caller_who_multiplies_in_lower_precision_gets_the_same_numbers(precision: str) -> None:
    """On a CPU with bfloat16, `medium` would move logits by more than a hundredth."""
    first, second = torch.randn(2, 64, 64, generator=torch.Generator().manual_seed(1))
    expected = first @ second
    torch.set_float32_matmul_precision(precision)
    try:
        with repeatable():
            assert torch.equal(first @ second, expected)
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("before", [False, True])
def test_tiny_numbers_are_zero_inside_a_block_and_as_before_after_an_error(before: bool) -> None:
    def tiny_is_zero() -> bool:
        return bool(torch.tensor(1e-39) * 1 == 0)

    if not torch.set_flush_denormal(before):
        pytest.skip("this processor cannot round denormal numbers to zero")
    try:
        with suppress(KeyError), no_denormals():
            assert tiny_is_zero()
            raise KeyError
        assert tiny_is_zero() is before
    finally:
        torch.set_flush_denormal(False)
