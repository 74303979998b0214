"""From scores to hits: call the best window of every neighbourhood, in constant memory.

A window passes if its logit is at least the threshold. A hit is a passing window that no better one of its strand and
contig starts less than `min_distance` away. A window is better than another if its rank is higher, or equal and the
window lies further 5' on its own strand. The rank is the logit, or logit + place_weight * place for a network that
gives a second track, of places. The rule is local and pairwise: a passing window that is no hit itself can still
exclude its neighbours. Windows that do not pass, or were not scored (NaN), exclude nothing.

If the rank is the logit, the hits at a higher threshold are among those at a lower one: a window that passes only the
lower threshold has a lower logit. With places that need not hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.seq.from_json import record_of
from promscan.seq.records import Hit, Logits, ScoreTrack, Strand
from promscan.seq.windows import tss_of

_EMPTY: Logits = np.empty(0, dtype=np.float32)


class _State(NamedTuple):
    """State of a caller, for JSON.

    chrom: contig of the windows; None before the first track of one.
    start, length: first window start that is still known, and number of windows.
    decided: windows at its beginning that are decided.
    passing: place, logit and rank of each window that passes.
    """

    chrom: str | None
    start: int
    decided: int
    length: int
    passing: list[Any]


class _Passing(NamedTuple):
    """Window that passes, by its place in the buffer."""

    place: int
    logit: float
    rank: float


class PeakCaller:
    """Calls the hits of one strand from tracks that arrive in order, a few windows behind the last one seen.

    A window is decided once all its rivals have been seen, `radius` windows on each side:

        |<-- radius: decided, still rivals   -->|<-- undecided, at most radius -->|<-- the next track ...
        ^ start                                 ^ decided                         ^ end of the buffer

    so at most 2 * radius logits and ranks stay between calls, for a contig of any length.

    The frontier: after `feed` every window of the contig that starts before `end - radius * stride` is decided, and no
    other, where `end` is the start that would continue the track. It depends on the grid alone, never on the logits or
    the strand, so callers with equal settings, fed tracks of the same windows, return hits of the same range of starts.
    `in_order` relies on it.
    """

    def __init__(
        self, strand: Strand, threshold: float, min_distance: int, stride: int, place_weight: float = 0.0
    ) -> None:
        """Settings of a scan.

        Args:
            strand: the strand of every track to come.
            threshold: lowest logit of a hit; compared, as float64, with the exact value of the float32 logit.
            min_distance: in bp, at least 1; two hits are never closer.
            stride: bp between neighbouring windows, at least 1.
            place_weight: share of a place in the rank of a window; tracks without places rank by logit.

        Raises:
            ValueError: a setting is out of range.
        """
        if min_distance < 1 or stride < 1:
            raise ValueError(f"min_distance and stride must be positive, got {min_distance} and {stride}")
        if math.isnan(threshold):
            raise ValueError("threshold must be a number")
        self.strand: Strand = strand
        # The lowest float32 that reaches it: numpy would round the threshold itself, perhaps downwards.
        nearest = np.float32(threshold)
        self._lowest = nearest if float(nearest) >= threshold else np.nextafter(nearest, np.float32(math.inf))
        self.stride = stride
        self.radius = (min_distance - 1) // stride
        self._place_weight = np.float32(place_weight)
        self._chrom: str | None = None
        self._start = 0
        self._decided = 0
        self._buffer: Logits = _EMPTY
        self._ranks: Logits = _EMPTY
        """Ranks of the windows in the buffer; NaN where a window does not pass."""

    def feed(self, track: ScoreTrack) -> list[Hit]:
        """Take the next track; return the hits that it decides, by contig, then start.

        A track of another contig, or one that does not start where the last one ended, begins again: the windows still
        undecided are decided without it. A track without windows changes nothing.

        Raises:
            ValueError: the track is of another strand or stride than this caller.
        """
        if (track.strand, track.stride) != (self.strand, self.stride):
            raise ValueError(f"track ({track.strand}, {track.stride}) fed to caller ({self.strand}, {self.stride})")
        if not len(track.logits):
            return []
        hits = []
        if (track.chrom, track.start) != (self._chrom, self._start + len(self._buffer) * self.stride):
            hits = self.flush()
            self._chrom, self._start = track.chrom, track.start
        self._buffer = np.concatenate([self._buffer, track.logits])
        self._ranks = np.concatenate([self._ranks, self._ranks_of(track)])
        hits += self._decide(len(self._buffer) - self.radius)
        self._drop(self._decided - self.radius)
        return hits

    def state(self) -> dict[str, Any]:
        """What decides the hits to come, for JSON; `restore` brings another caller of the same settings there.

        Only passing windows are in it, with their logits and ranks.
        """
        passing = np.flatnonzero(~np.isnan(self._ranks)).tolist()
        return {
            "chrom": self._chrom,
            "start": self._start,
            "decided": self._decided,
            "length": len(self._buffer),
            "passing": [[index, float(self._buffer[index]), float(self._ranks[index])] for index in passing],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state` returned.

        Raises:
            LookupError, TypeError, ValueError: it cannot be one.
        """
        then = record_of(_State, state)
        if not then.decided <= then.length <= 2 * self.radius or (then.chrom is None and then.length):
            raise ValueError("the lengths do not fit this caller")
        self._chrom, self._start, self._decided = then.chrom, then.start, then.decided
        self._buffer, self._ranks = (np.full(then.length, np.nan, dtype=np.float32) for _ in range(2))
        for entry in then.passing:
            window = record_of(_Passing, dict(zip(_Passing._fields, entry, strict=True)))
            self._buffer[window.place], self._ranks[window.place] = window.logit, window.rank

    def flush(self) -> list[Hit]:
        """Decide the windows that are left, as at the end of a contig, and begin again."""
        hits = self._decide(len(self._buffer))
        self._chrom, self._start, self._decided = None, 0, 0
        self._buffer = self._ranks = _EMPTY
        return hits

    def _drop(self, count: int) -> None:
        """Drop the first `count` windows; the rest is copied, as a view would hold the whole track in memory."""
        if count > 0:
            self._buffer, self._ranks = self._buffer[count:].copy(), self._ranks[count:].copy()
            self._start += count * self.stride
            self._decided -= count

    def _decide(self, end: int) -> list[Hit]:
        """Hits among the undecided windows before index `end` of the buffer."""
        first, self._decided = self._decided, max(self._decided, end)
        passing = first + np.flatnonzero(~np.isnan(self._ranks[first : self._decided]))
        if not len(passing):
            return []
        # Few windows pass, and only what is around them decides about them.
        groups = np.split(passing, np.flatnonzero(np.diff(passing) > 2 * self.radius) + 1)
        return [self._hit(index) for group in groups for index in self._unbeaten(group)]

    def _ranks_of(self, track: ScoreTrack) -> Logits:
        """What the windows of a track are compared by; NaN where one does not pass. A place that is NaN counts as 0."""
        ranks, passing = track.logits, track.logits >= self._lowest
        if self._place_weight and track.places is not None:
            places = np.where(passing & ~np.isnan(track.places), track.places, np.float32(0))
            ranks = np.where(passing, track.logits, np.float32(0)) + self._place_weight * places
        return np.where(passing, ranks, np.float32(np.nan))

    def _unbeaten(self, passing: npt.NDArray[np.intp]) -> list[int]:
        """Windows, of these in order of their index in the buffer, that have no better rival."""
        first, end = int(passing[0]), int(passing[-1]) + 1
        around = self._ranks[max(0, first - self.radius) : end + self.radius]
        reach = min(self.radius, len(around))
        if reach == 0:
            return list(passing.tolist())
        best, ranks = sliding_maximum(around, reach), self._ranks[passing]
        own = passing - max(0, first - self.radius)
        before, after = best[own], best[own + reach + 1]
        # NaN compares false: a rival that does not pass excludes nothing.
        first_wins, last_wins = (np.greater_equal, np.greater) if self.strand == "+" else (np.greater, np.greater_equal)
        beaten = first_wins(before, ranks) | last_wins(after, ranks)
        return list(passing[~beaten].tolist())

    def _hit(self, index: int) -> Hit:
        assert self._chrom is not None  # there is a window, so a track has named its contig
        start = self._start + index * self.stride
        logit = float(self._buffer[index])
        return Hit(self._chrom, start, self.strand, tss_of(start, self.strand), logit, probability_of(logit))


