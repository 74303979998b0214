"""What lies around a candidate, read from the tracks of a scan in constant memory.

Three kinds of terms, which go into a grade one after the other: those that read the bases around, those that read
logits near by, and those that read the mean of a wide stretch. Each holds as much of the contig as the candidates to
come may ask for, and says which of them it can answer for. That depends on the grid of the windows alone, never on what
is read.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from promscan.networks.calling_rule import SAME, WIDE_ESTIMATES, Feature
from promscan.seq.from_json import is_whole
from promscan.seq.records import ESTIMATE_STEP, OPPOSITE, Hit, Logits, ScoreTrack, Strand

Values = npt.NDArray[Any]

LIMIT = 60.0
"""Logits beyond this count as this, on either side of 0. Its odds, exp(60), are far from the ends of a float."""
FINE = 256
"""Wide means add up whole numbers, logits in 256ths: such sums are exact, so their order does not matter."""


class Stretch:
    """Values of a contig at `first`, `first + step`, ...; new ones come at its end, old ones leave at its beginning."""

    def __init__(self, step: int, dtype: npt.DTypeLike) -> None:
        self.step, self.first, self.values = step, 0, np.empty(0, dtype=dtype)

    @property
    def end(self) -> int:
        """Position of the next value to come."""
        return self.first + self.step * len(self.values)

    def begin(self, first: int) -> None:
        """Start again, empty, at a position."""
        self.first, self.values = first, self.values[:0].copy()

    def extend(self, values: Values) -> None:
        """Add values at the end."""
        self.values = np.concatenate([self.values, values], dtype=self.values.dtype, casting="same_kind")

    def around(self, position: int, reach: int) -> Values:
        """The values at most `reach` bp away from a position, to both sides, as far as there are any."""
        begin = -((self.first - position + reach) // self.step)
        end = (position + reach - self.first) // self.step + 1
        return self.values[max(0, begin) : max(0, end)]

    def forget(self, before: int) -> None:
        """Drop the values at positions before this one."""
        count = min(len(self.values), -((self.first - before) // self.step))
        if count > 0:
            self.first, self.values = self.first + count * self.step, self.values[count:].copy()

    def state(self) -> dict[str, Any]:
        """The values for JSON; neighbours are alike, so their differences, as whole numbers, pack well."""
        bits = self.values.view(f"i{self.values.itemsize}")
        packed = zlib.compress(np.diff(bits, prepend=bits.dtype.type(0)).tobytes())
        return {"first": self.first, "length": len(self.values), "values": base64.b64encode(packed).decode()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state` returned.

        Raises:
            LookupError, TypeError, ValueError, zlib.error: it cannot be one.
        """
        first, length, size = state["first"], state["length"], self.values.itemsize
        if not is_whole(first) or not is_whole(length):
            raise TypeError("a position or a length is no whole number")
        unpacked = zlib.decompressobj().decompress(base64.b64decode(state["values"]), size * length or 1)
        differences = np.frombuffer(unpacked, dtype=f"i{size}")
        if len(differences) != length:
            raise ValueError(f"there are {len(differences)} values, and not {length}")
        self.first, bits = first, np.cumsum(differences, dtype=differences.dtype)
        self.values = bits.view(self.values.dtype)


class Terms(Protocol):
    """A part of the grade of the hits of a contig, from tracks that come in order."""

    @property
    def frontier(self) -> int:
        """All that belongs to the candidates that start before this position is known."""

    def begin(self, tracks: Sequence[ScoreTrack]) -> None:
        """Forget what is known; `tracks` come next."""

    def extend(self, tracks: Sequence[ScoreTrack]) -> None:
        """Take the next tracks."""

    def of(self, hit: Hit) -> float:
        """The part of the grade of a hit; -inf if that cannot be known."""

    def forget(self, start: int) -> None:
        """Let go of what no candidate needs that starts at `start` or later."""

    def state(self) -> Any:
        """All of this for JSON; `restore` brings other terms of the same features there."""

    def restore(self, state: Any) -> None:
        """Go on from a state that `state` returned."""


class BaseTerms:
    """Terms of the bases around a candidate, which come with its own window.

    Args:
        features: of the kind `gc`.
        stride: bp between neighbouring windows.
    """

    def __init__(self, features: Sequence[Feature], stride: int) -> None:
        self._weights = [feature.weight for feature in features]
        self._gc = Stretch(stride, np.float32)

    @property
    def frontier(self) -> int:
        """All that belongs to the candidates that start before this position is known."""
        return self._gc.end

    def begin(self, tracks: Sequence[ScoreTrack]) -> None:
        """Forget what is known; `tracks` come next."""
        self._gc.begin(tracks[0].start)

    def extend(self, tracks: Sequence[ScoreTrack]) -> None:
        """Take the next tracks; it is the same on both strands.

        Raises:
            ValueError: they lack the shares of G and C.
        """
        if tracks[0].gc is None:
            raise ValueError("the model is graded by its bases, and its tracks have none")
        self._gc.extend(tracks[0].gc)

    def of(self, hit: Hit) -> float:
        """The part of the grade of a hit."""
        share = float(self._gc.around(hit.start, 0)[0])
        return math.fsum(weight * share for weight in self._weights)

    def forget(self, start: int) -> None:
        """Let go of what no candidate needs that starts at `start` or later."""
        self._gc.forget(start)

    def state(self) -> list[Any]:
        """All of this for JSON; `restore` brings other terms of the same features there."""
        return [self._gc.state()]

    def restore(self, state: Sequence[Any]) -> None:
        """Go on from a state that `state` returned."""
        for stretch, values in zip([self._gc], state, strict=True):
            stretch.restore(values)


