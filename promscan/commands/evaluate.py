"""Judge hits in a genome by its known transcription starts: recall and precision by false hits per Mb."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import promscan
from promscan.errors import InputError
from promscan.io.bed import read_bed
from promscan.io.genome import Genome
from promscan.io.hits import RankedHits, rank_hits, read_hits
from promscan.io.scan_header import scanned_part
from promscan.io.text import source_name
from promscan.io.tss import read_starts
from promscan.log import logger
from promscan.metrics.ranking import (
    DRAWS,
    Placed,
    Point,
    Ranking,
    are_false,
    found_at,
    right_hits,
)
from promscan.networks.card_parts import Scale
from promscan.seq.bounds import MAX_BP, check_whole
from promscan.seq.intervals import Intervals, Positions
from promscan.seq.records import Hit, Interval, Scores, Strand
from promscan.seq.regions import matching_contigs
from promscan.seq.tss import KnownStarts, offsets

RATES = (1, 5, 10, 20, 50, 100, 500)
"""False hits per Mb at which recall and precision are reported."""
BLOCK = 100_000
"""bp of a block of the bootstrap: neighbouring promoters are found or missed together."""
STRANDS: tuple[Strand, Strand] = ("+", "-")


@dataclass(frozen=True)
class Evaluation:
    """Hits judged by listed transcription starts.

    ranking: the scores, by what they are worth.
    distances: how far (bp) each right hit lies beyond its start, read 5' to 3'; negative: before it. Shape (r,).
    tolerance: a start is found by a hit at most this far (bp) from it.
    false_beyond: a hit farther (bp) than this from every start of its strand is false.
    score: what the hits are ranked by, in words.
    position: which base of a hit is its start, in words.
    tss_reading: which base of the intervals of the list is the start, in words.
    """

    ranking: Ranking
    distances: Positions
    tolerance: int
    false_beyond: int
    score: str
    position: str
    tss_reading: str

    @property
    def whole(self) -> Point:
        """Compare all hits."""
        return self.at(float(self.ranking.hits.min(initial=np.inf)))

    @cached_property
    def rates(self) -> dict[int, Point]:
        """Points with the most hits that have no more false ones per Mb than each of `RATES`."""
        points = self.ranking.points([self.ranking.threshold(rate) for rate in RATES])
        return dict(zip(RATES, points, strict=True))

    @cached_property
    def intervals(self) -> list[tuple[float, float]]:
        """95 % intervals of the recall at each of `RATES`, and of all hits, by a bootstrap over 100-kb blocks."""
        return self.ranking.recall_intervals([*RATES, np.inf])

    @property
    def median_distance(self) -> float | None:
        """Median distance in bp of the right hits from their starts, either way; None if there is no right hit."""
        return float(np.median(np.abs(self.distances))) if len(self.distances) else None

    def at(self, threshold: float) -> Point:
        """Hits that pass at a threshold, and what they are worth."""
        return self.ranking.points([threshold])[0]

    def curve(self) -> list[Point]:
        """Along the ranking, from the top: where a start is found or a hit is right, the points of `rates`, the end."""
        found = self.ranking.found.scores
        reported = [point.threshold for point in (*self.rates.values(), self.whole)]
        scores = np.unique(np.concatenate([found[found > -np.inf], self.ranking.right, reported]))
        return self.ranking.points(scores[np.isfinite(scores)][::-1].tolist())

    def describe(self) -> dict[str, Any]:
        """All metrics but the curve, as JSON has them; no paths, no times."""
        rates = [(str(rate), point) for rate, point in self.rates.items()]
        points = {
            name: {
                **point._asdict(),
                "threshold": point.threshold if point.hits else None,  # JSON has no infinity
                "recall_interval95": interval,
            }
            for (name, point), interval in zip([*rates, ("all", self.whole)], self.intervals, strict=True)
        }
        return {
            "promscan": promscan.__version__,
            "score": self.score,
            "position": self.position,
            "tss_reading": self.tss_reading,
            "tolerance": self.tolerance,
            "false_beyond": self.false_beyond,
            "bases": self.ranking.bases,
            "background_bases": self.ranking.background_bases,
            "tss": len(self.ranking.found.scores),
            "hits": len(self.ranking.hits),
            "bootstrap": {"block": BLOCK, "blocks": len(self.ranking.block_bases), "draws": DRAWS},
            "at_fp_per_mb": points,
            "distance": {
                "median": self.median_distance,
                "hits": {str(distance): count for distance, count in sorted(Counter(self.distances.tolist()).items())},
            },
        }


def evaluate(
    hits: str | os.PathLike[str] | Iterable[Hit],
    tss: str | Path,
    genome: str | Path,
    *,
    tolerance: int = Scale.tolerance,
    false_beyond: int = Scale.false_beyond,
    clearance: int = Scale.clearance,
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
        tss: BED, GFF3 or GTF file of the listed TSSs (see `promscan.io.tss.read_starts`).
        genome: FASTA file that both belong to.
        tolerance: a TSS is found by a hit at most this far (bp) from it.
        false_beyond: a hit farther (bp) than this, and than the tolerance, from every TSS of its strand is false.
        clearance: background lies at least this far (bp) from every TSS.
        bed: only what lies in these intervals counts: bases, TSSs and hits.
        contigs: only these count (`X` also means contigs named `X:...`); none: all.
        score_column: column of the file to rank by, counted from 1; None: `logit`, else column 5 (GFF3: 6).
        tss_from: which base of a listed interval is the TSS: `start`, `5prime`, `thick`, `summit`, `transcript` or
            `gene`; None: what the layout of the list says.

    Raises:
        InputError: a file cannot be used, they do not fit, or no TSS counts.
    """
    for name, distance in (("tolerance", tolerance), ("false_beyond", false_beyond), ("clearance", clearance)):
        check_whole(name, distance, 0, MAX_BP)
    lengths = Genome(genome).contigs()
    starts = read_starts(tss, lengths, tss_from)
    if isinstance(hits, str | os.PathLike):
        ranked = read_hits(hits, lengths, score_column)
        if ranked.by_strand:
            logger.info("%s: the position of each hit is %s", source_name(os.fspath(hits)), ranked.position)
    else:
        ranked = rank_hits(hits)
    scope = _scanned(_scope(lengths, bed, contigs), ranked.settings, lengths, bed)
    strands = _scanned_strands(ranked.settings)
    if not any(scope.contains(chrom, starts.on(chrom, strand)).any() for chrom in scope.chroms for strand in strands):
        raise InputError(f"{tss}: none of its TSSs lies in what is to be judged; there is nothing to find")
    near = Intervals.of(Interval(chrom, start, start + 1) for chrom, start, _ in starts).widened(clearance, lengths)
    blocks, false_beyond = _Blocks(scope, lengths), max(false_beyond, tolerance)
    evaluator = _Evaluator(starts, scope, near, blocks, tolerance, false_beyond, strands)
    evaluation = evaluator.evaluate(ranked)
    if (reached := evaluation.whole.fp_per_mb) < RATES[-1]:
        logger.info("the hits end at %.3g false positives per Mb: the rows of higher rates show all hits", reached)
    return evaluation


