"""Scan a genome: bases to scores to hits.

    genome.read_chunks -> engine.score -> PeakCaller -> HitStrengths -> hits, sorted by contig in FASTA order,
      Chunk                 ScoreTrack      Hit           Hit             start and strand

Reading runs ahead in a thread; memory does not grow with the genome or its contigs. A journal is kept on the way, if
one is wanted; a scan that goes on from one reads all chunks and scores the remaining ones.
"""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

import promscan
from promscan.calling.peaks import PeakCaller, in_order
from promscan.calling.settings import resolve_calling
from promscan.commands.scanning.hit_strengths import HitStrengths, margin_of, settings_of
from promscan.commands.scanning.journal import Journal, remove_journal
from promscan.commands.scanning.statistics import Statistics
from promscan.inference.engine import Engine, open_engine
from promscan.inference.screened import ScreenedEngine
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine, lanes_on
from promscan.inference.strength import StrengthPredictor
from promscan.io.bed import read_bed
from promscan.io.genome import OVERLAP, Genome, Spans
from promscan.io.prefetch import prefetch
from promscan.log import logger, progress
from promscan.networks.card import DEFAULT_MODEL, DEFAULT_STRENGTH
from promscan.networks.device import arithmetic, describe, resolve_devices
from promscan.networks.weights import load_model, load_strength
from promscan.seq.intervals import Intervals, genome_digest, shard_of
from promscan.seq.records import Chunk, Hit, Interval, ScoreTrack
from promscan.seq.regions import parse_region
from promscan.strength.reporter import Reporter


class Found(NamedTuple):
    """The hits that one chunk decided, in order; `track` is one of its tracks, None when the genome has ended."""

    track: ScoreTrack | None
    hits: list[Hit]


