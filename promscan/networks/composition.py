"""Base composition around windows, which the head of a network that runs along a sequence can see."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.seq.dna import UNKNOWN
from promscan.seq.windows import WINDOW

COMPOSITION = ("gc", "cpg", "gc_skew", "at_skew")
"""The values of one stretch: share of G and C, ten times the share of CpG steps (they are rare), G - C and A - T."""


def compositions(codes: Tensor, widths: Sequence[int], margin: int) -> Tensor:
    """Base composition of stretches around the middle of each window, per known base.

    The bases are counted in integers, so the values are exact.

    Args:
        codes: (positions, columns), uint8.
        widths: widths of the stretches in bp, divisible by 2.
        margin: positions at both ends in which no window starts; at least half of the widest stretch.

    Returns:
        (positions - 2 * margin - 69, 4 * widths, columns), float32; `COMPOSITION` of the first width, then the next.
    """
    first, windows = margin + WINDOW // 2, len(codes) - 2 * margin - WINDOW + 1
    values = torch.empty(windows, len(widths), len(COMPOSITION), codes.shape[1], device=codes.device)
    if not widths:
        return values.flatten(1, 2)
    sums = _base_counts(codes)
    for i, width in enumerate(widths):
        begin, end = first - width // 2, first + width // 2
        counts = (sums[end : end + windows] - sums[begin : begin + windows]).float()
        known, strong, steps, g, c, a, t = counts.unbind(1)
        stretch = values[:, i]
        torch.div(strong, known.clamp_(min=1), out=stretch[:, 0])
        torch.div(steps.mul_(10), known, out=stretch[:, 1])
        torch.div(g - c, known, out=stretch[:, 2])
        torch.div(a - t, known, out=stretch[:, 3])
    return values.flatten(1, 2)


def weighted_compositions(codes: Tensor, weights: Tensor, widths: Sequence[int], margin: int) -> Tensor:
    """Compositions of bases that are known in part, for gradients; with weights of 1 they are those of `compositions`.

    A base of weight w counts w for itself, and (1 - w) / 4 for each of the four.

    Args:
        codes: (positions,), uint8.
        weights: how much of each base is known, (batch, positions).
        widths: widths of the stretches in bp, divisible by 2.
        margin: positions at both ends in which no window starts; at least half of the widest stretch.

    Returns:
        (batch, positions - 2 * margin - 69, 4 * widths), float32.
    """
    first, windows = margin + WINDOW // 2, len(codes) - 2 * margin - WINDOW + 1
    known = (codes != UNKNOWN).to(weights.dtype)
    a, t, g, c = (weights * (codes == code) + (1 - weights) * known / 4 for code in range(4))
    steps = F.pad(c[:, :-1] * g[:, 1:], (0, 1))
    counted = torch.stack([known.expand_as(a), g + c, steps, g - c, a - t], dim=2)
    sums = F.pad(counted.double().cumsum(dim=1), (0, 0, 1, 0))
    values = []
    for width in widths:
        begin, end = first - width // 2, first + width // 2
        counts = sums[:, end : end + windows] - sums[:, begin : begin + windows]
        scale = counts.new_tensor([1, 10, 1, 1]) / counts[..., :1].clamp(min=1)
        values.append(counts[..., 1:] * scale)
    return torch.cat([weights.new_empty(len(weights), windows, 0), *values], dim=2).float()


def _base_counts(codes: Tensor) -> Tensor:
    """Counts before each position: known bases, G or C, CpG steps, G, C, A, T; (positions + 1, 7, columns), int32."""
    a, t, g, c, unknown = (codes == code for code in range(5))
    cpg = F.pad(c[:-1] & g[1:], (0, 0, 0, 1))
    counts = torch.zeros(len(codes) + 1, 7, codes.shape[1], dtype=torch.int32, device=codes.device)
    counts[1:] = torch.stack([~unknown, g | c, cpg, g, c, a, t], dim=1)
    return accumulate_(counts)


def accumulate_(values: Tensor) -> Tensor:
    """Running sums along the first axis, in place; returns the tensor.

    On a CPU, adding row to row takes a twelfth of the time of `cumsum_` over an axis that is not the last.
    """
    if values.device.type != "cpu":
        return values.cumsum_(dim=0)
    for before, row in pairwise(values.unbind(0)):
        row.add_(before)
    return values