def in_order(batches: Iterable[list[Hit]], chrom: str | None) -> list[Hit]:
    """The hits that the callers of both strands returned for one chunk, sorted by contig, start, strand.

    `chrom` is the contig of that chunk (None after the last `flush`, when any order of contigs is one contig): a hit of
    another contig was left undecided by the one before, and goes first. By the frontier, such batches one after the
    other are sorted as a whole.
    """
    hits = [hit for batch in batches for hit in batch]
    return sorted(hits, key=lambda hit: (hit.chrom == chrom, hit.start, hit.strand))


def sliding_maximum(values: Logits, width: int) -> Logits:
    """Maximum of the `width` values before each index 0 .. len(values) + width, NaN and the outside ignored.

    Entry i is the maximum of `values[i - width : i]`, NaN where there is none; shape (len(values) + width + 1,). Each
    pass doubles the width that one entry covers, and the last one overlaps two entries to reach any width: log2(width)
    passes over contiguous memory, several times faster in numpy than the running maxima of van Herk and Gil-Werman.
    """
    padded = np.full(len(values) + 2 * width, np.nan, dtype=values.dtype)
    padded[width : width + len(values)] = values
    covered = 1
    while 2 * covered <= width:
        padded = np.fmax(padded[:-covered], padded[covered:])
        covered *= 2
    missing = width - covered
    return np.fmax(padded[: len(padded) - missing], padded[missing:]) if missing else padded


def probability_of(logit: float) -> float:
    """Logistic function, without overflow at either end."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)
