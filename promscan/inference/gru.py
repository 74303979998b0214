"""One direction of a GRU layer, run along columns of sequence.

Tensors hold one lane a column, (features, lanes), so that a step is one matrix product of weights and columns, its
gates are contiguous, and a column's numbers do not depend on the other columns.

A state h lies between -1 and 1 and is stored as g = (h + 1) / 2. The candidate, a hyperbolic tangent, is then a sigmoid
and takes a sixth of the time on a CPU: (tanh(x) + 1) / 2 = sigmoid(2 x). What reads states has the shift in its weights
(`half_state_basis`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from promscan.inference.stem import Basis, product
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.fading_gru import ceiling
from promscan.seq.windows import WINDOW

REST = 0.5
"""The stored form of a state of zero."""


@dataclass(frozen=True)
class Cell:
    """The weights (Cho et al. 2014, with the reset gate after the product, as in cuDNN), and the steps they take.

    gates: (3d, d + m), applied to the state above the input: reset gate, update gate, and what the reset gate scales.
    candidate: (d, m), applied to the input.
    ceiling: highest value of the update gate.
    """

    gates: Tensor
    candidate: Tensor
    ceiling: float

    @property
    def hidden(self) -> int:
        """Units of the layer, d."""
        return len(self.candidate)

    def run(self, inputs: Tensor, state: Tensor | None = None) -> Tensor:
        """The states along inputs, in their stored form.

        Args:
            inputs: (positions, m, lanes), of the type of the weights.
            state: (d, lanes), the one before the first position (None: a state of zero).

        Returns:
            (positions, d, lanes).
        """
        d = self.hidden
        # The state of a position stands above the input of the next one, ready for the product.
        columns = inputs.new_empty(WINDOW + 1, d + inputs.shape[1], inputs.shape[2])
        columns[0, :d] = REST if state is None else state
        states = inputs.new_empty(len(inputs), d, inputs.shape[2])
        for block, result in zip(inputs.split(WINDOW), states.split(WINDOW), strict=True):
            columns[: len(block), d:] = block
            self._fill(columns[: len(block) + 1])
            result[:] = columns[1 : len(block) + 1, :d]
            columns[0, :d] = result[-1]
        return states

    def _fill(self, columns: Tensor) -> None:
        """Fill in the states of columns (positions + 1, d + m, lanes), from the first one on."""
        d = self.hidden
        candidates = product(self.candidate, columns[:-1, d:]).unbind(0)
        gates = columns.new_empty(3 * d, columns.shape[2])
        reset, update, scaled, both = gates[:d], gates[d : 2 * d], gates[2 * d :], gates[: 2 * d]
        # A product with a tensor of the same shape takes less than half the time of one with a number.
        highest = torch.full_like(update, self.ceiling, dtype=torch.float32)
        states = columns[:, :d].unbind(0)
        for position, (column, candidate) in enumerate(zip(columns[:-1].unbind(0), candidates, strict=True)):
            torch.mm(self.gates, column, out=gates)
            both.sigmoid_()
            if self.ceiling < 1:
                update.mul_(highest)
            candidate.addcmul_(scaled, reset).sigmoid_()
            torch.lerp(candidate, states[position], update, out=states[position + 1])


def cells_of(model: BiGRUAttention, basis: Basis, dtype: torch.dtype) -> list[tuple[Cell, Cell]]:
    """Both directions of each layer of a network.

    The first layer reads columns of this basis, the others the states of both directions above a row of ones.
    """
    between = half_state_basis(2 * model.gru.hidden_size, model.bases.device)
    return [
        (
            _cell(model, f"l{layer}", between if layer else basis, dtype),
            _cell(model, f"l{layer}_reverse", between if layer else basis, dtype),
        )
        for layer in range(model.gru.num_layers)
    ]


def half_state_basis(width: int, device: torch.device) -> Basis:
    """States h as 2 g - 1, of stored states (width, lanes) above a row of ones."""
    identity, ones = torch.eye(width, device=device), torch.ones(width, 1, device=device)
    return Basis(torch.cat([2 * identity, -ones], dim=1), torch.eye(width + 1, device=device)[-1])


def _cell(model: BiGRUAttention, suffix: str, basis: Basis, dtype: torch.dtype) -> Cell:
    from_input, from_state, input_bias, state_bias = (
        getattr(model.gru, f"{name}_{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    d = model.gru.hidden_size
    per_input = basis.fold(from_input, input_bias)
    from_state, state_bias = 2 * from_state, state_bias - from_state.sum(dim=1)
    inputs = state_bias.unsqueeze(1) * basis.ones
    inputs[: 2 * d] += per_input[: 2 * d]
    gates, candidate = torch.cat([from_state, inputs], dim=1), 2 * per_input[2 * d :]
    gates[2 * d :] *= 2
    highest = ceiling(model.architecture.half_life)
    return Cell(gates.to(dtype).contiguous(), candidate.to(dtype).contiguous(), highest)
