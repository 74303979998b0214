"""All steps of a `FadingGRU` in one launch for CUDA, forward and backward, in Triton.

A plain step is a few small products and sums, and on a GPU their launches take far longer than they do: a training step
has about ten thousand of them. Here a block of threads carries its lanes through all steps. The weights stay in shared
memory, and the states (or, backward, their gradients) in registers.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from promscan.networks.kernel_options import LANES, options, require_triton

WIDEST = 64
"""Units of a GRU whose weights fit into shared memory in float32, backward as well."""


@triton.jit
def load_three(first, step, mask):  # type: ignore[no-untyped-def]
    """Load the blocks of reset gate, update gate and candidate, which lie `step` numbers apart; 0 where masked."""
    return tl.load(first, mask, 0.0), tl.load(first + step, mask, 0.0), tl.load(first + 2 * step, mask, 0.0)


@triton.jit
def store_three(first, step, mask, reset, update, candidate):  # type: ignore[no-untyped-def]
    """Store the blocks of reset gate, update gate and candidate `step` numbers apart."""
    tl.store(first, reset, mask)
    tl.store(first + step, update, mask)
    tl.store(first + 2 * step, candidate, mask)


@triton.jit
def forward_steps(  # type: ignore[no-untyped-def]
    inputs, weights, states, gates, candidates, steps, lanes, ceiling,
    D: tl.constexpr, UNITS: tl.constexpr, LANES: tl.constexpr, PRODUCT: tl.constexpr,
):  # fmt: skip
    """Compute states, gates and candidates of one direction (second axis of the grid).

    inputs, gates: (steps, 2, 3 * D, lanes).
    weights: (2, 3 * D, D + 1).
    states: (steps + 1, 2, D + 1, lanes), from the second one on.
    candidates: (steps, 2, D, lanes).
    UNITS: power of two, at least D and 16.
    """
    direction = tl.program_id(1)
    lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
    unit = tl.arange(0, UNITS)
    known = unit < D
    own = known[:, None] & (lane[None, :] < lanes)
    place = unit[:, None] * lanes + lane[None, :]
    weights += direction * 3 * D * (D + 1)
    inside, square = known[:, None] & known[None, :], unit[:, None] * (D + 1) + unit[None, :]
    for_reset, for_update, for_scaled = load_three(weights + square, D * (D + 1), inside)
    biases = (weights + unit * (D + 1) + D)[:, None]
    reset_bias, update_bias, scaled_bias = load_three(biases, D * (D + 1), known[:, None])
    inputs += direction * 3 * D * lanes
    gates += direction * 3 * D * lanes
    candidates += direction * D * lanes
    states += direction * (D + 1) * lanes
    state = tl.zeros((UNITS, LANES), tl.float32)
    for _ in range(steps):
        reset, update, candidate = load_three(inputs + place, D * lanes, own)
        reset = tl.sigmoid(tl.dot(for_reset, state, reset + reset_bias, input_precision=PRODUCT))
        update = ceiling * tl.sigmoid(tl.dot(for_update, state, update + update_bias, input_precision=PRODUCT))
        scaled = tl.dot(for_scaled, state, input_precision=PRODUCT) + scaled_bias
        candidate = 2 * tl.sigmoid(2 * (candidate + reset * scaled)) - 1  # tanh
        state = candidate + update * (state - candidate)
        store_three(gates + place, D * lanes, own, reset, update, scaled)
        tl.store(candidates + place, candidate, own)
        states += 2 * (D + 1) * lanes
        tl.store(states + place, state, own)
        inputs += 6 * D * lanes
        gates += 6 * D * lanes
        candidates += 2 * D * lanes


@triton.jit
def backward_steps(  # type: ignore[no-untyped-def]
    from_states, weights, states, gates, candidates, to_gates, to_candidates, steps, lanes, ceiling,
    D: tl.constexpr, UNITS: tl.constexpr, LANES: tl.constexpr, PRODUCT: tl.constexpr,
):  # fmt: skip
    """Compute the gradients by gates and candidates of one direction, from the last step to the first.

    Tensors are as in `forward_steps`, but all except the weights begin with their last step, and `states` with the
    state before it.

    from_states, to_candidates: (steps, 2, D, lanes).
    to_gates: (steps, 2, 3 * D, lanes).
    """
    direction = tl.program_id(1)
    lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
    unit = tl.arange(0, UNITS)
    known = unit < D
    own = known[:, None] & (lane[None, :] < lanes)
    place = unit[:, None] * lanes + lane[None, :]
    weights += direction * 3 * D * (D + 1)
    inside, transposed = known[:, None] & known[None, :], unit[None, :] * (D + 1) + unit[:, None]
    of_reset, of_update, of_scaled = load_three(weights + transposed, D * (D + 1), inside)
    gates += direction * 3 * D * lanes
    to_gates += direction * 3 * D * lanes
    candidates += direction * D * lanes
    to_candidates += direction * D * lanes
    from_states += direction * D * lanes
    states += direction * (D + 1) * lanes
    carried = tl.zeros((UNITS, LANES), tl.float32)
    for _ in range(steps):
        reset, update, scaled = load_three(gates + place, D * lanes, own)
        candidate = tl.load(candidates + place, own, 0.0)
        before = tl.load(states + place, own, 0.0)
        whole = tl.load(from_states + place, own, 0.0) + carried
        to_candidate = whole * (1 - update) * (1 - candidate * candidate)
        to_update = whole * (before - candidate) * update * (1 - update / ceiling)
        to_reset = to_candidate * scaled * reset * (1 - reset)
        to_scaled = to_candidate * reset
        carried = tl.dot(of_reset, to_reset, whole * update, input_precision=PRODUCT)
        carried = tl.dot(of_update, to_update, carried, input_precision=PRODUCT)
        carried = tl.dot(of_scaled, to_scaled, carried, input_precision=PRODUCT)
        store_three(to_gates + place, D * lanes, own, to_reset, to_update, to_scaled)
        tl.store(to_candidates + place, to_candidate, own)
        gates -= 6 * D * lanes
        to_gates -= 6 * D * lanes
        candidates -= 2 * D * lanes
        to_candidates -= 2 * D * lanes
        from_states -= 2 * D * lanes
        states -= 2 * (D + 1) * lanes


class FusedSteps(torch.autograd.Function):
    """The steps of both directions of a layer, in float32.

    inputs: (positions, 2, 3 * hidden, batch), the part of the input in reset gate, update gate and candidate.
    weights: (2, 3 * hidden, hidden + 1), for the state with a row of ones below it.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weights: Tensor, ceiling: float) -> Tensor:
        inputs, weights = inputs.contiguous(), weights.contiguous()
        positions, directions, width, batch = inputs.shape
        d = width // 3
        states = inputs.new_ones(positions + 1, directions, d + 1, batch)
        states[0, :, :d] = 0
        gates, candidates = torch.empty_like(inputs), inputs.new_empty(positions, directions, d, batch)
        grid = (triton.cdiv(batch, LANES), directions)
        forward_steps[grid](
            inputs, weights, states, gates, candidates, positions, batch, ceiling, **options(d)
        )  # fmt: skip
        ctx.save_for_backward(states, gates, candidates, weights)
        ctx.ceiling = ceiling
        return states[1:, :, :d]

    @staticmethod
    def backward(ctx: Any, from_states: Tensor) -> tuple[Tensor, Tensor, None]:
        states, gates, candidates, weights = ctx.saved_tensors
        positions, directions, d, batch = candidates.shape
        from_states = from_states.contiguous()
        to_gates, to_candidates = torch.empty_like(gates), torch.empty_like(candidates)
        grid = (triton.cdiv(batch, LANES), directions)
        backward_steps[grid](
            from_states[-1:], weights, states[-2:], gates[-1:], candidates[-1:], to_gates[-1:], to_candidates[-1:],
            positions, batch, ctx.ceiling, **options(d),
        )  # fmt: skip
        before = states[:-1].flatten(0, 1)
        to_weights = torch.bmm(to_gates.flatten(0, 1), before.transpose(1, 2)).unflatten(0, (positions, -1)).sum(dim=0)
        to_gates[:, :, 2 * d :] = to_candidates
        return to_gates, to_weights, None


def require_right(plain: type[torch.autograd.Function], hidden: int, device: torch.device) -> None:
    """Build the kernels for a device, and compare a few of their steps with plain ones.

    Raises:
        RuntimeError: Triton is too old, the layer too wide, or the results differ.
        Exception: any error of Triton, a compiler or the driver.
    """
    require_triton()
    if hidden > WIDEST:
        raise RuntimeError(f"a GRU of {hidden} units is too wide")
    with torch.inference_mode(False), torch.enable_grad():
        generator = torch.Generator().manual_seed(1)
        inputs = torch.randn(5, 2, 3 * hidden, LANES + 1, generator=generator)
        weights = torch.randn(2, 3 * hidden, hidden + 1, generator=generator) / hidden**0.5
        results = []
        for steps in (plain, FusedSteps):
            given = [tensor.to(device).requires_grad_() for tensor in (inputs, weights)]
            states = steps.apply(*given, 0.9)
            results.append([states, *torch.autograd.grad(states.square().sum(), given)])
    for expected, got in zip(*results, strict=True):
        if not (got - expected).abs().max() < 1e-3 * expected.abs().max():  # NaN is not less either
            raise RuntimeError("the kernels compute other results than plain steps")
