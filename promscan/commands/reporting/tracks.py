"""The scores around the best hits of a sample."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from promscan.commands.genome_scores import score_genome
from promscan.errors import InputError
from promscan.io.scan_header import is_circle
from promscan.seq.circles import rounds
from promscan.seq.records import STRANDS, Strand
from promscan.seq.tss import Site

REACH = 300
"""bp of scores on each side of a hit."""
SCALE = 100
"""A score is stored as a whole number of hundredths."""
NO_SCORE = -32768
_WIDTH = re.compile("[0-9]{1,9}")

Track = npt.NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What scores the surroundings of hits.

    model: bundled name or weights file.
    device, threads: where it runs.
    """

    model: str
    device: str = "auto"
    threads: int | None = None


def tracks_around(
    sites: Sequence[Site], genome: str, contigs: Mapping[str, int], settings: Mapping[str, str], scoring: Scoring
) -> list[tuple[str, str]]:
    """Score the bases around each site, as the scan did that called it.

    Args:
        sites: the hits.
        genome: FASTA file.
        contigs: contig to bases.
        settings: the words of the first line of the hits.
        scoring: the model, and where it runs.

    Returns:
        the tracks of the + and of the - strand of each hit, each little-endian int16 in base64.

    Raises:
        InputError: the settings are not those of a scan.
        ModelError: the model cannot do it.
    """
    at = defaultdict[str, list[int]](list)
    for index, site in enumerate(sites):
        at[site.chrom].append(index)
    tracks = {strand: np.full((len(sites), 2 * REACH + 1), NO_SCORE, dtype=np.int16) for strand in STRANDS}
    scored = score_genome(
        genome, model=scoring.model, device=scoring.device, threads=scoring.threads,
        regions=_regions(sites, contigs, settings),
        smoothing=_smoothing_of(settings),
        skip_masked=settings.get("skip_masked") == "yes",
        circular=[chrom for chrom in contigs if chrom in at and is_circle(settings, chrom)],
    )  # fmt: skip
    for chrom, strand, first, scores in scored:
        values = np.clip(np.nan_to_num(scores * SCALE, nan=NO_SCORE, neginf=NO_SCORE), NO_SCORE, -NO_SCORE - 1)
        whole = values.round().astype(np.int16)
        turns = (-contigs[chrom], 0, contigs[chrom]) if is_circle(settings, chrom) else (0,)
        for index in at[chrom]:
            for turn in turns:
                _copy(tracks[strand][index], whole, first + turn - (sites[index].tss - REACH))
    return [(_packed(tracks, "+", index), _packed(tracks, "-", index)) for index in range(len(sites))]


def _smoothing_of(settings: Mapping[str, str]) -> int | None:
    """The width that the header of the hits names; None if it names none, so that it is that of the model."""
    text = settings.get("smoothing")
    if text is not None and not _WIDTH.fullmatch(text):
        raise InputError(
            f"the header of the hits says smoothing={text[:40]}, which is no width in bp; correct its first line"
        )
    return None if text is None else int(text)


def _regions(sites: Sequence[Site], contigs: Mapping[str, int], settings: Mapping[str, str]) -> list[str]:
    """What is scored: all bases near a site; on a circle, those on the other side of the origin, too."""
    regions = []
    for chrom, tss, _ in set(sites):
        length, start, end = contigs[chrom], tss - REACH, tss + REACH + 1
        around = is_circle(settings, chrom)
        parts = rounds(start, end, length) if around else [(max(0, start), min(length, end))]
        regions += [f"{chrom}:{first + 1}-{last}" for first, last in parts]
    return regions


def _copy(track: Track, values: Track, offset: int) -> None:
    """Copy values, of which the first one stands at `offset` of the track, as far as they overlap."""
    start, end = max(0, offset), min(len(track), offset + len(values))
    if start < end:
        track[start:end] = values[start - offset : end - offset]


def _packed(tracks: Mapping[Strand, Track], strand: Strand, index: int) -> str:
    return base64.b64encode(tracks[strand][index].astype("<i2").tobytes()).decode("ascii")
