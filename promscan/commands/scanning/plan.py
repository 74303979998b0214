"""The plan of a scan: what the user asks for, resolved and checked before anything heavy is loaded.

Cards, intervals and contig lengths are read without torch and without weights, so a typing error is refused at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from promscan.calling.settings import CallSettings, resolve_calling
from promscan.commands.scanning.hit_strengths import margin_of, reporter_of, settings_of
from promscan.commands.scanning.scope import excluded_bases, wanted_bases
from promscan.errors import InputError
from promscan.io.chunks import OVERLAP, Spans
from promscan.io.memory_genome import GenomeInput, GenomeSource, open_genome
from promscan.io.scan_header import joined_names
from promscan.log import logger
from promscan.networks.card import OWN_STRENGTH, PROMOTER, STRENGTH, Card
from promscan.networks.model_files import card_for
from promscan.networks.strength_choice import strength_model_of
from promscan.seq.bounds import MAX_BP, check_machine, check_whole
from promscan.seq.circles import Circles
from promscan.seq.intervals import SHARD_GRID, Intervals, check_shard, genome_digest, shard_of
from promscan.seq.records import Interval
from promscan.seq.regions import unknown_contig
from promscan.seq.windows import WINDOW

ALL = "all"
"""Word that stands for the names of circles: every contig is one."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Device, threads and precision of a scan.

    device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all`.
    batch_size, threads, precision: see `EngineSettings`.
    """

    device: str = "auto"
    batch_size: int | None = None
    threads: int | None = None
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_machine(self.threads, self.batch_size)


@dataclass(frozen=True, kw_only=True)
class ScanPlan:
    """A scan that is ready to be loaded and run.

    genome: where the bases come from.
    model, card: name or path of the model, and its card.
    calling: what makes a window a hit.
    strength, strength_card: name or path of the strength model, and its card; None: hits have no strength.
    within: where the TSS of a hit must lie (None: anywhere); it contains the shard.
    exclude: bases that no scored window may touch.
    circles: which contigs are circles (None: none of them).
    min_length: contigs of fewer bases are skipped.
    machine: where the scan runs.
    resume: folder of the journal, or None without a journal.
    track: the tracks of scores are PREFIX.plus.bw and PREFIX.minus.bw; None: there are none.
    settings: what decides the hits, for the header of a file.
    """

    genome: GenomeSource
    model: str
    card: Card
    calling: CallSettings
    strength: str | None
    strength_card: Card | None
    within: Intervals | None
    exclude: Intervals | None
    circles: Circles | None
    min_length: int
    machine: Machine
    resume: Path | None
    track: str | None
    settings: Mapping[str, str]

    @property
    def restricted(self) -> bool:
        """Whether only a part of the genome is asked for, by regions, a BED file or a shard."""
        return self.within is not None

    def require_scored(self, windows: int) -> bool:
        """Whether there were scored windows; raises InputError if there was none in a whole genome."""
        if not windows and not self.restricted:
            raise InputError(
                f"{self.genome.source}: no window could be scored: all of them hold too many bases that are "
                "unknown, masked or excluded, or each contig is too short; give DNA that can be scored"
            )
        return windows > 0

    def spans(self, grid: int) -> Spans | None:
        """The window starts to score, up to multiples of `grid`; None: all."""
        if self.within is None:
            return None
        circles = frozenset[str]() if self.circles is None else self.circles.among(self.genome.contigs())
        return self.within.spans_of_starts(self.calling.reach + 1, grid, circles)

    def circles_on(self, grid: int) -> Circles | None:
        """The circles, whose windows begin and end at multiples of `grid`."""
        return None if self.circles is None else dataclasses.replace(self.circles, grid=grid)

    def margin(self, of_engine: int) -> int:
        """Bases of context around a chunk: those that the engine needs, or more for the inserts of hits."""
        if self.strength_card is None:
            return of_engine
        return max(of_engine, margin_of(reporter_of(self.strength_card)))

    def megabases_to_read(self, grid: int, margin: int) -> float | None:
        """Megabases that the scan reads, if that is known; more than it scans, for context is read too."""
        total, spans = self.genome.size_hint, self.spans(grid)
        if spans is not None:
            lengths = self.genome.contigs()
            total = Intervals.of(
                Interval(chrom, max(0, begin - margin), min(end + OVERLAP + margin, lengths[chrom]))
                for chrom, ranges in spans.items()
                for begin, end in ranges
                if begin + OVERLAP < lengths[chrom]
            ).total_bases
        return None if total is None else total / 1e6


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """The options of a user; `Scan` explains each one, and has the defaults."""

    genome: GenomeInput
    model: str | Path
    threshold: float | None
    fp_per_mb: float | None
    to_rank: bool
    min_distance: int | None
    smoothing: int | None
    strand: Literal["both", "+", "-"]
    stride: int
    skip_masked: bool
    regions: Sequence[str]
    bed: str | Path | None
    exclude: str | Path | Intervals | None
    circular: str | Sequence[str] = ()
    min_length: int = WINDOW
    shard: tuple[int, int] | None
    exhaustive: bool
    strength: str | Path | None
    machine: Machine
    resume: str | Path | None
    track: str | Path | None = None

    def __post_init__(self) -> None:
        if (self.threshold is not None) + (self.fp_per_mb is not None) + self.to_rank > 1:
            raise ValueError("threshold, fp_per_mb and to_rank are three ways to say the same: give one")
        if isinstance(self.regions, str):
            raise ValueError(f"regions must be a list of regions, not the text {self.regions!r}")
        if isinstance(self.circular, str) and self.circular != ALL:
            raise ValueError(f"circular must be {ALL!r} or a list of contigs, not the text {self.circular!r}")
        check_whole("min_length", self.min_length, 1, MAX_BP)
        if self.shard is not None:
            check_shard(*self.shard)


def make_plan(options: ScanOptions) -> ScanPlan:
    """Resolve what the user asks for, and check it against the cards and the genome; raises what `Scan` raises."""
    card = card_for(PROMOTER, options.model)
    calling = resolve_calling(
        card,
        threshold=options.threshold,
        fp_per_mb=options.fp_per_mb,
        to_rank=options.to_rank,
        min_distance=options.min_distance,
        smoothing=options.smoothing,
        strand=options.strand,
        stride=options.stride,
        exhaustive=options.exhaustive or options.track is not None,
    )
    strength = strength_model_of(card) if options.strength == OWN_STRENGTH else options.strength
    strength_card = None if strength is None else card_for(STRENGTH, strength)
    genome = open_genome(options.genome, skip_masked=options.skip_masked)
    circles = _circles(genome, options, calling)
    wanted = wanted_bases(genome, options.regions, options.bed)
    excluded = excluded_bases(genome, options.exclude)
    shard = None if options.shard is None else _shard(genome, options.shard)
    _warn(options, card, calling, strength_card)
    settings = _header(options, card, calling, wanted, excluded)
    settings |= {} if strength_card is None else settings_of(strength_card)
    settings |= {} if options.shard is None else _shard_header(genome, options.shard)
    return ScanPlan(
        genome=genome,
        model=str(options.model),
        card=card,
        calling=calling,
        strength=None if strength is None else str(strength),
        strength_card=strength_card,
        within=_common(wanted, shard),
        exclude=excluded,
        circles=circles,
        min_length=options.min_length,
        machine=options.machine,
        resume=None if options.resume is None else Path(options.resume),
        track=None if options.track is None else str(options.track),
        settings=settings,
    )


def _circles(genome: GenomeSource, options: ScanOptions, calling: CallSettings) -> Circles | None:
    """The contigs that are circles; those of a pipe are found missing when it is read."""
    if not options.circular:
        return None
    if options.stride > 1:
        raise InputError("over the origin of a circle, windows lie on no stride: leave out stride, or circular")
    names = None if _all_are_circles(options) else frozenset(options.circular)
    circles = Circles(names=names, reach=calling.reach, least=calling.min_distance)
    if not genome.is_pipe:
        check_circles(circles, genome)
    return circles


def _all_are_circles(options: ScanOptions) -> bool:
    return options.circular == ALL or ALL in list(options.circular)


def check_circles(circles: Circles, genome: GenomeSource) -> None:
    """Refuse circles that are no contigs.

    Raises:
        InputError: there is one.
    """
    for name in sorted(circles.names or ()):
        if name not in genome.contigs():
            raise InputError(f"{genome.source}: circle {name!r}: {unknown_contig(name, genome.contigs())}")


def _shard(genome: GenomeSource, shard: tuple[int, int]) -> Intervals:
    return shard_of(genome.contigs(), *shard, grid=SHARD_GRID)


def _common(wanted: Intervals | None, shard: Intervals | None) -> Intervals | None:
    """The bases of both, where None stands for all bases."""
    if wanted is None or shard is None:
        return wanted or shard
    return wanted.intersection(shard)


def _warn(options: ScanOptions, card: Card, calling: CallSettings, strength_card: Card | None) -> None:
    """Warn of what the user asked for and may not expect; the defaults give no warning."""
    other_calling = calling.min_distance < card.min_distance or calling.smoothing != card.smoothing
    if card.calibration is not None and options.threshold is None and not options.to_rank and other_calling:
        logger.warning(
            "model %s was calibrated on hits %d bp apart and logits averaged over %d bp: with other settings, take "
            "its false positives per Mb as guesses", card.name, card.min_distance, card.smoothing,
        )  # fmt: skip
    if strength_card is not None and options.strength != OWN_STRENGTH and strength_card.species != card.species:
        logger.warning(
            "the strength model %s is for %s, and the model of the scan, %s, for %s: take the strengths as guesses",
            strength_card.name, strength_card.species, card.name, card.species,
        )  # fmt: skip


def _header(
    options: ScanOptions, card: Card, calling: CallSettings, wanted: Intervals | None, excluded: Intervals | None
) -> dict[str, str]:
    """The settings that decide the hits, by name, without strengths and shard."""
    settings = {
        "model": card.name,
        "sha256": card.sha256,
        "threshold_logit": f"{calling.threshold:.6g}",
        "min_distance": str(calling.min_distance),
        "strand": calling.strand,
        "stride": str(calling.stride),
        "skip_masked": "yes" if options.skip_masked else "no",
    }
    if wanted is not None:
        settings["within"] = wanted.digest()
    if excluded is not None:
        settings["exclude"] = excluded.digest()
    if options.circular:
        settings["circular"] = ALL if _all_are_circles(options) else joined_names(options.circular)
    if options.min_length > WINDOW:
        settings["min_length"] = str(options.min_length)
    if calling.smoothing > 1:
        settings["smoothing"] = str(calling.smoothing)
    if calling.rule is not None:
        settings |= {"candidates": f"{calling.rule.candidates:.15g}", "grade": calling.rule.grade}
        if calling.rule.place_weight:
            settings["place_weight"] = f"{calling.rule.place_weight:.15g}"
    if calling.floor is not None:
        settings["screening_margin"] = f"{calling.threshold - calling.floor:.6g}"
    settings |= card.scale.unusual_distances()
    if options.machine.precision == "bfloat16":
        settings["precision"] = options.machine.precision
    return settings


def _shard_header(genome: GenomeSource, shard: tuple[int, int]) -> dict[str, str]:
    return {"shard": "{}/{}".format(*shard), "genome": genome_digest(genome.contigs())}
