"""A network in its streaming form: the states run on along lanes of sequence, one step a base.

Tensors hold one lane a column, (features, lanes), so that a step is one matrix product of weights and columns, its
gates are contiguous, and a column's numbers do not depend on what stands in the columns beside it.

The context of a window is a mean of states, weighted by `e_t = exp(score_t)`. In a lane cut into blocks of 70
positions, a window is the end of one block and the beginning of the next, so its sums are a sum from the right inside
the one plus a sum from the left inside the other: no sum is longer than 70 terms, whatever the length of the lane.

    block   |...............|...............|
    window            [-----+--------)
                      sum ->|<- sum
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.dna import MAX_UNKNOWN, UNKNOWN, WINDOW
from promscan.errors import ModelError
from promscan.model import BiGRUAttention, bin_means, composition
from promscan.recurrence import ceiling

LARGEST_SCORE = 40.0
"""exp of an attention score up to this can be summed in float32, whatever its sign."""


class Cell(NamedTuple):
    """One direction of one GRU layer (Cho et al. 2014, with the reset gate after the product, as in cuDNN).

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


class _Around(NamedTuple):
    """What the head sees of a window beside its states.

    compositions: (windows, features, lanes).
    sums: running sums of the features of the context, or None.
    bins: of the context.
    first: where in the sums the first window starts.
    """

    compositions: Tensor
    sums: Tensor | None
    bins: tuple[int, ...]
    first: int

    def of(self, begin: int) -> list[Tensor]:
        """For the block of windows from `begin` on, each (70, features, lanes)."""
        means = [] if self.sums is None else bin_means(self.sums, self.bins, self.first + begin, WINDOW)
        return [self.compositions[begin : begin + WINDOW], *means]


