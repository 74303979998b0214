"""Settings of a training on a genome that follow from its size and from the number of its listed starts.

| genome | kind | made with such settings |
| --- | --- | --- |
| 0.4 to 8 Mb | small | `bacteria` |
| 8 to 20 Mb, or larger with 60 listed starts per Mb or more | compact | `yeast`, `pombe` |
| larger, or less than 0.4 Mb: a piece that says nothing | large | `human` |

Size goes before density: a list of a small genome may be short, and then is not dense.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from promscan.networks.card import MIN_DISTANCE
from promscan.networks.card_parts import Scale

SMALLEST, SMALL, COMPACT = 400_000, 8_000_000, 20_000_000
"""Bases: free-living bacteria have more than the first, few have more than the second; fungi are seldom below it."""
DENSE = 60
"""Listed starts per Mb of a larger genome that is compact: 8 in zebrafish, 26 in gene-rich human, 110 in flies."""
SPARSE = 100
"""Listed starts per Mb of a compact genome below which the list lacks most of them: yeasts have 400."""
SEGMENTS = (1000, 8000)
"""Least and most segments of an epoch."""
TRAINING = 80_000
"""Segments of a training, at least: about 40 minutes of one core."""
EPOCHS = (10, 20)
"""Least and most epochs."""

_LARGE: Mapping[str, Any] = {
    "tolerance": Scale.tolerance, "false_beyond": Scale.false_beyond, "clearance": Scale.clearance,
    "opposite_reach": Scale.opposite_reach, "min_distance": MIN_DISTANCE, "fp_per_mb": Scale.fp_per_mb,
}  # fmt: skip
_COMPACT: Mapping[str, Any] = {
    "tolerance": 50, "false_beyond": 500, "clearance": 1000, "opposite_reach": 500, "min_distance": 200,
    "fp_per_mb": 50.0, "flank_weight": 0.3, "mining_bases": 500_000,
}  # fmt: skip
_COMPACT_SIZES: Mapping[str, Any] = {"frames": (30, 90, 180, 300, 480, 900), "place": 32}
_SMALL: Mapping[str, Any] = {
    "tolerance": 20, "false_beyond": 20, "clearance": 100, "opposite_reach": 60, "min_distance": 40, "fp_per_mb": 100.0,
    "near": 2, "ignored": 12, "opposite_weight": 1.0, "flank_weight": 0.5, "mutations": 0.02, "background": 100.0,
    "ranking": 0.0, "mining_bases": 0,
}  # fmt: skip
_SMALL_SIZES: Mapping[str, Any] = {
    "convolutions": 3, "kernel": 19, "composition": (100, 1000), "context": 0,
    "frames": (30, 90, 180, 300, 480, 900), "place": 48, "place_in_logit": True,
}  # fmt: skip
CHOSEN = frozenset({*_LARGE, *_COMPACT, *_COMPACT_SIZES, *_SMALL, *_SMALL_SIZES, "segments_per_epoch", "epochs"})
"""Names of the settings that a genome can decide."""


class Choice(NamedTuple):
    """Settings, by the names of the options, and the reason for them in words."""

    why: str
    values: Mapping[str, Any]


def settings_for(bases: int, starts: int, *, sized: bool = False) -> Choice:
    """Choose settings for a genome of this many bases and listed starts.

    Sizes of the network are not among them if it is `sized` by the weights that the training starts from. What is not
    among them has the usual default.

    Half of the segments hold a start, so an epoch shows each start twice on average, within `SEGMENTS`. The epochs make
    a training of `TRAINING` segments, within `EPOCHS`.
    """
    density = starts / bases * 1e6
    values: dict[str, Any]
    if SMALLEST <= bases < SMALL:
        kind, values = "a small genome, as bacteria have", dict(_SMALL) if sized else {**_SMALL, **_SMALL_SIZES}
    elif bases >= SMALLEST and (bases < COMPACT or density >= DENSE):
        kind, values = "a compact genome, as yeasts have", dict(_COMPACT) if sized else {**_COMPACT, **_COMPACT_SIZES}
        if density < SPARSE:
            values["mining_bases"] = 0  # the best false hits would be real starts that the list lacks
    else:
        kind, values = "a large genome" if bases >= SMALLEST else "a piece of a genome", dict(_LARGE)
    segments = min(max(SEGMENTS[0], round(4 * starts, -2)), SEGMENTS[1])
    epochs = min(max(EPOCHS[0], -(-TRAINING // segments)), EPOCHS[1])
    values |= {"segments_per_epoch": segments, "epochs": epochs}
    return Choice(f"{kind}: {_shown(bases / 1e6)} Mb, {_shown(density)} listed TSSs per Mb", values)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
