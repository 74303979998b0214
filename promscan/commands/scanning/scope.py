"""The bases that a scan is asked for: regions and lists, which may name more contigs than the genome has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from promscan.io.bed import read_bed
from promscan.io.memory_genome import GenomeSource
from promscan.log import counted, logger
from promscan.seq.intervals import Intervals
from promscan.seq.regions import chr_hint, is_on_genome, parse_region


def wanted_bases(genome: GenomeSource, regions: Sequence[str], bed: str | Path | None) -> Intervals | None:
    """The bases of all regions and of a BED file together; None if neither is given.

    What lies on contigs that the genome lacks is left out, with a message.

    Raises:
        InputError: the file cannot be read, a region or interval does not fit its contig, or no contig of the regions,
            or of the file, is one of the genome.
    """
    if not regions and bed is None:
        return None
    intervals = None if bed is None else read_bed(bed)  # before the contig lengths, which may take long to read
    contigs = genome.contigs()
    wanted = _regions(regions, contigs)
    return wanted if intervals is None else wanted.union(_on_genome(intervals, contigs, str(bed)))


def excluded_bases(genome: GenomeSource, exclude: str | Path | Intervals | None) -> Intervals | None:
    """The bases that no scored window may touch; raises and leaves out as `wanted_bases` does."""
    if exclude is None:
        return None
    intervals = exclude if isinstance(exclude, Intervals) else read_bed(exclude)
    source = "intervals to exclude" if intervals is exclude else str(exclude)
    return _on_genome(intervals, genome.contigs(), source)


def _regions(regions: Sequence[str], contigs: Mapping[str, int]) -> Intervals:
    known = [region for region in regions if is_on_genome(region, contigs)]
    absent = [region for region in regions if region not in known]
    if absent and known:
        logger.warning(
            "%s of contigs that the genome lacks, such as %s, left out%s",
            counted(len(absent), "region"), absent[0],
            chr_hint([region.rpartition(":")[0] or region for region in absent], contigs),
        )  # fmt: skip
    return Intervals.of(parse_region(region, contigs) for region in known or regions)


def _on_genome(intervals: Intervals, contigs: Mapping[str, int], source: str) -> Intervals:
    absent = [chrom for chrom in intervals.chroms if chrom not in contigs]
    if absent and len(absent) < len(intervals.chroms):
        logger.info(
            "%s: intervals on %s that the genome lacks, such as %r, left out%s",
            source, counted(len(absent), "contig"), absent[0], chr_hint(absent, contigs),
        )  # fmt: skip
        intervals = Intervals.of(interval for interval in intervals if interval.chrom in contigs)
    intervals.check_against(contigs, source)
    return intervals
