"""The sequence around called transcription starts: composition, and shares of known elements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from promscan.attribution.elements import element_of
from promscan.io.surroundings import read_surroundings
from promscan.networks.card import Card
from promscan.seq.dna import IUPAC, LETTER_CODES, UNKNOWN, Codes, Mask, encode, reverse_complement
from promscan.seq.islands import DEFINITION, SURROUNDINGS, is_island_like
from promscan.seq.records import Scores
from promscan.seq.tss import Site

BEFORE, AFTER = 100, 50
"""bp before and after a transcription start that are shown."""
CONTROLS = 2000
"""Random positions, at most, that the hits are compared with."""
_SEED = 20


@dataclass(frozen=True)
class SearchedElement:
    """How a known element is searched around a hit, whose position may be wrong by a few bp.

    name: name of the element.
    pattern: its letters, with those of IUPAC for several bases.
    first, last: where its first base may stand, in bp beyond the transcription start; negative: before it.
    mismatches: letters that may differ, at most.
    """

    name: str
    pattern: str
    first: int
    last: int
    mismatches: int

    @classmethod
    def like(cls, name: str, *, mismatches: int = 0, slack: int = 0) -> SearchedElement:
        """A known element, up to `slack` bp farther to either side than it usually stands."""
        known = element_of(name)
        assert known.first is not None
        assert known.last is not None
        return cls(name, known.consensus, known.first - slack, known.last + slack, mismatches)

    @property
    def rule(self) -> str:
        """The element in words."""
        letters = "letter" if self.mismatches == 1 else "letters"
        differ = f"; up to {self.mismatches} {letters} may differ" if self.mismatches else ""
        return f"{self.pattern}, first base at {self.first:+d} to {self.last:+d}" + differ

    def places(self, around: Codes) -> npt.NDArray[np.int64]:
        """Where the best match begins in the rows of `around`, shape (n, BEFORE + 1 + AFTER); -1 where there is none.

        Of equal matches, the first one is taken.
        """
        allowed = np.stack([np.isin(np.arange(UNKNOWN + 1), encode(IUPAC[letter])) for letter in self.pattern])
        starts = range(BEFORE + self.first, BEFORE + self.last + 1)
        wrong = np.stack(
            [sum(~allowed[i][around[:, start + i]] for i in range(len(self.pattern))) for start in starts], axis=1
        )
        best = wrong.argmin(axis=1)
        return np.where(wrong.min(axis=1) <= self.mismatches, best + starts.start, -1)


EUKARYOTIC = (SearchedElement.like("TATA box", mismatches=1, slack=2), SearchedElement.like("Initiator", slack=2))
BACTERIAL = tuple(SearchedElement.like(name, mismatches=2) for name in ("-10", "Extended -10", "-35"))
"""The boxes of the housekeeping sigma factor, and the extended -10 box."""
ISLAND = "CpG"
_BACTERIA = "Bacteria"
"""Species in the card of a model for bacteria."""


def elements_for(cards: Sequence[Card | None], *, bacteria: bool) -> Sequence[SearchedElement]:
    """The elements of bacteria if they are asked for, or if models for bacteria made all hits."""
    made_for = {None if card is None else card.species for card in cards}
    return BACTERIAL if bacteria or made_for == {_BACTERIA} else EUKARYOTIC


@dataclass(frozen=True)
class Surroundings:
    """The bases around sites, read 5' to 3' on their strands.

    around: codes, shape (n, BEFORE + 1 + AFTER).
    islands: whether a site lies in sequence composed like a CpG island, shape (n,).
    """

    around: Codes
    islands: Mask

    def composition(self) -> Scores:
        """Share of A, C, G and T at each position, shape (positions, 4); 0 where no base is known."""
        counts = np.stack([(self.around == code).sum(axis=0) for code in LETTER_CODES], axis=1).astype(np.float64)
        shares: Scores = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        return shares


def surroundings_of(sites: Sequence[Site], genome: str | Path, circular: Container[str] = ()) -> Surroundings:
    """Read the bases around each site; `circular` are contigs that are circles."""
    half = SURROUNDINGS // 2
    around = np.full((len(sites), BEFORE + 1 + AFTER), UNKNOWN, dtype=np.uint8)
    islands = np.zeros(len(sites), dtype=np.bool_)
    indices = defaultdict[Site, list[int]](list)
    for index, site in enumerate(sites):
        indices[site].append(index)
    for site, codes in read_surroundings(indices, genome, half, circular):
        island = is_island_like(codes[:-1])
        oriented = codes if site.strand == "+" else reverse_complement(codes)
        for index in indices[site]:
            around[index], islands[index] = oriented[half - BEFORE : half + AFTER + 1], island
    return Surroundings(around, islands)


def random_sites(contigs: Mapping[str, int], count: int) -> list[Site]:
    """Draw positions from a genome, each base and strand alike; the same ones every time."""
    random, names = np.random.default_rng(_SEED), list(contigs)
    ends = np.cumsum([contigs[name] for name in names])
    count = count if ends[-1] else 0
    drawn = random.integers(0, max(1, ends[-1]), count)
    strands = random.integers(0, 2, count).tolist()
    contig = np.searchsorted(ends, drawn, side="right")
    positions = drawn - np.concatenate([[0], ends])[contig]
    return [
        Site(names[index], position, "+" if forward else "-")
        for index, position, forward in zip(contig.tolist(), positions.tolist(), strands, strict=True)
    ]


def element_shares(
    found: Surroundings, control: Surroundings, elements: Sequence[SearchedElement]
) -> list[dict[str, object]]:
    """Share of hits, and of random positions, that have each element."""
    pairs = [
        (each.name, each.rule, each.places(found.around) >= 0, each.places(control.around) >= 0) for each in elements
    ]
    pairs.append((ISLAND, DEFINITION.partition(": ")[2], found.islands, control.islands))
    return [
        {
            "name": name,
            "rule": rule,
            "hits": float(of_hits.mean()) if len(of_hits) else None,
            "random": float(of_control.mean()) if len(of_control) else None,
        }
        for name, rule, of_hits, of_control in pairs
    ]
