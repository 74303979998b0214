"""What floors cost and lose: the parts of lanes that a screened scan runs with a floor, and the hits that need others.

Jobs say which parts these are, as they do in a scan. With a lower floor another part may be run that does not hold the
first one: a lane whose second quarter alone can hold a hit runs its middle half, and with the first quarter its first
half. So the floor of a hit is the highest one at which, and at all lower ones, all is scored that its score reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.calling.screening import Needs
from promscan.inference.jobs import Job
from promscan.inference.streaming import StreamingEngine
from promscan.seq.records import OPPOSITE, Chunk, Logits, Strand

HALF_TIME = 0.72
"""Time that a half of a lane takes, as a share of that of the lane."""


class Floors(NamedTuple):
    """The floors of hits, and what floors cost.

    of_hits: floors (n,) of the hits; NaN where no chunk has all that the score of a hit reads.
    changes: floors at which the time of a lane changes.
    times: how much time, of that of a lane, is added there as the floor falls.
    lanes: lanes of both strands.
    """

    of_hits: Logits
    changes: Logits
    times: Logits
    lanes: int

    def share(self, floor: float) -> float:
        """Time that lanes take with a floor, as a share of that of all lanes."""
        return float(self.times[self.changes >= floor].sum(dtype=np.float64) / max(1, self.lanes))


def measure_floors(
    engine: StreamingEngine, chunks: Iterable[Chunk], begins: Mapping[str, int], hits: npt.NDArray[Any], needs: Needs
) -> Floors:
    """The floors of hits, and what floors cost on these chunks.

    Args:
        engine: has a screening network, and a floor.
        chunks: the sequence.
        begins: place of the first base of each contig.
        hits: in the order of the genome, of dtype `HIT`.
        needs: what the score of a hit reads.
    """
    of_hits, changes, lanes = np.full(len(hits), np.nan, dtype=np.float32), list[npt.NDArray[Any]](), 0
    for job in engine.estimate(chunks):
        begin = begins[job.chunk.chrom] + job.chunk.start
        for hit in range(*np.searchsorted(hits["place"], [begin, begin + job.chunk.windows])):
            of_hits[hit] = _floor_of(job, int(hits["place"][hit]) - begin, hits["strand"][hit], needs)
        of_job = [change for strand, best in job.best.items() for n in best for change in _changes(job, strand, n)]
        changes.append(np.array(of_job, dtype=np.float32).reshape(-1, 2))
        lanes += sum(map(len, job.best.values()))
    floors, times = np.concatenate([np.empty((0, 2), dtype=np.float32), *changes]).T
    return Floors(of_hits, floors, times, lanes)


def _changes(job: Job, strand: Strand, start: int) -> Iterator[tuple[float, float]]:
    """The floors at which the time of a lane changes, and by how much as the floor falls."""
    floors = np.unique(job.best[strand][start])[::-1]
    times = [_time(job, strand, start, floor) for floor in floors]
    yield from zip(floors, (after - before for before, after in pairwise([0.0, *times])), strict=True)


def _time(job: Job, strand: Strand, start: int, floor: float) -> float:
    part = job.part_at(floor, strand, start)
    return 0.0 if part is None else 1.0 if part == job.whole(start) else HALF_TIME


def _floor_of(job: Job, window: int, strand: Strand, needs: Needs) -> float:
    """The floor of a hit in a job; NaN if its score reads windows of another chunk."""
    wanted = [(strand, needs.same), *([] if needs.other is None else [(OPPOSITE[strand], needs.other)])]
    widest = max(reach for _, reach in wanted)
    if (window < widest and job.chunk.before) or (window + widest >= job.chunk.windows and job.chunk.after):
        return float("nan")
    lanes = [lane for strand, reach in wanted for lane in _lanes_with(job, strand, window, reach)]
    highest = -np.inf
    for floor in np.unique(np.concatenate([job.best[strand][start] for strand, start, _, _ in lanes])):
        parts = (job.part_at(floor, strand, start) for strand, start, _, _ in lanes)
        if not all(p and p[0] <= first and end <= p[1] for p, (_, _, first, end) in zip(parts, lanes, strict=True)):
            break
        highest = float(floor)
    return highest


def _lanes_with(job: Job, strand: Strand, window: int, reach: int) -> Iterator[tuple[Strand, int, int, int]]:
    """The lanes with the windows to score that start at most `reach` bp from one, and which of theirs these are."""
    scored = np.flatnonzero(~job.unscored[max(0, window - reach) : window + reach + 1]) + max(0, window - reach)
    starts = scored // job.lane * job.lane
    for start in np.unique(starts):
        own = scored[starts == start] - start
        yield strand, int(start), int(own[0]), int(own[-1]) + 1
