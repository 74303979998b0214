"""The sections of a report: what its template shows, and what its script draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import promscan
from promscan.attribution.elements import logo_heights
from promscan.commands.evaluating.evaluation import Evaluation
from promscan.commands.reporting.judged import accuracy, calibration_rows
from promscan.commands.reporting.numbers import (
    PIXELS,
    SHOWN_CONTIGS,
    along_contigs,
    distributions,
    headline,
    shares_in_common,
)
from promscan.commands.reporting.sample import Sample
from promscan.commands.reporting.surroundings import (
    AFTER,
    BEFORE,
    CONTROLS,
    SearchedElement,
    Surroundings,
    element_shares,
    random_sites,
    surroundings_of,
)
from promscan.commands.reporting.tracks import NO_SCORE, REACH, SCALE

COMMON = 100
"""Two samples have a hit in common if their TSSs are at most this far (bp) from each other on one strand."""


def sections(
    samples: Sequence[Sample],
    surroundings: Sequence[Surroundings],
    elements: Sequence[SearchedElement],
    genome: str | Path,
    contigs: Mapping[str, int],
    judged: Sequence[Evaluation],
) -> dict[str, Any]:
    """What the page shows, but for the table of hits.

    Args:
        samples: the hits.
        surroundings: the bases around them.
        elements: what is searched around them.
        genome: FASTA file.
        contigs: contig to bases.
        judged: the evaluation of each sample; empty: no known starts were given.
    """
    control = surroundings_of(random_sites(contigs, CONTROLS), genome)
    verdicts = [accuracy(each) for each in judged]
    drawn = along_contigs(samples, contigs)
    with_hits = len({site.chrom for sample in samples for site in sample.sites})
    return {
        "version": promscan.__version__,
        "genome": Path(genome).name,
        "genome_bases": f"{sum(contigs.values()):,}",
        "genome_contigs": f"{len(contigs):,}",
        "samples": [
            _describe(sample, around, control, elements, contigs)
            for sample, around in zip(samples, surroundings, strict=True)
        ],
        "compared": _compared(samples, contigs),
        "common": _percentages(shares_in_common(samples, COMMON)) if len(samples) > 1 else [],
        "common_within": COMMON,
        "contigs_left_out": with_hits - len(drawn),
        "shown_contigs": SHOWN_CONTIGS,
        "circles": any(contig["circular"] for contig in drawn),
        "controls": f"{len(control.islands):,}",
        "accuracy": [{"label": sample.label, **each} for sample, each in zip(samples, verdicts, strict=False)],
        "data": _data(samples, surroundings, control, drawn, verdicts),
    }


def _data(
    samples: Sequence[Sample],
    surroundings: Sequence[Surroundings],
    control: Surroundings,
    contigs: Sequence[Mapping[str, Any]],
    verdicts: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What the script of the page draws."""
    return {
        "labels": [sample.label for sample in samples],
        "scores": [sample.score for sample in samples],
        "contigs": contigs,
        "bins": PIXELS,
        "distributions": distributions(samples),
        "around": _around(surroundings, control),
        "tracks": {"reach": REACH, "scale": SCALE, "missing": NO_SCORE},
        "curves": [each["curve"] for each in verdicts],
        "thresholds": [sample.least_logit for sample in samples],
        "graded": [sample.graded for sample in samples],
    }


def _describe(
    sample: Sample,
    around: Surroundings,
    control: Surroundings,
    elements: Sequence[SearchedElement],
    contigs: Mapping[str, int],
) -> dict[str, Any]:
    """What the template shows of a sample."""
    table = None if sample.card is None else sample.card.calibration
    return {
        "label": sample.label,
        "headline": headline(sample, contigs),
        "settings": list(sample.settings.items()),
        "score": sample.score,
        "position": sample.position,
        "elements": [_shown(row) for row in element_shares(around, control, elements)],
        "calibration": calibration_rows(sample, contigs),
        "background": "" if table is None else f"{table.megabases:,.4g} Mb of {table.background}",
    }


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of shares as text."""
    hits, control = row["hits"], row["random"]
    ratio = "-" if not control or hits is None else f"{hits / control:.1f}"
    return {
        "name": row["name"],
        "rule": row["rule"],
        "hits": _percent(hits),
        "random": _percent(control),
        "ratio": ratio,
    }


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _percentages(shares: Sequence[Sequence[float | None]]) -> list[list[str]]:
    return [[_percent(share) for share in row] for row in shares]


def _compared(samples: Sequence[Sample], contigs: Mapping[str, int]) -> list[tuple[str, list[str]]]:
    """The headline numbers of all samples: the name of each, and its value in each sample."""
    numbers = [dict(headline(sample, contigs)) for sample in samples]
    names = dict.fromkeys(name for each in numbers for name in each)
    return [(name, [each.get(name, "-") for each in numbers]) for name in names]


def _around(surroundings: Sequence[Surroundings], control: Surroundings) -> dict[str, Any]:
    """Composition and logo around the starts."""
    background = control.composition().mean(axis=0)
    shares = [each.composition() for each in surroundings]
    return {
        "before": BEFORE,
        "after": AFTER,
        "composition": [each.round(3).tolist() for each in shares],
        "logo": [
            logo_heights(each, background, len(around.around)).round(4).tolist()
            for each, around in zip(shares, surroundings, strict=True)
        ],
        "background": background.round(3).tolist(),
    }
