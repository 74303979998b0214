"""The logit of every base of a genome, without calling hits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from promscan.commands.scanning.plan import Machine, ScanOptions, make_plan
from promscan.io.memory_genome import GenomeInput
from promscan.networks.card import DEFAULT_MODEL
from promscan.seq.circles import scores_on_circle
from promscan.seq.intervals import Intervals
from promscan.seq.records import Circle, Logits, Strand
from promscan.seq.windows import tss_of

if TYPE_CHECKING:
    from promscan.commands.scanning.run import LoadedScan


class PositionScores(NamedTuple):
    """Logits of neighbouring positions of one strand.

    chrom, strand: where they are.
    first: 0-based position of the first score.
    scores: float32 (n,); entry i is the logit of the window whose TSS is `first + i`, NaN where no window was scored.
    """

    chrom: str
    strand: Strand
    first: int
    scores: Logits


def score_genome(
    genome: GenomeInput,
    *,
    model: str | Path = DEFAULT_MODEL,
    smoothing: int | None = None,
    strand: Literal["both", "+", "-"] = "both",
    skip_masked: bool = False,
    regions: Sequence[str] = (),
    bed: str | Path | None = None,
    exclude: str | Path | Intervals | None = None,
    circular: str | Sequence[str] = (),
    device: str = "auto",
    batch_size: int | None = None,
    threads: int | None = None,
    precision: str = "auto",
) -> Iterator[PositionScores]:
    """Yield the logit of every position of a genome, in constant memory.

    The score of a position is the logit of the window whose TSS it is, after smoothing; a scan calls a hit there if the
    score reaches the threshold and no score nearby is higher. With a model that grades hits by their surroundings, such
    positions are the candidates: scores stay logits, and candidates alone have grades. Blocks of positions come by
    contig in the order of the genome, then by position, the `+` strand before the `-` strand of the same windows. They
    do not overlap. A position outside of all blocks has no window: it is too near to the end of its contig, or not in
    the regions.

    Args:
        genome: a path, a mapping of name to sequence, or one sequence.
        model: as for `Scan`.
        smoothing: as for `Scan`.
        strand: as for `Scan`.
        skip_masked: as for `Scan`.
        regions: yield only positions in one of these regions or in the BED file; written as for `Scan`.
        bed: BED file of further regions.
        exclude: as for `Scan`.
        circular: as for `Scan`.
        device: as for `Scan`.
        batch_size: as for `Scan`.
        threads: as for `Scan`.
        precision: as for `Scan`.

    Returns:
        an iterator of (contig, strand, first position, scores); the scores are float32 (n,), and NaN where a window has
        more than 7 unknown bases or an excluded one.

    Raises:
        InputError: the genome, a region or a BED file cannot be used.
        ModelError: no such model, or it cannot do what is asked for.
        DeviceError: no such device, or too little memory.
    """
    machine = Machine(device=device, batch_size=batch_size, threads=threads, precision=precision)
    # Every window is scored, and no hit is called: so neither threshold nor distance matters.
    options = ScanOptions(
        genome=genome, model=model, smoothing=smoothing, strand=strand, skip_masked=skip_masked, regions=regions,
        bed=bed, exclude=exclude, circular=circular, machine=machine, exhaustive=True, threshold=None,
        fp_per_mb=None, to_rank=True, min_distance=1, stride=1, shard=None, strength=None, resume=None,
    )  # fmt: skip
    plan = make_plan(options)
    plan = dataclasses.replace(plan, calling=dataclasses.replace(plan.calling, rule=None))
    from promscan.commands.scanning.run import LoadedScan  # loads torch, which takes a second

    return _position_scores(LoadedScan(plan), plan.within)


def _position_scores(loaded: LoadedScan, within: Intervals | None) -> Iterator[PositionScores]:
    circles = dict[str, Circle]()
    for track in loaded.tracks(circles):
        circle = circles.get(track.chrom)
        if circle is None:
            first, logits = tss_of(track.start, track.strand), track.logits
        else:
            first, logits = scores_on_circle(track, circle)
        if within is None:
            if len(logits) or circle is None:
                yield PositionScores(track.chrom, track.strand, first, logits)
            continue
        wanted = within.mask(track.chrom, first, first + len(logits))
        edges = np.flatnonzero(np.diff(wanted, prepend=False, append=False))
        for begin, end in edges.reshape(-1, 2).tolist():
            yield PositionScores(track.chrom, track.strand, first + begin, logits[begin:end].copy())
