"""A window whose score is explained, with the bases around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from promscan.seq import dna
from promscan.seq.dna import UNKNOWN, Codes
from promscan.seq.records import Chunk, Strand
from promscan.seq.windows import TSS_INDEX, WINDOW


@dataclass(frozen=True, eq=False)
class WindowInContext:
    """A window, read 5' to 3' on its strand.

    codes: its bases and those around it, as many on each side as its contig has, up to what was asked for.
    before: how many of them lie before the window.
    flank: bases before and after the window that are explained, too.
    """

    codes: Codes
    before: int
    flank: int = 0

    @classmethod
    def around_tss(cls, contig: Codes, tss: int, strand: Strand, margin: int, flank: int = 0) -> WindowInContext | None:
        """The window with this 0-based transcription start, and up to `margin` bases on each side; None: no room."""
        at = tss if strand == "+" else len(contig) - 1 - tss
        first = at - TSS_INDEX
        if first < 0 or first + WINDOW > len(contig):
            return None
        begin, end = max(0, first - margin), min(len(contig), first + WINDOW + margin)
        if strand == "+":
            return cls(contig[begin:end], first - begin, flank)
        return cls(dna.reverse_complement(contig[len(contig) - end : len(contig) - begin]), first - begin, flank)

    @property
    def first(self) -> int:
        """Position in `codes` of the first base that is explained; negative: it lies before the contig."""
        return self.before - self.flank

    @property
    def width(self) -> int:
        """How many bases are explained."""
        return WINDOW + 2 * self.flank

    @property
    def bases(self) -> Codes:
        """The bases that are explained: window and flanks, (width,); unknown ones past the end of the contig."""
        first, end = self.first, self.first + self.width
        missing = max(0, -first), max(0, end - len(self.codes))
        return np.pad(self.codes[max(0, first) : end], missing, constant_values=UNKNOWN)

    def mutant(self, index: int, base: int) -> Codes:
        """The codes with another base at an index of `bases`."""
        codes = self.codes.copy()
        codes[self.first + index] = base
        return codes

    def chunk(self, codes: Codes) -> Chunk:
        """What an engine scores of these codes, or of a mutant: the one window."""
        after = len(codes) - self.before - WINDOW
        return Chunk("", self.before, np.ascontiguousarray(codes), before=self.before, after=after)
