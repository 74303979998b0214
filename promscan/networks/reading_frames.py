"""Stop codons by reading frame around windows: they show where genes are. The head of a network can see them.

In a gene, one frame has no stop codon. Elsewhere each frame has one every twenty codons or so. This holds in every
species with the usual stop codons, and it says what lies around a start: a bacterial gene begins behind most of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.networks.composition import accumulate_
from promscan.seq.dna import UNKNOWN, encode
from promscan.seq.windows import TSS_INDEX, WINDOW

SAME = ("TAA", "TAG", "TGA")
OTHER = ("TTA", "CTA", "TCA")
"""Stop codons of the strand that is read, and of the other one, as the first strand shows them."""
VALUES = 4
"""Values of a bin: for each strand, about the frame with fewest stop codons and about all frames."""
_LETTERS = UNKNOWN + 1


def reading_frames(codes: Tensor, edges: Sequence[int], margin: int) -> Tensor:
    """Stop codons in bins before and after the TSS of each window.

    Of each bin: n / (n + 2) for the n stop codons of the frame that has fewest, and the stop codons of all frames in
    20 bp, first of the strand that is read, then of the other one. The codons are counted in integers, so the values
    are exact. No stop codon has an unknown base.

    Args:
        codes: (positions, columns), uint8.
        edges: ends of the bins, in bp from the TSS on each side, ascending. The first bin lies on both sides.
        margin: positions at both ends in which no window starts; at least the last of the edges.

    Returns:
        (positions - 2 * margin - 69, values_of_frames(edges), columns), float32.
    """
    windows, values = len(codes) - 2 * margin - WINDOW + 1, list[Tensor]()
    words = _words(codes) if edges else codes
    for stops in (SAME, OTHER) if edges else ():
        sums = _running_sums(_any_of(words, stops))
        for begin, end in pairwise([*(-edge for edge in reversed(edges)), *edges]):
            codons, first = (end - begin) // 3, margin + TSS_INDEX + begin
            frames = [_between(sums, first + frame, codons, windows) for frame in range(3)]
            fewest = torch.minimum(torch.minimum(frames[0], frames[1]), frames[2]).float()
            values += [fewest / (fewest + 2), (frames[0] + frames[1] + frames[2]).float() * (20 / (end - begin))]
    return torch.stack(values, dim=1) if values else codes.new_empty(windows, 0, codes.shape[1], dtype=torch.float32)


def values_of_frames(edges: Sequence[int]) -> int:
    """Number of values of a window."""
    return VALUES * (2 * len(edges) - 1) if edges else 0


def _words(codes: Tensor) -> Tensor:
    """Number of the word of three bases that begins at each position, uint8; 124 is the last one."""
    first, second, third = (F.pad(codes[i:], (0, 0, 0, i), value=UNKNOWN) for i in range(3))
    return (first * _LETTERS + second) * _LETTERS + third


def _any_of(words: Tensor, wanted: Sequence[str]) -> Tensor:
    found = torch.zeros_like(words, dtype=torch.bool)
    for word in wanted:
        a, b, c = encode(word).tolist()
        found |= words == (a * _LETTERS + b) * _LETTERS + c
    return found


def _running_sums(found: Tensor) -> Tensor:
    """How many were found at the positions 3, 6, ... before each position, (positions + 3, columns), int32."""
    padded = F.pad(found, (0, 0, 3, -len(found) % 3)).int()
    by_codon = padded.unflatten(0, (-1, 3)).flatten(1)
    return accumulate_(by_codon).reshape(len(padded), -1)


def _between(sums: Tensor, begin: int, codons: int, windows: int) -> Tensor:
    """How many were found at `begin`, `begin` + 3, ... of each window."""
    end = begin + 3 * codons
    return sums[end : end + windows] - sums[begin : begin + windows]
