"""Counts and times of a scan: what it read, scored and found, the seconds of its stages, and its memory."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from promscan.commands.scanning.hints import Composition
from promscan.io.summaries import ContigRow
from promscan.log import first_of, logger
from promscan.seq.circles import Circles, track_on_circle
from promscan.seq.dna import UNKNOWN
from promscan.seq.intervals import MAX_POSITION
from promscan.seq.records import Chunk, Circle, Hit, ScoreTrack
from promscan.seq.windows import WINDOW

STAGES = ("read", "score", "call", "strength")
T = TypeVar("T")


class ScoredContig(NamedTuple):
    """Bases of a contig that lie in a scored window, and the highest logit of its windows (None: all were screened)."""

    bases: int = 0
    best: float | None = None


@dataclass
class Scored:
    """Windows that are scored, and the bases that they cover.

    windows: scored windows of all strands.
    bases: bases that lie in at least one of them.
    chrom, end: contig and end of the last of them; bases before this end are counted already.
    contigs: the contigs that have some.
    """

    windows: int = 0
    bases: int = 0
    chrom: str = ""
    end: int = 0
    contigs: dict[str, ScoredContig] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._changed = set[str]()

    def totals(self) -> dict[str, Any]:
        """All but the contigs, for JSON."""
        return {"windows": self.windows, "bases": self.bases, "chrom": self.chrom, "end": self.end}

    def take_changed(self) -> dict[str, ScoredContig]:
        """The contigs that have changed since the last call."""
        changed = {contig: self.contigs[contig] for contig in sorted(self._changed)}
        self._changed.clear()
        return changed

    def add(self, tracks: Sequence[ScoreTrack], end: int = MAX_POSITION) -> None:
        """Count the windows of a chunk; `tracks` are those of its strands, and chunks come in order.

        Bases from `end` on do not count; those of a circle behind its origin are counted already.
        """
        scored = np.stack([~np.isnan(track.logits) for track in tracks])
        self.windows += int(np.count_nonzero(scored))
        starts = tracks[0].start + tracks[0].stride * np.flatnonzero(scored.any(axis=0))
        if not len(starts):
            return
        if tracks[0].chrom != self.chrom:
            self.chrom, self.end = tracks[0].chrom, 0
        ends = np.minimum(starts + WINDOW, end)
        fresh = np.maximum(starts, np.concatenate([[self.end], ends[:-1]]))
        bases = int((ends - fresh).sum())
        self.bases += bases
        self.end = int(ends[-1])
        self._add_to_contig(bases, float(np.fmax.reduce([np.fmax.reduce(track.logits) for track in tracks])))

    def _add_to_contig(self, bases: int, best: float) -> None:
        before = self.contigs.get(self.chrom, ScoredContig())
        bests = [score for score in (before.best, best) if score is not None and score > -np.inf]
        self.contigs[self.chrom] = ScoredContig(before.bases + bases, max(bests, default=None))
        self._changed.add(self.chrom)


@dataclass
class Statistics:
    """Counts and times of a scan, taken from what passes from stage to stage.

    bases: bases that were read, each once; `scored` says how many of them lie in a scored window.
    contig_bases, contig_hits: bases that were read and hits, by contig.
    circles: contigs that are read as circles.
    composition: of the bases that were read.
    elapsed: seconds until each stage handed on its results, with the stages before it.
    """

    contigs: int = 0
    bases: int = 0
    unknown_bases: int = 0
    scored: Scored = field(default_factory=Scored)
    skipped_contigs: int = 0
    hits: int = 0
    contig_bases: dict[str, int] = field(default_factory=dict)
    contig_hits: dict[str, int] = field(default_factory=dict)
    circles: dict[str, Circle] = field(default_factory=dict)
    composition: Composition = field(default_factory=Composition)
    elapsed: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @property
    def windows(self) -> int:
        """Scored windows of all strands."""
        return self.scored.windows

    def count_chunks(
        self, chunks: Iterable[Chunk], advance: Callable[[float], None], min_length: int, circles: Circles | None
    ) -> Iterator[Chunk]:
        """Pass chunks on; count contigs and bases (each base once), and name the contigs that are too short.

        Args:
            chunks: all that is read.
            advance: gets the megabases that a chunk added, when the next chunk is needed.
            min_length: bases of the shortest contig that was asked for.
            circles: the contigs that were called circles.
        """
        chrom, reached, short, straight = None, 0, list[str](), list[str]()
        for chunk in chunks:
            if chunk.chrom != chrom:
                chrom, reached = chunk.chrom, 0
                self.contigs += 1
                if not chunk.windows:
                    short.append(chrom)
                elif chunk.circle is not None:
                    self.circles[chrom] = chunk.circle
                elif circles is not None and circles.named(chrom):
                    straight.append(chrom)
            begin, end = _fresh(chunk, reached)
            fresh = chunk.codes[begin:end]
            reached = max(reached, chunk.first_base + len(chunk.codes))
            self.bases += len(fresh)
            self.contig_bases[chunk.chrom] = self.contig_bases.get(chunk.chrom, 0) + len(fresh)
            self.composition.add(fresh, chunk.codes[max(0, begin - 1) : begin])
            self.unknown_bases += int(np.count_nonzero(fresh == UNKNOWN))
            yield chunk
            advance(len(fresh) / 1e6)
        self.skipped_contigs = len(short)
        if short:
            level = logging.INFO if min_length > WINDOW else logging.WARNING
            logger.log(level, "skipped contigs shorter than %d bp: %s", max(WINDOW, min_length), _named(short))
        if straight and circles is not None:
            logger.warning(
                "circles shorter than %d bp, the least distance of two hits, were scanned as if they were linear: %s",
                circles.least, _named(straight),
            )  # fmt: skip

    def count_scored(self, tracks_of_chunks: Iterable[list[ScoreTrack]]) -> Iterator[list[ScoreTrack]]:
        """Pass tracks on; count their windows and bases."""
        for tracks in tracks_of_chunks:
            circle = self.circles.get(tracks[0].chrom)
            self.scored.add(self.placed(tracks), MAX_POSITION if circle is None else circle.length)
            yield tracks

    def placed(self, tracks: list[ScoreTrack]) -> list[ScoreTrack]:
        """The tracks of a chunk at their places on the contig; of a circle, those of the round from the origin."""
        circle = self.circles.get(tracks[0].chrom)
        return tracks if circle is None else [track_on_circle(track, circle) for track in tracks]

    def count_hits(self, hits: Iterable[Hit]) -> Iterator[Hit]:
        """Pass hits on; count them."""
        for hit in hits:
            self.hits += 1
            self.contig_hits[hit.chrom] = self.contig_hits.get(hit.chrom, 0) + 1
            yield hit

    def timed(self, items: Iterable[T], stage: str) -> Iterator[T]:
        """Pass items on; add up the seconds until each of them came, with the stages before."""
        iterator = iter(items)
        while True:
            began = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self.elapsed[stage] += time.perf_counter() - began
            yield item

    def contig_rows(self) -> Iterator[ContigRow]:
        """What is known of each contig that was read, in their order."""
        for contig, bases in self.contig_bases.items():
            scored = self.scored.contigs.get(contig, ScoredContig())
            yield ContigRow(contig, bases, scored.bases, self.contig_hits.get(contig, 0), scored.best)

    def describe(self) -> dict[str, Any]:
        """Counts, the seconds of each stage by itself, and the largest memory of the process."""
        counts = dataclasses.asdict(self)
        elapsed, scored = counts.pop("elapsed"), counts.pop("scored")
        counts["circles"] = len(self.circles)
        del counts["contig_bases"], counts["contig_hits"], counts["composition"]
        ends = [0.0, *itertools.accumulate((elapsed[stage] for stage in STAGES), max)]
        return {
            **counts,
            "windows": scored["windows"],
            "scored_bases": scored["bases"],
            "seconds": {stage: end - begin for stage, begin, end in zip(STAGES, ends, ends[1:], strict=False)},
            "peak_memory_bytes": peak_memory(),
        }


def _fresh(chunk: Chunk, position: int) -> tuple[int, int]:
    """Where the codes of a chunk from a position of its contig on begin and end; those of one round of a circle."""
    if chunk.circle is None:
        return max(0, position - chunk.first_base), len(chunk.codes)
    length, offset = chunk.circle
    begin, end = max(position, offset) - chunk.first_base, offset + length - chunk.first_base
    return max(0, begin), max(0, end)


def _named(chroms: Sequence[str]) -> str:
    """How many contigs there are, and the first of them by name."""
    return f"{len(chroms)} ({first_of(chroms)})"


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    # On Linux, getrusage also counts the memory of the parent process; VmHWM does not, but some containers hide it.
    status = Path("/proc/self/status")
    if status.is_file() and (mark := re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(), re.MULTILINE)):
        return 1024 * int(mark[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
