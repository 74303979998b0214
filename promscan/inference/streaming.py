"""The streaming engine: the states run on along the sequence, so that a base costs one step and not 70.

A contig is cut into lanes on a fixed grid of absolute coordinates. Each lane owns the windows that start in it and is
run by itself, with a fixed warm-up on both sides; past the ends of the contig the bases are unknown.

    contig           |------------ lane ------------|------------ lane ------------|--
    forward    >>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>
               warm-up        states in use         + 70    warm-up
    backward         <<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<

The reverse strand is the reverse complement of the same bases, run as a lane of its own. The last lane of a contig may
be a shorter one, of a few lengths, so that a short sequence does not cost a whole lane. A fixed number of lanes of one
length, from any contig and strand, are the columns of a unit, which one thread computes; a lane's numbers do not
depend on its column (`lanes`). So on one kind of device a window's logit is the same bits for every batch size, thread
count, chunk and region.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch

from promscan.inference.estimates import Estimator
from promscan.inference.jobs import Grid, Job, Lane, Screen
from promscan.inference.lane_queue import LaneQueue
from promscan.inference.lanes import networks_on, require_streamable, room_to_smooth
from promscan.inference.settings import EngineSettings
from promscan.inference.unknown_ends import NEAR
from promscan.inference.work_units import UnitRunner, copies
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.composition import COMPOSITION
from promscan.networks.device import fetch, send
from promscan.networks.reading_frames import values_of_frames
from promscan.networks.screening import ScreeningNetwork
from promscan.seq.dna import UNKNOWN, Codes
from promscan.seq.intervals import SHARD_GRID
from promscan.seq.records import Chunk, Logits, ScoreTrack, Strand
from promscan.seq.windows import MAX_UNKNOWN, WINDOW

LANES = {"cpu": 64, "cuda": 4096, "mps": 1024}
"""Lanes in a unit, by kind of device; on CUDA at most."""

SCREENED_AT_ONCE = 2**17
"""Window starts of chunks that are screened together, at least."""

_NO_ROOM: Logits = np.empty(0, dtype=np.float32)
_STRANDS: tuple[Strand, ...] = ("+", "-")
_Work = list[Lane] | tuple[Job, ...]
"""Lanes to score, or jobs to estimate."""


class StreamingEngine:
    """Scores the windows of chunks, one step a base. Use it as a context manager: it owns threads.

    Args: see `promscan.inference.engine.open_engine`.
    """

    lane = SHARD_GRID
    """Window starts of a lane; shards are cut where lanes are."""
    shorter = tuple(blocks * WINDOW for blocks in (1, 2, 4, 7, 11, 16, 24))
    """Window starts of the last lane of a contig, if one of these is enough."""
    warm_up = 14 * WINDOW
    """Positions before and after a lane that only bring the states into shape."""

    def __init__(
        self,
        model: BiGRUAttention,
        devices: Sequence[torch.device],
        settings: EngineSettings,
        screening: ScreeningNetwork | None = None,
    ) -> None:
        require_streamable(model)
        if settings.floor is not None and screening is None:
            raise ValueError("a floor needs a screening network")
        self.settings, self.strands = settings, tuple(settings.strands)
        self._has_places = model.architecture.has_places
        self.lanes = lanes_on(devices, model.architecture)
        seen = max(self.warm_up, model.architecture.reach, NEAR + model.architecture.stem_reach)
        around = seen + room_to_smooth(settings.smoothing)
        self._grid = Grid(self.lane, self.shorter, around)
        self._networks = networks_on(devices, model, settings.precision)
        self._knows_ends = devices[0].type == "cpu" and model.architecture.layers == 1
        self._estimators, self._screen = dict[torch.device, Estimator](), None
        if screening is not None and (settings.estimates or settings.floor is not None):
            self._estimators = {
                device: Estimator(network.model, copy, device)
                for (device, copy), network in zip(
                    copies(screening, devices).items(), self._networks.values(), strict=True
                )
            }
            estimated = _STRANDS if settings.both_strands else self.strands
            self._screen = Screen(estimated, next(iter(self._estimators.values())).margin)
        self._runner = UnitRunner[_Work, _Work](
            self._run_work,
            devices,
            unit_windows=self.lanes * self.lane,
            threads=settings.threads,
            batch_size=settings.batch_size,
            sample=lambda: [
                Lane(np.full(self.lane + WINDOW + 2 * around, UNKNOWN, dtype=np.uint8), _NO_ROOM, (0, self.lane))
            ],
        )

    def __enter__(self) -> StreamingEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    @property
    def grid(self) -> int:
        """Chunks are made of whole lanes."""
        return self.lane

    @property
    def margin(self) -> int:
        """Bases that a chunk needs on each side of its windows, one of them for the lanes of the other strand."""
        read = max(self._grid.around + 1, self.settings.gc_reach or 0)
        return read if self._screen is None else max(read, self._screen.reach(self.settings))

    @property
    def chunk_step(self) -> int:
        """Window starts a chunk should own, in bp."""
        return self.lanes * self.lane

    @property
    def at_once(self) -> int:
        """Units of lanes that run at once."""
        return self._runner.at_once

    @property
    def batch_windows(self) -> int:
        """How many loose windows to score in one call."""
        return self.lanes * self.at_once

    @property
    def by_kernels(self) -> bool:
        """Whether the kernels for CUDA run the network."""
        return all(network.by_kernels for network in self._networks.values())

    def score(self, chunks: Iterable[Chunk]) -> Iterator[list[ScoreTrack]]:
        """The tracks of each chunk with windows, one a strand.

        NaN: windows with more than 7 unknown bases or a blocked one.
        """
        unfinished = deque[Job]()
        for unit in self._runner.map(self._units_of_chunks(chunks, unfinished)):
            for lane in unit:
                if isinstance(lane, Lane) and lane.job:
                    lane.job.missing -= 1
            while unfinished and unfinished[0].missing == 0:
                yield from unfinished.popleft().tracks()
        for job in unfinished:
            yield from job.tracks()

    def score_windows(self, codes: Codes) -> Logits:
        """Logits (n,) of loose windows (n, 70), read 5' to 3', between unknown bases.

        NaN: windows with more than 7 unknown bases.
        """
        around, logits = self._grid.around, np.empty(len(codes), dtype=np.float32)
        padded = np.pad(codes, ((0, 0), (around, around + WINDOW)), constant_values=UNKNOWN)
        lanes = (Lane(row, logits[i : i + 1], (0, WINDOW), whole=True) for i, row in enumerate(padded))
        for _ in self._runner.map(self._units_of_lanes(lanes)):
            pass
        logits[(codes == UNKNOWN).sum(axis=1) > MAX_UNKNOWN] = np.nan
        return logits

    def _units_of_chunks(self, chunks: Iterable[Chunk], unfinished: deque[Job]) -> Iterator[list[Lane]]:
        """Units of the lanes of chunks; each chunk with windows becomes a job, which joins `unfinished`."""
        queue = self._queue()
        for job in self._jobs(chunks) if self._screen is None else self.estimate(chunks):
            unfinished.append(job)
            for lane in job.lanes():
                yield from queue.add(lane, lane.kind)
            yield from queue.count_read(job.chunk.windows)
        yield from queue.rest()

    def estimate(self, chunks: Iterable[Chunk]) -> Iterator[Job]:
        """The chunks with windows, in order, with their estimates and nothing scored; short contigs go together."""
        for batch in self._runner.map(_batches(self._jobs(chunks))):
            assert isinstance(batch, tuple)
            yield from batch

    def _jobs(self, chunks: Iterable[Chunk]) -> Iterator[Job]:
        return (Job(chunk, self.settings, self._grid, places=self._has_places) for chunk in chunks if chunk.windows)

    def _units_of_lanes(self, lanes: Iterable[Lane]) -> Iterator[list[Lane]]:
        queue = self._queue()
        for lane in lanes:
            yield from queue.add(lane, lane.kind)
        yield from queue.rest()

    def _queue(self) -> LaneQueue[Lane]:
        return LaneQueue(self.lanes, self.lanes * self.lane)

    def _run_work(self, work: _Work, device: torch.device) -> _Work:
        """Score lanes or estimate jobs, which come back."""
        return self._estimate(work, device) if isinstance(work, tuple) else self._run_unit(work, device)

    def _estimate(self, jobs: tuple[Job, ...], device: torch.device) -> tuple[Job, ...]:
        if jobs and self._screen is not None:
            stretches = [job.stretches(self._screen) for job in jobs]
            estimates = iter(self._estimators[device].estimates([codes for each in stretches for codes in each]))
            for job, codes in zip(jobs, stretches, strict=True):
                job.screen(self._screen, list(islice(estimates, len(codes))))
        return jobs

    def _run_unit(self, unit: list[Lane], device: torch.device) -> list[Lane]:
        """Score lanes of one kind, which come back; none are no work."""
        if not unit:
            return unit
        lanes = self._networks[device].lanes_for(len(unit), self.lanes)
        rows = np.full((lanes, len(unit[0].codes)), UNKNOWN, dtype=np.uint8)
        for row, lane in zip(rows, unit, strict=False):
            row[:] = lane.codes
        columns = send(rows, device).T.contiguous()
        network = self._networks[device]
        logits, places = network.smoothed_logits(
            columns,
            self._grid.around,
            self.warm_up,
            self.settings.smoothing,
            unit[0].part,
            unknown_ends=unit[0].whole and self._knows_ends,
        )
        for values, lane in zip(fetch(logits.T.contiguous()), unit, strict=False):
            lane.room[:] = values[lane.skipped : lane.skipped + len(lane.room)]
        if places is not None:
            for values, lane in zip(fetch(places.T.contiguous()), unit, strict=False):
                if lane.place_room is not None:
                    lane.place_room[:] = values[lane.skipped : lane.skipped + len(lane.place_room)]
        return unit


def _batches(jobs: Iterable[Job]) -> Iterator[tuple[Job, ...]]:
    """Jobs that are estimated together."""
    batch, windows = list[Job](), 0
    for job in jobs:
        batch.append(job)
        windows += job.chunk.windows
        if windows >= SCREENED_AT_ONCE:
            yield tuple(batch)
            batch, windows = [], 0
    yield tuple(batch)


def lanes_on(devices: Sequence[torch.device], architecture: Architecture) -> int:
    """Lanes in a unit on devices of one kind: a power of two, on CUDA by how much memory the smallest of them has.

    It never depends on how much of that is free, for a unit of another shape rounds differently.
    """
    most = LANES[devices[0].type]
    if devices[0].type != "cuda":
        return most
    memory = min(torch.cuda.get_device_properties(device).total_memory for device in devices)
    return min(most, 1 << max(0, (memory // _memory_of_a_lane(architecture)).bit_length() - 1))


def _memory_of_a_lane(architecture: Architecture) -> int:
    """An upper estimate in bytes: a few values of each unit, and the other inputs of the head, at every position."""
    values = 5 * architecture.hidden * architecture.layers + architecture.context
    values += len(COMPOSITION) * len(architecture.composition) + values_of_frames(architecture.frames)
    positions = StreamingEngine.lane + WINDOW + 2 * max(StreamingEngine.warm_up, architecture.reach)
    return torch.float32.itemsize * values * positions
