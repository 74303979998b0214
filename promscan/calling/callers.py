"""From the tracks of both strands to the hits of a scan: callers that hold little of a contig at a time.

    PlainCaller    the best windows of each strand, by their logits
    GradedCaller   the same windows, as candidates; what lies around them grades them, and good grades are hits

The frontier: after `feed`, hits are returned for all window starts before a position, and for no later one. It depends
on the grid of the windows alone, so the hits of one call follow those of the call before, in order.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from promscan.calling.peaks import PeakCaller, in_order, probability_of
from promscan.calling.settings import CallSettings
from promscan.calling.surroundings import BaseTerms, NearTerms, Terms, WideTerms
from promscan.networks.calling_rule import GC, NEAR, OWN, WIDE, CallingRule
from promscan.seq.from_json import is_whole, record_of
from promscan.seq.records import ESTIMATE_STEP, Hit, ScoreTrack


class Caller(Protocol):
    """Calls hits from the tracks of the chunks of a genome, which come in order."""

    def feed(self, tracks: Sequence[ScoreTrack]) -> list[Hit]:
        """Take the tracks of the next chunk, one a strand; return the hits that they decide, in order."""

    def flush(self) -> list[Hit]:
        """Decide the hits that are left, as at the end of a contig, and begin again."""

    def state(self) -> Any:
        """What decides the hits to come, for JSON; `restore` brings another caller of the same settings there."""

    def restore(self, state: Any) -> None:
        """Go on from a state that `state` returned.

        Raises:
            LookupError, TypeError, ValueError, zlib.error: it cannot be one.
        """


def open_caller(calling: CallSettings) -> Caller:
    """The caller for these settings."""
    peaks = PlainCaller(calling)
    return peaks if calling.rule is None else GradedCaller(peaks, calling, calling.rule)


class PlainCaller:
    """Calls the best windows of each strand. Tracks of strands that are not wanted are passed over."""

    def __init__(self, calling: CallSettings) -> None:
        weight = 0.0 if calling.rule is None else calling.rule.place_weight
        self._callers = {
            strand: PeakCaller(strand, calling.candidates, calling.min_distance, calling.stride, weight)
            for strand in calling.strands
        }

    def feed(self, tracks: Sequence[ScoreTrack]) -> list[Hit]:
        """Take the tracks of the next chunk, one a strand; return the hits that they decide, in order."""
        wanted = (track for track in tracks if track.strand in self._callers)
        return in_order([self._callers[track.strand].feed(track) for track in wanted], tracks[0].chrom)

    def flush(self) -> list[Hit]:
        """Decide the hits that are left, as at the end of a contig, and begin again."""
        return in_order([caller.flush() for caller in self._callers.values()], None)

    def state(self) -> list[Any]:
        """What decides the hits to come, for JSON; `restore` brings another caller of the same settings there."""
        return [caller.state() for caller in self._callers.values()]

    def restore(self, state: Sequence[Any]) -> None:
        """Go on from a state that `state` returned."""
        for caller, of_strand in zip(self._callers.values(), state, strict=True):
            caller.restore(of_strand)


class _Queue:
    """Candidates that wait for one part of their grade; while they wait, the logit of a `Hit` is the sum so far."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.waiting = list[Hit]()

    def ready(self, before: float) -> Iterator[Hit]:
        """The candidates that start before a position, with this part of their grade; they wait no longer.

        Those whose grade cannot be known are no candidates any more: what is reported is exact.
        """
        count = sum(hit.start < before for hit in self.waiting)
        ready, self.waiting = self.waiting[:count], self.waiting[count:]
        for hit in ready:
            if (term := self.terms.of(hit)) > -math.inf:
                yield dataclasses.replace(hit, logit=hit.logit + term)


