"""What a scan went through: how much it read, scored and found, how long its stages took, and in how much memory."""

from __future__ import annotations

import dataclasses
import itertools
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from promscan.log import logger
from promscan.seq.dna import UNKNOWN
from promscan.seq.records import Chunk, ScoreTrack
from promscan.seq.windows import WINDOW

STAGES = ("read", "score", "call", "strength")
NAMED_AT_MOST = 5
"""How many skipped contigs a warning names."""

T = TypeVar("T")


@dataclass
class Statistics:
    """Counts and times of a scan, taken of what passes from stage to stage.

    windows: scored windows, of all strands.
    elapsed: seconds until each stage handed on its results, the stages before it included.
    """

    contigs: int = 0
    bases: int = 0
    unknown_bases: int = 0
    windows: int = 0
    skipped_contigs: int = 0
    hits: int = 0
    elapsed: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    def count_chunks(self, chunks: Iterable[Chunk], advance: Callable[[float], None]) -> Iterator[Chunk]:
        """Pass chunks on; count contigs and bases (each base once), and name the contigs that are too short.

        `advance` is told the megabases that a chunk added, when the next one is asked for.
        """
        chrom, reached, short = None, 0, list[str]()
        for chunk in chunks:
            if chunk.chrom != chrom:
                chrom, reached = chunk.chrom, 0
                self.contigs += 1
                if len(chunk.codes) < WINDOW:
                    short.append(chunk.chrom)
            fresh = chunk.codes[max(0, reached - chunk.first_base) :]
            reached = chunk.first_base + len(chunk.codes)
            self.bases += len(fresh)
            self.unknown_bases += int(np.count_nonzero(fresh == UNKNOWN))
            yield chunk
            advance(len(fresh) / 1e6)
        self.skipped_contigs = len(short)
        if short:
            names = ", ".join(short[:NAMED_AT_MOST]) + (", ..." if len(short) > NAMED_AT_MOST else "")
            logger.warning("skipped contigs shorter than %d bp: %d (%s)", WINDOW, len(short), names)

    def count_windows(self, tracks_of_chunks: Iterable[list[ScoreTrack]]) -> Iterator[list[ScoreTrack]]:
        """Pass tracks on; count their windows."""
        for tracks in tracks_of_chunks:
            self.windows += sum(int(np.count_nonzero(~np.isnan(track.logits))) for track in tracks)
            yield tracks

    def timed(self, items: Iterable[T], stage: str) -> Iterator[T]:
        """Pass items on and add up the seconds spent in getting them, all stages before included."""
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

    def describe(self) -> dict[str, Any]:
        """Counts, the seconds of each stage by itself, and the memory of the process at its most."""
        counts = dataclasses.asdict(self)
        elapsed = counts.pop("elapsed")
        ends = [0.0, *itertools.accumulate((elapsed[stage] for stage in STAGES), max)]
        return {
            **counts,
            "seconds": {stage: end - begin for stage, begin, end in zip(STAGES, ends, ends[1:], strict=False)},
            "peak_memory_bytes": peak_memory(),
        }


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    # On Linux, getrusage also counts what the process took that started this one; some containers hide the other mark.
    status = Path("/proc/self/status")
    if status.is_file() and (mark := re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(), re.MULTILINE)):
        return 1024 * int(mark[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
