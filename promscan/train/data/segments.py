"""Segments of a genome with a label for every window: the examples of `promscan train genome`.

A segment is a row of consecutive windows on one strand, with `margin` bases on both sides:

    read    |-- margin --|-- starts of the labelled windows --|-- 69 --|-- margin --|
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError
from promscan.networks.card_parts import Scale
from promscan.seq import dna
from promscan.seq.dna import UNKNOWN, Codes
from promscan.seq.intervals import Positions
from promscan.seq.records import OPPOSITE, STRANDS, Strand
from promscan.seq.tss import KnownStarts, Site, distances
from promscan.seq.windows import WINDOW, scorable, tss_of
from promscan.train.data.evidence import Evidence
from promscan.train.data.promoters import Promoters
from promscan.train.loop.recipe_bounds import check_settings

HOSTS = 16
"""Number of listed starts drawn for a promoter; the one whose ends fit best is replaced."""
END = 20
"""Length in bp of the two ends of a promoter whose composition should fit the sequence it replaces."""


@dataclass(frozen=True)
class SegmentRecipe:
    """Size of a segment and labels of its windows.

    windows: number of windows in a segment.
    near: a window whose TSS lies at most this far (bp) from a listed start of its strand is a promoter.
    ignored: any other window at most this far from a listed start has weight 0; windows farther off are background.
    opposite_weight: weight of background near a listed start of the other strand (`Scale.opposite_reach`).
    flank_weight: weight of the background around a start, on either strand, in a segment that was drawn for it.
    mined_weight: weight of the background of a segment that was drawn for a false hit. Such segments and those with a
        start are far more common in a batch than in a genome. With full weight they would teach that common features of
        promoters, such as CpG, are common in background.
    pasted: share of the segments with a promoter that show an additional promoter, if there are any.
    mutations: largest share of the known bases that random bases replace; the share is drawn for each segment. A genome
        has few starts; mutants of them are many (Lee et al. 2023, EvoAug).
    """

    windows: int = 512
    near: int = 10
    ignored: int = 100
    opposite_weight: float = 3.0
    flank_weight: float = 0.1
    mined_weight: float = 1.0
    pasted: float = 0.75
    mutations: float = 0.08

    def __post_init__(self) -> None:
        check_settings(vars(self))


class Segments(NamedTuple):
    """A batch of segments, read 5' to 3'.

    codes: (b, margin + windows + 69 + margin), uint8.
    labels: (b, windows), uint8; 1 for a promoter.
    weights: (b, windows), float32; windows of weight 0 are ignored.
    rates: (b,), float32; relative weight of the background of each segment.
    places: (b, windows), float32; weight of each window whose TSS is a listed base, 0 for the others.
    """

    codes: Codes
    labels: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.float32]
    rates: npt.NDArray[np.float32]
    places: npt.NDArray[np.float32]


class SegmentSampler:
    """Draws batches of segments.

    Half of the segments of a batch contain a start on the strand that is read. A share of these shows an additional
    promoter in its place, if there are additional promoters. An eighth of the batch contains a start on the
    other strand, because a promoter should be called on its own strand only. The others come from anywhere.

    Args:
        contigs: sequence to draw from.
        starts: listed starts on the contigs.
        promoters: additional promoters, which replace listed ones.
        recipe: sizes and labels.
        evidence: how sure the starts are (None: all alike).
        opposite_reach: distance in bp from a start of the other strand at which background has a weight of its own.

    Raises:
        InputError: no contig has a window, no start is listed, or no start has room for the promoters around it.
    """

    def __init__(
        self,
        contigs: Mapping[str, Codes],
        starts: KnownStarts,
        promoters: Promoters | None,
        recipe: SegmentRecipe,
        evidence: Evidence | None = None,
        opposite_reach: int = Scale.opposite_reach,
    ) -> None:
        self.contigs = {chrom: codes for chrom, codes in contigs.items() if len(codes) >= WINDOW}
        self.starts, self.promoters, self.recipe = starts, promoters, recipe
        self.evidence, self.opposite_reach = evidence or Evidence(), opposite_reach
        self._places = starts if self.evidence.places is None else self.evidence.places
        self.sites = [site for site in starts if site.chrom in self.contigs]
        if not self.sites:
            raise InputError("no TSS is listed on the contigs to train on; leave more of them to train")
        self._chroms = list(self.contigs)
        self._ends = np.cumsum([len(codes) - WINDOW + 1 for codes in self.contigs.values()])
        if promoters is not None:
            self._hosts = [site for site in self.sites if self._has_room(site, promoters)]
            if not self._hosts:
                raise InputError("no listed start has room around it for the promoters; give shorter ones")
            width = promoters.codes.shape[1]
            replaced = np.stack([self._read(site, promoters.tss_index, width) for site in self._hosts])
            self._host_ends, self._promoter_ends = _composition_of_ends(replaced), _composition_of_ends(promoters.codes)

    def draw(self, size: int, margin: int, hard: Sequence[Site], rng: np.random.Generator) -> Segments:
        """Draw a batch of `size` segments; a quarter of them around the sites `hard`, if there are any."""
        promoters, opposite, mined = size // 2, size // 8, size // 4 if hard else 0
        pasted = int(self.recipe.pasted * promoters) if self.promoters is not None else 0
        draw = self._segment_with_promoter if self.promoters is not None else self._segment_with_start
        rows = [self._segment_with_promoter(margin, rng, opposite=False) for _ in range(pasted)]
        rows += [self._segment_with_start(margin, rng, opposite=False) for _ in range(promoters - pasted)]
        rows += [draw(margin, rng, opposite=True) for _ in range(opposite)]
        sites = [hard[i] for i in rng.integers(len(hard), size=mined)] if hard else []
        rows += [self.segment(site, margin, rng, self.recipe.mined_weight) for site in sites]
        sites = [self._anywhere(rng) for _ in range(size - len(rows))]
        rows += [self.segment(site, margin, rng) for site in sites]
        batch = Segments(*(np.stack(values) for values in zip(*rows, strict=True)))
        if not self.recipe.mutations:
            return batch
        return batch._replace(codes=_mutated(batch.codes, self.recipe.mutations, rng))

    def segment(
        self,
        site: Site,
        margin: int,
        rng: np.random.Generator,
        rate: float = 1.0,
        *,
        promoter: Codes | None = None,
        opposite: bool = False,
    ) -> Segments:
        """Make one segment, without the axis of the batch, with the window of `site` at a random place.

        It stays inside the contig if the contig is long enough; else the end of a contig would reveal a promoter.

        Args:
            site: a TSS and its strand.
            margin: bases around the windows.
            rng: source of the place.
            rate: relative weight of its background.
            promoter: codes to paste around the site, which is then the only start in them.
            opposite: read the other strand than that of the site.
        """
        chrom, tss, strand = site
        read = OPPOSITE[strand] if opposite else strand
        windows, contig = self.recipe.windows, self.contigs[chrom]
        offset = int(rng.integers(windows))
        first = min(max(tss - tss_of(0, read) - offset, 0), max(0, len(contig) - WINDOW + 1 - windows))
        begin, end = first - margin, first + windows + WINDOW - 1 + margin
        codes = _cut(contig, begin, end)
        known = {s: self.starts.on(chrom, s) for s in STRANDS}
        doubtful, places = self.evidence.doubtful.on(chrom, read), self._places.on(chrom, read)
        if promoter is not None:
            assert self.promoters is not None
            lo, hi = _stretch(site, self.promoters.tss_index, len(promoter))
            _paste(codes, promoter if strand == "+" else dna.reverse_complement(promoter), lo - begin)
            known = {s: _outside(listed, lo, hi) for s, listed in known.items()}
            doubtful, places = _outside(doubtful, lo, hi), _outside(places, lo, hi)
            known[strand] = np.sort(np.append(known[strand], tss))
            if read == strand:
                places = np.append(places, tss)
        positions = np.arange(first, first + windows) + tss_of(0, read)
        if read == "-":
            codes, positions = dna.reverse_complement(codes), positions[::-1]
        labels, weights = self._label(positions, known[read], known[OPPOSITE[read]], doubtful)
        targets = np.isin(positions, places).astype(np.float32)
        pasted = None if promoter is None else tss
        self._weigh_by_evidence(chrom, read, positions, labels, weights, targets, pasted)
        weights[~scorable(codes[margin : len(codes) - margin], 1, blocked=None)] = 0
        return Segments(codes, labels, weights, np.array(rate, dtype=np.float32), targets)

    def _label(
        self, positions: Positions, same: Positions, other: Positions, doubtful: Positions
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        distance = distances(positions, same)
        labels = (distance <= self.recipe.near).astype(np.uint8)
        weights = np.where(distances(positions, other) <= self.opposite_reach, self.recipe.opposite_weight, 1.0)
        weights[np.minimum(distance, distances(positions, doubtful)) <= self.recipe.ignored] = 0
        weights[labels == 1] = 1
        return labels, weights.astype(np.float32)

    def _weigh_by_evidence(
        self,
        chrom: str,
        strand: Strand,
        positions: Positions,
        labels: npt.NDArray[np.uint8],
        weights: npt.NDArray[np.float32],
        targets: npt.NDArray[np.float32],
        pasted: int | None,
    ) -> None:
        """Set the weights around listed starts, and of their bases for places; a pasted promoter has no evidence."""
        if not self.evidence.weights and not self.evidence.place_weights:
            return
        for at, position in enumerate(positions.tolist()):
            listed = Site(chrom, position, strand)
            if position == pasted:
                continue
            if (weight := self.evidence.weights.get(listed, 1.0)) != 1:
                weights[(np.abs(positions - position) <= self.recipe.near) & (labels == 1)] = weight
            targets[at] *= self.evidence.place_weights.get(listed, 1.0)

    def _segment_with_start(self, margin: int, rng: np.random.Generator, *, opposite: bool) -> Segments:
        site = self.sites[int(rng.integers(len(self.sites)))]
        return self.segment(site, margin, rng, self.recipe.flank_weight, opposite=opposite)

    def _segment_with_promoter(self, margin: int, rng: np.random.Generator, *, opposite: bool) -> Segments:
        """Make a segment with an additional promoter in the place of a listed one whose flanks fit."""
        assert self.promoters is not None
        drawn = int(rng.integers(len(self.promoters.codes)))
        hosts = rng.integers(len(self._hosts), size=HOSTS)
        misfit = np.abs(self._host_ends[hosts] - self._promoter_ends[drawn]).sum(axis=1)
        host = self._hosts[int(hosts[int(misfit.argmin())])]
        promoter = self.promoters.codes[drawn]
        return self.segment(host, margin, rng, self.recipe.flank_weight, promoter=promoter, opposite=opposite)

    def _anywhere(self, rng: np.random.Generator) -> Site:
        window = int(rng.integers(self._ends[-1]))
        index = int(np.searchsorted(self._ends, window, side="right"))
        strand = cast(Strand, "+-"[int(rng.integers(2))])
        start = window - (int(self._ends[index - 1]) if index else 0)
        return Site(self._chroms[index], tss_of(start, strand), strand)

    def _has_room(self, site: Site, promoters: Promoters) -> bool:
        lo, hi = _stretch(site, promoters.tss_index, promoters.codes.shape[1])
        return lo >= 0 and hi <= len(self.contigs[site.chrom])

    def _read(self, site: Site, before: int, width: int) -> Codes:
        lo, hi = _stretch(site, before, width)
        codes = self.contigs[site.chrom][lo:hi]
        return codes if site.strand == "+" else dna.reverse_complement(codes)


def _stretch(site: Site, before: int, width: int) -> tuple[int, int]:
    """Interval, half-open, of the `width` bases that are read from `before` bases before the site."""
    lo = site.tss - before if site.strand == "+" else site.tss + before + 1 - width
    return lo, lo + width


def _outside(listed: Positions, begin: int, end: int) -> Positions:
    """The positions that lie before `begin`, or at `end` and after it."""
    outside: Positions = listed[(listed < begin) | (listed >= end)]
    return outside


def _cut(contig: Codes, begin: int, end: int) -> Codes:
    """Cut out the bases from `begin` to `end`; bases outside of the contig are unknown."""
    codes = np.full(end - begin, UNKNOWN, dtype=np.uint8)
    inside = contig[max(begin, 0) : max(end, 0)]
    codes[max(-begin, 0) : max(-begin, 0) + len(inside)] = inside
    return codes


def _paste(codes: Codes, piece: Codes, at: int) -> None:
    """Write `piece` over `codes` from index `at`, as far as it lies inside."""
    codes[max(at, 0) : max(at + len(piece), 0)] = piece[max(-at, 0) : max(len(codes) - at, 0)]


def _mutated(codes: Codes, most: float, rng: np.random.Generator) -> Codes:
    """Draw a share of the known bases of each row (n, length) anew; the share is drawn up to `most`."""
    share = rng.uniform(0, most, size=(len(codes), 1))
    drawn_anew = (rng.random(codes.shape) < share) & (codes != UNKNOWN)
    return np.where(drawn_anew, rng.integers(UNKNOWN, size=codes.shape).astype(np.uint8), codes)


def _composition_of_ends(codes: Codes) -> npt.NDArray[np.float64]:
    """Share of G and C in the first and in the last bases of sequences (n, length); returns (n, 2)."""
    strong = np.isin(codes, dna.encode("GC"))
    return np.stack([strong[:, :END].mean(axis=1), strong[:, -END:].mean(axis=1)], axis=1)
