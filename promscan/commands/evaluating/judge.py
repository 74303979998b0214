"""The judging: hits of each strand of a contig, compared with the listed transcription starts (TSSs)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from promscan.io.hits import RankedHits
from promscan.metrics.blocks import Blocks
from promscan.metrics.judged import ELSEWHERE, NEAR, OTHER_STRAND, FalseHits, FoundStarts, Ranking, StartClass
from promscan.metrics.ranking import are_false, finding_hits, right_hits
from promscan.networks.card_parts import Scale
from promscan.seq.dna import Mask
from promscan.seq.intervals import Intervals, Positions
from promscan.seq.records import OPPOSITE, Scores, Strand
from promscan.seq.tss import KnownStarts, Site, distances, offsets, on_rounds

NEAR_BP = 2000
"""A false hit at most this far from a listed start of either strand is near it."""


class _Compared(NamedTuple):
    """The hits of one strand of a contig; see `Ranking`. The first axis of `members` is that of the starts."""

    hits: Scores
    found: Scores
    found_blocks: Positions
    found_distances: Positions
    members: Mask
    right: Scores
    distances: Positions
    false: Scores
    false_blocks: Positions
    false_kinds: Positions
    ignored: Scores
    background: Scores


@dataclass(frozen=True)
class Judge:
    """Compares hits with the listed starts.

    starts: the listed ones.
    ignored: starts of other lists; a hit near one of them is not false.
    classes: of the starts, by what decides about a class and by its name.
    scope: the bases that count.
    background: those of them that are background.
    blocks: of the genome, for intervals.
    scale: the distances.
    strands: the strands that count.
    circles: contigs that were scanned as circles, and their bases; distances go over their origin.
    """

    starts: KnownStarts
    ignored: KnownStarts
    classes: Mapping[tuple[str, str], frozenset[Site]]
    scope: Intervals
    background: Intervals
    blocks: Blocks
    scale: Scale
    strands: Sequence[Strand]
    circles: Mapping[str, int] = field(default_factory=dict)

    def judge(self, ranked: RankedHits) -> tuple[Ranking, Positions]:
        """Compare all hits; returns also how far each right hit lies beyond its start, in bp, 5' to 3'."""
        compared = [self._strand(chrom, strand, ranked) for chrom in self.scope.chroms for strand in self.strands]
        whole = _Compared(*map(np.concatenate, zip(*compared, strict=True)))
        ranking = Ranking(
            hits=whole.hits,
            found=FoundStarts(whole.found, whole.found_blocks, whole.found_distances),
            right=whole.right,
            false=FalseHits(whole.false, whole.false_blocks, whole.false_kinds),
            ignored=whole.ignored,
            background=whole.background,
            block_bases=self.blocks.bases,
            background_bases=self.background.total_bases,
            classes=tuple(
                StartClass(kind, name, members)
                for (kind, name), members in zip(self.classes, whole.members.T, strict=True)
            ),
        )
        return ranking, whole.distances

    def _strand(self, chrom: str, strand: Strand, ranked: RankedHits) -> _Compared:
        """A hit in the scope is judged by all starts, but only the starts in the scope can be found."""
        circle, (tss, scores) = self.circles.get(chrom), ranked.on(chrom, strand)
        counts = self.scope.contains(chrom, tss)
        tss, scores = tss[counts], scores[counts]
        # Positions are counted 5' to 3' from here on, so that mirrored strands are judged alike.
        sign = 1 if strand == "+" else -1
        listed, called = np.sort(sign * self.starts.on(chrom, strand)), sign * tss
        counted = listed[self.scope.contains(chrom, sign * listed)]
        near = on_rounds(called, circle)
        near_scores = np.resize(scores, len(near))
        finders = finding_hits(counted, near, near_scores, self.scale.tolerance)
        known = on_rounds(listed, circle)
        right = right_hits(called, scores, known, self.scale.tolerance, circle)
        away = offsets(called[right], known)
        found = sign * (called[right] - away)
        right_in_scope = self.scope.contains(chrom, found if circle is None else found % circle)
        false, ignored = self._false(chrom, strand, tss)
        return _Compared(
            hits=scores,
            found=np.append(near_scores, -np.inf)[finders],
            found_blocks=self.blocks.at(chrom, sign * counted),
            found_distances=np.where(finders < 0, 0, np.append(near, 0)[finders] - counted),
            members=self._members(chrom, strand, sign * counted),
            right=scores[right][right_in_scope],
            distances=away[right_in_scope],
            false=scores[false],
            false_blocks=self.blocks.at(chrom, tss[false]),
            false_kinds=self._kinds(chrom, strand, tss[false]),
            ignored=scores[ignored],
            background=scores[self.background.contains(chrom, tss)],
        )

    def _false(self, chrom: str, strand: Strand, tss: Positions) -> tuple[Mask, Mask]:
        """Which hits are false, and which would be without the other lists."""
        beyond = max(self.scale.false_beyond, self.scale.tolerance)
        false = are_false(tss, self._around(self.starts, chrom, strand), beyond)
        unlisted = are_false(tss, self._around(self.ignored, chrom, strand), beyond)
        return false & unlisted, false & ~unlisted

    def _kinds(self, chrom: str, strand: Strand, tss: Positions) -> Positions:
        """The kinds of false hits; see `FalseHits`."""
        other = distances(tss, self._around(self.starts, chrom, OPPOSITE[strand]))
        nearest = np.minimum(other, distances(tss, self._around(self.starts, chrom, strand)))
        kinds = np.where(nearest <= NEAR_BP, NEAR, ELSEWHERE)
        kinds[other <= self.scale.opposite_reach] = OTHER_STRAND
        return kinds

    def _around(self, starts: KnownStarts, chrom: str, strand: Strand) -> Positions:
        """The starts that a hit may be near, on a circle also over its origin."""
        return on_rounds(starts.on(chrom, strand), self.circles.get(chrom))

    def _members(self, chrom: str, strand: Strand, positions: Positions) -> Mask:
        """Which classes each start is in, of shape (starts, classes)."""
        sites = [Site(chrom, position, strand) for position in positions.tolist()]
        members = [[site in members for members in self.classes.values()] for site in sites]
        return np.array(members, dtype=np.bool_).reshape(len(sites), len(self.classes))
