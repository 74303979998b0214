"""Alleles in, effects out, in order: their frames go through the engine in batches.

items with edits -> frames (shared by neighbours) -> engine -> effects of each item
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from promscan.calling.settings import CallSettings
from promscan.commands.variation.alleles import Edit
from promscan.commands.variation.effects import AROUND_SUMMIT, HITS_WITHIN, SUMMIT_WITHIN, Effect, Tracks, effect_of
from promscan.commands.variation.frames import Frame, FrameGrid
from promscan.inference.engine import Engine
from promscan.inference.streaming import StreamingEngine
from promscan.seq.dna import Codes
from promscan.seq.records import Chunk, ScoreTrack

Item = TypeVar("Item")

FRAMES_AT_HAND = 64
"""Frames of the reference whose scores wait for another allele."""


class Task(NamedTuple, Generic[Item]):
    """An item, its contig, and the edits whose effects are wanted; None: an allele that is not scored."""

    item: Item
    chrom: str
    codes: Codes
    edits: Sequence[Edit | None]


@dataclass(eq=False)
class _Scored:
    """A sequence that is being scored; `tracks` is None until it has been."""

    tracks: Tracks | None = None


class _Waiting(NamedTuple, Generic[Item]):
    """A task, and for each of its edits the sequences that its effect is made of."""

    task: Task[Item]
    pairs: list[tuple[Edit, _Scored, _Scored] | None]

    @property
    def ready(self) -> bool:
        return all(pair is None or (pair[1].tracks is not None and pair[2].tracks is not None) for pair in self.pairs)


class EffectScorer(Generic[Item]):
    """Computes effects with an open engine.

    Args:
        engine: scores sequences.
        calling: what makes a window a hit.
    """

    def __init__(self, engine: Engine, calling: CallSettings) -> None:
        self._engine, self._calling = engine, calling
        # Windows that are scored by themselves have no lanes to fill.
        lanes = (*StreamingEngine.shorter, StreamingEngine.lane) if engine.margin else ()
        flank = max(HITS_WITHIN + calling.reach_of_logits + 1, SUMMIT_WITHIN + AROUND_SUMMIT)
        self._grid = FrameGrid.of(flank, lanes, calling.reach - calling.reach_of_logits)
        self._frames = OrderedDict[tuple[str, Frame], _Scored]()
        self._sent = deque[_Scored]()
        self._waiting = deque[_Waiting[Item]]()

    def effects(self, tasks: Iterable[Task[Item]]) -> Iterator[tuple[Item, list[Effect | None]]]:
        """The items in order, and the effect of each of their edits; None: it was not scored, or could not be."""
        for tracks in self._engine.score(self._chunks(tasks)):
            self._sent.popleft().tracks = _by_strand(tracks)
            yield from self._finished()
        yield from self._finished()

    def _chunks(self, tasks: Iterable[Task[Item]]) -> Iterator[Chunk]:
        """The sequences to score; each item joins those that wait for them."""
        for task in tasks:
            waiting = _Waiting(task, [])
            for edit in task.edits:
                waiting.pairs.append(None)
                if edit is not None:
                    yield from self._chunks_of(waiting, edit)
            self._waiting.append(waiting)

    def _chunks_of(self, waiting: _Waiting[Item], edit: Edit) -> Iterator[Chunk]:
        task, frame = waiting.task, self._grid.frame_of(edit)
        without = frame.chunk(task.codes, None, self._engine.margin)
        changed = frame.chunk(task.codes, edit, self._engine.margin)
        if without is None or changed is None:
            return
        reference = self._frames.get((task.chrom, frame))
        if reference is None:
            reference = self._frames[task.chrom, frame] = self._send()
            yield without
        self._frames.move_to_end((task.chrom, frame))
        while len(self._frames) > FRAMES_AT_HAND:
            self._frames.popitem(last=False)
        if edit.changes_nothing:
            waiting.pairs[-1] = edit, reference, reference
            return
        waiting.pairs[-1] = edit, reference, self._send()
        yield changed

    def _send(self) -> _Scored:
        scored = _Scored()
        self._sent.append(scored)
        return scored

    def _finished(self) -> Iterator[tuple[Item, list[Effect | None]]]:
        while self._waiting and self._waiting[0].ready:
            waiting = self._waiting.popleft()
            yield waiting.task.item, [self._effect(pair) for pair in waiting.pairs]

    def _effect(self, pair: tuple[Edit, _Scored, _Scored] | None) -> Effect | None:
        if pair is None:
            return None
        edit, reference, alternative = pair
        assert reference.tracks is not None
        assert alternative.tracks is not None
        return effect_of(edit, reference.tracks, alternative.tracks, self._calling)


def _by_strand(tracks: Sequence[ScoreTrack]) -> Tracks:
    return {track.strand: track for track in tracks}
