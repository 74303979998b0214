"""What is to be judged: the bases and strands that were scanned, and the distances that a model is judged with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from promscan.commands.model_of_hits import scale_of_hits
from promscan.io.bed import read_bed
from promscan.io.hits import RankedHits
from promscan.io.scan_header import scanned_part
from promscan.log import logger
from promscan.networks.card import Card
from promscan.networks.card_parts import Scale
from promscan.seq.intervals import Intervals
from promscan.seq.records import STRANDS, Interval, Strand
from promscan.seq.regions import named_regions


def find_scope(
    lengths: Mapping[str, int], bed: str | Path | None, contigs: Sequence[str], settings: Mapping[str, str]
) -> Intervals:
    """Find the bases that the user names and that were scanned, as far as the header of the hits says it.

    Args:
        lengths: contig to bases.
        bed: file of the intervals that count; None: all.
        contigs: only these contigs and regions count; none: all.
        settings: the words of the header of the hits.
    """
    whole = (Interval(chrom, 0, length) for chrom, length in lengths.items())
    scope = Intervals.of(named_regions(contigs, lengths) if contigs else whole)
    if bed is not None:
        part = read_bed(bed)
        part.check_against(lengths, str(bed))
        scope = scope.intersection(part)
    scanned = scanned_part(settings, lengths, scope)
    if scanned.unknown and bed is None:
        logger.warning(
            "only a part of the genome was scanned (%s), and all of it is judged, so recall is too low: name what was "
            "scanned by --bed", ", ".join(scanned.unknown),
        )  # fmt: skip
    within = scope if scanned.within is None else scope.intersection(scanned.within)
    if within != scope:
        logger.info("only what was scanned counts: %s bp", f"{within.total_bases:,}")
    return within


def scanned_strands(settings: Mapping[str, str]) -> tuple[Strand, ...]:
    """Find the strands that were scanned, by the words of the header of the hits."""
    strand = settings.get("strand")
    strands = tuple(each for each in STRANDS if strand not in STRANDS or each == strand)
    if len(strands) == 1:
        logger.info("only the %s strand was scanned: only its TSSs count", strand)
    return strands


def scale_of(hits: object, ranked: RankedHits) -> tuple[Scale, str]:
    """Find the distances that hits are judged with, and where they come from.

    They are those of the card of a scan, those that the header of a file names, or those of the bundled model that
    made the file; else the defaults.

    Args:
        hits: what was given to judge: a `Scan`, or anything else.
        ranked: its hits.
    """
    own: Card | None = getattr(hits, "card", None)
    return scale_of_hits(ranked.settings) if own is None else (own.scale, f"the card of {own.name}")
