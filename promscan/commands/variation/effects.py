"""From the scores of a reference and of an allele to the effect of a variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from promscan.calling.callers import open_caller
from promscan.calling.settings import CallSettings
from promscan.commands.variation.alleles import Edit
from promscan.seq.records import Hit, Logits, ScoreTrack, Strand
from promscan.seq.windows import tss_of

SUMMIT_WITHIN = 200
"""Distance in bp from a variant of the highest reference score, at which its effect is measured."""
AROUND_SUMMIT = 100
"""Distance in bp from that summit of the scores whose mean is taken."""
HITS_WITHIN = 250
"""Distance in bp from a variant of the hits that it is said to change."""
SAME_WITHIN = 100
"""Distance in bp up to which a hit of each sequence are the same promoter."""
MOVED = 10
"""A hit whose TSS moves by this many bp or more has moved."""
CHANGED = 0.1
"""A hit whose calling score changes by this much or more is stronger or weaker."""

RANKS = ("created", "lost", "moved", "stronger", "weaker", "same")
"""What can happen to a hit, from what counts most."""

Tracks = Mapping[Strand, ScoreTrack]


class HitChange(NamedTuple):
    """What an allele does to a hit.

    change: one of `RANKS`.
    strand: strand of the hit.
    reference, alternative: the TSS (0-based, of the reference) without and with the allele; None where there is no hit.
    reference_score, alternative_score: calling scores without and with the allele; None where there is no hit.
    """

    change: str
    strand: Strand
    reference: int | None
    alternative: int | None
    reference_score: float | None
    alternative_score: float | None


class Effect(NamedTuple):
    """What an allele does to the scores of the strand that has the highest one near it.

    strand: that strand.
    reference, alternative: mean of the scores around the summit near the variant, without and with the allele.
    difference: alternative minus reference.
    position: TSS (0-based) whose score changes most, of those outside of inserted and deleted bases; None: no score
        changes.
    change: how much it changes.
    hits: the hits near the variant, on both strands, in their order; what changes most comes first.
    summit: TSS (0-based, of the reference) of that summit.
    reference_strength, alternative_strength: predicted strength of the insert upstream of the summit, without and with
        the allele; None: none was predicted.
    """

    strand: Strand
    reference: float
    alternative: float
    difference: float
    position: int | None
    change: float
    hits: tuple[HitChange, ...]
    summit: int
    reference_strength: float | None = None
    alternative_strength: float | None = None


def effect_of(edit: Edit, reference: Tracks, alternative: Tracks, calling: CallSettings) -> Effect | None:
    """The effect of an allele, from the tracks of a frame without and with it; None if nothing could be scored."""
    found = [_of_strand(edit, reference[strand], alternative[strand]) for strand in calling.strands]
    scored = [top_and_effect for top_and_effect in found if top_and_effect is not None]
    if not scored:
        return None
    _, most = max(scored, key=lambda top_and_effect: top_and_effect[0])
    return most._replace(hits=tuple(changes_of_hits(edit, reference, alternative, calling)))


def call_hits(tracks: Tracks, calling: CallSettings) -> list[Hit]:
    """The hits of a sequence, as a scan calls them, from its tracks of all strands that are scored."""
    caller = open_caller(calling)
    return [*caller.feed([tracks[strand] for strand in calling.scored_strands]), *caller.flush()]


def _of_strand(edit: Edit, reference: ScoreTrack, alternative: ScoreTrack) -> tuple[float, Effect] | None:
    """The highest score near an edit, of both sequences, and its effect; None if nothing could be scored there."""
    near = edit.first - SUMMIT_WITHIN, max(edit.first, edit.last - 1) + SUMMIT_WITHIN
    here, there = _between(reference, *near), _between(alternative, near[0], near[1] + edit.shift)
    if not np.isfinite(here).any() or not np.isfinite(there).any():
        return None
    summit = max(near[0], tss_of(reference.start, reference.strand)) + int(np.nanargmax(here))
    first, last = _outside(edit, summit - AROUND_SUMMIT, summit + AROUND_SUMMIT)
    before = _mean(_between(reference, first, last))
    after = _mean(_between(alternative, *(place + edit.shift * (place >= edit.last) for place in (first, last))))
    if before is None or after is None:
        return None
    position, change = _largest_change(edit, reference, alternative)
    effect = Effect(reference.strand, before, after, after - before, position, change, (), summit)
    return float(max(np.nanmax(here), np.nanmax(there))), effect


def _outside(edit: Edit, first: int, last: int) -> tuple[int, int]:
    """A range of positions whose ends both sequences have, so that it can be found in either."""
    if edit.shift and edit.first <= first < edit.last:
        first = edit.first - 1
    if edit.shift and edit.first <= last < edit.last:
        last = edit.last
    return first, last


def _mean(scores: Logits) -> float | None:
    """Their mean; None if none of them could be scored."""
    known = scores[np.isfinite(scores)].astype(np.float64)
    return float(known.mean()) if len(known) else None


def _largest_change(edit: Edit, reference: ScoreTrack, alternative: ScoreTrack) -> tuple[int | None, float]:
    """The position whose score changes most, and by how much, of those that both sequences have."""
    here = tss_of(reference.start, reference.strand)
    length = len(reference.logits)
    positions = np.arange(here, here + length)
    moved = positions + np.where(positions >= edit.last, edit.shift, 0)
    paired = np.ones(length, dtype=np.bool_)
    if edit.shift:
        paired &= (positions < edit.first) | (positions >= edit.last)
    index = moved - tss_of(alternative.start, alternative.strand)
    paired &= (index >= 0) & (index < len(alternative.logits))
    changes = np.full(length, np.nan)
    changes[paired] = alternative.logits[index[paired]].astype(np.float64) - reference.logits[paired]
    if not np.nan_to_num(changes).any():
        return None, 0.0
    most = int(np.nanargmax(np.abs(changes)))
    return int(positions[most]), float(changes[most])


def _between(track: ScoreTrack, first: int, last: int) -> Logits:
    """The scores of the positions `first` to `last`, both included."""
    here = tss_of(track.start, track.strand)
    return track.logits[max(0, first - here) : max(0, last + 1 - here)]


def changes_of_hits(edit: Edit, reference: Tracks, alternative: Tracks, calling: CallSettings) -> list[HitChange]:
    """What happens to the hits near an allele; what counts most comes first, then by strand and position."""
    first, last = edit.first - HITS_WITHIN, max(edit.first, edit.last - 1) + HITS_WITHIN
    changes = list[HitChange]()
    without, with_allele = call_hits(reference, calling), call_hits(alternative, calling)
    for strand in calling.strands:
        before = [(hit.tss, hit) for hit in without if hit.strand == strand]
        after = [(edit.in_reference(hit.tss), hit) for hit in with_allele if hit.strand == strand]
        near = _paired(before, after)
        changes += [change for change in near if any(_in(place, first, last) for place in change[2:4])]
    return sorted(changes, key=lambda change: RANKS.index(change.change))


def _in(position: int | None, first: int, last: int) -> bool:
    return position is not None and first <= position <= last


def _paired(before: Sequence[tuple[int, Hit]], after: Sequence[tuple[int, Hit]]) -> list[HitChange]:
    """Hits of both sequences, each with the nearest of the other one, if they are the same promoter."""
    pairs = sorted(
        (abs(one - other), i, j)
        for i, (one, _) in enumerate(before)
        for j, (other, _) in enumerate(after)
        if abs(one - other) <= SAME_WITHIN
    )
    partners, taken = dict[int, int](), set[int]()
    for _, i, j in pairs:
        if i not in partners and j not in taken:
            partners[i] = j
            taken.add(j)
    changes = [_change(hit, after[partners[i]] if i in partners else None) for i, hit in enumerate(before)]
    changes += [_change(None, hit) for j, hit in enumerate(after) if j not in taken]
    return sorted(changes, key=lambda change: min(place for place in change[2:4] if place is not None))


def _change(before: tuple[int, Hit] | None, after: tuple[int, Hit] | None) -> HitChange:
    if before is None:
        assert after is not None
        return HitChange("created", after[1].strand, None, after[0], None, after[1].logit)
    if after is None:
        return HitChange("lost", before[1].strand, before[0], None, before[1].logit, None)
    difference = after[1].logit - before[1].logit
    if abs(after[0] - before[0]) >= MOVED:
        change = "moved"
    elif abs(difference) >= CHANGED:
        change = "stronger" if difference > 0 else "weaker"
    else:
        change = "same"
    return HitChange(change, before[1].strand, before[0], after[0], before[1].logit, after[1].logit)
