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
from typing import NamedTuple

import numpy as np
import torch

from promscan.inference.lane_queue import LaneQueue
from promscan.inference.lanes import networks_on, require_streamable, room_to_smooth
from promscan.inference.settings import EngineSettings
from promscan.inference.work_units import UnitRunner, check_finite
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.composition import COMPOSITION
from promscan.networks.device import fetch, send
from promscan.seq import dna
from promscan.seq.dna import UNKNOWN, Codes
from promscan.seq.intervals import SHARD_GRID
from promscan.seq.records import Chunk, Logits, ScoreTrack
from promscan.seq.windows import MAX_UNKNOWN, WINDOW, scorable

LANES = {"cpu": 64, "cuda": 4096, "mps": 1024}
"""Lanes in a unit, by kind of device; on CUDA at most."""

_NO_ROOM: Logits = np.empty(0, dtype=np.float32)


class _Lane(NamedTuple):
    """A lane of one strand: its bases, with those around it, read 5' to 3', and where the logits of its windows go.

    `room`, and `place_room` for the places, are in the order of the lane. Past the end of a contig there is none: at
    the end of a lane, or on the reverse strand at its beginning, which is `skipped`.
    """

    codes: Codes
    room: Logits
    skipped: int = 0
    job: _Job | None = None
    place_room: Logits | None = None


