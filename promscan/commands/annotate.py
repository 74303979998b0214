"""Annotate hits with the genes around them, and read their sequences."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from promscan.commands.annotating.classes import Annotation, HitPlace, annotate_places
from promscan.commands.annotating.distances import OPERON_GAP, Distances, distances_of
from promscan.commands.annotating.nearest import check_bedtools
from promscan.commands.annotating.rows import format_of, write_annotated
from promscan.commands.annotating.sequences import HitSequence, opened_sequences, read_hit_sequences
from promscan.errors import InputError
from promscan.io.files import open_text_output
from promscan.io.gene_readers import read_genes
from promscan.io.genes import Genes
from promscan.io.hit_lines import HitLines, read_hit_lines
from promscan.io.listed_rows import Row
from promscan.io.scan_header import is_circle
from promscan.io.text import source_name
from promscan.log import counted, logger
from promscan.seq.bounds import MAX_BP, check_whole
from promscan.seq.records import Hit
from promscan.seq.regions import chr_hint

_IN_MEMORY = "hits in memory"


def annotate(
    hits: str | os.PathLike[str] | Iterable[Hit],
    genes: str | os.PathLike[str],
    *,
    core_promoter: int | None = None,
    upstream: int | None = None,
    operon_gap: int = OPERON_GAP,
) -> list[Annotation]:
    """Find the nearest genes and the class of each hit, in order.

    Args:
        hits: file of promscan (BED, GFF3, narrowPeak) or of any other tool (BED, GFF3), with strands, or `-` for
            standard input; or the hits of a `Scan`.
        genes: annotation as GFF3, GTF or BED (see `promscan.io.gene_readers`), or `-`.
        core_promoter: a hit at most this far (bp) from the 5' end of a gene is in its core promoter; None: `tolerance`
            of the model that made the hits, if their header says it or names a bundled one, else 100.
        upstream: a hit at most this far (bp) before the 5' end of a gene is upstream of it; None: `clearance` of that
            model, else 1,000.
        operon_gap: a gene at most this far (bp) after another one of its strand is in the same operon.

    Raises:
        InputError: a file cannot be used, or the two have no contig in common.
        DependencyError: bedtools is not installed.
        RunError: bedtools fails.
    """
    if isinstance(hits, str | os.PathLike):
        listed = read_hit_lines(hits)
        distances = distances_of(listed.settings, core_promoter, upstream, operon_gap)
        return _annotated(_Hits.listed(listed), genes, distances)
    settings = _settings_of(hits)
    distances = distances_of(settings, core_promoter, upstream, operon_gap)
    return _annotated(_Hits.in_memory(hits, settings), genes, distances)


def hit_sequences(
    hits: str | os.PathLike[str] | Iterable[Hit],
    genome: str | os.PathLike[str],
    *,
    flank_up: int = 0,
    flank_down: int = 0,
) -> Iterator[HitSequence]:
    """Read the sequence of each hit on its strand, in order.

    Args:
        hits: as for `annotate`.
        genome: FASTA file that they were called on, plain or compressed; no index is written next to it.
        flank_up: bases before the hit, read 5' to 3'; fewer at the end of a contig.
        flank_down: bases after it.

    Raises:
        InputError: a file cannot be used, or a hit does not lie on the genome.
    """
    for name, flank in (("flank_up", flank_up), ("flank_down", flank_down)):
        check_whole(name, flank, 0, MAX_BP)
    if isinstance(hits, str | os.PathLike):
        listed = read_hit_lines(hits)
        return read_hit_sequences(listed.rows, os.fspath(genome), listed.source, flank_up, flank_down)
    rows = [
        Row(hit.chrom, hit.start, hit.end, hit.strand, hit.name, circle=hit.circle, where=f"hit {hit.name}")
        for hit in hits
    ]
    return read_hit_sequences(rows, os.fspath(genome), _IN_MEMORY, flank_up, flank_down)


@dataclass(frozen=True, kw_only=True)
class AnnotateOptions:
    """Options of the command; those that `annotate` and `hit_sequences` have mean the same.

    format: `bed`, `gff3` or `tsv`; None: by the suffix of the output, on standard output that of the hits.
    bacteria: add the distance to the start codon, and whether the gene is the head of its operon.
    core_promoter, upstream, operon_gap: as for `annotate`.
    fasta: where the sequences of the hits go; None: nowhere.
    genome, flank_up, flank_down: as for `hit_sequences`.
    """

    format: str | None = None
    bacteria: bool = False
    core_promoter: int | None = None
    upstream: int | None = None
    operon_gap: int = OPERON_GAP
    fasta: str | None = None
    genome: str | None = None
    flank_up: int = 0
    flank_down: int = 0


def annotate_file(hits: str, genes: str | None, output: str | None, options: AnnotateOptions) -> None:
    """Write hits with their genes to a file, and their sequences to another one.

    Args:
        hits: as for `annotate`.
        genes: as for `annotate`; None: only the sequences are wanted.
        output: BED, GFF3 or TSV; see `promscan.commands.annotating.rows`.
        options: what else is wanted.

    Raises:
        InputError: as from `annotate` and `hit_sequences`.
        DependencyError: bedtools is wanted and not installed.
        RunError: an output cannot be written, or the hits not in its format.
    """
    if output is not None:
        format_of(output, options.format)
        check_bedtools()
    listed = read_hit_lines(hits)
    if listed.rows:
        logger.info("%s: the position of each hit is %s", listed.source, listed.position)
    with ExitStack() as stack:
        sequences: Iterator[HitSequence] = iter(())
        if options.genome is not None:  # what is wrong with it is said before the table is written
            sequences = stack.enter_context(
                opened_sequences(listed.rows, options.genome, listed.source, options.flank_up, options.flank_down)
            )
        if output is not None and genes is not None:
            _write_with_genes(listed, genes, output, options)
        if options.fasta is not None:
            with open_text_output(options.fasta) as file:
                file.writelines(f">{hit.header}\n{hit.sequence}\n" for hit in sequences)


def _write_with_genes(listed: HitLines, genes: str, output: str, options: AnnotateOptions) -> None:
    format = format_of(output, options.format, listed)
    assert format is not None  # known with the hits
    distances = distances_of(listed.settings, options.core_promoter, options.upstream, options.operon_gap)
    annotations = _annotated(_Hits.listed(listed), genes, distances)
    write_annotated(output, format, listed, annotations, distances, options.bacteria)
    counts = Counter(annotation.class_ for annotation in annotations)
    logger.info(
        "%s: %s", counted(len(annotations), "hit"),
        ", ".join(f"{count:,} {name}" for name, count in counts.most_common()) or "nothing to annotate",
    )  # fmt: skip


def _settings_of(hits: Iterable[Hit]) -> Mapping[str, str]:
    settings: Mapping[str, str] = getattr(hits, "settings", {})  # those of a `Scan`
    return settings


@dataclass(frozen=True)
class _Hits:
    """What is annotated.

    source: what messages call the hits.
    places: of the hits.
    starts: first base of each.
    settings: what the first line of promscan says of the scan.
    circles: contigs whose hits say that they are circles, and their bases.
    """

    source: str
    places: Sequence[HitPlace]
    starts: Sequence[int]
    settings: Mapping[str, str]
    circles: Mapping[str, int]

    @classmethod
    def listed(cls, hits: HitLines) -> _Hits:
        """The hits of a file."""
        places = [
            HitPlace(row.chrom, tss, "+" if row.strand == "+" else "-", row.name)
            for row, tss in zip(hits.rows, hits.tss, strict=True)
        ]
        circles = {row.chrom: row.circle for row in hits.rows if row.circle is not None}
        return cls(hits.source, places, [row.start for row in hits.rows], hits.settings, circles)

    @classmethod
    def in_memory(cls, hits: Iterable[Hit], settings: Mapping[str, str]) -> _Hits:
        """The hits of a scan."""
        found = list(hits)
        places = [HitPlace(hit.chrom, hit.tss, hit.strand, hit.name) for hit in found]
        circles = {hit.chrom: hit.circle for hit in found if hit.circle is not None}
        return cls(_IN_MEMORY, places, [hit.start for hit in found], settings, circles)


def _annotated(hits: _Hits, path: str | os.PathLike[str], distances: Distances) -> list[Annotation]:
    check_bedtools()
    genes = read_genes(path)
    name = source_name(os.fspath(path))
    logger.info("%s: %s", name, counted(len(genes), "gene"))
    if genes.without_strand:
        logger.info("%s: %s without a strand left out", name, counted(genes.without_strand, "gene"))
    _check_contigs(hits.places, hits.source, genes, name)
    circles = _circles(hits, genes, name)
    with TemporaryDirectory(prefix="promscan-") as folder:
        return annotate_places(hits.places, genes, distances, Path(folder), circles)


def _circles(hits: _Hits, genes: Genes, name: str) -> dict[str, int]:
    """Contigs that are circles, by the hits or by the genes, and their bases, where one of both says them.

    Raises:
        InputError: the hits lie on another circle than the genes.
    """
    chroms = list(dict.fromkeys(place.chrom for place in hits.places))
    scanned = [chrom for chrom in chroms if is_circle(hits.settings, chrom)]
    said = {chrom: genes.lengths[chrom] for chrom in scanned if chrom in genes.lengths}
    circles = said | dict(genes.circles) | dict(hits.circles)
    for place, start in zip(hits.places, hits.starts, strict=True):
        length = circles.get(place.chrom)
        other = genes.circles.get(place.chrom, genes.lengths.get(place.chrom, length))
        if length is not None and (other != length or start >= length):
            raise InputError(
                f"{hits.source}: hit {place.name or start} lies on a circle {place.chrom!r} of another length than in "
                f"{name} ({other:,} bp); give the genes of the genome that was scanned"
            )
    if unknown := [chrom for chrom in scanned if chrom not in circles and chrom in genes.chroms]:
        logger.info(
            "%s: %s of unknown length, such as %r: distances end at the origin; hits in GFF3 know the length",
            hits.source, counted(len(unknown), "circle"), unknown[0],
        )  # fmt: skip
    return circles


def _check_contigs(places: Sequence[HitPlace], source: str, genes: Genes, name: str) -> None:
    """Count the hits on contigs without genes, and refuse files that have no contig in common."""
    known = dict.fromkeys(genes.chroms, 0)
    absent = Counter(place.chrom for place in places if place.chrom not in known)
    if not absent:
        return
    first = next(iter(absent))
    hint = chr_hint(absent, known)
    if absent.total() == len(places):
        raise InputError(
            f"{source}: {name} has no gene on contig {first!r}, nor on any other of these hits (its first contig is "
            f"{genes.chroms[0]!r}); use the same names in both{hint}"
        )
    logger.info(
        "%s: %s on %s without genes, such as %r%s",
        source, counted(absent.total(), "hit"), counted(len(absent), "contig"), first, hint,
    )  # fmt: skip
