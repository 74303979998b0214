"""Several lists of transcription starts as one: which are one start, how much each counts, and which are doubtful."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from promscan.seq.tss import KnownStarts, Site, distances

SAME_START = 50
"""Two lists mean one start if their bases of one strand are at most this far apart, in bp."""


def _none() -> KnownStarts:
    return KnownStarts(())


@dataclass(frozen=True)
class Evidence:
    """What is known of listed starts beyond that they are listed.

    weights: how much a listed base counts in the losses; 1 for those that are not here.
    places: every listed base, also where two lists put one start on two bases.
    doubtful: starts that may be real or not. Nothing is learned from what lies around them.
    """

    weights: Mapping[Site, float] = field(default_factory=dict)
    places: KnownStarts = field(default_factory=_none)
    doubtful: KnownStarts = field(default_factory=_none)

    def only_on(self, chroms: Collection[str]) -> Evidence:
        """The evidence on these contigs."""
        weights = {site: weight for site, weight in self.weights.items() if site.chrom in chroms}
        return Evidence(weights, self.places.only_on(chroms), self.doubtful.only_on(chroms))

    def describe(self) -> dict[str, object]:
        """Counts and checksums of what there is, for a card."""
        lists = {"places": self.places, "doubtful": self.doubtful}
        described: dict[str, object] = {}
        for name, starts in lists.items():
            if len(starts):
                described |= {name: len(starts), f"{name}_sha256": starts.digest()}
        if self.weights:
            described["weights"] = sorted(set(self.weights.values()))
        return described


def merge(
    lists: Sequence[tuple[KnownStarts, float]], doubtful: Sequence[KnownStarts] = ()
) -> tuple[KnownStarts, Evidence]:
    """Put lists of starts with their weights together; returns the starts, each once, and the evidence for them.

    Where two lists have one start, the position of the later list is that of the start. A doubtful start that is also
    a listed one is not doubtful.
    """
    starts, reading = list[Site](), lists[0][0].reading
    places, weights = list[Site](), dict[Site, float]()
    for listed, weight in lists:
        starts = [site for site in starts if not _is_near(site, listed)] + list(listed)
        places += listed
        weights |= {site: max(weight, weights.get(site, weight)) for site in listed}
    known, every = KnownStarts(starts, {}, reading), KnownStarts(places)
    unsure = KnownStarts(site for listed in doubtful for site in listed if not _is_near(site, every))
    return known, Evidence({site: weight for site, weight in weights.items() if weight != 1}, every, unsure)


def _is_near(site: Site, listed: KnownStarts) -> bool:
    return bool(distances(np.array([site.tss]), listed.on(site.chrom, site.strand))[0] <= SAME_START)
