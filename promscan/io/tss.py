"""Read lists of transcription starts, and of known promoters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from os import PathLike, fspath

from promscan.errors import InputError
from promscan.io.listed_rows import Row, stranded
from promscan.io.tss_layouts import StartList, genes, transcripts
from promscan.log import counted, logger
from promscan.seq.circles import rounds
from promscan.seq.intervals import Intervals
from promscan.seq.records import Interval
from promscan.seq.regions import chr_hint
from promscan.seq.tss import KnownStarts, Site


def read_starts(path: str | PathLike[str], contigs: Mapping[str, int], tss_from: str | None = None) -> KnownStarts:
    """Read transcription starts, with their names, from BED, GFF3 or GTF, and say which base of an interval they are.

    Starts on contigs that the genome lacks are left out, and counted in a message.

    Args:
        path: plain or compressed file, or `-` for standard input.
        contigs: contig to bases.
        tss_from: which base of an interval is the start, one of `TSS_FROM`; None: what the layout of the file says.

    Raises:
        InputError: the file cannot be read, its layout does not say where the starts are, a row has no strand, a start
            lies past the end of its contig, or no contig is one of the genome.
    """
    listed = StartList.read(fspath(path))
    reading = listed.reading(tss_from)
    _check_contigs(listed.source, reading.rows, contigs)
    sites, names = list[Site](), dict[Site, str]()
    for row, tss in zip(reading.rows, reading.positions, strict=True):
        strand = stranded(row)
        if row.chrom not in contigs:
            continue
        if row.circle == contigs[row.chrom]:
            tss %= row.circle
        if tss >= contigs[row.chrom]:
            raise InputError(
                f"{row.where}: {tss} lies past the end of {row.chrom} at {contigs[row.chrom]}; is it for this genome?"
            )
        if not row.type and row.end > contigs[row.chrom]:  # in GFF3, a feature of a circle may
            raise InputError(
                f"{row.where}: reaches past the end of {row.chrom} at {contigs[row.chrom]}; is it for this genome?"
            )
        site = Site(row.chrom, tss, strand)
        sites.append(site)
        if row.name not in ("", "."):
            names.setdefault(site, row.name)
    known = KnownStarts(sites, names, reading.words)
    logger.info("%s: %s, each %s", listed.source, counted(len(known), "TSS"), reading.words)
    return known


def read_known_promoters(path: str | PathLike[str], contigs: Mapping[str, int]) -> Intervals:
    """Read where promoters are known, and say how the list was read.

    They are the transcription starts, where the layout of the file says which base they are; of an annotation the 5'
    ends of its genes and transcripts; else all intervals or features, as long as they are. What lies on contigs that
    the genome lacks is left out, and counted in a message.

    Args:
        path: plain or compressed BED, GFF3 or GTF file, or `-` for standard input; intervals need no strands.
        contigs: contig to bases.

    Raises:
        InputError: the file cannot be read, has no interval with bases, does not fit the genome, or a gene has no
            strand.
    """
    listed = StartList.read(fspath(path))
    words, intervals = _known_promoters(listed)
    _check_contigs(listed.source, [row for row, _ in intervals], contigs)
    known = Intervals.of(
        part for row, interval in intervals if interval.chrom in contigs for part in _parts(row, interval, contigs)
    )
    if not known.total_bases:
        raise InputError(f"{listed.source}: there is no interval with bases in it; give a BED file of at least one")
    known.check_against(contigs, listed.source)
    logger.info("%s: the known promoters are %s", listed.source, words)
    return known


def _parts(row: Row, interval: Interval, contigs: Mapping[str, int]) -> Iterator[Interval]:
    """The interval, or on a circle its parts on both sides of the origin."""
    if row.circle is None or row.circle != contigs[row.chrom]:
        yield interval
        return
    for start, end in rounds(interval.start, interval.end, row.circle):
        yield Interval(interval.chrom, start, end)


def _known_promoters(listed: StartList) -> tuple[str, list[tuple[Row, Interval]]]:
    """Return what the promoters of a list are, in words, and where the promoter of each row is."""
    with suppress(InputError):  # without a clear layout the list is one of intervals
        reading = listed.reading(None)
        return f"its TSSs, each {reading.words}", [
            (row, Interval(row.chrom, tss, tss + 1)) for row, tss in zip(reading.rows, reading.positions, strict=True)
        ]
    if annotated := [*genes(listed.rows), *transcripts(listed.rows)]:
        return "the 5' ends of its genes and transcripts", [
            (row, Interval(row.chrom, row.five_prime, row.five_prime + 1)) for row in annotated if stranded(row)
        ]
    if not listed.rows:
        raise InputError(
            f"{listed.source}: it lists only parts of transcripts, such as {next(iter(listed.types))}; give genes, "
            "transcripts or promoters"
        )
    return "its intervals, as long as they are", [(row, Interval(row.chrom, row.start, row.end)) for row in listed.rows]


def _check_contigs(source: str, rows: Sequence[Row], contigs: Mapping[str, int]) -> None:
    """Count the rows on contigs that the genome lacks, and refuse a list of nothing else."""
    absent = Counter(row.chrom for row in rows if row.chrom not in contigs)
    if not absent:
        return
    first = next(row for row in rows if row.chrom in absent)
    hint = chr_hint(absent, contigs)
    if absent.total() == len(rows):
        raise InputError(
            f"{first.where}: the genome has no contig {first.chrom!r}, nor any other of this list (its first one is "
            f"{next(iter(contigs), None)!r}); use the genome's names{hint}"
        )
    logger.info(
        "%s: %s on %s that the genome lacks, such as %r: left out%s",
        source, counted(absent.total(), "row"), counted(len(absent), "contig"), first.chrom, hint,
    )  # fmt: skip
