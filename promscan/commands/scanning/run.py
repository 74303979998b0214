"""Run the plan of a scan: load its models, open what it needs, and let its stages run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from itertools import chain

import promscan
from promscan.calling.callers import open_caller
from promscan.commands.scanning import stages
from promscan.commands.scanning.hit_strengths import HitStrengths, unit_of_hits
from promscan.commands.scanning.journal import Journal
from promscan.commands.scanning.plan import ScanPlan
from promscan.commands.scanning.statistics import Statistics
from promscan.commands.scanning.tracks import open_tracks
from promscan.errors import FEWER_THREADS
from promscan.inference.engine import Engine, open_engine
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine, lanes_on
from promscan.inference.strength import StrengthPredictor
from promscan.io.prefetch import prefetch
from promscan.log import progress
from promscan.networks.device import arithmetic, describe, memory_errors, resolve_devices
from promscan.networks.screening import ScreeningNetwork
from promscan.networks.weights import load_model, load_screening, load_strength
from promscan.seq.records import Chunk, Circle, Hit, ScoreTrack


class LoadedScan:
    """The models of a plan, on the devices that they run on.

    Attributes:
        devices: where it runs, of one kind.
        network: the network of the scan, in evaluation mode.
        screening: its screening network; None: it has none.
        engine_settings: what the engine scores, and how.

    Raises:
        ModelError: a model cannot be loaded.
        DeviceError: there is no such device, or too little memory.
    """

    def __init__(self, plan: ScanPlan) -> None:
        machine, calling = plan.machine, plan.calling
        self.plan = plan
        self.engine_settings = EngineSettings(
            stride=calling.stride,
            strands=calling.scored_strands,
            threads=machine.threads,
            batch_size=machine.batch_size,
            precision=machine.precision,
            smoothing=calling.smoothing,
            floor=calling.floor,
            estimates=calling.of_estimates,
            exact_reach=calling.exact_reach,
            both_strands=calling.near_other,
            gc_reach=calling.gc_reach,
        )
        with memory_errors(FEWER_THREADS):
            self.devices = resolve_devices(machine.device)
            self.network, _ = load_model(plan.model)
            self.screening = load_screening(plan.model)
            self._strength = None if plan.strength is None else load_strength(plan.strength)

    @property
    def device_names(self) -> str:
        """Names of the devices for people."""
        return ", ".join(describe(device) for device in self.devices)

    def hits(self, statistics: Statistics) -> Iterator[Hit]:
        """The hits of the plan, in order; `statistics` is filled in on the way."""
        plan, timed = self.plan, statistics.timed
        with (
            memory_errors(FEWER_THREADS),
            self.open_engine() as engine,
            self.open_strengths() as strengths,
            self._open_journal(engine) as journal,
            open_tracks(plan, journal, statistics.circles) as files,
            progress(plan.megabases_to_read(engine.grid, plan.margin(engine.margin)), "scanning", "Mb") as bar,
            closing(prefetch(self.chunks(engine, journal.chunk_step))) as read,
        ):
            statistics.scored = journal.scored
            chunks = statistics.count_chunks(timed(read, "read"), bar.advance, plan.min_length, plan.circles)
            if strengths is not None:
                chunks = strengths.keep(chunks, journal.done)
            tracks = timed(statistics.count_scored(engine.score(journal.remaining(chunks))), "score")
            if files is not None:
                tracks = files.keep(tracks)
            caller = open_caller(plan.calling)
            found = timed(stages.call(tracks, caller), "call")
            if strengths is not None:
                found = timed(stages.add_strengths(found, strengths), "strength")
            found = stages.on_circles(found, statistics.circles)
            hits = chain(journal.replay(caller), stages.note(found, caller, journal, statistics.scored))
            yield from statistics.count_hits(stages.grade(stages.place(hits, plan.within), plan.card.calibration))
            if files is not None:
                plan.require_scored(statistics.windows)  # before the files appear

    def tracks(self, circles: dict[str, Circle]) -> Iterator[ScoreTrack]:
        """The calling scores of the plan: for each chunk a track of each strand, in order.

        Args:
            circles: gets the contigs that are read as circles, before their tracks come.
        """

        def noted(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
            for chunk in chunks:
                if chunk.circle is not None:
                    circles[chunk.chrom] = chunk.circle
                yield chunk

        with (
            memory_errors(FEWER_THREADS),
            self.open_engine() as engine,
            closing(prefetch(self.chunks(engine, engine.chunk_step))) as chunks,
        ):
            yield from chain.from_iterable(engine.score(noted(chunks)))

    def chunks(self, engine: Engine, step: int) -> Iterator[Chunk]:
        """What is to be scored, as an engine reads it; `step` window starts a chunk."""
        return stages.read(self.plan, grid=engine.grid, margin=engine.margin, step=step)

    def open_screened(self, network: ScreeningNetwork, floor: float | None) -> StreamingEngine:
        """The engine of a streaming model with a screening network, for tracks with estimates."""
        settings = dataclasses.replace(self.engine_settings, estimates=True, floor=floor)
        return StreamingEngine(self.network, self.devices, settings, network)

    def open_engine(self) -> Engine:
        """The engine of the plan, whose tracks have all that its calling rule reads."""
        return open_engine(self.plan.card.engine, self.network, self.devices, self.engine_settings, self.screening)

    def open_strengths(self) -> AbstractContextManager[HitStrengths | None]:
        """What predicts strengths; None without a strength model."""
        if self._strength is None:
            return nullcontext()
        machine = self.plan.machine
        network, card = self._strength
        predictor = StrengthPredictor(
            network,
            card,
            self.devices,
            unit=unit_of_hits(card),
            threads=machine.threads,
            batch_size=machine.batch_size,
            precision=machine.precision,
        )
        return HitStrengths(predictor, self.plan.calling.reach + 1)

    def _open_journal(self, engine: Engine) -> Journal:
        # Machines that differ in the last bits would together end in the hits of neither.
        machine = {
            **arithmetic(self.devices[0]),
            "kernels": "yes" if engine.by_kernels else "no",
            "lanes": str(lanes_on(self.devices, self.network.architecture)),
        }
        tracks = {} if self.plan.track is None else {"tracks": "yes"}
        scan = {"promscan": promscan.__version__, **self.plan.settings, **tracks, **machine}
        return Journal(self.plan.resume, scan, engine.chunk_step)
