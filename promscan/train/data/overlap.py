"""Sequences that share a stretch of bases with others, on either strand; training must not learn from such sequences.

Stretches are compared by a 64-bit number. Two different ones have the same number about once in 10^19 pairs; the
mistake leaves out one sequence too many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from promscan.seq import dna
from promscan.seq.dna import Codes, Mask

Numbers = npt.NDArray[np.uint64]

BLOCK = 1 << 22
"""Stretches whose numbers are in memory at once."""
_FACTOR = 0x9E3779B97F4A7C15
_OF_BASE = np.random.default_rng(70).integers(1 << 63, size=dna.UNKNOWN + 1, dtype=np.uint64)


def share_stretch(sequences: Sequence[Codes], others: Codes, width: int) -> Mask:
    """Which of `sequences` share `width` bases with a row of `others`, shape (n, length), on either strand."""
    known = _Known(_numbers(others, width), _numbers(dna.reverse_complement(others), width))
    return np.array([known.among(_numbers(codes, width)).any() for codes in sequences], dtype=bool)


def occur_in(sequences: Codes, contigs: Iterable[Codes]) -> Mask:
    """Which rows of `sequences`, shape (n, width), occur in one of the contigs, on either strand."""
    width = sequences.shape[1]
    forward, reverse = (_numbers(c, width)[:, 0] for c in (sequences, dna.reverse_complement(sequences)))
    known = _Known(forward, reverse)
    found = [np.empty(0, dtype=np.uint64)]
    for contig in contigs:
        for begin in range(0, len(contig) - width + 1, BLOCK):
            numbers = _numbers(contig[begin : begin + BLOCK + width - 1], width)
            found.append(np.unique(numbers[known.among(numbers)]))
    occurring = _Known(*found)
    return occurring.among(forward) | occurring.among(reverse)


def _numbers(codes: Codes, width: int) -> Numbers:
    """Number of each stretch of `width` bases: codes (..., length) to (..., length - width + 1).

    It is a polynomial of the bases modulo 2^64. The number of a stretch comes from those of its two halves.
    """
    if codes.shape[-1] < width:
        return np.empty((*codes.shape[:-1], 0), dtype=np.uint64)
    numbers, covered = _OF_BASE[codes], 1
    for bit in bin(width)[3:]:  # the binary digits of the width after the first one
        numbers = numbers[..., :-covered] * _power(covered) + numbers[..., covered:]
        covered *= 2
        if bit == "1":
            numbers = numbers[..., :-1] * _power(1) + _OF_BASE[codes[..., covered:]]
            covered += 1
    return numbers


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(_FACTOR, exponent, 1 << 64))


class _Known:
    """A set of numbers. A table of their first bits answers for nearly all numbers that are not in the set."""

    BITS = 22

    def __init__(self, *numbers: Numbers) -> None:
        self._sorted = np.unique(np.concatenate([part.ravel() for part in numbers]))
        self._begins = np.zeros(1 << self.BITS, dtype=bool)
        self._begins[self._first_bits(self._sorted)] = True

    def among(self, numbers: Numbers) -> Mask:
        """Which of the numbers (n,) are in the set."""
        found: Mask = self._begins[self._first_bits(numbers)]
        candidates = np.flatnonzero(found)
        if len(candidates):
            places = np.minimum(np.searchsorted(self._sorted, numbers[candidates]), len(self._sorted) - 1)
            found[candidates] = self._sorted[places] == numbers[candidates]
        return found

    def _first_bits(self, numbers: Numbers) -> npt.NDArray[np.int64]:
        return (numbers >> np.uint64(64 - self.BITS)).astype(np.int64)
