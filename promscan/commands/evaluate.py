"""Judge hits in a genome by its known transcription starts: recall and precision by false positives per Mb."""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from promscan.commands.evaluating.classes import classes_of
from promscan.commands.evaluating.evaluation import RATES, Evaluation
from promscan.commands.evaluating.judge import Judge
from promscan.commands.evaluating.lists import ListedStarts, read_lists
from promscan.commands.evaluating.scope import find_scope, scale_of, scanned_strands
from promscan.errors import InputError
from promscan.io.genome import Genome
from promscan.io.hits import RankedHits, rank_hits, read_hits
from promscan.io.scan_header import is_circle
from promscan.io.text import source_name
from promscan.io.tss import read_starts
from promscan.log import logger
from promscan.metrics.blocks import Blocks
from promscan.networks.card_parts import Scale
from promscan.seq.bounds import MAX_BP, check_whole
from promscan.seq.circles import rounds
from promscan.seq.intervals import Intervals
from promscan.seq.records import Hit, Interval, Strand
from promscan.seq.tss import SAME_START, KnownStarts, Site


def evaluate(
    hits: str | os.PathLike[str] | Iterable[Hit],
    tss: str | Path | Sequence[str | Path],
    genome: str | Path,
    *,
    tolerance: int | None = None,
    false_beyond: int | None = None,
    clearance: int | None = None,
    same_start: int = SAME_START,
    class_pattern: str | None = None,
    ignore_near: Sequence[str | Path] = (),
    bed: str | Path | None = None,
    contigs: Sequence[str] = (),
    score_column: int | None = None,
    tss_from: str | None = None,
) -> Evaluation:
    """Judge hits by listed transcription starts (TSSs), strand by strand.

    Of a scan of a part of the genome only that part counts, if its header says which; else a warning names the cure.

    Args:
        hits: file of promscan (BED, GFF3, narrowPeak) or of any other tool (BED, GFF3), with strands (see
            `promscan.io.hits.read_hits`), or `-` for standard input; or the hits of a `Scan`.
        tss: BED, GFF3 or GTF file of the listed TSSs (see `promscan.io.tss.read_starts`), or several.
        genome: FASTA file that both belong to.
        tolerance: a TSS is found by a hit at most this far (bp) from it; None, as for the next two: what the model of
            the hits says, if it is known, else 100, 500 and 1,000.
        false_beyond: a hit farther (bp) than this, and than the tolerance, from every TSS of its strand is false.
        clearance: background lies at least this far (bp) from every TSS.
        same_start: a TSS of a later list within this distance (bp) of one of an earlier list is the same.
        class_pattern: regular expression that divides the TSSs by their names (see
            `promscan.commands.evaluating.classes.by_name`).
        ignore_near: files of other TSSs: no hit within `false_beyond` of one of them is false.
        bed: only what lies in these intervals counts: bases, TSSs and hits.
        contigs: only these contigs and regions (`II:1-900,000`) count (`X` also means contigs named `X:...`); none:
            all.
        score_column: column of the file to rank by, counted from 1; None: `logit`, else column 5 (GFF3: 6).
        tss_from: which base of a listed interval is the TSS: `start`, `5prime`, `thick`, `summit`, `transcript` or
            `gene`; None: what the layout of the list says.

    Raises:
        InputError: a file cannot be used, they do not fit, or no TSS counts.
    """
    named = _checked(same_start, tolerance=tolerance, false_beyond=false_beyond, clearance=clearance)
    lengths = Genome(genome).contigs()
    ranked, circles = _ranked(hits, lengths, score_column)  # first: their header says which contigs are circles
    listed = read_lists([tss] if isinstance(tss, str | os.PathLike) else tss, lengths, tss_from, same_start, circles)
    ignored = KnownStarts(site for path in ignore_near for site in read_starts(path, lengths, tss_from))
    _say_position(hits, ranked)
    scale, scale_from = _scale(hits, ranked, named)
    scope, strands = find_scope(lengths, bed, contigs, ranked.settings), scanned_strands(ranked.settings)
    _require_tss(scope, listed, strands)
    judge = Judge(
        starts=listed.starts,
        ignored=ignored,
        classes=classes_of(listed, class_pattern, genome, circles),
        scope=scope,
        background=_background(scope, [*listed.starts, *ignored], scale.clearance, lengths, circles),
        blocks=Blocks(scope, lengths),
        scale=scale,
        strands=strands,
        circles=circles,
    )
    found = judge.judge(ranked)
    evaluation = Evaluation(*found, scale, scale_from, ranked.score, ranked.position, listed.starts.reading)
    _say_end(evaluation)
    return evaluation


def _checked(same_start: int, **distances: int | None) -> dict[str, int]:
    """Check the distances that the user names, and return them but for `same_start`."""
    named = {name: distance for name, distance in distances.items() if distance is not None}
    for name, distance in {**named, "same_start": same_start}.items():
        check_whole(name, distance, 0, MAX_BP)
    return named


def _scale(
    hits: str | os.PathLike[str] | Iterable[Hit], ranked: RankedHits, named: Mapping[str, int]
) -> tuple[Scale, str]:
    """The distances to judge by, and where they come from."""
    scale, source = scale_of(hits, ranked)
    return replace(scale, **named), f"the options ({', '.join(named)}), {source}" if named else source


def _ranked(
    hits: str | os.PathLike[str] | Iterable[Hit], lengths: Mapping[str, int], score_column: int | None
) -> tuple[RankedHits, dict[str, int]]:
    """Read the hits, or rank those of a scan; returns also the bases of contigs that were scanned as circles."""
    ranked = read_hits(hits, lengths, score_column) if isinstance(hits, str | os.PathLike) else rank_hits(hits)
    return ranked, {chrom: length for chrom, length in lengths.items() if is_circle(ranked.settings, chrom)}


def _say_position(hits: str | os.PathLike[str] | Iterable[Hit], ranked: RankedHits) -> None:
    """Say which base of a hit in a file counts."""
    if isinstance(hits, str | os.PathLike) and ranked.by_strand:
        logger.info("%s: the position of each hit is %s", source_name(os.fspath(hits)), ranked.position)


def _say_end(evaluation: Evaluation) -> None:
    """Say where the hits end, if rates are asked for that they do not reach."""
    if (reached := evaluation.whole.fp_per_mb) < RATES[-1]:
        logger.info("the hits end at %.3g false positives per Mb: the rows of higher rates show all hits", reached)


def _require_tss(scope: Intervals, listed: ListedStarts, strands: Sequence[Strand]) -> None:
    starts = [(chrom, listed.starts.on(chrom, strand)) for chrom in scope.chroms for strand in strands]
    if not any(scope.contains(chrom, positions).any() for chrom, positions in starts):
        raise InputError(
            f"{', '.join(listed.lists)}: none of its TSSs lies in what is to be judged; there is nothing to find"
        )


def _background(
    scope: Intervals, starts: Collection[Site], clearance: int, lengths: Mapping[str, int], circles: Container[str]
) -> Intervals:
    """Leave of a scope what lies farther than the clearance from every start."""
    near = Intervals.of(Interval(chrom, tss, tss + 1) for chrom, tss, _ in starts).widened(clearance, lengths)
    over_origins = (
        Interval(chrom, first, last)
        for chrom, tss, _ in starts
        if chrom in circles and not clearance <= tss < lengths[chrom] - clearance
        for reach in [min(clearance, lengths[chrom])]
        for first, last in rounds(tss - reach, tss + reach + 1, lengths[chrom])
    )
    return scope.without(near).without(Intervals.of(over_origins))
