"""The kernels of the streaming form, in Triton: one launch runs many steps, because launches are the cost on CUDA.

A block of threads carries its lanes through all steps of a call. The weights stay in shared memory and the states in
registers, in float32 for weights of any type; the kernels read the products of the input and write the states.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from promscan.inference.gru import REST, Cell
from promscan.inference.stem import product
from promscan.networks.kernel_options import LANES, options, require_triton
from promscan.seq.windows import WINDOW

WIDEST = 128
"""Units of a GRU whose weights may fit into shared memory."""
OLDEST = (8, 0)
"""Compute capability from which on tensor cores know bfloat16."""
VALUES = 256
"""Sums of a block of threads."""


@triton.jit
def gru_steps(  # type: ignore[no-untyped-def]
    inputs, weights, states, steps, lanes, ceiling,
    D: tl.constexpr, UNITS: tl.constexpr, LANES: tl.constexpr, PRODUCT: tl.constexpr,
):  # fmt: skip
    """Steps of one direction of a GRU, from the first of `states` on.

    inputs: (steps, 4, D, lanes), shares of the input in reset gate, update gate, what the reset gate scales, candidate.
    weights: (3, D, D), applied to the state, for the first three of them.
    states: (steps + 1, D, lanes).
    UNITS: power of two that D fits into, at least 16.
    """
    lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
    unit = tl.arange(0, UNITS)
    square = unit[:, None] * D + unit[None, :]
    known = (unit[:, None] < D) & (unit[None, :] < D)
    for_reset = tl.load(weights + square, known, 0.0)
    for_update = tl.load(weights + D * D + square, known, 0.0)
    for_scaled = tl.load(weights + 2 * D * D + square, known, 0.0)
    place = unit[:, None] * lanes + lane[None, :]
    own = (unit[:, None] < D) & (lane[None, :] < lanes)
    state = tl.load(states + place, own, 0.0).to(tl.float32)
    next_reset, next_update, next_scaled, next_candidate = _load(inputs, place, D * lanes, own)
    for step in range(steps):
        reset, update, scaled, candidate = next_reset, next_update, next_scaled, next_candidate
        # What the next step needs is on its way while this one is computed; behind the last one, it is not used.
        inputs += tl.where(step + 1 < steps, 4 * D * lanes, 0)
        next_reset, next_update, next_scaled, next_candidate = _load(inputs, place, D * lanes, own)
        before = state.to(weights.dtype.element_ty)
        reset = tl.sigmoid(tl.dot(for_reset, before, reset, input_precision=PRODUCT))
        update = ceiling * tl.sigmoid(tl.dot(for_update, before, update, input_precision=PRODUCT))
        scaled = tl.dot(for_scaled, before, scaled, input_precision=PRODUCT)
        candidate = tl.sigmoid(candidate + reset * scaled)
        state = candidate + update * (state - candidate)
        states += D * lanes
        tl.store(states + place, state.to(states.dtype.element_ty), own)


@triton.jit
def _load(inputs, place, stride, own):  # type: ignore[no-untyped-def]
    """The part of a step that depends on the input alone."""
    reset = tl.load(inputs + place, own, 0.0).to(tl.float32)
    update = tl.load(inputs + stride + place, own, 0.0).to(tl.float32)
    scaled = tl.load(inputs + 2 * stride + place, own, 0.0).to(tl.float32)
    candidate = tl.load(inputs + 3 * stride + place, own, 0.0).to(tl.float32)
    return reset, update, scaled, candidate


@triton.jit
def window_sums(block, following, size, WINDOW: tl.constexpr, VALUES: tl.constexpr):  # type: ignore[no-untyped-def]
    """Sums over the windows that start in `block`, in its place; both are (WINDOW, size).

    A window is the end of the one and the beginning of the other.
    """
    value = tl.program_id(0) * VALUES + tl.arange(0, VALUES)
    own = value < size
    total = tl.zeros((VALUES,), tl.float32)
    for back in range(1, WINDOW + 1):
        place = block + (WINDOW - back) * size + value
        total += tl.load(place, own, 0.0)
        tl.store(place, total, own)
    total = tl.zeros((VALUES,), tl.float32)
    for position in range(1, WINDOW):
        total += tl.load(following + (position - 1) * size + value, own, 0.0)
        place = block + position * size + value
        tl.store(place, tl.load(place, own, 0.0) + total, own)


@dataclass(frozen=True)
class FusedCell(Cell):
    """A cell whose steps are one kernel.

    from_state: (3d, d), of the gates.
    from_input: (4d, m), of the gates and the candidate.
    """

    from_state: Tensor
    from_input: Tensor

    def run(self, inputs: Tensor, state: Tensor | None = None) -> Tensor:
        d, lanes = self.hidden, inputs.shape[2]
        states = inputs.new_empty(len(inputs) + 1, d, lanes)
        states[0] = REST if state is None else state
        for begin in range(0, len(inputs), WINDOW):
            given = product(self.from_input, inputs[begin : begin + WINDOW])
            gru_steps[(triton.cdiv(lanes, LANES),)](
                given, self.from_state, states[begin:], len(given), lanes, self.ceiling, **options(d)
            )
        return states[1:]


def require_buildable(device: torch.device) -> None:
    """Build the kernel of sums, to see whether kernels can be built for a device.

    Raises:
        RuntimeError: Triton or the device is too old.
        Exception: any error of Triton, a compiler or the driver.
    """
    require_triton()
    if device.type == "cuda" and (capability := torch.cuda.get_device_capability(device)) < OLDEST:
        raise RuntimeError("compute capability {}.{} is too low".format(*capability))
    sum_windows(*torch.zeros(2, WINDOW, LANES, device=device))


def fused(cell: Cell) -> FusedCell:
    """The same cell as one kernel.

    Raises:
        RuntimeError: the cell is too wide.
        Exception: as for `require_buildable`; above all OutOfResources, if the weights do not fit into shared memory.
    """
    d = cell.hidden
    if d > WIDEST:
        raise RuntimeError(f"a GRU of {d} units is too wide")
    from_input = torch.cat([cell.gates[:, d:], cell.candidate])
    fast = FusedCell(cell.gates, cell.candidate, cell.ceiling, cell.gates[:, :d].contiguous(), from_input)
    fast.run(from_input.new_zeros(WINDOW, from_input.shape[1], LANES))
    return fast


def sum_windows(block: Tensor, following: Tensor) -> Tensor:
    """Do the work of `lanes.sum_windows` in one kernel."""
    size = block[0].numel()
    grid = (triton.cdiv(size, VALUES),)
    window_sums[grid](block, following, size, WINDOW=WINDOW, VALUES=VALUES, enable_fp_fusion=True)
    return block
