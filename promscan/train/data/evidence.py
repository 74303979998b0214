"""Several lists of transcription starts as one: which are one start, how much each counts, and which are doubtful."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from promscan.seq.records import Interval
from promscan.seq.tss import KnownStarts, Site, distances, moved

ONE_START = 50
"""Two lists mean one start if their bases of one strand are at most this far apart, in bp."""


def _none() -> KnownStarts:
    return KnownStarts(())


@dataclass(frozen=True)
class Evidence:
    """What is known of listed starts beyond that they are listed.

    weights: how much a start counts as a promoter; 1 for those that are not here.
    places: bases to learn places from, also where two lists put one start on two bases; None: the starts.
    place_weights: how much each of them counts; 1 for those that are not here.
    doubtful: starts that may be real or not. Nothing is learned from what lies around them.
    """

    weights: Mapping[Site, float] = field(default_factory=dict)
    places: KnownStarts | None = None
    place_weights: Mapping[Site, float] = field(default_factory=dict)
    doubtful: KnownStarts = field(default_factory=_none)

    def only_on(self, chroms: Collection[str]) -> Evidence:
        """The evidence on these contigs."""
        weights, place_weights = (
            {site: weight for site, weight in weights.items() if site.chrom in chroms}
            for weights in (self.weights, self.place_weights)
        )
        places = None if self.places is None else self.places.only_on(chroms)
        return Evidence(weights, places, place_weights, self.doubtful.only_on(chroms))

    def within(self, regions: Mapping[Interval, str]) -> Evidence:
        """The evidence in these regions, in coordinates of the regions, which become contigs of these names."""
        weights, place_weights = (
            {new: weights[site] for site, new in moved(weights, regions)}
            for weights in (self.weights, self.place_weights)
        )
        places = None if self.places is None else self.places.within(regions)
        return Evidence(weights, places, place_weights, self.doubtful.within(regions))

    def describe(self) -> dict[str, object]:
        """Counts and checksums of what there is, for a card."""
        described: dict[str, object] = {}
        for name, starts in (("places", self.places), ("doubtful", self.doubtful)):
            if starts is not None and len(starts):
                described |= {name: len(starts), f"{name}_sha256": starts.digest()}
        for name, weights in (("weights", self.weights), ("place_weights", self.place_weights)):
            if weights:
                described[name] = sorted(set(weights.values()))
        return described


class WeightedList(NamedTuple):
    """A list of starts, how much each of them counts as a promoter, and how much its base counts for places."""

    starts: KnownStarts
    weight: float = 1.0
    place_weight: float = 1.0


def merge(lists: Sequence[WeightedList], doubtful: Sequence[KnownStarts] = ()) -> tuple[KnownStarts, Evidence]:
    """Put lists of starts with their weights together; returns the starts, each once, and the evidence for them.

    Where two lists have one start, its position and its weight are those of the earlier list. A doubtful start that is
    also a listed one is not doubtful.
    """
    known, weights, place_weights = (
        KnownStarts((), {}, lists[0].starts.reading),
        dict[Site, float](),
        dict[Site, float](),
    )
    for starts, weight, place_weight in lists:
        new = [site for site in starts if not _is_near(site, known)]
        weights |= dict.fromkeys(new, weight)
        place_weights = dict.fromkeys(starts, place_weight) | place_weights
        known = KnownStarts([*known, *new], {}, known.reading)
    evidence = Evidence(
        {site: weight for site, weight in weights.items() if weight != 1},
        KnownStarts(site for site, weight in place_weights.items() if weight),
        {site: weight for site, weight in place_weights.items() if weight not in (0, 1)},
        KnownStarts(site for listed in doubtful for site in listed if not _is_near(site, known)),
    )
    return known, evidence


def _is_near(site: Site, listed: KnownStarts) -> bool:
    return bool(distances(np.array([site.tss]), listed.on(site.chrom, site.strand))[0] <= ONE_START)
