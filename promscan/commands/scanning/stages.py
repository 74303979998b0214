"""The stages of a scan, each a generator: what one yields, the next one takes.

    read -> engine.score -> call -> add_strengths -> on_circles -> note -> place -> grade
      Chunk       ScoreTrack  Found           Found         Found     Hit     Hit

Hits come sorted by contig in FASTA order, start and strand. Memory does not grow with the genome or its contigs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from promscan.calling.callers import Caller
from promscan.commands.scanning.hit_strengths import HitStrengths
from promscan.commands.scanning.journal import Journal
from promscan.commands.scanning.plan import ScanPlan, check_circles
from promscan.commands.scanning.statistics import Scored
from promscan.metrics.calibration import Calibration
from promscan.seq.circles import around, hit_on_circle
from promscan.seq.dna import Mask
from promscan.seq.intervals import Intervals
from promscan.seq.records import Chunk, Circle, Hit, ScoreTrack


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
    for chunk in plan.genome.read_chunks(
        step, plan.spans(grid), margin=plan.margin(margin), circles=plan.circles_on(grid), shortest=plan.min_length
    ):
        yield chunk if plan.exclude is None else dataclasses.replace(chunk, blocked=_blocked(chunk, plan.exclude))
    if plan.circles is not None:  # after reading, the contigs of a pipe are known, too
        check_circles(plan.circles, plan.genome)


def _blocked(chunk: Chunk, exclude: Intervals) -> Mask:
    start, end = chunk.first_base, chunk.first_base + len(chunk.codes)
    if chunk.circle is None:
        return exclude.mask(chunk.chrom, start, end)
    length, offset = chunk.circle
    return around(exclude.mask(chunk.chrom, 0, length), start - offset, end - offset)


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


def on_circles(found: Iterable[Found], circles: Mapping[str, Circle]) -> Iterator[Found]:
    """The hits, each of a circle once, with its places on it.

    Args:
        found: hits whose positions go on past both ends of a circle.
        circles: contigs that are circles; those of the hits are in it when they come.
    """
    for track, hits in found:
        yield Found(track, [placed for hit in hits if (placed := _placed(hit, circles)) is not None])


def _placed(hit: Hit, circles: Mapping[str, Circle]) -> Hit | None:
    return hit_on_circle(hit, circles[hit.chrom]) if hit.chrom in circles else hit


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
