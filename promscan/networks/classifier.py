"""The classifiers.

`BiGRUAttention` is the network of the original PromoterRNN: embedding, bidirectional GRU, additive
attention over the 70 positions, and a 3-layer head. Larger members of the family put convolutions with a finite reach
between the embedding and the GRU, so that every classifier can also be run along a sequence of any length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from promscan.networks.architecture import Architecture as Architecture
from promscan.networks.composition import COMPOSITION, compositions
from promscan.networks.fading_gru import FadingGRU
from promscan.networks.reading_frames import reading_frames, values_of_frames
from promscan.seq.windows import TSS_INDEX, WINDOW

CONTEXT_STEP = 4
"""Every how many bases a network that is trained reads the features of its context. Bins are means of many bases."""


class ConvolutionBlock(nn.Module):
    """Residual block: LayerNorm, convolution, GELU, pointwise layer; (batch, length, width) in and out."""

    def __init__(self, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, width, kernel, padding=kernel // 2)
        self.pointwise = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self._add_to(x, self.convolution(self.norm(x).transpose(1, 2)).transpose(1, 2))

    def of_bases(self, one_hot: Tensor, vectors: Tensor, step: int) -> Tensor:
        """Output at every `step`-th position whose kernel lies inside, from the first one on, (batch, n, width).

        A convolution of few vectors is one product: each vector is multiplied by the kernel beforehand.

        Args:
            one_hot: which of the vectors stands at each position, (batch, length, vectors).
            vectors: (vectors, width).
            step: distance between positions.
        """
        kernel, bias = self.convolution.weight, self.convolution.bias
        assert bias is not None
        first = kernel.shape[2] // 2
        by_vector = torch.einsum("vi,oik->vko", self.norm(vectors), kernel).flatten(0, 1)
        y = one_hot.unfold(1, kernel.shape[2], step).flatten(2) @ by_vector + bias
        return self._add_to(one_hot[:, first : one_hot.shape[1] - first : step] @ vectors, y)

    def _add_to(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.add(x, self.dropout(self.pointwise(F.gelu(y))))


class BiGRUAttention(nn.Module):
    """Sequence codes to one logit a window.

    Attention is `u_t = tanh(W_a h_t + b_a)`, `alpha = softmax(W_s u)`, `c = sum_t alpha_t h_t` (Yang et al. 2016,
    hierarchical attention networks), pooled over the window.
    """

    bases: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        # On the CPU even where shapes alone are wanted: eye on the device "meta" would load the compiler of torch.
        one_hot, unknown = torch.eye(4, device="cpu"), torch.full((1, 4), 0.25, device="cpu")
        self.register_buffer("bases", torch.cat([one_hot, unknown]), persistent=False)
        self.embedding = nn.Linear(4, a.hidden)
        self.norm = nn.LayerNorm(a.hidden)
        self.dropout = nn.Dropout(a.dropout)
        self.stem = nn.Sequential(*(ConvolutionBlock(a.hidden, a.kernel, a.dropout) for _ in range(a.convolutions)))
        between = a.dropout if a.layers > 1 else 0.0
        self.gru = (
            FadingGRU(a.hidden, a.hidden, a.layers, between, a.half_life)
            if a.half_life
            else nn.GRU(a.hidden, a.hidden, a.layers, batch_first=True, dropout=between, bidirectional=True)
        )
        if a.context:
            self.context = nn.Linear(a.hidden, a.context)
        self.attention = nn.Linear(2 * a.hidden, a.hidden)
        self.attention_score = nn.Linear(a.hidden, 1, bias=False)
        around = len(COMPOSITION) * len(a.composition) + values_of_frames(a.frames)
        around += 2 * len(a.context_bins) * a.context
        self.head = nn.Sequential(
            nn.Linear(2 * a.hidden + around, a.hidden),
            nn.GELU(),
            nn.Dropout(a.dropout),
            nn.Linear(a.hidden, max(1, a.hidden // 2)),
            nn.GELU(),
            nn.Dropout(a.dropout),
            nn.Linear(max(1, a.hidden // 2), 1),
        )
        if a.place:
            self.place = nn.Sequential(nn.Linear(2 * a.hidden, a.place), nn.GELU(), nn.Linear(a.place, 1))

    def states(self, codes: Tensor) -> Tensor:
        """Codes (batch, length) of dtype uint8 to GRU states (batch, length, 2 * hidden)."""
        return self.run_gru(self.features(codes))

    def run_gru(self, features: Tensor) -> Tensor:
        """Features (batch, length, hidden) to GRU states (batch, length, 2 * hidden)."""
        states: Tensor = self.dropout(self.gru(features)[0])
        return states

    def features(self, codes: Tensor) -> Tensor:
        """Codes (batch, length) of dtype uint8 to the input of the GRU, (batch, length, hidden)."""
        return self.features_of(F.embedding(codes.int(), self.bases))

    def features_of(self, vectors: Tensor) -> Tensor:
        """Bases as vectors (batch, length, 4), see `bases`, to the input of the GRU, (batch, length, hidden)."""
        features: Tensor = self.stem(self.dropout(self.norm(F.gelu(self.embedding(vectors)))))
        return features

    def pool(self, states: Tensor) -> Tensor:
        """States (batch, length, 2 * hidden) to their attention-weighted mean (batch, 2 * hidden)."""
        weights = torch.softmax(self.attention_score(torch.tanh(self.attention(states))), dim=1)
        return torch.sum(weights * states, dim=1)

    def along(self, codes: Tensor, margin: int, warm_up: int) -> Tensor:
        """Codes (batch, length) to logits (batch, length - 2 * margin - 69) of windows `margin` bases from the ends.

        The states run on, as in the streaming engine, from `warm_up` bases before the first window to `warm_up` behind
        the last. `margin` is at least that, and at least the `reach` of the architecture.
        """
        return self.along_with_places(codes, margin, warm_up)[0]

    def along_with_places(self, codes: Tensor, margin: int, warm_up: int) -> tuple[Tensor, Tensor | None]:
        """The logits that `along` returns, and the places of the same windows; None if they have none of their own.

        The place of a window is a score of its TSS as the first base of a transcript. Only differences between
        neighbouring bases mean something. It is read from the states of that base, so that neighbours can differ.
        """
        step = self._context_step
        alone = min(margin, warm_up + self.architecture.stem_reach)  # what the states need, without a context
        inner = max(warm_up, self.architecture.context_reach) if step == 1 else alone
        features = self.features(codes[:, margin - inner : codes.shape[1] - (margin - inner)])
        counted = self.counted(codes.T, margin).permute(2, 0, 1)
        context = (lambda: self._coarse_means(codes, margin, step)) if step > 1 else None
        return self.read_features(features, counted, inner, warm_up, context)

    def counted(self, codes: Tensor, margin: int) -> Tensor:
        """What is counted around windows of `codes` (positions, columns): compositions and reading frames.

        Returns:
            (windows, values, columns), float32.
        """
        composition = compositions(codes, self.architecture.composition, margin)
        frames = reading_frames(codes, self.architecture.frames, margin)
        return torch.cat([composition, frames], dim=1) if frames.shape[1] else composition

    def read_features(
        self,
        features: Tensor,
        counted: Tensor,
        inner: int,
        warm_up: int,
        context: Callable[[], Tensor] | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Logits and places, see `along_with_places`, from features and what is counted.

        Args:
            features: input of the GRU from `inner` bases before the first window to `inner` behind the last.
            counted: values around each window, see `counted`, (batch, windows, values).
            inner: at least `warm_up`, and what the context reads.
            warm_up: bases that only bring the states into shape.
            context: computes the context of the windows; None: it is made of the features.
        """
        read = features[:, inner - warm_up : features.shape[1] - (inner - warm_up)]
        states = self.run_gru(read)
        states = states[:, warm_up : states.shape[1] - warm_up]
        scores = self.attention_score(torch.tanh(self.attention(states)))
        weights = torch.exp(scores - scores.amax(dim=1, keepdim=True).detach())
        sums = F.pad(torch.cumsum(torch.cat([weights * states, weights], dim=2), dim=1), (0, 0, 1, 0))
        sums = sums[:, WINDOW:] - sums[:, :-WINDOW]
        vectors = [sums[..., :-1] / sums[..., -1:], counted]
        if self.architecture.context:
            middle, windows = inner + WINDOW // 2, sums.shape[1]
            means = self._means(features, middle, windows) if context is None else context()
            vectors.append(means[:, :windows])
        logits: Tensor = self.head(torch.cat(vectors, dim=2))
        places = self.place(states[:, TSS_INDEX : TSS_INDEX + logits.shape[1]]) if self.architecture.place else None
        if places is None:
            return logits.squeeze(-1), None
        if self.architecture.place_in_logit:
            return (logits + places).squeeze(-1), None
        return logits.squeeze(-1), places.squeeze(-1)

    @property
    def _context_step(self) -> int:
        """Distance of the positions whose features the context is made of; 1 wherever the network is not trained."""
        a = self.architecture
        return math.gcd(CONTEXT_STEP, *a.context_bins) if self.training and a.context and a.convolutions == 1 else 1

    def _means(self, features: Tensor, middle: int, windows: int, step: int = 1) -> Tensor:
        """The context of windows, one every `step` bases, as the head gets it: (batch, windows, features).

        features: of positions that are `step` bases apart; `middle` is that in the middle of the first window.
        """
        marks = F.pad(torch.cumsum(F.gelu(self.context(features)).transpose(0, 1), dim=0), (0, 0, 0, 0, 1, 0))
        means = bin_means(marks, [edge // step for edge in self.architecture.context_bins], middle, windows)
        means_of_batch: Tensor = self.dropout(torch.cat(means, dim=2).transpose(0, 1))
        return means_of_batch

    def _coarse_means(self, codes: Tensor, margin: int, step: int) -> Tensor:
        """The context of the windows of `along` from the features of every `step`-th base, without dropout below them.

        `step` windows share the positions that lie in their bins. A few windows more than there are may follow.
        """
        block, widest = self.stem[0], self.architecture.context_bins[-1]
        assert isinstance(block, ConvolutionBlock)
        groups = -(-(codes.shape[1] - 2 * margin - WINDOW + 1) // step)
        first = margin + WINDOW // 2 + step - 1 - widest
        length, around = (groups - 1) * step + 2 * widest - step + 1, self.architecture.stem_reach
        vectors = self.norm(F.gelu(self.embedding(self.bases)))
        read = codes[:, first - around : first + length + around]
        one_hot = (read.unsqueeze(2) == torch.arange(len(vectors), device=codes.device)).to(vectors.dtype)
        means = self._means(block.of_bases(one_hot, vectors, step), widest // step, groups, step)
        return means.repeat_interleave(step, dim=1)

    def forward(self, codes: Tensor, begin: int = 0) -> Tensor:
        """Codes (batch, length) of dtype uint8 to logits (batch,) of the windows that start at `begin`.

        Bases around the windows change only their states.
        """
        logits: Tensor = self.head(self.pool(self.states(codes)[:, begin : begin + WINDOW]))
        return logits.squeeze(-1)


def bin_means(sums: Tensor, bins: Sequence[int], middle: int, windows: int) -> list[Tensor]:
    """Means of the context's features in the bins around windows, each (windows, ...).

    Args:
        sums: running sums of the features, (positions + 1, ...), beginning with zero.
        bins: where they end, in positions from the middle of a window, on each side.
        middle: position in the middle of the first window.
        windows: how many windows there are, one a position.
    """
    edges = [middle - edge for edge in reversed(bins)] + [middle, *(middle + edge for edge in bins)]
    return [(sums[end : end + windows] - sums[edge : edge + windows]) / (end - edge) for edge, end in pairwise(edges)]


def count_parameters(model: nn.Module) -> int:
    """Number of trainable values."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
