"""The tracks of a scan: the calling score of every base, as one bigWig file for each strand.

Without a journal the files are written while the scan runs. With one, scores go to a spool in its folder first, for a
bigWig cannot be continued: `TrackSpool`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from promscan.commands.scanning.journal import Journal
from promscan.commands.scanning.plan import ScanPlan
from promscan.commands.scanning.track_spool import TrackSpool
from promscan.errors import RunError
from promscan.io.bigwig import check_contigs, open_bigwig
from promscan.io.hit_writers import header_line
from promscan.log import logger
from promscan.seq.circles import scores_on_circle
from promscan.seq.intervals import Intervals
from promscan.seq.records import Circle, Logits, ScoreTrack, Strand
from promscan.seq.windows import tss_of

STRAND_NAMES: Mapping[Strand, str] = {"+": "plus", "-": "minus"}
BYTES_A_BASE, BYTES_A_SPOOLED_BASE = 4, 2
"""Disk that a base of one strand takes at most in a track, and in the spool of a scan with a journal (measured)."""


class Sink(Protocol):
    """Takes the scores of one strand."""

    def add(self, contig: str, start: int, values: Logits) -> None:
        """Take the scores of the bases from `start` on; NaN is none."""


class Tracks:
    """Takes the scores of a scan on their way to the caller.

    Args:
        sinks: by strand, what takes the scores.
        lengths: contig to bases.
        within: bases whose scores are wanted; None: all.
        circles: contigs that are circles; those of the tracks are in it when they come.
    """

    def __init__(
        self,
        sinks: Mapping[Strand, Sink],
        lengths: Mapping[str, int],
        within: Intervals | None,
        circles: Mapping[str, Circle],
    ) -> None:
        self._sinks, self._lengths, self._within, self._circles = sinks, lengths, within, circles

    def keep(self, tracks_of_chunks: Iterable[list[ScoreTrack]]) -> Iterator[list[ScoreTrack]]:
        """Pass tracks on, and hand their scores to the sink of their strand."""
        for tracks in tracks_of_chunks:
            for track in tracks:
                if track.strand in self._sinks and len(track.logits):
                    self._add(track)
            yield tracks

    def _add(self, track: ScoreTrack) -> None:
        first = tss_of(track.start, track.strand)
        values = track.logits
        if track.chrom in self._circles:  # whose tracks go round for more than one round
            first, values = scores_on_circle(track, self._circles[track.chrom])
        if track.stride > 1:
            values = np.full((len(track.logits) - 1) * track.stride + 1, np.nan, dtype=np.float32)
            values[:: track.stride] = track.logits
        values = values[: max(0, self._lengths[track.chrom] - first)]
        if not len(values):
            return
        if self._within is not None:
            values = np.where(self._within.mask(track.chrom, first, first + len(values)), values, np.float32(np.nan))
        self._sinks[track.strand].add(track.chrom, first, values)


def track_paths(prefix: str, strand: str) -> dict[Strand, str]:
    """The files of the tracks, PREFIX.plus.bw and PREFIX.minus.bw, or one of them; `strand` is `both`, `+` or `-`."""
    return {key: f"{prefix}.{name}.bw" for key, name in STRAND_NAMES.items() if strand in ("both", key)}


@contextmanager
def open_tracks(plan: ScanPlan, journal: Journal, circles: Mapping[str, Circle]) -> Iterator[Tracks | None]:
    """The tracks that a plan asks for; the files appear at the end of the block, if that went well.

    Args:
        plan: says what is wanted.
        journal: of the scan.
        circles: see `Tracks`.

    Raises:
        RunError: a file cannot be written, or the disk is too small for it.
    """
    if plan.track is None:
        yield None
        return
    lengths, paths = plan.genome.contigs(), track_paths(plan.track, plan.calling.strand)
    comments = {strand: header_line({"track": STRAND_NAMES[strand], **plan.settings}) for strand in paths}
    with ExitStack() as stack:
        if journal.folder is not None:
            spool = stack.enter_context(TrackSpool(journal.folder, [STRAND_NAMES[strand] for strand in paths]))
            journal.keep(spool)
            yield Tracks({strand: spool.of(STRAND_NAMES[strand]) for strand in paths}, lengths, plan.within, circles)
        writers = {
            strand: stack.enter_context(open_bigwig(path, lengths, comments[strand])) for strand, path in paths.items()
        }
        if journal.folder is None:
            yield Tracks(writers, lengths, plan.within, circles)
            return
        for strand, writer in writers.items():
            for contig, start, values in spool.replay(STRAND_NAMES[strand]):
                writer.add(contig, start, values)


def check_tracks(plan: ScanPlan) -> None:
    """Refuse tracks that cannot be written, before the work; say what they cost.

    Raises:
        InputError: the lengths of the contigs are not known beforehand, or no bigWig can hold them.
        RunError: the disk is too small.
    """
    if plan.track is None:
        return
    contigs = plan.genome.contigs()
    check_contigs(contigs)
    if plan.card.screening is not None:
        logger.info(
            "a track has the score of every base: the scan is exhaustive, and takes longer than without --track"
        )
    bases = sum(contigs.values()) if plan.within is None else plan.within.total_bases
    values = bases * len(plan.calling.strands)
    need = {_folder_of(plan.track): BYTES_A_BASE * values}
    if plan.resume is not None:
        folder, there = _folder_of(plan.resume), sum(path.stat().st_size for path in plan.resume.glob("*.track"))
        need[folder] = need.get(folder, 0) + max(0, BYTES_A_SPOOLED_BASE * values - there)
    for folder, size in need.items():
        if folder.is_dir() and (free := shutil.disk_usage(folder).free) < size:
            raise RunError(
                f"{folder}: the tracks may take {_gigabytes(size)} there, and {_gigabytes(free)} are free; free some, "
                "name another PREFIX, or scan with --region or --shard"
            )


def _folder_of(path: str | Path) -> Path:
    return Path(os.path.realpath(path)).parent


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.3g} GB"
