"""A bidirectional GRU whose memory fades.

A plain GRU may keep a state for any number of bases. A network that has learned to do so cannot be run along lanes: its
output for a window depends on where the lane began. Here the update gate has a ceiling below 1, so a state loses at
least half of its value every `half_life` bases.

Tensors inside are (positions, directions, features, batch), as in the lanes of the streaming engine: one product serves
both directions of a step, and the gates of a step are contiguous. The backward direction is stored in its own reading
order.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from promscan.log import logger

BLOCK = 64
"""Number of steps whose gate derivatives, and gradients by weights, are computed at once."""


class FadingGRU(nn.GRU):
    """Bidirectional `torch.nn.GRU` (batch first) with the same weights and a ceiling on the update gate.

    Args:
        input_size, hidden_size, num_layers, dropout: as in `torch.nn.GRU`.
        half_life: a state loses at least half of its value in this many bases (0: no ceiling).
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int, dropout: float, half_life: int) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, batch_first=True, dropout=dropout, bidirectional=True
        )  # fmt: skip
        self.ceiling = ceiling(half_life)

    def forward(self, x: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Map inputs (batch, positions, features) to all states (batch, positions, 2 * hidden) and the last states.

        The states begin at zero. `hx` only completes the signature of `torch.nn.GRU`; it must be None.
        """
        assert hx is None
        for layer in range(self.num_layers):
            if layer:
                x = F.dropout(x, self.dropout, self.training)
            with torch.autocast(x.device.type, enabled=False):
                states = self._layer(x, layer)
            x = torch.cat([states[:, 0], states[:, 1].flip(0)], dim=1).permute(2, 0, 1)
        return x, states[-1].transpose(1, 2)

    def _layer(self, x: Tensor, layer: int) -> Tensor:
        """Compute the states of one layer, (positions, 2, hidden, batch)."""
        from_input, from_state, input_bias, state_bias = (
            [getattr(self, f"{name}_l{layer}{direction}") for direction in ("", "_reverse")]
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        for_input, for_state = (
            torch.cat([torch.stack(weights), torch.stack(biases).unsqueeze(2)], dim=2)
            for weights, biases in ((from_input, input_bias), (from_state, state_bias))
        )
        inputs: Tensor = _Inputs.apply(x.to(for_input.dtype), for_input)  # type: ignore[no-untyped-call]
        return _run_steps(inputs, for_state, self.ceiling)


def ceiling(half_life: int) -> float:
    """Largest update gate that still halves a state every `half_life` bases; 1 for a half-life of 0."""
    return float(0.5 ** (1 / half_life)) if half_life else 1.0


class _Inputs(torch.autograd.Function):
    """The part of the input in the gates and candidates of both directions, (positions, 2, 3 * hidden, batch).

    x: (batch, positions, features).
    weights: (2, 3 * hidden, features + 1), for the features of a position with a row of ones below them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor) -> Tensor:
        batch, positions, features = x.shape
        columns = x.new_ones(positions, features + 1, batch)
        columns[:, :features] = x.permute(1, 2, 0)
        inputs = x.new_empty(positions, *weights.shape[:2], batch)
        for direction, read in enumerate((columns, columns.flip(0))):
            torch.bmm(weights[direction].expand(positions, -1, -1), read, out=inputs[:, direction])
        ctx.save_for_backward(columns, weights)
        return inputs

    @staticmethod
    def backward(ctx: Any, of_inputs: Tensor) -> tuple[Tensor, Tensor]:
        columns, weights = ctx.saved_tensors
        positions, _, batch = columns.shape
        stacked = weights.flatten(0, 1)
        of_x, of_weights = columns.new_empty(batch, positions, stacked.shape[1] - 1), torch.zeros_like(stacked)
        for begin in range(0, positions, BLOCK):
            end = min(begin + BLOCK, positions)
            backward = of_inputs[positions - end : positions - begin, 1].flip(0)
            given = _by_feature(torch.cat([of_inputs[begin:end, 0], backward], dim=1))
            of_weights.addmm_(given, _by_feature(columns[begin:end]).T)
            of_x[:, begin:end] = (given.T @ stacked[:, :-1]).view(end - begin, batch, -1).transpose(0, 1)
        return of_x, of_weights.view_as(weights)


def _by_feature(values: Tensor) -> Tensor:
    """Values (positions, ..., features, batch) as (..., features, positions * batch), for one product over all."""
    return values.movedim(0, -2).flatten(-2)