class Scan:
    """A scan that is ready to run: model loaded, genome found, options checked. Iterate over it to get `Hit`s.

    Args:
        genome: FASTA file (plain, gzip or bgzip), or `-` for standard input.
        model: bundled name or weights file.
        threshold: call windows of at least this probability.
        fp_per_mb: call at this many false hits per Mb of background instead; needs a calibrated model (default: 10 with
            such a model, else the default threshold of the model).
        min_distance: least distance in bp between the starts of two hits of a strand (default: the model's, else 500).
        smoothing: odd width in bp over which logits are averaged before hits are called (default: the model's).
        strand: `both`, `+` or `-`.
        stride: score only windows whose start is divisible by this.
        skip_masked: read lower-case bases as unknown.
        regions: keep only hits whose tss lies in one of these (`chr1:1,000-2,000`, 1-based, closed).
        bed: the same for the intervals of a BED file.
        exclude: drop windows that overlap these intervals, or those of a BED file.
        shard: (I, N), keep only the hits of the I-th of N parts of the genome, I from 1 to N.
        exhaustive: score every window exactly, even where a screened scan would be faster.
        strength: bundled name or weights file of a strength model; None: hits have no strength.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all` (every CUDA device, of one model).
        batch_size, threads, precision: see `open_engine`.
        resume: keep a journal in this folder, and go on from the one that is there, to the hits of a scan that never
            stopped; the folder stays until `finish`.

    Attributes:
        settings: what decides the hits, for the header of a file.
        statistics: counts and times of the latest iteration.

    Raises:
        InputError: the genome, a region or a BED file cannot be used.
        ModelError: no such model, or it lacks what the options need.
        DeviceError: no such device.
        RunError: on iteration, the journal is of another scan or genome, or cannot be written.
    """

    def __init__(
        self,
        genome: str | Path,
        *,
        model: str | Path = DEFAULT_MODEL,
        threshold: float | None = None,
        fp_per_mb: float | None = None,
        min_distance: int | None = None,
        smoothing: int | None = None,
        strand: Literal["both", "+", "-"] = "both",
        stride: int = 1,
        skip_masked: bool = False,
        regions: Sequence[str] = (),
        bed: str | Path | None = None,
        exclude: str | Path | Intervals | None = None,
        shard: tuple[int, int] | None = None,
        exhaustive: bool = False,
        strength: str | Path | None = DEFAULT_STRENGTH,
        device: str = "auto",
        batch_size: int | None = None,
        threads: int | None = None,
        precision: str = "auto",
        resume: str | Path | None = None,
    ) -> None:
        self.devices = resolve_devices(device)
        self.network, self.card = load_model(str(model))
        self.strength = None if strength is None else load_strength(str(strength))
        self.calibration = self.card.calibration
        self.calling = resolve_calling(
            self.card,
            threshold=threshold,
            fp_per_mb=fp_per_mb,
            min_distance=min_distance,
            smoothing=smoothing,
            strand=strand,
            stride=stride,
            exhaustive=exhaustive,
        )
        self.engine_settings = EngineSettings(
            stride=self.calling.stride,
            strands=self.calling.strands,
            threads=threads,
            batch_size=batch_size,
            precision=precision,
            smoothing=self.calling.smoothing,
        )
        if self.calibration is not None and threshold is None:
            self._warn_of_other_settings()
        self.resume = None if resume is None else Path(resume)
        self.genome = Genome(genome, skip_masked=skip_masked)
        self.within = self._intervals_to_scan(regions, bed)
        self.exclude = None if exclude is None else self._intervals_to_exclude(exclude)
        if self.strength is not None and (species := self.strength[1].species) != self.card.species:
            logger.warning(
                "model %s is for %s, and that of the scan, %s, for %s: take the strengths as guesses",
                self.strength[1].name, species, self.card.name, self.card.species,
            )  # fmt: skip
        self.statistics = Statistics()
        self.settings = self._settings(skip_masked)
        if shard is not None:
            # One grid for every engine, so that a shard is the same place whatever the model.
            contigs = self.genome.contigs()
            part = shard_of(contigs, *shard, grid=StreamingEngine.lane)
            self.within = part if self.within is None else self.within.intersection(part)
            self.settings |= {"shard": "{}/{}".format(*shard), "genome": genome_digest(contigs)}

    def __iter__(self) -> Iterator[Hit]:
        with (
            self._engine() as engine,
            self._open_strengths() as strengths,
            self._open_journal(engine) as journal,
            progress(self._total_mb(engine), "scanning", "Mb") as bar,
            closing(prefetch(self.chunks(engine, journal.chunk_step))) as chunks,
        ):
            statistics = self.statistics = Statistics(windows=journal.windows)
            counted = statistics.count_chunks(statistics.timed(chunks, "read"), bar.advance)
            kept = counted if strengths is None else strengths.keep(counted, journal.done)
            tracks = statistics.timed(statistics.count_windows(engine.score(journal.remaining(kept))), "score")
            callers = [
                PeakCaller(strand, self.calling.threshold, self.calling.min_distance, self.calling.stride)
                for strand in self.calling.strands
            ]
            replayed = journal.replay(callers)
            yield from self._in_wanted_place(replayed)
            found = statistics.timed(self._call(tracks, callers), "call")
            if strengths is not None:
                found = statistics.timed(self._predict_strengths(found, strengths), "strength")
            yield from self._in_wanted_place(self._noted(found, callers, journal))

    def finish(self) -> None:
        """Remove the journal, when the hits are where they should be."""
        if self.resume is not None:
            remove_journal(self.resume)

    def chunks(self, engine: Engine, step: int) -> Iterator[Chunk]:
        """What is to be scanned, as an engine reads it; `step` window starts a chunk."""
        for chunk in self.genome.read_chunks(step, self._spans(engine), margin=self._margin(engine)):
            if self.exclude is None:
                yield chunk
            else:
                blocked = self.exclude.mask(chunk.chrom, chunk.first_base, chunk.first_base + len(chunk.codes))
                yield dataclasses.replace(chunk, blocked=blocked)

    def _warn_of_other_settings(self) -> None:
        apart, smoothing = self.card.min_distance, self.card.smoothing
        if self.calling.min_distance < apart or self.calling.smoothing != smoothing:
            logger.warning(
                "model %s was calibrated on hits %d bp apart and logits averaged over %d bp: with other settings, take "
                "its false hits per Mb as guesses", self.card.name, apart, smoothing,
            )  # fmt: skip

    def _spans(self, engine: Engine) -> Spans | None:
        return None if self.within is None else self.within.spans_of_starts(self.calling.min_distance, engine.grid)

    def _margin(self, engine: Engine) -> int:
        if self.strength is None:
            return engine.margin
        return max(engine.margin, margin_of(Reporter.of(self.strength[1])))

    def _engine(self) -> Engine:
        if self.calling.floor is None:
            return open_engine(self.card.engine, self.network, self.devices, self.engine_settings)
        return ScreenedEngine(self.network, self.devices, self.engine_settings, self.calling.floor)

    def _open_strengths(self) -> AbstractContextManager[HitStrengths | None]:
        if self.strength is None:
            return nullcontext()
        network, card = self.strength
        predictor = StrengthPredictor(
            network,
            card,
            self.devices,
            threads=self.engine_settings.threads,
            batch_size=self.engine_settings.batch_size,
            precision=self.engine_settings.precision,
        )
        return HitStrengths(predictor, self.calling.min_distance)

    def _open_journal(self, engine: Engine) -> Journal:
        # Machines that differ in the last bits would together end in the hits of neither.
        machine = {
            **arithmetic(self.devices[0]),
            "kernels": "yes" if engine.by_kernels else "no",
            "lanes": str(lanes_on(self.devices, self.network.architecture)),
        }
        scan = {"promscan": promscan.__version__, **self.settings, **machine}
        return Journal(self.resume, scan, engine.chunk_step)

    def _intervals_to_scan(self, regions: Sequence[str], bed: str | Path | None) -> Intervals | None:
        if not regions and bed is None:
            return None
        contigs = self.genome.contigs()
        within = Intervals.of([parse_region(region, contigs) for region in regions])
        return within if bed is None else within.union(self._known(read_bed(bed), bed))

    def _intervals_to_exclude(self, exclude: str | Path | Intervals) -> Intervals:
        if isinstance(exclude, Intervals):
            return self._known(exclude, "intervals to exclude")
        return self._known(read_bed(exclude), exclude)

    def _known(self, intervals: Intervals, source: str | Path) -> Intervals:
        intervals.check_against(self.genome.contigs(), str(source))
        return intervals

    def _settings(self, skip_masked: bool) -> dict[str, str]:
        settings = {
            "model": self.card.name,
            "sha256": self.card.sha256,
            "threshold_logit": f"{self.calling.threshold:.6g}",
            "min_distance": str(self.calling.min_distance),
            "strand": self.calling.strand,
            "stride": str(self.calling.stride),
            "skip_masked": "yes" if skip_masked else "no",
        }
        if self.within is not None:
            settings["within"] = self.within.digest()
        if self.exclude is not None:
            settings["exclude"] = self.exclude.digest()
        if self.calling.smoothing > 1:
            settings["smoothing"] = str(self.calling.smoothing)
        if self.calling.floor is not None:
            settings["screening_margin"] = f"{self.calling.threshold - self.calling.floor:.6g}"
        if self.engine_settings.precision == "bfloat16":
            settings["precision"] = self.engine_settings.precision
        if self.strength is not None:
            settings |= settings_of(self.strength[1])
        return settings

    def _total_mb(self, engine: Engine) -> float | None:
        """What will be read, which is more than what is wanted."""
        total = self.genome.size_hint
        spans = self._spans(engine)
        if spans is not None:
            lengths, margin = self.genome.contigs(), self._margin(engine)
            total = Intervals.of(
                Interval(chrom, max(0, begin - margin), min(end + OVERLAP + margin, lengths[chrom]))
                for chrom, ranges in spans.items()
                for begin, end in ranges
                if begin + OVERLAP < lengths[chrom]
            ).total_bases
        return None if total is None else total / 1e6

    def _call(self, tracks_of_chunks: Iterable[list[ScoreTrack]], callers: Sequence[PeakCaller]) -> Iterator[Found]:
        """Hits of all strands, sorted: the callers of both strands decide the same starts at a time."""
        for tracks in tracks_of_chunks:
            batches = [caller.feed(track) for caller, track in zip(callers, tracks, strict=True)]
            yield Found(tracks[0], in_order(batches, tracks[0].chrom))
        yield Found(None, in_order([caller.flush() for caller in callers], None))

    def _predict_strengths(self, found: Iterable[Found], strengths: HitStrengths) -> Iterator[Found]:
        for track, hits in found:
            yield Found(track, strengths.grade(hits))
            if track is not None:
                strengths.forget(track.chrom, track.start + (len(track.logits) - 1) * track.stride)

    def _noted(self, found: Iterable[Found], callers: Sequence[PeakCaller], journal: Journal) -> Iterator[Hit]:
        """The hits, entered in the journal with the state that the callers were in when they had decided them."""
        for track, hits in found:
            if track is not None:
                journal.note(track, hits, callers, self.statistics.windows)
            yield from hits

    def _in_wanted_place(self, hits: Iterable[Hit]) -> Iterator[Hit]:
        for hit in hits:
            if self.within is None or self.within.contains(hit.chrom, np.array([hit.tss]))[0]:
                self.statistics.hits += 1
                yield self._graded(hit)

    def _graded(self, hit: Hit) -> Hit:
        """The hit with what the model knows of it beside its logit."""
        if self.calibration is None:
            return hit
        return dataclasses.replace(hit, fp_per_mb=self.calibration.fp_per_mb(hit.logit))

    def summary(self) -> dict[str, Any]:
        """Settings, counts, and what varies from run to run: times, memory, device and host."""
        return {
            "promscan": promscan.__version__,
            "settings": self.settings,
            **self.statistics.describe(),
            "device": ", ".join(describe(device) for device in self.devices),
            "host": socket.gethostname(),
        }