class GradedCaller:
    """Calls the candidates whose grade reaches the threshold.

    A candidate waits until all that lies within the reach of its features has been seen, or its contig has ended:

        candidates --> BaseTerms --> NearTerms (hundreds of bp) --> WideTerms (thousands of bp) --> grade

    The last two hold the track up to their reach behind the first candidate that may still ask for it.

    Args:
        peaks: calls the candidates.
        calling: settings of the scan.
        rule: what the grade is.
    """

    def __init__(self, peaks: PlainCaller, calling: CallSettings, rule: CallingRule) -> None:
        self._peaks, self._rule, self._threshold = peaks, rule, calling.threshold
        self._stride, self._undecided = calling.stride, calling.min_distance
        self._queues = list[_Queue]()
        if of_bases := rule.select(GC):
            self._queues.append(_Queue(BaseTerms(of_bases, calling.stride)))
        if near := rule.select(*NEAR):
            self._queues.append(_Queue(NearTerms(near, calling.scored_strands, calling.stride)))
        for kind in WIDE:
            if wide := rule.select(kind):
                self._queues.append(_Queue(WideTerms(wide, calling.stride)))
        self._next: tuple[str, int, int] | None = None
        """Contig, window start and first estimate of the tracks that would go on from the last ones."""

    def feed(self, tracks: Sequence[ScoreTrack]) -> list[Hit]:
        """Take the tracks of the next chunk, one a strand; return the hits that they decide, in order.

        Tracks that do not go on where the last ones ended, as those of another contig, begin again: the candidates that
        wait are graded without them.
        """
        first, hits = tracks[0], list[Hit]()
        if not len(first.logits) and first.estimates is None:
            return hits
        if self._next != (first.chrom, first.start, first.estimates_start):
            hits = self.flush()
            for queue in self._queues:
                queue.terms.begin(tracks)
        end = first.start + len(first.logits) * self._stride
        self._next = (first.chrom, end, _after_estimates(first))
        ready, reached = self._with_own(self._peaks.feed(tracks)), end - self._undecided
        for queue in self._queues:
            queue.terms.extend(tracks)
            queue.waiting += ready
            ready = list(queue.ready(queue.terms.frontier))
            reached = min(reached, queue.terms.frontier)
            queue.terms.forget(reached)
        return hits + self._graded(ready)

    def flush(self) -> list[Hit]:
        """Decide the hits that are left, as at the end of a contig, and begin again."""
        ready = self._with_own(self._peaks.flush())
        for queue in self._queues:
            queue.waiting += ready
            ready = list(queue.ready(float("inf")))
        self._next = None
        return self._graded(ready)

    def state(self) -> dict[str, Any]:
        """What decides the hits to come, for JSON; `restore` brings another caller of the same settings there."""
        return {
            "peaks": self._peaks.state(),
            "next": self._next,
            "queues": [[list(map(asdict, queue.waiting)), queue.terms.state()] for queue in self._queues],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state` returned; raises what `PeakCaller.restore` does."""
        self._peaks.restore(state["peaks"])
        self._next = None
        if state["next"] is not None:
            chrom, start, first_estimate = state["next"]
            if not (isinstance(chrom, str) and is_whole(start) and is_whole(first_estimate)):
                raise ValueError("it does not say which tracks come next")
            self._next = chrom, start, first_estimate
        for queue, (waiting, terms) in zip(self._queues, state["queues"], strict=True):
            queue.waiting = [record_of(Hit, fields) for fields in waiting]
            queue.terms.restore(terms)

    def _with_own(self, candidates: Sequence[Hit]) -> list[Hit]:
        """The candidates with the part of their grade that needs nothing else."""
        weights = [feature.weight for feature in self._rule.select(OWN)]
        return [
            dataclasses.replace(hit, logit=self._rule.bias + sum(weight * hit.logit for weight in weights))
            for hit in candidates
        ]

    def _graded(self, candidates: Sequence[Hit]) -> list[Hit]:
        """The hits among candidates whose grade is complete."""
        return [
            dataclasses.replace(hit, probability=probability_of(hit.logit))
            for hit in candidates
            if hit.logit >= self._threshold
        ]


def _after_estimates(track: ScoreTrack) -> int:
    """Where the estimates go on after those of a track."""
    return track.estimates_start + (0 if track.estimates is None else ESTIMATE_STEP * len(track.estimates))
