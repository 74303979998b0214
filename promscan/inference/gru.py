"""One direction of a GRU layer, run along columns of sequence.

Tensors hold one lane a column, (features, lanes), so that a step is one matrix product of weights and columns, its
gates are contiguous, and a column's numbers do not depend on what stands in the columns beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.networks.classifier import BiGRUAttention
from promscan.networks.fading_gru import ceiling
from promscan.seq.windows import WINDOW


@dataclass(frozen=True)
class Cell:
    """The weights (Cho et al. 2014, with the reset gate after the product, as in cuDNN), and the steps they take.

    gates: (3d, d + m), applied to the state above the input: reset gate, update gate, and what the reset gate scales.
    candidate: (d, m), applied to the input.
    ceiling: of the update gate.
    """

    gates: Tensor
    candidate: Tensor
    ceiling: float

    @property
    def hidden(self) -> int:
        """d, units of the layer."""
        return len(self.candidate)

    def run(self, inputs: Tensor, state: Tensor | None = None) -> Tensor:
        """The states along inputs.

        Args:
            inputs: (positions, m, lanes), of the type of the weights.
            state: (d, lanes), the one before the first position (None: zeros).

        Returns:
            (positions, d, lanes).
        """
        d = self.hidden
        # The state of a position stands above the input of the next one, ready for the product.
        columns = inputs.new_empty(WINDOW + 1, d + inputs.shape[1], inputs.shape[2])
        columns[0, :d] = 0 if state is None else state
        states = inputs.new_empty(len(inputs), d, inputs.shape[2])
        for some, result in zip(inputs.split(WINDOW), states.split(WINDOW), strict=True):
            columns[: len(some), d:] = some
            self._fill(columns[: len(some) + 1])
            result[:] = columns[1 : len(some) + 1, :d]
            columns[0, :d] = result[-1]
        return states

    def _fill(self, columns: Tensor) -> None:
        """Fill in the states of columns (positions + 1, d + m, lanes), from the first one on."""
        d = self.hidden
        candidates = product(self.candidate, columns[:-1, d:]).unbind(0)
        gates = columns.new_empty(3 * d, columns.shape[2])
        reset, update, scaled, both = gates[:d], gates[d : 2 * d], gates[2 * d :], gates[: 2 * d]
        states = columns[:, :d].unbind(0)
        for position, (column, candidate) in enumerate(zip(columns[:-1].unbind(0), candidates, strict=True)):
            torch.mm(self.gates, column, out=gates)
            both.sigmoid_()
            if self.ceiling < 1:
                update.mul_(self.ceiling)
            candidate.addcmul_(scaled, reset).tanh_()
            torch.lerp(candidate, states[position], update, out=states[position + 1])


def cells_of(model: BiGRUAttention, table: Tensor | None, dtype: torch.dtype) -> list[tuple[Cell, Cell]]:
    """Both directions of each layer of a network.

    The input of a layer is its features with a row of ones below them; that of the first one is one-hot rows of codes
    if there is a `table` of what they stand for, to each row of which the biases are added.
    """
    return [
        (
            _cell(model, f"l{layer}", None if layer else table, dtype),
            _cell(model, f"l{layer}_reverse", None if layer else table, dtype),
        )
        for layer in range(model.gru.num_layers)
    ]


def _cell(model: BiGRUAttention, suffix: str, table: Tensor | None, dtype: torch.dtype) -> Cell:
    from_input, from_state, input_bias, state_bias = (
        getattr(model.gru, f"{name}_{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    if table is None:
        per_input = torch.cat([from_input, input_bias.unsqueeze(1)], dim=1)
        per_state_bias = F.pad(state_bias.unsqueeze(1), (from_input.shape[1], 0))
    else:
        per_input = from_input @ table.T + input_bias.unsqueeze(1)
        per_state_bias = state_bias.unsqueeze(1).expand_as(per_input)
    d = model.gru.hidden_size
    inputs = per_state_bias.clone()
    inputs[: 2 * d] += per_input[: 2 * d]
    gates = torch.cat([from_state, inputs], dim=1).to(dtype)
    highest = ceiling(model.architecture.half_life)
    return Cell(gates.contiguous(), per_input[2 * d :].to(dtype).contiguous(), highest)


def product(weights: Tensor, columns: Tensor) -> Tensor:
    """Weights (n, m) times each of `columns` (positions, m, lanes); `torch.matmul` would transpose and copy them."""
    return torch.bmm(weights.expand(len(columns), *weights.shape), columns)
