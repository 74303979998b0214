"""A chunk on its way through the streaming engine: cut into lanes, screened, and put together again."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from promscan.inference.settings import EngineSettings
from promscan.inference.work_units import check_finite
from promscan.seq import dna
from promscan.seq.dna import UNKNOWN, Codes, Mask
from promscan.seq.records import ESTIMATE_STEP, Chunk, Logits, ScoreTrack, Strand
from promscan.seq.windows import WINDOW, scorable

Part = tuple[int, int]
"""Windows of a lane, from the first up to the last, which is not among them."""


class Lane(NamedTuple):
    """A lane of one strand: its bases, with those around it, read 5' to 3', and where the logits of its windows go.

    `room`, and `place_room` for the places, are in the order of the lane. Past the end of a contig there is none: at
    the end of a part, or on the reverse strand at its beginning, which is `skipped`.
    """

    codes: Codes
    room: Logits
    part: Part
    """The windows to score."""
    skipped: int = 0
    job: Job | None = None
    whole: bool = False
    """Whether all bases around the lane are unknown: it is a whole contig, or a loose window."""
    place_room: Logits | None = None

    @property
    def kind(self) -> Hashable:
        """Lanes of one kind can be run in one unit."""
        return len(self.codes), self.whole, self.part


@dataclass(frozen=True)
class Grid:
    """How contigs are cut into lanes.

    lane: window starts of a lane.
    shorter: window starts of the last lane of a contig, if one of these is enough.
    around: bases that a lane reads on each side.
    """

    lane: int
    shorter: Sequence[int]
    around: int

    def length(self, windows: int) -> int:
        """Window starts of the lane that begins where a contig has `windows` left."""
        return next((length for length in self.shorter if length >= windows), self.lane)

    def part(self, first: int, end: int) -> Part:
        """The smallest part that holds the windows from `first` up to `end` of a lane.

        A part is a half of the lane, at its beginning, in its middle or at its end, or all of it: few kinds of lanes
        fill their units soon. So a part holds every quarter of which it has a window.
        """
        quarter = self.quarter
        half = min(first // quarter, self.lane // quarter - 2) * quarter
        return (half, half + 2 * quarter) if end <= half + 2 * quarter else (0, self.lane)

    @property
    def quarter(self) -> int:
        """Window starts of a quarter of a lane, whole blocks; what is left of the lane follows the last one."""
        return max(1, self.lane // (4 * WINDOW)) * WINDOW

    @property
    def quarters(self) -> int:
        """Quarters of a lane, with what is left of it."""
        return -(-self.lane // self.quarter)

    def part_of(self, reached: Mask) -> Part | None:
        """The part that holds the quarters that are marked; None if none is."""
        marked = np.flatnonzero(reached)
        if not len(marked):
            return None
        return self.part(int(marked[0]) * self.quarter, min(self.lane, (int(marked[-1]) + 1) * self.quarter))


@dataclass(frozen=True)
class Screen:
    """What a screening reads and decides.

    strands: strands that are estimated.
    margin: cells that an estimate needs on each side of its own.
    """

    strands: Sequence[Strand]
    margin: int

    def reach(self, settings: EngineSettings) -> int:
        """Bases that it reads on each side of a chunk."""
        return (self.margin + groups_within(settings.exact_reach)) * ESTIMATE_STEP + 1


def groups_within(bases: int) -> int:
    """Estimates on each side that are about windows within this many bases."""
    return -(-bases // ESTIMATE_STEP)


def stretches(chunk: Chunk, screen: Screen, beyond: int = 0) -> list[Codes]:
    """The bases that the estimates of a chunk need, and of `beyond` groups on each side of it, one stretch a strand."""
    groups = -(-chunk.windows // ESTIMATE_STEP)
    # The bases behind the middles of the windows of a group are the cell behind the one where it begins; on the other
    # strand, where the base behind a middle is the one before it, that cell begins a base earlier.
    begin = (1 - beyond - screen.margin) * ESTIMATE_STEP
    end = (1 + groups + beyond + screen.margin) * ESTIMATE_STEP
    return [
        _bases(chunk, begin, end) if strand == "+" else dna.reverse_complement(_bases(chunk, begin - 1, end - 1))
        for strand in screen.strands
    ]


def _bases(chunk: Chunk, begin: int, end: int) -> Codes:
    """The bases from `begin` to `end`, counted from the start of a chunk; unknown where it has none."""
    codes = np.full(end - begin, UNKNOWN, dtype=np.uint8)
    first = max(0, begin + chunk.before)
    known = chunk.codes[first : max(first, end + chunk.before)]
    codes[first - chunk.before - begin :][: len(known)] = known
    return codes


class Job:
    """A chunk, and the logits of its windows as far as its lanes are scored; with `places`, their places as well.

    lane: windows of a lane.
    starts: first windows of its lanes with a window to score.
    unscored: windows that are not to be scored, (windows,).
    missing: lanes that are not scored yet.
    """

    def __init__(self, chunk: Chunk, settings: EngineSettings, grid: Grid, *, places: bool = False) -> None:
        self.chunk, self.lane, self._settings, self._grid = chunk, grid.lane, settings, grid
        stride, blocked = settings.stride, None if chunk.blocked is None else chunk.blocked[chunk.own]
        self._first = -chunk.start % stride
        scored = np.zeros(chunk.windows, dtype=np.bool_)
        scored[self._first :: stride] = scorable(chunk.codes[chunk.own], 1, blocked=blocked)[self._first :: stride]
        self.unscored = ~scored
        self.starts = [i for i in range(0, chunk.windows, grid.lane) if scored[i : i + grid.lane].any()]
        self._logits = {strand: np.full(chunk.windows, -np.inf, dtype=np.float32) for strand in tuple(settings.strands)}
        self._places = {strand: values.copy() for strand, values in self._logits.items() if places}
        self._run: dict[Strand, Mapping[int, Part]] = {
            strand: {start: self.whole(start) for start in self.starts} for strand in self._logits
        }
        """The windows to score of each lane that is run, by its first window."""
        self._estimates: dict[Strand, Logits] = {}
        self.best: dict[Strand, dict[int, Logits]] = {}
        """The best estimates that have the quarters of each lane scored, (quarters,), by its first window."""
        self.missing = len(self.starts) * len(self._logits)

    # Screening

    def stretches(self, screen: Screen) -> list[Codes]:
        """The bases that its estimates are about and need, one stretch a strand."""
        return stretches(self.chunk, screen, groups_within(self._settings.exact_reach))

    def screen(self, screen: Screen, estimates: Sequence[Logits]) -> None:
        """Take the estimates of its stretches; with a floor, drop the lanes that hold no hit."""
        found = {
            strand: values if strand == "+" else values[::-1].copy()
            for strand, values in zip(screen.strands, estimates, strict=True)
        }
        beyond, groups = groups_within(self._settings.exact_reach), -(-self.chunk.windows // ESTIMATE_STEP)
        self._estimates = {strand: found[strand][beyond : beyond + groups] for strand in self._logits}
        if (floor := self._settings.floor) is None:
            return
        could_be = {strand: self._on_the_contig(beyond, values) for strand, values in found.items()}
        if self._settings.both_strands:
            either: Logits = np.maximum.reduce(list(could_be.values()))
            could_be = dict.fromkeys(could_be, either)
        self.best = {
            strand: {start: self._best_of_quarters(beyond, could_be[strand], start) for start in self.starts}
            for strand in self._logits
        }
        self._run = {
            strand: {start: part for start in lanes if (part := self.part_at(floor, strand, start)) is not None}
            for strand, lanes in self.best.items()
        }
        self.missing = sum(map(len, self._run.values()))

    def part_at(self, floor: float, strand: Strand, start: int) -> Part | None:
        """The windows of a lane that a scan with this floor scores, for the lane that begins there; None: none."""
        part = self._grid.part_of(self.best[strand][start] >= floor)
        return part if part is None or start + self._grid.lane <= self.chunk.windows else self.whole(start)

    def _on_the_contig(self, beyond: int, estimates: Logits) -> Logits:
        """Estimates from `beyond` groups before the chunk on; -inf for groups that have no window on the contig."""
        chunk, own = self.chunk, estimates.copy()
        own[: max(0, beyond - chunk.before // ESTIMATE_STEP)] = -np.inf
        windows = len(chunk.codes) - chunk.before - WINDOW + 1
        own[beyond + -(-windows // ESTIMATE_STEP) :] = -np.inf
        return own

    def _best_of_quarters(self, beyond: int, estimates: Logits, start: int) -> Logits:
        """The best of the estimates that are about windows within the exact reach of each quarter of a lane."""
        reach, grid = self._settings.exact_reach, self._grid
        best = np.full(grid.quarters, -np.inf, dtype=np.float32)
        for n, begin in enumerate(range(start, start + grid.lane, grid.quarter)):
            end = min(begin + grid.quarter, start + grid.lane)
            near = estimates[beyond + (begin - reach) // ESTIMATE_STEP : beyond - -(end + reach) // ESTIMATE_STEP]
            best[n] = near.max(initial=-np.inf)
        return best

    def whole(self, start: int) -> Part:
        """All windows of the lane that begins there."""
        return 0, self._grid.length(self.chunk.windows - start)

    # Scoring

    def lanes(self) -> Iterator[Lane]:
        """Its lanes to run, both strands of a lane together."""
        for start in self.starts:
            for strand, run in self._run.items():
                if start in run:
                    yield self._lane(strand, start, run[start])

    def _lane(self, strand: Strand, start: int, part: Part) -> Lane:
        """The lane of a strand from `start` on, of which `part` is to be scored."""
        chunk, around, length = self.chunk, self._grid.around, self._grid.length(self.chunk.windows - start)
        whole = chunk.start == chunk.before == chunk.after == 0 and chunk.windows <= self._grid.lane
        begin, end = start - around, start + length + WINDOW + around
        own = slice(start + part[0], start + part[1])
        logits, places = self._logits[strand][own], self._places[strand][own] if self._places else None
        if strand == "+":
            return Lane(_bases(chunk, begin, end), logits, part, 0, self, whole, places)
        # The windows of both strands start at the same bases, so this lane ends where the other begins.
        codes, part = dna.reverse_complement(_bases(chunk, begin - 1, end - 1)), (length - part[1], length - part[0])
        skipped = part[1] - part[0] - len(logits)
        return Lane(codes, logits[::-1], part, skipped, self, whole, None if places is None else places[::-1])

    def tracks(self) -> Iterator[list[ScoreTrack]]:
        """One list of a track for each strand; nothing if no window starts on the stride.

        Raises:
            ModelError: a logit or a place is no number.
        """
        stride, chunk = self._settings.stride, self.chunk
        if not chunk.windows_on(stride):
            return
        gc = chunk.gc_around(self._settings.gc_reach, stride)
        yield [
            ScoreTrack(
                chunk.chrom,
                strand,
                chunk.start + self._first,
                stride,
                self._where_scored(logits, strand),
                self._estimates.get(strand),
                chunk.start if self._estimates else 0,
                self._where_scored(self._places[strand], strand) if self._places else None,
                gc,
            )
            for strand, logits in self._logits.items()
        ]

    def _where_scored(self, values: Logits, strand: Strand) -> Logits:
        """The values of the windows on the stride; -inf where a lane was not run, NaN where none was to be scored."""
        for start, (first, end) in self._run[strand].items():
            own = slice(start + first, start + end)
            check_finite(values[own][~self.unscored[own]])
        values[self.unscored] = np.nan
        return values[self._first :: self._settings.stride]