class LaneNetwork:
    """A `BiGRUAttention` arranged for lanes.

    Args:
        model: the network, in evaluation mode.
        device: where it runs.
        dtype: of states and weights in the recurrence; everything else is float32.

    Raises:
        ModelError: the attention scores could leave the range of float32 sums.
    """

    def __init__(self, model: BiGRUAttention, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        largest = float(model.attention_score.weight.detach().abs().sum())
        if largest > LARGEST_SCORE:
            raise ModelError(
                f"attention scores of this network reach {largest:.0f}, and only {LARGEST_SCORE:.0f} can be streamed"
            )
        self.model, self.device, self.dtype = model.to(device).eval(), device, dtype
        with torch.inference_mode():
            table = None if len(model.stem) else input_table(model)
            self.layers = [
                tuple(_cell(model, layer, reverse, table if layer == 0 else None, dtype) for reverse in (False, True))
                for layer in range(model.gru.num_layers)
            ]
        self.bases = torch.arange(UNKNOWN + 1, dtype=torch.uint8, device=device).unsqueeze(1)

    def logits(self, codes: Tensor, margin: int, warm_up: int) -> Tensor:
        """Logits of the windows of lanes.

        Args:
            codes: (margin + 70 * (blocks + 1) + margin, lanes), uint8, on the device.
            margin: positions at both ends that no window starts in, at least `warm_up` and the reach of the network.
            warm_up: how many of them bring the states into shape; divisible by 70.

        Returns:
            (70 * blocks, lanes), float32, for the windows that start at `margin` and after it.
        """
        architecture = self.model.architecture
        inner = max(warm_up, architecture.context_reach)
        features = self._inputs(codes[margin - inner : len(codes) - (margin - inner)])
        inputs = features[inner - warm_up : len(features) - (inner - warm_up)]
        around = _Around(self._compositions(codes, margin), self._context(features), architecture.context_bins, inner)
        *lower, (forward, backward) = self.layers
        for cells in lower:
            states = [run_cell(cells[0], inputs), run_cell(cells[1], inputs.flip(0)).flip(0)]
            inputs = torch.cat([*states, torch.ones_like(inputs[:, :1])], dim=1)
        left = run_cell(forward, inputs[: len(inputs) - warm_up])[warm_up:]
        return self._grade(left, backward, inputs[warm_up:], around)

    def smoothed_logits(self, codes: Tensor, margin: int, warm_up: int, width: int) -> Tensor:
        """Logits averaged over `width` neighbouring windows, see `smooth`; everything else is as for `logits`.

        `margin` has `room_to_smooth` beside what `logits` needs.
        """
        room = room_to_smooth(width)
        begin, spare = margin - room, room - width // 2
        logits = self.logits(codes, begin, warm_up)
        if width == 1:
            return logits
        read = codes[begin + spare : len(codes) - begin - spare - 1]
        return smooth(logits[spare : len(logits) - spare], read, width)

    def _compositions(self, codes: Tensor, margin: int) -> Tensor:
        """What the head sees beside the states, (windows, features, lanes)."""
        widths = self.model.architecture.composition
        features = [composition(codes.T, width, margin).permute(1, 2, 0) for width in widths]
        return torch.cat(features, dim=1) if features else codes.new_empty(len(codes), 0, codes.shape[1]).float()

    def _context(self, features: Tensor) -> Tensor | None:
        """Running sums of the features of the context, (positions + 1, context, lanes)."""
        if not self.model.architecture.context:
            return None
        layer = self.model.context
        marks = F.gelu(_product(layer.weight, features[:, :-1].float()).add_(layer.bias.unsqueeze(1)))
        return F.pad(torch.cumsum(marks, dim=0), (0, 0, 0, 0, 1, 0))

    def _grade(self, left: Tensor, backward: Cell, inputs: Tensor, around: _Around) -> Tensor:
        """Run the backward direction from the far end of `inputs`, and grade windows as soon as it reaches them.

        left: states (70 * (blocks + 1), d, lanes) of the forward direction.
        """
        d, warm_up = backward.hidden, len(inputs) - len(left)
        columns = _columns(backward, inputs[-warm_up:].flip(0))
        state = _steps(backward, columns)[-1] if warm_up else columns[0, :d]
        following, logits = None, list[Tensor]()
        for begin in range(len(left) - WINDOW, -1, -WINDOW):
            block = slice(begin, begin + WINDOW)
            columns = _columns(backward, inputs[block].flip(0))
            columns[0, :d] = state
            right = _steps(backward, columns)
            state = right[-1]
            weighted = self._weighted(left[block], right.flip(0))
            if following is not None:
                means = _window_means(weighted.clone(), following)
                logits.append(self._head(torch.cat([means, *around.of(begin)], dim=1)))
            following = weighted
        return torch.cat(logits[::-1])

    def _inputs(self, codes: Tensor) -> Tensor:
        """What the first GRU layer gets, (positions, features, lanes)."""
        if not len(self.model.stem):
            return (codes.unsqueeze(1) == self.bases).to(self.dtype)
        ones = torch.ones(len(codes), 1, dtype=self.dtype, device=self.device)
        # A lane at a time: what is before the GRU takes a lot of memory, and is not made of columns.
        lanes = [torch.cat([self.model.features(lane.unsqueeze(0))[0].to(self.dtype), ones], 1) for lane in codes.T]
        return torch.stack(lanes, dim=2)

    def _weighted(self, left: Tensor, right: Tensor) -> Tensor:
        """States of both directions (70, d, lanes) times their weights, and the weights below: (70, 2d + 1, lanes)."""
        model, d = self.model, left.shape[1]
        states = torch.empty(len(left), 2 * d + 1, left.shape[2], device=self.device)
        states[:, :d], states[:, d:-1] = left, right
        keys = _product(model.attention.weight, states[:, :-1]).add_(model.attention.bias.unsqueeze(1)).tanh_()
        states[:, -1:] = _product(model.attention_score.weight, keys).exp_()
        states[:, :-1] *= states[:, -1:]
        return states

    def _head(self, columns: Tensor) -> Tensor:
        """Vectors (70, features, lanes) of windows to their logits (70, lanes)."""
        for layer in self.model.head:
            if isinstance(layer, torch.nn.Linear):
                columns = _product(layer.weight, columns).add_(layer.bias.unsqueeze(1))
            else:
                columns = layer(columns)
        return columns.squeeze(1)


def room_to_smooth(width: int) -> int:
    """Positions on each side of windows whose logits are averaged over `width`: whole blocks."""
    return -(-(width // 2) // WINDOW) * WINDOW


def smooth(logits: Tensor, codes: Tensor, width: int) -> Tensor:
    """Means of the logits of `width` neighbouring windows; those with more than 7 unknown bases do not count.

    Every mean has a sum of its own, lest running sums round differently in every lane.

    Args:
        logits: (windows + width - 1, lanes).
        codes: their bases, (windows + width - 1 + 69, lanes), uint8.
        width: odd.

    Returns:
        (windows, lanes); nothing of use for a window that does not count itself.
    """
    unknown = F.pad(torch.cumsum(codes == UNKNOWN, dim=0, dtype=torch.int32), (0, 0, 1, 0))
    counted = (unknown[WINDOW:] - unknown[:-WINDOW] <= MAX_UNKNOWN).float()
    return mean_of_counted(logits, counted, width)


def mean_of_counted(logits: Tensor, counted: Tensor, width: int) -> Tensor:
    """Means over `width` neighbouring rows, but for what does not count.

    Args:
        logits: (windows + width - 1, lanes), finite.
        counted: 1 for what counts, else 0, of the same shape and type.
        width: odd.

    Returns:
        (windows, lanes); NaN where nothing counts.
    """
    means = F.avg_pool1d(torch.stack([logits * counted, counted]).transpose(1, 2), width, stride=1)
    result: Tensor = (means[0] / means[1]).T
    return result


def input_table(model: BiGRUAttention) -> Tensor:
    """What a network without convolutions feeds its GRU for each of the five codes, (5, d).

    Embedding, GELU and LayerNorm of one base depend on nothing else, so they are a table.
    """
    codes = torch.arange(UNKNOWN + 1, dtype=torch.uint8, device=model.bases.device)
    return model.features(codes.unsqueeze(0))[0]


def _cell(model: BiGRUAttention, layer: int, reverse: bool, table: Tensor | None, dtype: torch.dtype) -> Cell:
    """Weights of one direction of a layer.

    The input of the layer is one-hot rows of codes if there is a `table` of what they stand for (the biases are then
    added to every row), else its features with a row of ones below them.
    """
    suffix = f"l{layer}" + ("_reverse" if reverse else "")
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


def run_cell(cell: Cell, inputs: Tensor) -> Tensor:
    """States (positions, d, lanes) along the whole of `inputs` (positions, features, lanes)."""
    columns = _columns(cell, inputs)
    for begin in range(0, len(inputs), WINDOW):
        _steps(cell, columns[begin : begin + WINDOW + 1])
    return columns[1:, : cell.hidden]


def _columns(cell: Cell, inputs: Tensor) -> Tensor:
    """Room for states above the inputs (positions + 1, d + features, lanes); the first state is zero.

    The state of a position stands above the input of the next one, ready for the product.
    """
    columns = inputs.new_empty(len(inputs) + 1, cell.hidden + inputs.shape[1], inputs.shape[2])
    columns[:-1, cell.hidden :] = inputs
    columns[0, : cell.hidden] = 0
    return columns


def _steps(cell: Cell, columns: Tensor) -> Tensor:
    """Fill in the states of `columns`, from the first one on; returns those of the positions, (positions, d, lanes)."""
    d = cell.hidden
    candidates = _product(cell.candidate, columns[:-1, d:]).unbind(0)
    gates = columns.new_empty(3 * d, columns.shape[2])
    reset, update, scaled, both = gates[:d], gates[d : 2 * d], gates[2 * d :], gates[: 2 * d]
    states = columns[:, :d].unbind(0)
    for position, (column, candidate) in enumerate(zip(columns[:-1].unbind(0), candidates, strict=True)):
        torch.mm(cell.gates, column, out=gates)
        both.sigmoid_()
        if cell.ceiling < 1:
            update.mul_(cell.ceiling)
        candidate.addcmul_(scaled, reset).tanh_()
        torch.lerp(candidate, states[position], update, out=states[position + 1])
    return columns[1:, :d]


def _window_means(block: Tensor, following: Tensor) -> Tensor:
    """Weighted means of the states of the windows that start in `block`, (70, 2d, lanes).

    Both blocks are (70, 2d + 1, lanes), as from `_weighted`; `block` is used up.
    """
    sums = block.unbind(0)
    for position in range(WINDOW - 2, -1, -1):
        sums[position].add_(sums[position + 1])
    beginning = torch.zeros_like(sums[0])
    for position in range(1, WINDOW):
        sums[position].add_(beginning.add_(following[position - 1]))
    return block[:, :-1] / block[:, -1:]


def _product(weights: Tensor, columns: Tensor) -> Tensor:
    """Weights (n, m) times each of `columns` (positions, m, lanes); `torch.matmul` would transpose and copy them."""
    return torch.bmm(weights.expand(len(columns), *weights.shape), columns)
