"""The sequences that are scored for a variant: a frame of the reference, and the same frame with each allele.

A frame holds the scores at transcription starts within a fixed distance of a variant. Frames lie on a fixed grid, so
that neighbours share one: the reference is then scored once, and alleles in the same place of a lane, so that what an
allele does not change has the same bits.

A calling rule may read estimates of a screening network much farther away. A frame then has room for them on both
sides, in which no window is scored; it begins where an estimate of a scan begins, so that its estimates are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from promscan.commands.variation.alleles import Edit
from promscan.seq.dna import Codes, Mask
from promscan.seq.records import ESTIMATE_STEP, Chunk
from promscan.seq.windows import WINDOW, tss_of

_BEFORE, _AFTER = tss_of(0, "-"), tss_of(0, "+")
"""From the start of a window to its transcription start, at most and at least."""
SPARE = 32
"""Bases that an allele may insert, and over which it may extend, without a frame of its own."""


@dataclass(frozen=True)
class Frame:
    """Transcription starts `first` to `last` (included) of a contig; `beyond` bp on each side have estimates alone."""

    first: int
    last: int
    beyond: int = 0

    def chunk(self, codes: Codes, edit: Edit | None, margin: int) -> Chunk | None:
        """What an engine scores of the contig, or of the contig with an edit; None: it has no window there.

        Positions are those of the edited contig.
        """
        shift = 0 if edit is None else edit.shift
        scored = max(0, self.first - _BEFORE), min(len(codes) + shift - WINDOW, self.last + shift - _AFTER)
        if scored[1] < scored[0]:
            return None
        first = max(0, scored[0] - self.beyond)
        first -= first % ESTIMATE_STEP if self.beyond else 0
        last = min(len(codes) + shift - WINDOW, scored[1] + self.beyond)
        before, end = min(margin, first), min(len(codes) + shift, last + WINDOW + margin)
        begin = first - before
        piece = codes[begin:end] if edit is None else edit.piece(codes, begin, end)
        blocked = _all_but(scored[0] - begin, scored[1] + WINDOW - begin, len(piece)) if self.beyond else None
        return Chunk("", first, piece, blocked, before=before, after=end - last - WINDOW)


def _all_but(begin: int, end: int, length: int) -> Mask:
    mask = np.ones(length, dtype=np.bool_)
    mask[begin:end] = False
    return mask


@dataclass(frozen=True)
class FrameGrid:
    """Frames for variants.

    flank: distance in bp up to which scores around a variant are wanted.
    step: distance in bp between frames.
    beyond: distance in bp from these scores up to which estimates are wanted, too.
    """

    flank: int
    step: int
    beyond: int = 0

    @classmethod
    def of(cls, flank: int, lanes: tuple[int, ...], beyond: int = 0) -> FrameGrid:
        """The grid whose frames fill lanes of one of these lengths, sorted; the shortest that variants can share."""
        needed = 2 * flank + _BEFORE - _AFTER + 1 + 2 * SPARE
        steps = [lane - needed for lane in lanes if lane - needed >= SPARE]
        return cls(flank, steps[0] if steps else 1, beyond)

    def frame_of(self, edit: Edit) -> Frame:
        """The frame of the grid that holds an edit, or one of its own if there is none."""
        cell = edit.first // self.step
        last = max(edit.first, edit.last - 1)
        if last < (cell + 1) * self.step + SPARE:
            grid = cell * self.step, (cell + 1) * self.step + SPARE - 1
            return Frame(grid[0] - self.flank, grid[1] + self.flank, self.beyond)
        return Frame(edit.first - self.flank, last + self.flank, self.beyond)