def _scope(lengths: Mapping[str, int], bed: str | Path | None, contigs: Sequence[str]) -> Intervals:
    """Find the bases that the user names."""
    names = matching_contigs(contigs, lengths) if contigs else lengths
    whole = Intervals.of(Interval(chrom, 0, lengths[chrom]) for chrom in names)
    if bed is None:
        return whole
    part = read_bed(bed)
    part.check_against(lengths, str(bed))
    return whole.intersection(part)


def _scanned(
    scope: Intervals, settings: Mapping[str, str], lengths: Mapping[str, int], bed: str | Path | None
) -> Intervals:
    """Leave only the bases that were scanned, as far as the header of the hits says it; warn where it does not."""
    part = scanned_part(settings, lengths, scope)
    scanned = scope if part.within is None else scope.intersection(part.within)
    if scanned != scope:
        logger.info("only what was scanned counts: %s bp", f"{scanned.total_bases:,}")
    if part.unknown and bed is None:
        logger.warning(
            "only a part of the genome was scanned (%s), and all of it is judged, so recall is too low: name what was "
            "scanned by --bed", ", ".join(part.unknown),
        )  # fmt: skip
    return scanned


def _scanned_strands(settings: Mapping[str, str]) -> tuple[Strand, ...]:
    strand = settings.get("strand")
    strands = tuple(each for each in STRANDS if strand not in STRANDS or each == strand)
    if len(strands) == 1:
        logger.info("only the %s strand was scanned: only its TSSs count", strand)
    return strands


