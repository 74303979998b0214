"""From scores to hits: call the best window of every neighbourhood, in constant memory.

A hit is a window with logit >= threshold that no better window of its strand and contig starts less than
`min_distance` away. A window is better than another if its logit is higher, or equal and the window lies further 5' on
its own strand. The rule is local and pairwise: a window that is no hit itself can still exclude its neighbours. Windows
that were not scored (NaN) exclude nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.seq.dna import Mask
from promscan.seq.records import Hit, Logits, ScoreTrack, Strand
from promscan.seq.windows import tss_of

_EMPTY: Logits = np.empty(0, dtype=np.float32)


class PeakCaller:
    """Calls the hits of one strand from tracks that arrive in order, a few windows behind the last one seen.

    A window is decided once all its rivals have been seen, `radius` windows on each side:

        |<-- radius: decided, still rivals   -->|<-- undecided, at most radius -->|<-- the next track ...
        ^ start                                 ^ decided                         ^ end of the buffer

    so at most 2 * radius logits stay between calls, for a contig of any length.

    The frontier: after `feed` every window of the contig that starts before `end - radius * stride` is decided, and no
    other, where `end` is the start that would continue the track. It depends on the grid alone, never on the logits or
    the strand, so callers with equal settings, fed tracks of the same windows, return hits of the same range of starts.
    `in_order` relies on it.
    """

    def __init__(self, strand: Strand, threshold: float, min_distance: int, stride: int) -> None:
        """Settings of a scan.

        Args:
            strand: the strand of every track to come.
            threshold: lowest logit of a hit; compared, as float64, with the exact value of the float32 logit.
            min_distance: in bp, at least 1; two hits are never closer.
            stride: bp between neighbouring windows, at least 1.

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
        self._chrom: str | None = None
        self._start = 0
        self._decided = 0
        self._buffer: Logits = _EMPTY

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
        hits += self._decide(len(self._buffer) - self.radius)
        self._drop(self._decided - self.radius)
        return hits

    def state(self) -> dict[str, Any]:
        """What decides the hits to come, for JSON; `restore` brings another caller of the same settings there.

        Only logits that reach the threshold are in it: a lower one is no hit, and excludes no hit.
        """
        passing = np.flatnonzero(self._passing(self._buffer)).tolist()
        return {
            "chrom": self._chrom,
            "start": self._start,
            "decided": self._decided,
            "length": len(self._buffer),
            "passing": [[index, float(self._buffer[index])] for index in passing],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state` returned."""
        self._chrom, self._start, self._decided = state["chrom"], state["start"], state["decided"]
        self._buffer = np.full(state["length"], np.nan, dtype=np.float32)
        for index, logit in state["passing"]:
            self._buffer[index] = logit

    def flush(self) -> list[Hit]:
        """Decide the windows that are left, as at the end of a contig, and begin again."""
        hits = self._decide(len(self._buffer))
        self._chrom, self._start, self._decided, self._buffer = None, 0, 0, _EMPTY
        return hits

    def _drop(self, count: int) -> None:
        """Drop the first `count` logits; the rest is copied, as a view would hold the whole track in memory."""
        if count > 0:
            self._buffer = self._buffer[count:].copy()
            self._start += count * self.stride
            self._decided -= count

    def _decide(self, end: int) -> list[Hit]:
        """Hits among the undecided windows before index `end` of the buffer."""
        first, self._decided = self._decided, max(self._decided, end)
        passing = first + np.flatnonzero(self._passing(self._buffer[first : self._decided]))
        if not len(passing):
            return []
        # Few windows pass, and only what is around them decides about them.
        groups = np.split(passing, np.flatnonzero(np.diff(passing) > 2 * self.radius) + 1)
        return [self._hit(index) for group in groups for index in self._unbeaten(group)]

    def _passing(self, logits: Logits) -> Mask:
        passing: Mask = logits >= self._lowest
        return passing

    def _unbeaten(self, passing: npt.NDArray[np.intp]) -> list[int]:
        """Windows, of these in order of their index in the buffer, that have no better rival."""
        first, end = int(passing[0]), int(passing[-1]) + 1
        around = self._buffer[max(0, first - self.radius) : end + self.radius]
        reach = min(self.radius, len(around))
        if reach == 0:
            return list(passing.tolist())
        best, logits = sliding_maximum(around, reach), self._buffer[passing]
        own = passing - max(0, first - self.radius)
        before, after = best[own], best[own + reach + 1]
        # NaN compares false: a rival that was not scored excludes nothing.
        first_wins, last_wins = (np.greater_equal, np.greater) if self.strand == "+" else (np.greater, np.greater_equal)
        beaten = first_wins(before, logits) | last_wins(after, logits)
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
