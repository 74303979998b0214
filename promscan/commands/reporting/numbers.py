"""What is counted and measured of hits: headline numbers, distributions, places along contigs, hits in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from promscan.commands.reporting.sample import Sample
from promscan.seq.intervals import Positions
from promscan.seq.records import Scores
from promscan.seq.tss import distances

SHOWN_CONTIGS = 40
"""Contigs that are drawn."""
PIXELS = 800
"""Bins of the longest contig that is drawn."""
_FEWEST_BINS, _MOST_BINS = 12, 40
_FAR_GENE = 2000
"""bp from a gene, either way, that are drawn."""


class Headline(NamedTuple):
    """A number with its name, both as text."""

    name: str
    value: str


def headline(sample: Sample, contigs: Mapping[str, int]) -> list[Headline]:
    """The numbers that describe a sample best."""
    scanned, spacing = sample.scanned_bases(contigs), spacings(sample)
    forward = sum(site.strand == "+" for site in sample.sites)
    numbers = [
        Headline("Hits", f"{len(sample):,}"),
        Headline("On + / - strand", f"{forward:,} / {len(sample) - forward:,}"),
        Headline("Contigs with hits", f"{len({site.chrom for site in sample.sites}):,} of {len(contigs):,}"),
        Headline("Scanned", "not known" if scanned is None else f"{three_digits(scanned / 1e6)} Mb"),
    ]
    if scanned:
        numbers.append(Headline("Hits per Mb", three_digits(len(sample) / scanned * 1e6)))
    numbers.append(Headline("Median score", _median(sample.scores)))
    numbers.append(Headline("Median spacing", f"{_median(spacing.astype(np.float64), 0)} bp" if len(spacing) else "-"))
    if sample.has("strength"):
        numbers.append(Headline("Median strength", _median(sample.numbers["strength"])))
    if sample.has_genes:
        numbers.append(Headline("Hits with a gene", f"{sum(map(bool, sample.genes)):,}"))
    return numbers


def three_digits(value: float) -> str:
    """A number with three digits, or with all that stand before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _median(values: Scores, digits: int = 2) -> str:
    known = values[np.isfinite(values)]
    return f"{np.median(known):,.{digits}f}" if len(known) else "-"


def spacings(sample: Sample) -> Positions:
    """Distance (bp) of each hit to the next one on its contig and strand."""
    gaps = [np.diff(tss) for tss in _by_strand(sample).values()]
    return np.concatenate(gaps) if gaps else np.empty(0, dtype=np.int64)


def distributions(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Histograms with the same bins for all samples: score, spacing, strength, distance to the gene."""
    charts = [_histogram("score", _axis_of_score(samples), [sample.scores for sample in samples])]
    gaps = [spacings(sample).astype(np.float64) for sample in samples]
    charts.append(_histogram("spacing", "bp to the next hit on the strand", gaps, logarithmic=True))
    if any(sample.has("strength") for sample in samples):
        unit = next((s.settings["strength_unit"] for s in samples if "strength_unit" in s.settings), "strength")
        charts.append(_histogram("strength", unit, [sample.numbers["strength"] for sample in samples]))
    if any(sample.has("distance") for sample in samples):
        near = [sample.numbers["distance"] for sample in samples]
        edges = np.linspace(-_FAR_GENE, _FAR_GENE, _MOST_BINS + 1)
        charts.append(_histogram("distance", "bp from the 5' end of the nearest gene", near, edges))
    return charts


def _axis_of_score(samples: Sequence[Sample]) -> str:
    return " or ".join(dict.fromkeys(sample.score for sample in samples))


def _histogram(
    name: str, axis: str, values: Sequence[Scores], edges: Scores | None = None, *, logarithmic: bool = False
) -> dict[str, Any]:
    """Count values in bins; those outside of given edges are counted apart."""
    known = [each[np.isfinite(each)] for each in values]
    if logarithmic:
        known = [np.log10(np.maximum(each, 1)) for each in known]
    together = np.concatenate(known)
    if edges is None:
        low, high = (float(together.min()), float(together.max())) if len(together) else (0.0, 1.0)
        bins = min(_MOST_BINS, max(_FEWEST_BINS, round(2 * len(together) ** 0.5)))
        edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    return {
        "name": name,
        "axis": axis,
        "logarithmic": logarithmic,
        "edges": edges.round(6).tolist(),
        "counts": [np.histogram(each, edges)[0].tolist() for each in known],
        "medians": [float(np.median(each)) if len(each) else None for each in known],
        "outside": [int(((each < edges[0]) | (each > edges[-1])).sum()) for each in known],
    }


def along_contigs(samples: Sequence[Sample], contigs: Mapping[str, int]) -> list[dict[str, Any]]:
    """The longest contigs with hits: in each bin of a strand with hits, their number and their highest score."""
    counts = [defaultdict[str, int](int) for _ in samples]
    for count, sample in zip(counts, samples, strict=True):
        for site in sample.sites:
            count[site.chrom] += 1
    with_hits = [chrom for chrom in contigs if any(chrom in count for count in counts)]
    longest = set(sorted(with_hits, key=lambda chrom: -contigs[chrom])[:SHOWN_CONTIGS])
    circles = {chrom for chrom in longest if any(sample.is_circle(chrom) for sample in samples)}
    scale = max((contigs[chrom] for chrom in longest), default=1)
    widths = {chrom: (contigs[chrom] if chrom in circles else scale) / PIXELS for chrom in longest}
    binned = [_binned(sample, widths) for sample in samples]
    return [
        {
            "name": chrom,
            "length": contigs[chrom],
            "circular": chrom in circles,
            "hits": [count[chrom] for count in counts],
            "bins": [[each[chrom, "+"], each[chrom, "-"]] for each in binned],
        }
        for chrom in with_hits
        if chrom in longest
    ]


def _binned(sample: Sample, widths: Mapping[str, float]) -> dict[tuple[str, str], list[list[float]]]:
    """By contig and strand, `[bin, hits, highest score]` of the bins with hits; `widths` are those of bins in bp."""
    bins = defaultdict[tuple[str, str], dict[int, list[float]]](dict)
    for (chrom, tss, strand), score in zip(sample.sites, sample.scores.tolist(), strict=True):
        if chrom in widths:
            place = int(tss / widths[chrom])
            entry = bins[chrom, strand].setdefault(place, [place, 0, score])
            entry[1], entry[2] = entry[1] + 1, round(max(entry[2], score), 3)
    found = {key: list(entries.values()) for key, entries in bins.items()}
    return {(chrom, strand): found.get((chrom, strand), []) for chrom in widths for strand in "+-"}


def shares_in_common(samples: Sequence[Sample], within: int) -> list[list[float | None]]:
    """Share of the hits of each sample (row) that have a hit of each other one (column) within a distance in bp."""
    return [[_share_near(sample, other, within) for other in samples] for sample in samples]


def _share_near(sample: Sample, other: Sample, within: int) -> float | None:
    known, own = _by_strand(other), _by_strand(sample)
    near = sum(int((distances(tss, known[key]) <= within).sum()) for key, tss in own.items() if key in known)
    return near / len(sample) if len(sample) else None


def _by_strand(sample: Sample) -> dict[tuple[str, str], Positions]:
    """The starts of the hits, sorted, by contig and strand."""
    grouped = defaultdict[tuple[str, str], list[int]](list)
    for chrom, tss, strand in sample.sites:
        grouped[chrom, strand].append(tss)
    return {key: np.sort(np.array(tss, dtype=np.int64)) for key, tss in grouped.items()}
