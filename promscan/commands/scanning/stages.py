"""The stages of a scan, each a generator: what one yields, the next one takes.

    read -> engine.score -> call -> add_strengths -> note -> place -> grade
      Chunk       ScoreTrack  Found           Found     Hit     Hit

Hits come sorted by contig in FASTA order, start and strand. Memory does not grow with the genome or its contigs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from promscan.calling.callers import Caller
from promscan.commands.scanning.hit_strengths import HitStrengths
from promscan.commands.scanning.journal import Journal
from promscan.commands.scanning.plan import ScanPlan
from promscan.commands.scanning.statistics import Scored
from promscan.metrics.calibration import Calibration
from promscan.seq.intervals import Intervals
from promscan.seq.records import Chunk, Hit, ScoreTrack


class Found(NamedTuple):
    """The hits that one chunk decided, in order; `track` is one of its tracks, None when the genome has ended."""

    track: ScoreTrack | None
    hits: list[Hit]


def read(plan: ScanPlan, *, grid: int, margin: int, step: int) -> Iterator[Chunk]:
    """The chunks of the genome that are to be scored, with the excluded bases blocked.

    Args:
        plan: says what is to be scored.
        grid: where chunks may begin and end, in bp.
        margin: bases of context that the engine needs on each side of a chunk.
        step: window starts of a chunk.
    """
    for chunk in plan.genome.read_chunks(step, plan.spans(grid), margin=plan.margin(margin)):
        if plan.exclude is None:
            yield chunk
        else:
            blocked = plan.exclude.mask(chunk.chrom, chunk.first_base, chunk.first_base + len(chunk.codes))
            yield dataclasses.replace(chunk, blocked=blocked)


def call(tracks_of_chunks: Iterable[list[ScoreTrack]], caller: Caller) -> Iterator[Found]:
    """The hits of all strands, sorted."""
    for tracks in tracks_of_chunks:
        yield Found(tracks[0], caller.feed(tracks))
    yield Found(None, caller.flush())


def add_strengths(found: Iterable[Found], strengths: HitStrengths) -> Iterator[Found]:
    """The hits with their strengths, where these are known."""
    for track, hits in found:
        yield Found(track, strengths.grade(hits))
        if track is not None:
            strengths.forget(track.chrom, track.start + (len(track.logits) - 1) * track.stride)


def note(found: Iterable[Found], caller: Caller, journal: Journal, scored: Scored) -> Iterator[Hit]:
    """The hits, entered in the journal with the state of the caller that decided them."""
    for track, hits in found:
        if track is not None:
            journal.note(track, hits, caller, scored)
        yield from hits


def place(hits: Iterable[Hit], within: Intervals | None) -> Iterator[Hit]:
    """The hits whose TSS lies in the intervals; all hits if there are none."""
    for hit in hits:
        if within is None or within.contains(hit.chrom, np.array([hit.tss]))[0]:
            yield hit


def grade(hits: Iterable[Hit], calibration: Calibration | None) -> Iterator[Hit]:
    """The hits with their false positives per Mb, if the model is calibrated."""
    for hit in hits:
        yield hit if calibration is None else dataclasses.replace(hit, fp_per_mb=calibration.fp_per_mb(hit.logit))
