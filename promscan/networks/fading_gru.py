"""A bidirectional GRU whose memory fades by construction.

A plain GRU may keep a state for as long as it likes, and a network that learned to do so cannot be run along lanes:
what it says of a window depends on where its lane began. Here the update gate has a ceiling below 1, so that a state
loses at least half of what it held every `half_life` bases.

Inside, tensors are (positions, directions, features, batch), as in the lanes of the streaming engine: a step is one
product for both directions, and its gates are contiguous. The direction that reads backwards is stored in the order in
which it reads.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from promscan.log import logger

BLOCK = 64
"""Steps of which the derivatives of the gates are computed at once."""


class FadingGRU(nn.GRU):
    """A bidirectional `torch.nn.GRU` (batch first) of the same tensors, with a ceiling on the update gate.

    Args:
        input_size, hidden_size, num_layers, dropout: as in `torch.nn.GRU`.
        half_life: bases in which a state loses half of what it held, at the latest.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int, dropout: float, half_life: int) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, batch_first=True, dropout=dropout, bidirectional=True
        )  # fmt: skip
        self.ceiling = ceiling(half_life)

    def forward(self, x: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Inputs (batch, positions, features) to states (batch, positions, 2 * hidden), and the last ones.

        The states begin at zero; `hx` is there for the signature of `torch.nn.GRU` and must be None.
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
        """States (positions, 2, hidden, batch) of one layer."""
        from_input, from_state, input_bias, state_bias = (
            [getattr(self, f"{name}_l{layer}{direction}") for direction in ("", "_reverse")]
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        inputs = F.linear(x.to(from_input[0].dtype), torch.cat(from_input), torch.cat(input_bias)).permute(1, 2, 0)
        forward, backward = inputs.chunk(2, dim=1)
        weights = torch.cat([torch.stack(from_state), torch.stack(state_bias).unsqueeze(2)], dim=2)
        return _run_steps(torch.stack([forward, backward.flip(0)], dim=1), weights, self.ceiling)


def ceiling(half_life: int) -> float:
    """The largest update gate with which a state halves every `half_life` bases; for a half-life of 0, 1."""
    return float(0.5 ** (1 / half_life)) if half_life else 1.0


class _Steps(torch.autograd.Function):
    """The steps of both directions of a layer.

    inputs: (positions, 2, 3 * hidden, batch), the share of the input in reset gate, update gate and candidate.
    weights: (2, 3 * hidden, hidden + 1), applied to the state with a one below it.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weights: Tensor, ceiling: float) -> Tensor:
        positions, directions, width, batch = inputs.shape
        d = width // 3
        states = inputs.new_ones(positions + 1, directions, d + 1, batch)
        states[0, :, :d] = 0
        gates = torch.empty_like(inputs, memory_format=torch.contiguous_format)
        candidates = inputs.new_empty(positions, directions, d, batch)
        columns, held = states.unbind(0), states[:, :, :d].unbind(0)
        for step, (given, gate, candidate) in enumerate(
            zip(inputs.unbind(0), gates.unbind(0), candidates.unbind(0), strict=True)
        ):
            torch.bmm(weights, columns[step], out=gate)
            both, update = gate[:, : 2 * d], gate[:, d : 2 * d]
            both.add_(given[:, : 2 * d]).sigmoid_()
            update.mul_(ceiling)
            torch.addcmul(given[:, 2 * d :], gate[:, :d], gate[:, 2 * d :], out=candidate).tanh_()
            torch.lerp(candidate, held[step], update, out=held[step + 1])
        ctx.save_for_backward(states, gates, candidates, weights)
        ctx.ceiling = ceiling
        return states[1:, :, :d]

    @staticmethod
    def backward(ctx: Any, from_states: Tensor) -> tuple[Tensor, Tensor, None]:
        states, gates, candidates, weights = ctx.saved_tensors
        positions, directions, d, batch = candidates.shape
        to_gates, to_candidates = torch.empty_like(gates), torch.empty_like(candidates)
        to_weights, transposed = torch.zeros_like(weights), weights[:, :, :d].transpose(1, 2).contiguous()
        carried = candidates.new_zeros(directions, d, batch)
        whole = torch.empty_like(carried)
        for end in range(positions, 0, -BLOCK):
            block = slice(max(0, end - BLOCK), end)
            gate, candidate, before = gates[block], candidates[block], states[:-1][block]
            reset, update, scaled = gate[:, :, :d], gate[:, :, d : 2 * d], gate[:, :, 2 * d :]
            by_candidate = (1 - update).mul_(1 - candidate.square())
            by_update = (before[:, :, :d] - candidate).mul_(update * (1 - update / ctx.ceiling))
            by_reset = (scaled * reset).mul_(1 - reset)
            parts = (
                from_states[block], by_candidate, by_update, by_reset, reset, update, before,
                to_gates[block], to_candidates[block],
            )  # fmt: skip
            for given, c, u, r, gate_r, gate_u, column, to_gate, to_candidate in zip(
                *(part.unbind(0)[::-1] for part in parts), strict=True
            ):
                torch.add(given, carried, out=whole)
                torch.mul(whole, c, out=to_candidate)
                torch.mul(to_candidate, r, out=to_gate[:, :d])
                torch.mul(whole, u, out=to_gate[:, d : 2 * d])
                torch.mul(to_candidate, gate_r, out=to_gate[:, 2 * d :])
                torch.mul(whole, gate_u, out=carried)
                carried.baddbmm_(transposed, to_gate)
                to_weights.baddbmm_(to_gate, column.transpose(1, 2))
        to_gates[:, :, 2 * d :] = to_candidates
        return to_gates, to_weights, None


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
