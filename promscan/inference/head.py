"""Attention and head of a network, arranged for columns; both read states in their stored form (`gru`).

The first layer of the head sees the mean state of a window, base compositions and reading frames around it, and the
means of learned features in bins around it. A mean in a bin is a difference of running sums, so the layer reads the
running sums at the edges of the bins: one matrix an edge, and nothing has to be put together first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from promscan.inference.stem import Basis, product
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.composition import COMPOSITION, accumulate_
from promscan.networks.reading_frames import values_of_frames
from promscan.seq.windows import WINDOW


@dataclass(frozen=True)
class Around:
    """The inputs of the head from around the windows.

    counted: compositions and reading frames, (windows, values, lanes).
    sums: running sums of the context features, (positions + 1, features, lanes); None without context.
    first: position in the sums at which the first window starts.
    """

    counted: Tensor
    sums: Tensor | None
    first: int


class Attention:
    """Scores of states: `W_s tanh(W_a h + b_a)`."""

    def __init__(self, model: BiGRUAttention) -> None:
        weight, bias, score = model.attention.weight, model.attention.bias, model.attention_score.weight
        self._weight, self._bias = 4 * weight, 2 * (bias - weight.sum(dim=1)).unsqueeze(1)
        self._score, self._score_bias = 2 * score, -score.sum()

    def scores(self, states: Tensor) -> Tensor:
        """Stored states of both directions (positions, 2d, lanes) to (positions, 1, lanes)."""
        keys = product(self._weight, states).add_(self._bias).sigmoid_()
        return product(self._score, keys).add_(self._score_bias)


class Places:
    """Head that grades every base as the transcription start, see `BiGRUAttention.along_with_places`."""

    def __init__(self, model: BiGRUAttention) -> None:
        first, _, last = model.place
        assert isinstance(first, nn.Linear)
        assert isinstance(last, nn.Linear)
        self._weight, self._bias = 2 * first.weight, (first.bias - first.weight.sum(dim=1)).unsqueeze(1)
        self._last, self._last_bias = last.weight, last.bias

    def of(self, states: Tensor) -> Tensor:
        """Stored states of both directions (positions, 2d, lanes) to scores (positions, lanes)."""
        hidden = F.gelu(product(self._weight, states).add_(self._bias))
        return product(self._last, hidden).add_(self._last_bias).squeeze(1)


class Context:
    """Running sums of the learned features around windows."""

    def __init__(self, model: BiGRUAttention, basis: Basis) -> None:
        self._weight = basis.fold(model.context.weight, model.context.bias)

    def inside(self, columns: Tensor) -> Tensor:
        """Columns of a block (positions, m, lanes) to running sums of its features, (positions, features, lanes)."""
        return accumulate_(self.features(columns))

    def features(self, columns: Tensor) -> Tensor:
        """Columns (positions, m, lanes) to the learned features, (positions, features, lanes), float32."""
        return F.gelu(product(self._weight, columns.float()))

    def features_of_rows(self, rows: Tensor) -> Tensor:
        """The same features (..., features) of rows (..., m), float32."""
        return F.gelu(rows @ self._weight.T)

    def sums(self, columns: Tensor, before: Sequence[Tensor] = (), after: Sequence[Tensor] = ()) -> Tensor:
        """Columns (positions, m, lanes) to running sums (positions + 1, features, lanes), beginning with zero.

        Blocks are summed in float32 and put together in float64: a sum over thousands of positions would lose digits.

        Args:
            columns: whole blocks, if there are others after them.
            before: blocks of 70 positions in front of them whose sums are known, as `inside` gives them.
            after: such blocks behind them.
        """
        positions = len(columns) + WINDOW * (len(before) + len(after))
        sums = columns.new_empty(positions + 1, len(self._weight), columns.shape[2], dtype=torch.float32)
        sums[0] = 0
        total = torch.zeros_like(sums[0], dtype=torch.float64)
        blocks = chain(before, map(self.inside, columns.split(WINDOW)), after)
        for inside, result in zip(blocks, sums[1:].split(WINDOW), strict=True):
            torch.add(inside, total.float(), out=result)
            total += inside[-1]
        return sums


class Head:
    """The layers from the mean state of a window, and what is around it, to its logit."""

    def __init__(self, model: BiGRUAttention) -> None:
        a = model.architecture
        first, *self._rest = model.head
        assert isinstance(first, nn.Linear)
        states, values = 2 * a.hidden, len(COMPOSITION) * len(a.composition) + values_of_frames(a.frames)
        of_states, self._of_counted, of_bins = first.weight.split(
            [states, values, first.in_features - states - values], dim=1
        )
        self._of_means, self._bias = 2 * of_states, (first.bias - of_states.sum(dim=1)).unsqueeze(1)
        self._of_counted = self._of_counted.contiguous()
        self._of_edges = _edge_weights(of_bins, a.context_bins) if a.context else {}

    def logits(self, means: Tensor, around: Around | None = None, begin: int = 0) -> Tensor:
        """Mean stored states (windows, 2d, lanes) to logits (windows, lanes).

        Args:
            means: of consecutive windows.
            around: what is around them, if the network was trained to see it.
            begin: the first of these windows, counted from the first window of `around`.
        """
        windows = len(means)
        columns = product(self._of_means, means).add_(self._bias)
        if around is not None and around.counted.shape[1]:
            _add_product(columns, self._of_counted, around.counted[begin : begin + windows])
        if around is not None and around.sums is not None:
            for edge, weight in self._of_edges.items():
                at = around.first + begin + WINDOW // 2 + edge
                _add_product(columns, weight, around.sums[at : at + windows])
        for layer in self._rest:
            if isinstance(layer, nn.Linear):
                columns = product(layer.weight, columns).add_(layer.bias.unsqueeze(1))
            else:
                columns = layer(columns)
        return columns.squeeze(1)


def _edge_weights(of_bins: Tensor, bins: Sequence[int]) -> dict[int, Tensor]:
    """The weights (n, bins * features) of means in bins, as weights (n, features) of running sums at their edges.

    Edges are in bp from the middle of a window.
    """
    edges = [*(-edge for edge in reversed(bins)), 0, *bins]
    weights = {edge: of_bins.new_zeros(len(of_bins), of_bins.shape[1] // (2 * len(bins))) for edge in edges}
    for (start, end), weight in zip(pairwise(edges), of_bins.chunk(2 * len(bins), dim=1), strict=True):
        weights[end] += weight / (end - start)
        weights[start] -= weight / (end - start)
    return weights


def _add_product(columns: Tensor, weights: Tensor, inputs: Tensor) -> None:
    columns.baddbmm_(weights.expand(len(inputs), *weights.shape), inputs)
