"""Scan a genome: bases in, hits out.

`Scan` checks what it is asked for before it loads torch and the models; see `promscan.commands.scanning`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import promscan
from promscan.calling.settings import CallSettings
from promscan.commands.scanning.hints import CIRCLES, SPECIES, circle_hint, species_hint
from promscan.commands.scanning.journal_file import remove_journal
from promscan.commands.scanning.plan import Machine, ScanOptions, make_plan
from promscan.commands.scanning.statistics import Statistics
from promscan.commands.scanning.tracks import check_tracks
from promscan.io.memory_genome import GenomeInput
from promscan.networks.card import DEFAULT_MODEL, OWN_STRENGTH, Card
from promscan.seq.intervals import Intervals
from promscan.seq.records import Chunk, Hit
from promscan.seq.windows import WINDOW

if TYPE_CHECKING:
    import torch

    from promscan.inference.engine import Engine
    from promscan.inference.settings import EngineSettings
    from promscan.inference.streaming import StreamingEngine
    from promscan.networks.classifier import BiGRUAttention
    from promscan.networks.screening import ScreeningNetwork


class Scan:
    """A scan that is ready to run: model loaded, genome found, options checked. Iterate over it to get `Hit`s.

    Args:
        genome: FASTA file, plain or compressed, or `-` for standard input; or several files, or a folder of them, as
            one genome.
        model: bundled name or weights file.
        threshold: call windows of at least this probability.
        fp_per_mb: call at this many false positives per Mb of background instead; needs a calibrated model (default:
            the rate in the card of such a model, else the threshold there).
        to_rank: call all hits that are worth ranking instead, as for a calibration or a curve of recall: those of a
            probability of 1e-6 or more, or all candidates of a model that grades hits by their surroundings.
        min_distance: least distance in bp between the starts of two hits of a strand (default: the model's, else 500).
        smoothing: odd width in bp over which logits are averaged before hits are called (default: the model's).
        strand: `both`, `+` or `-`.
        stride: score only windows whose start is divisible by this.
        skip_masked: read lower-case bases as unknown.
        regions: keep only hits whose tss lies in one of these (`chr1:1,000-2,000`, 1-based, closed).
        bed: the same for the intervals of a BED file.
        exclude: drop windows that overlap these intervals, or those of a BED file.
        circular: these contigs are circles, or `all`: windows and hits go over their origin.
        min_length: skip contigs shorter than this, in bp.
        shard: (I, N), keep only the hits of the I-th of N parts of the genome, I from 1 to N.
        exhaustive: score every window exactly, even where a screened scan would be faster.
        strength: bundled name or weights file of a strength model; `auto`: the one that the card of the model names;
            None: hits have no strength.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all` (every CUDA device, of one model).
        batch_size: most windows computed at once (None: by threads on a CPU, by free memory on CUDA).
        threads: CPU threads (None: as many as the process may use).
        precision: `auto` (float32), `float32` or `bfloat16`, which can be faster and changes scores a little.
        resume: keep a journal in this folder, and go on from the one that is there, to the hits of a scan that never
            stopped; the folder stays until `finish`.
        track: write the calling score of every base to PREFIX.plus.bw and PREFIX.minus.bw, for this PREFIX, when the
            last hit has been taken; the scan is then exhaustive. The values are those of `score_genome`, rounded to
            three decimals.

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
        genome: GenomeInput,
        *,
        model: str | Path = DEFAULT_MODEL,
        threshold: float | None = None,
        fp_per_mb: float | None = None,
        to_rank: bool = False,
        min_distance: int | None = None,
        smoothing: int | None = None,
        strand: Literal["both", "+", "-"] = "both",
        stride: int = 1,
        skip_masked: bool = False,
        regions: Sequence[str] = (),
        bed: str | Path | None = None,
        exclude: str | Path | Intervals | None = None,
        circular: str | Sequence[str] = (),
        min_length: int = WINDOW,
        shard: tuple[int, int] | None = None,
        exhaustive: bool = False,
        strength: str | Path | None = OWN_STRENGTH,
        device: str = "auto",
        batch_size: int | None = None,
        threads: int | None = None,
        precision: str = "auto",
        resume: str | Path | None = None,
        track: str | Path | None = None,
    ) -> None:
        self.plan = make_plan(ScanOptions(
            genome=genome, model=model, threshold=threshold, fp_per_mb=fp_per_mb, to_rank=to_rank,
            min_distance=min_distance, smoothing=smoothing, strand=strand, stride=stride, skip_masked=skip_masked,
            regions=regions, bed=bed, exclude=exclude, circular=circular, min_length=min_length, shard=shard,
            exhaustive=exhaustive, strength=strength, resume=resume, track=track,
            machine=Machine(device=device, batch_size=batch_size, threads=threads, precision=precision),
        ))  # fmt: skip
        check_tracks(self.plan)
        from promscan.commands.scanning.run import LoadedScan  # loads torch, which takes a second

        self._loaded = LoadedScan(self.plan)
        self.settings, self.statistics = dict(self.plan.settings), Statistics()

    def __iter__(self) -> Iterator[Hit]:
        statistics = self.statistics = Statistics()
        yield from self._loaded.hits(statistics)

    @property
    def card(self) -> Card:
        """Card of the model."""
        return self.plan.card

    @property
    def calling(self) -> CallSettings:
        """What makes a window a hit."""
        return self.plan.calling

    @property
    def network(self) -> BiGRUAttention:
        """The network of the scan, in evaluation mode."""
        return self._loaded.network

    @property
    def devices(self) -> Sequence[torch.device]:
        """The devices that the scan runs on, of one kind."""
        return self._loaded.devices

    @property
    def screening(self) -> ScreeningNetwork | None:
        """The screening network of the model; None: it has none."""
        return self._loaded.screening

    @property
    def engine_settings(self) -> EngineSettings:
        """What the engine scores, and how."""
        return self._loaded.engine_settings

    def open_screened(self, network: ScreeningNetwork, floor: float | None) -> StreamingEngine:
        """The engine of a streaming model with a screening network, for tracks with estimates; see `EngineSettings`."""
        return self._loaded.open_screened(network, floor)

    def chunks(self, engine: Engine, step: int) -> Iterator[Chunk]:
        """What is to be scanned, as an engine reads it; `step` window starts a chunk."""
        return self._loaded.chunks(engine, step)

    def finish(self) -> None:
        """Remove the journal, when the hits are where they should be."""
        if self.plan.resume is not None:
            remove_journal(self.plan.resume)

    def require_scored(self) -> bool:
        """Whether the latest iteration scored a window; in a part of a genome, there may be none.

        Raises:
            InputError: it scored none, and the whole genome was to be scanned.
        """
        return self.plan.require_scored(self.statistics.windows)

    def hints(self) -> dict[str, str]:
        """What the latest iteration found out about the genome that the user may want to know, by kind.

        Nothing if a part of it was scanned, for another part may be different.
        """
        if self.plan.restricted:
            return {}
        source, circles = self.plan.genome.source, self.plan.circles
        species = species_hint(self.card, source, self.statistics.composition)
        maybe = [chrom for chrom in self.plan.genome.maybe_circles if circles is None or not circles.named(chrom)]
        return {
            **({} if species is None else {SPECIES: species}),
            **({CIRCLES: circle_hint(source, maybe)} if maybe else {}),
        }

    def summary(self) -> dict[str, Any]:
        """Settings, counts, and what varies from run to run: times, memory, device and host."""
        return {
            "promscan": promscan.__version__,
            "settings": self.settings,
            **self.statistics.describe(),
            "device": self._loaded.device_names,
            "host": socket.gethostname(),
        }