class NearTerms:
    """Terms of the logits near a candidate, on its own strand and on the other one.

    Args:
        features: of the kinds `same` and `other`.
        strands: strands of the tracks, in their order.
        stride: bp between neighbouring windows.
    """

    def __init__(self, features: Sequence[Feature], strands: Sequence[Strand], stride: int) -> None:
        self._features, self._reach = features, max(feature.reach for feature in features)
        self._logits = {strand: Stretch(stride, np.float32) for strand in strands}

    @property
    def frontier(self) -> int:
        """All that belongs to the candidates that start before this position is known."""
        return min(stretch.end for stretch in self._logits.values()) - self._reach

    def begin(self, tracks: Sequence[ScoreTrack]) -> None:
        """Forget what is known; `tracks` come next."""
        for track in tracks:
            self._logits[track.strand].begin(track.start)

    def extend(self, tracks: Sequence[ScoreTrack]) -> None:
        """Take the next tracks."""
        for track in tracks:
            self._logits[track.strand].extend(track.logits)

    def of(self, hit: Hit) -> float:
        """The part of the grade of a hit; -inf if a screening left out a logit that it reads."""
        other = OPPOSITE[hit.strand]
        strands = (hit.strand if feature.kind == SAME else other for feature in self._features)
        near = [
            self._logits[strand].around(hit.start, feature.reach)
            for strand, feature in zip(strands, self._features, strict=True)
        ]
        if any(np.isneginf(logits).any() for logits in near):
            return -math.inf
        return math.fsum(f.weight * log_mean_odds(logits) for f, logits in zip(self._features, near, strict=True))

    def forget(self, start: int) -> None:
        """Let go of what no candidate needs that starts at `start` or later."""
        for stretch in self._logits.values():
            stretch.forget(start - self._reach)

    def state(self) -> list[Any]:
        """All of this for JSON; `restore` brings other terms of the same features there."""
        return [stretch.state() for stretch in self._logits.values()]

    def restore(self, state: Sequence[Any]) -> None:
        """Go on from a state that `state` returned."""
        for stretch, values in zip(self._logits.values(), state, strict=True):
            stretch.restore(values)


class WideTerms:
    """Terms of the mean of both strands over a wide stretch: of their logits, or of what a screening estimates.

    Args:
        features: of one of the kinds `wide_logits` and `wide_estimates`.
        stride: bp between neighbouring windows.
    """

    def __init__(self, features: Sequence[Feature], stride: int) -> None:
        self._features, self._reach = features, max(feature.reach for feature in features)
        self._of_estimates = features[0].kind == WIDE_ESTIMATES
        step = ESTIMATE_STEP if self._of_estimates else stride
        self._sums, self._counts = Stretch(step, np.int16), Stretch(step, np.int8)
        """For each position: the logits of both strands in 256ths, added up, and how many there are."""

    @property
    def frontier(self) -> int:
        """All that belongs to the candidates that start before this position is known."""
        return self._sums.end - self._reach

    def begin(self, tracks: Sequence[ScoreTrack]) -> None:
        """Forget what is known; `tracks` come next."""
        first = tracks[0].estimates_start + ESTIMATE_STEP // 2 if self._of_estimates else tracks[0].start
        for stretch in (self._sums, self._counts):
            stretch.begin(first)

    def extend(self, tracks: Sequence[ScoreTrack]) -> None:
        """Take the next tracks.

        Raises:
            ValueError: they lack the estimates.
        """
        values = np.stack([_given(track.estimates) if self._of_estimates else track.logits for track in tracks])
        counted = np.isfinite(values)
        fine = np.rint(FINE * np.clip(np.where(counted, values, 0), -LIMIT, LIMIT)).astype(np.int16)
        self._sums.extend(fine.sum(axis=0, dtype=np.int16))
        self._counts.extend(counted.sum(axis=0, dtype=np.int8))

    def of(self, hit: Hit) -> float:
        """The part of the grade of a hit."""
        return math.fsum(feature.weight * self._mean(hit.start, feature.reach) for feature in self._features)

    def _mean(self, start: int, reach: int) -> float:
        count = int(self._counts.around(start, reach).sum(dtype=np.int64))
        return int(self._sums.around(start, reach).sum(dtype=np.int64)) / (FINE * count) if count else -LIMIT

    def forget(self, start: int) -> None:
        """Let go of what no candidate needs that starts at `start` or later."""
        for stretch in (self._sums, self._counts):
            stretch.forget(start - self._reach)

    def state(self) -> list[Any]:
        """All of this for JSON; `restore` brings other terms of the same features there."""
        return [self._sums.state(), self._counts.state()]

    def restore(self, state: Sequence[Any]) -> None:
        """Go on from a state that `state` returned."""
        for stretch, values in zip((self._sums, self._counts), state, strict=True):
            stretch.restore(values)


def log_mean_odds(logits: Logits) -> float:
    """Logarithm of the mean odds, exp(logit), of the windows that were scored (not NaN); -60 if there are none.

    Logits beyond -60 and 60 count as these. The sum is rounded once, so it depends on nothing but the logits.
    """
    scored = logits[~np.isnan(logits)].astype(np.float64)
    if not len(scored):
        return -LIMIT
    return math.log(math.fsum(np.exp(np.clip(scored, -LIMIT, LIMIT)).tolist()) / len(scored))


def _given(estimates: Logits | None) -> Logits:
    if estimates is None:
        raise ValueError("the model is graded by estimates, and its tracks have none")
    return estimates