class _Steps(torch.autograd.Function):
    """The steps of both directions of a layer.

    inputs: (positions, 2, 3 * hidden, batch), the part of the input in reset gate, update gate and candidate.
    weights: (2, 3 * hidden, hidden + 1), for the state with a row of ones below it.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weights: Tensor, ceiling: float) -> Tensor:
        positions, directions, width, batch = inputs.shape
        d = width // 3
        states = inputs.new_ones(positions + 1, directions, d + 1, batch)
        states[0, :, :d] = 0
        gates = torch.empty_like(inputs, memory_format=torch.contiguous_format)
        candidates = inputs.new_empty(positions, directions, d, batch)
        columns, values = states.unbind(0), states[:, :, :d].unbind(0)
        for step, (given, gate, candidate) in enumerate(
            zip(inputs.unbind(0), gates.unbind(0), candidates.unbind(0), strict=True)
        ):
            torch.bmm(weights, columns[step], out=gate)
            both, update = gate[:, : 2 * d], gate[:, d : 2 * d]
            both.add_(given[:, : 2 * d]).sigmoid_()
            update.mul_(ceiling)
            torch.addcmul(given[:, 2 * d :], gate[:, :d], gate[:, 2 * d :], out=candidate).tanh_()
            torch.lerp(candidate, values[step], update, out=values[step + 1])
        ctx.save_for_backward(states, gates, candidates, weights)
        ctx.ceiling = ceiling
        return states[1:, :, :d]

    @staticmethod
    def backward(ctx: Any, from_states: Tensor) -> tuple[Tensor, Tensor, None]:
        states, gates, candidates, weights = ctx.saved_tensors
        d = candidates.shape[2]
        gradient = _Gradient(weights, torch.empty_like(gates), torch.empty_like(candidates))
        for end in range(len(candidates), 0, -BLOCK):
            block = slice(max(0, end - BLOCK), end)
            before = states[:-1][block]
            factors = _factors(gates[block], candidates[block], before[:, :, :d], ctx.ceiling)
            gradient.step_back(block, from_states[block], before, factors)
        gradient.of_gates[:, :, 2 * d :] = gradient.of_candidates
        return gradient.of_gates, gradient.of_weights, None


def _run_steps(inputs: Tensor, weights: Tensor, ceiling: float) -> Tensor:
    """Run the steps of a layer, see `_Steps`."""
    steps: Tensor = _steps_on(inputs.device, inputs.dtype, weights.shape[2] - 1).apply(inputs, weights, ceiling)
    return steps


@cache
def _steps_on(device: torch.device, dtype: torch.dtype, hidden: int) -> type[torch.autograd.Function]:
    """The kernels where they can be built and are right, else plain steps."""
    if device.type == "cuda" and dtype is torch.float32:
        try:
            from promscan.networks import fading_gru_kernels as kernels  # needs Triton

            with torch.cuda.device(device):
                kernels.require_right(_Steps, hidden, device)
            return kernels.FusedSteps
        except Exception as error:  # noqa: BLE001 - compilers and drivers fail in many ways, and none is needed
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            logger.warning("device %s trains slowly: its kernels cannot be used (%s)", device, reason)
    return _Steps


class _Factors(NamedTuple):
    """Local derivatives of each step of a block.

    gates: of the new state, by the product of weights and state through each gate, (steps, directions, 3 * hidden,
        batch).
    candidate: of the new state, by the candidate before tanh, (steps, directions, hidden, batch).
    carried: of the new state, by the old state along the update gate; the same shape.
    """

    gates: Tensor
    candidate: Tensor
    carried: Tensor


def _factors(gates: Tensor, candidates: Tensor, before: Tensor, ceiling: float) -> _Factors:
    """Compute the factors of a block from the values of its forward steps and the states before each step."""
    reset, update, from_state = gates.chunk(3, dim=2)
    candidate = (1 - update).mul_(1 - candidates.square())
    of_gates = torch.empty_like(gates)
    of_reset, of_update, of_from_state = of_gates.chunk(3, dim=2)
    torch.mul(candidate, reset, out=of_from_state)
    torch.mul(from_state, 1 - reset, out=of_reset).mul_(of_from_state)
    torch.sub(before, candidates, out=of_update).mul_(update * (1 - update / ceiling))
    return _Factors(of_gates, candidate, update)


class _Gradient:
    """Gradients of a layer; filled from the last step to the first.

    of_gates: by the product of weights and state, (positions, directions, 3 * hidden, batch).
    of_candidates: by the candidates before tanh, (positions, directions, hidden, batch).
    of_weights: by the weights.
    """

    def __init__(self, weights: Tensor, of_gates: Tensor, of_candidates: Tensor) -> None:
        self.of_gates, self.of_candidates, self.of_weights = of_gates, of_candidates, torch.zeros_like(weights)
        d = of_candidates.shape[2]
        self._transposed = weights[:, :, :d].transpose(1, 2).contiguous()
        self._carried = torch.zeros_like(of_candidates[0])

    def step_back(self, block: slice, from_states: Tensor, before: Tensor, factors: _Factors) -> None:
        """Go back through the steps of a block.

        Args:
            block: its positions.
            from_states: gradients by its states from outside of the layer.
            before: the states before each step, with the row of ones.
            factors: its local derivatives.
        """
        of_states, of_gates, carried = self.of_candidates[block], self.of_gates[block], self._carried
        per_gate = [values.unflatten(2, (3, -1)) for values in (factors.gates, of_gates)]
        steps = (from_states, of_states, of_states.unsqueeze(2), *per_gate, of_gates, factors.carried)
        for given, state, shared, by_gate, gate, product, retained in zip(
            *(values.unbind(0)[::-1] for values in steps), strict=True
        ):
            torch.add(given, carried, out=state)
            torch.mul(shared, by_gate, out=gate)
            torch.mul(state, retained, out=carried)
            carried.baddbmm_(self._transposed, product)
        self.of_weights.baddbmm_(_by_feature(of_gates), _by_feature(before).transpose(1, 2))
        of_states.mul_(factors.candidate)  # from here on they are gradients by the candidates
