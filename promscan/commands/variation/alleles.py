"""Alleles as edits of a contig, in one form for all ways to write them.

An insertion or deletion in a repeat can be written at several places. All of them make the same sequence, so an edit is
moved as far to the left as it goes, and `first` and `last` say how far it could move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from promscan.seq.dna import UNKNOWN, Codes

_BLOCK = 4096
"""Bases that are compared at a time."""


@dataclass(frozen=True, eq=False)
class Edit:
    """Bases of a contig replaced by others.

    start, end: the bases that are replaced, 0-based and half-open; none of them if bases are inserted.
    bases: codes that stand there instead.
    first, last: the range, 0-based and half-open, in which the edit could be written in another way; at least `start`
        to `end`.
    """

    start: int
    end: int
    bases: Codes
    first: int
    last: int

    @property
    def shift(self) -> int:
        """How far the bases after the edit move to the right."""
        return len(self.bases) - (self.end - self.start)

    @property
    def changes_nothing(self) -> bool:
        """Whether the allele is that of the reference."""
        return self.start == self.end and not len(self.bases)

    def piece(self, codes: Codes, begin: int, end: int) -> Codes:
        """The bases from `begin` to `end` of the contig with this edit, which lies between them."""
        return np.concatenate([codes[begin : self.start], self.bases, codes[self.end : end - self.shift]])

    def in_allele(self, position: int) -> int:
        """The position of the edited contig for one of the reference; a deleted base is at the edit."""
        if position >= self.end:
            return position + self.shift
        return min(position, self.start + max(0, len(self.bases) - 1)) if position >= self.start else position

    def in_reference(self, position: int) -> int:
        """The position of the reference for one of the edited contig; inserted bases are at the base before them."""
        if position < self.start:
            return position
        if position >= self.start + len(self.bases):
            return position - self.shift
        return max(0, min(position, self.end - 1))


def edit_of(codes: Codes, position: int, reference: Codes, alternative: Codes) -> Edit:
    """The edit that puts `alternative` in the place of `reference` at a position of a contig, left-aligned.

    Args:
        codes: the contig.
        position: 0-based position of the first base of `reference`, which stands there.
        reference: bases of the contig.
        alternative: bases in their place.
    """
    after = _equal(reference[::-1], alternative[::-1])
    reference, alternative = reference[: len(reference) - after], alternative[: len(alternative) - after]
    before = _equal(reference, alternative)
    start, end, bases = position + before, position + len(reference), alternative[before:]
    if (start == end) == (not len(bases)):
        return Edit(start, end, bases, start, end)
    left, right = _room(codes, start, end, bases)
    # What an insertion moves over is periodic, so its bases only turn.
    return Edit(start - left, end - left, np.roll(bases, left), start - left, end + right)


def _equal(one: Codes, other: Codes) -> int:
    """How many bases at the beginning are the same."""
    length = min(len(one), len(other))
    different = np.flatnonzero(one[:length] != other[:length])
    return int(different[0]) if len(different) else length


def _room(codes: Codes, start: int, end: int, bases: Codes) -> tuple[int, int]:
    """How far an insertion or a deletion can move to the left and to the right, and make the same sequence."""
    period = max(end - start, len(bases))
    if len(bases):
        before, after = np.concatenate([codes[max(0, start - _BLOCK - period) : start], bases]), codes[start:]
        after = np.concatenate([bases, after[: _BLOCK + period]])
    else:
        before, after = codes[max(0, start - _BLOCK) : end], codes[start : end + _BLOCK]
    return _periodic(before[::-1], period), _periodic(after, period)


def _periodic(codes: Codes, period: int) -> int:
    """How many bases, from the first, equal those one period later; an unknown base equals none."""
    here, later = codes[: max(0, len(codes) - period)], codes[period:]
    different = np.flatnonzero((here != later) | (here == UNKNOWN))
    return int(different[0]) if len(different) else len(here)
