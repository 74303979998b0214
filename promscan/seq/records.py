"""What flows through a scan: chunks of a contig, tracks of scores, hits.

Coordinates are 0-based and half-open everywhere, as in BED.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.seq.dna import Codes, Mask
from promscan.seq.windows import WINDOW, gc_around

Strand = Literal["+", "-"]
STRANDS: tuple[Strand, Strand] = ("+", "-")
OPPOSITE: dict[Strand, Strand] = {"+": "-", "-": "+"}
Logits = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]
ESTIMATE_STEP = 35
"""Distance in bp between the window starts that have an estimate; they are multiples of it."""


class Interval(NamedTuple):
    """`start` <= position < `end` on `chrom`."""

    chrom: str
    start: int
    end: int


class Circle(NamedTuple):
    """A circular contig of `length` bp, on which a scan goes round for more than one round.

    Chunks, tracks and the hits that a caller returns have positions that count on past both ends: `offset` is that of
    the first base. See `promscan.seq.circles`.
    """

    length: int
    offset: int


@dataclass(frozen=True)
class Chunk:
    """A stretch of one contig and the windows that begin in it.

    The windows are those with `start` <= window start < `start + windows`. They touch `codes[own]`, which reaches 69
    bases past the last start, so neighbouring chunks share 69 bases and no window is seen twice; `codes` has bases
    of context before and after them as well, fewer at the ends of the contig. A contig that is too short to be scanned
    is one chunk without windows. A circle has no ends.
    """

    chrom: str
    start: int
    codes: Codes
    blocked: Mask | None = None
    """True for a base that no window may touch (shape of `codes`); None: there is none."""
    before: int = 0
    """Bases of context before `start`."""
    after: int = 0
    """Bases of context after the end of the last window."""
    circle: Circle | None = None
    """The contig, if it is a circle."""

    @property
    def own(self) -> slice:
        """Where in `codes` the bases of the windows are."""
        return slice(self.before, len(self.codes) - self.after)

    @property
    def first_base(self) -> int:
        """Position of `codes[0]` in the contig."""
        return self.start - self.before

    @property
    def windows(self) -> int:
        """How many windows begin in this chunk."""
        return max(0, len(self.codes) - self.before - self.after - WINDOW + 1)

    def windows_on(self, stride: int) -> int:
        """How many of them begin at a multiple of `stride` in the contig."""
        return len(range(-self.start % stride, self.windows, stride))

    def gc_around(self, reach: int | None, stride: int) -> Logits | None:
        """Share of G and C around these windows, see `seq.windows.gc_around`; None without a reach.

        It takes `reach` bases of context, as far as the contig reaches.
        """
        if reach is None:
            return None
        shares: Logits = gc_around(self.codes, self.before, self.windows, reach)[-self.start % stride :: stride].copy()
        return shares


@dataclass(frozen=True)
class ScoreTrack:
    """Logits of the windows of one strand, at `start`, `start + stride`, ...; NaN where a window was not scored.

    -inf: a window that a screening excluded, because it could not be a hit.
    """

    chrom: str
    strand: Strand
    start: int
    stride: int
    logits: Logits
    estimates: Logits | None = None
    """What a screening network estimates: entry k is about the best logit of the windows of this strand that start at
    `estimates_start + 35 * k` and at the 34 positions after it, in the order of the genome on both strands. All are
    finite, and no option changes them. None: the model has no such network, or nobody asked for it."""
    estimates_start: int = 0
    """Window start of the first estimate, a multiple of `ESTIMATE_STEP`; the next track of the contig and strand goes
    on where this one ends."""
    places: Logits | None = None
    """What a network with a head for places says about each window (shape of `logits`): of neighbours, the one with the
    highest place is most likely where transcription starts. None: the network has no such head."""
    gc: Logits | None = None
    """Share of G and C around each window (shape of `logits`); see `gc_around`. None: nobody asked for it."""


@dataclass(frozen=True)
class Hit:
    """One called promoter: the 70-bp window `start`-`end`, its transcription start `tss`, and its grades.

    The window of a hit over the origin of a circle ends past the length of the contig; its tss does not.
    """

    chrom: str
    start: int
    strand: Strand
    tss: int
    logit: float
    probability: float
    fp_per_mb: float | None = None
    strength: float | None = None
    strength_sd: float | None = None
    circle: int | None = None
    """Length of the contig if it is a circle."""

    @property
    def end(self) -> int:
        """End of the window."""
        return self.start + WINDOW

    @property
    def over_origin(self) -> bool:
        """Whether the window ends on the other side of the origin of a circle."""
        return self.circle is not None and self.end > self.circle

    @property
    def part(self) -> tuple[int, int]:
        """The window, from its first base to before its last; over the origin, the part that holds the tss."""
        if self.circle is None or not self.over_origin:
            return self.start, self.end
        return (0, self.end - self.circle) if self.tss < self.start else (self.start, self.circle)

    @property
    def name(self) -> str:
        """`chrom_tss_strand`, unique in a scan."""
        return f"{self.chrom}_{self.tss}_{self.strand}"