class StreamingEngine:
    """Scores the windows of chunks, one step a base. Use it as a context manager: it owns threads.

    Args: see `promscan.inference.engine.open_engine`.
    """

    lane = SHARD_GRID
    """Window starts of a lane; shards are cut where lanes are."""
    shorter = (4 * WINDOW, 16 * WINDOW)
    """Window starts of the last lane of a contig, if one of these is enough."""
    warm_up = 14 * WINDOW
    """Positions before and after a lane that only bring the states into shape."""

    def __init__(self, model: BiGRUAttention, devices: Sequence[torch.device], settings: EngineSettings) -> None:
        require_streamable(model)
        self.stride, self.strands, self.smoothing = settings.stride, tuple(settings.strands), settings.smoothing
        self.has_places = model.architecture.place > 0
        self.lanes = lanes_on(devices, model.architecture)
        self._around = max(self.warm_up, model.architecture.reach) + room_to_smooth(self.smoothing)
        self._networks = networks_on(devices, model, settings.precision)
        self._runner = UnitRunner(
            self._run_unit,
            devices,
            unit_windows=self.lanes * self.lane,
            threads=settings.threads,
            batch_size=settings.batch_size,
            sample=lambda: [_Lane(np.full(self.lane + WINDOW + 2 * self._around, UNKNOWN, dtype=np.uint8), _NO_ROOM)],
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
        return self._around + 1

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
        unfinished = deque[_Job]()
        for unit in self._runner.map(self._units_of_chunks(chunks, unfinished)):
            for lane in unit:
                if lane.job:
                    lane.job.missing -= 1
            while unfinished and unfinished[0].missing == 0:
                yield from unfinished.popleft().tracks()
        for job in unfinished:
            yield from job.tracks()

    def score_windows(self, codes: Codes) -> Logits:
        """Logits (n,) of loose windows (n, 70), read 5' to 3', between unknown bases.

        NaN: windows with more than 7 unknown bases.
        """
        logits = np.empty(len(codes), dtype=np.float32)
        padded = np.pad(codes, ((0, 0), (self._around, self._around + WINDOW)), constant_values=UNKNOWN)
        lanes = (_Lane(row, logits[i : i + 1]) for i, row in enumerate(padded))
        for _ in self._runner.map(self._units_of_lanes(lanes)):
            pass
        logits[(codes == UNKNOWN).sum(axis=1) > MAX_UNKNOWN] = np.nan
        return logits

    def lane_for(self, windows: int) -> int:
        """Window starts of the lane that begins where a contig has `windows` left."""
        return next((length for length in self.shorter if length >= windows), self.lane)

    def _units_of_chunks(self, chunks: Iterable[Chunk], unfinished: deque[_Job]) -> Iterator[list[_Lane]]:
        """Units of the lanes of chunks; each chunk with windows becomes a job, which joins `unfinished`."""
        queue = self._queue()
        for chunk in chunks:
            if not chunk.windows:
                continue
            job = _Job(chunk, self)
            unfinished.append(job)
            for lane in job.lanes():
                yield from queue.add(lane, len(lane.codes))
            yield from queue.count_read(chunk.windows)
        yield from queue.rest()

    def _units_of_lanes(self, lanes: Iterable[_Lane]) -> Iterator[list[_Lane]]:
        queue = self._queue()
        for lane in lanes:
            yield from queue.add(lane, len(lane.codes))
        yield from queue.rest()

    def _queue(self) -> LaneQueue[_Lane]:
        return LaneQueue(self.lanes, self.lanes * self.lane)

    def _run_unit(self, unit: list[_Lane], device: torch.device) -> list[_Lane]:
        """Score lanes of one length, which come back; none are no work."""
        if not unit:
            return unit
        rows = np.full((self.lanes, len(unit[0].codes)), UNKNOWN, dtype=np.uint8)
        for row, lane in zip(rows, unit, strict=False):
            row[:] = lane.codes
        columns = send(rows, device).T.contiguous()
        network = self._networks[device]
        logits, places = network.smoothed_logits(columns, self._around, self.warm_up, self.smoothing)
        for values, lane in zip(fetch(logits.T.contiguous()), unit, strict=False):
            lane.room[:] = values[lane.skipped : lane.skipped + len(lane.room)]
        if places is not None:
            for values, lane in zip(fetch(places.T.contiguous()), unit, strict=False):
                if lane.place_room is not None:
                    lane.place_room[:] = values[lane.skipped : lane.skipped + len(lane.place_room)]
        return unit


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
    values += len(COMPOSITION) * len(architecture.composition)
    positions = StreamingEngine.lane + WINDOW + 2 * max(StreamingEngine.warm_up, architecture.reach)
    return torch.float32.itemsize * values * positions


class _Job:
    """A chunk, and the logits of its windows as far as its lanes are scored.

    missing: lanes that are not scored yet.
    """

    def __init__(self, chunk: Chunk, engine: StreamingEngine) -> None:
        self.chunk, self.engine = chunk, engine
        self.first = -chunk.start % engine.stride
        scored = np.zeros(chunk.windows, dtype=np.bool_)
        blocked = None if chunk.blocked is None else chunk.blocked[chunk.own]
        scored[self.first :: engine.stride] = scorable(chunk.codes[chunk.own], 1, blocked=blocked)[
            self.first :: engine.stride
        ]
        self.unscored = ~scored
        self.starts = [i for i in range(0, chunk.windows, engine.lane) if scored[i : i + engine.lane].any()]
        self.logits = {strand: np.empty(chunk.windows, dtype=np.float32) for strand in engine.strands}
        self.places = {strand: np.empty_like(self.logits[strand]) for strand in engine.strands if engine.has_places}
        self.missing = len(self.starts) * len(engine.strands)

    def lanes(self) -> Iterator[_Lane]:
        """Its lanes with a window to score."""
        chunk, around = self.chunk, self.engine.margin
        padded = np.full(2 * around + chunk.windows + self.engine.lane + WINDOW, UNKNOWN, dtype=np.uint8)
        codes = chunk.codes[max(0, chunk.before - around) :]
        begin = max(0, around - chunk.before)
        padded[begin : begin + len(codes)] = codes[: len(padded) - begin]
        other = dna.reverse_complement(padded) if "-" in self.engine.strands else padded
        for start in self.starts:
            length = self.engine.lane_for(chunk.windows - start)
            bases = around + length + WINDOW - 2 + around
            for strand in self.engine.strands:
                own = self.logits[strand][start : start + length]
                places = self.places[strand][start : start + length] if self.places else None
                if strand == "+":
                    yield _Lane(padded[start + 1 :][:bases], own, 0, self, places)
                else:
                    first = len(padded) - start - bases
                    reverse = None if places is None else places[::-1]
                    yield _Lane(other[first:][:bases], own[::-1], length - len(own), self, reverse)

    def tracks(self) -> Iterator[list[ScoreTrack]]:
        """One list of a track for each strand; nothing if no window starts on the stride."""
        if not self.chunk.windows_on(self.engine.stride):
            return
        tracks = []
        for strand, logits in self.logits.items():
            start, stride = self.chunk.start + self.first, self.engine.stride
            places = self._where_scored(self.places[strand]) if self.places else None
            tracks.append(ScoreTrack(self.chunk.chrom, strand, start, stride, self._where_scored(logits), places))
        yield tracks

    def _where_scored(self, values: Logits) -> Logits:
        """The values of the windows on the stride; NaN where a window was not to be scored."""
        check_finite(values[~self.unscored])
        values[self.unscored] = np.nan
        return values[self.first :: self.engine.stride]