class _Blocks:
    """The blocks of the genome that have bases in the scope, numbered from 0."""

    def __init__(self, scope: Intervals, lengths: Mapping[str, int]) -> None:
        self._numbers = dict[str, Positions]()
        """By contig, the number of each of its blocks; that of a block without bases means nothing."""
        bases, count = [np.empty(0, dtype=np.int64)], 0
        for chrom in scope.chroms:
            edges = np.append(np.arange(0, lengths[chrom], BLOCK), lengths[chrom])
            covered = np.diff(scope.bases_before(chrom, edges))
            self._numbers[chrom] = count + np.cumsum(covered > 0) - 1
            bases.append(covered[covered > 0])
            count += len(bases[-1])
        self.bases = np.concatenate(bases)

    def at(self, chrom: str, positions: Positions) -> Positions:
        """The numbers of the blocks of positions in the scope."""
        return self._numbers[chrom][positions // BLOCK]


class _Compared(NamedTuple):
    """The hits of one strand of a contig; see `Ranking`."""

    hits: Scores
    found: Scores
    found_blocks: Positions
    right: Scores
    distances: Positions
    false: Scores
    false_blocks: Positions
    background: Scores


@dataclass(frozen=True)
class _Evaluator:
    """Compares hits with the listed TSSs.

    scope: the bases that count.
    near: the bases that are no background.
    strands: the strands that count.
    """

    starts: KnownStarts
    scope: Intervals
    near: Intervals
    blocks: _Blocks
    tolerance: int
    false_beyond: int
    strands: Sequence[Strand]

    def evaluate(self, ranked: RankedHits) -> Evaluation:
        """Compare all hits."""
        compared = [self._strand(chrom, strand, ranked) for chrom in self.scope.chroms for strand in self.strands]
        whole = _Compared(*map(np.concatenate, zip(*compared, strict=True)))
        ranking = Ranking(
            hits=whole.hits,
            found=Placed(whole.found, whole.found_blocks),
            right=whole.right,
            false=Placed(whole.false, whole.false_blocks),
            background=whole.background,
            block_bases=self.blocks.bases,
            background_bases=self.scope.total_bases - self.scope.intersection(self.near).total_bases,
        )
        return Evaluation(
            ranking, whole.distances, self.tolerance, self.false_beyond, ranked.score, ranked.position,
            self.starts.reading,
        )  # fmt: skip

    def _strand(self, chrom: str, strand: Strand, ranked: RankedHits) -> _Compared:
        """A hit in the scope is judged by all starts, but only the starts in the scope can be found."""
        tss, scores = ranked.on(chrom, strand)
        counts = self.scope.contains(chrom, tss)
        tss, scores = tss[counts], scores[counts]
        # Positions are counted 5' to 3' from here on, so that mirrored strands are judged alike.
        sign = 1 if strand == "+" else -1
        listed, called = np.sort(sign * self.starts.on(chrom, strand)), sign * tss
        counted = listed[self.scope.contains(chrom, sign * listed)]
        right, false = right_hits(called, scores, listed, self.tolerance), are_false(called, listed, self.false_beyond)
        distances = offsets(called[right], listed)
        right_in_scope = self.scope.contains(chrom, sign * (called[right] - distances))
        return _Compared(
            hits=scores,
            found=found_at(counted, called, scores, self.tolerance),
            found_blocks=self.blocks.at(chrom, sign * counted),
            right=scores[right][right_in_scope],
            distances=distances[right_in_scope],
            false=scores[false],
            false_blocks=self.blocks.at(chrom, tss[false]),
            background=scores[~self.near.contains(chrom, tss)],
        )
