"""Bounds of the settings of a training, by name; they mean the same in every recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from promscan.errors import InputError
from promscan.networks.device import PRECISIONS
from promscan.seq.bounds import (
    MAX_BP,
    MAX_COUNT,
    MAX_EPOCHS,
    MAX_NUMBER,
    MAX_SEED,
    MAX_STEP,
    MAX_WIDTH,
    check_choice,
    check_number,
    check_whole,
)
from promscan.seq.windows import WINDOW
from promscan.train.data.batches import SAMPLERS


class _Range(NamedTuple):
    """Numbers from `least` to `most`; an open end is not included."""

    least: float = 0
    most: float = MAX_NUMBER
    least_open: bool = False
    most_open: bool = False


WHOLE: Mapping[str, tuple[int, int]] = {
    "batch_size": (1, MAX_STEP),
    "epochs": (1, MAX_EPOCHS),
    "patience": (1, MAX_EPOCHS),
    "seed": (0, MAX_SEED),
    "surroundings": (0, WINDOW),
    "windows_per_epoch": (2, MAX_COUNT),
    "segments_per_epoch": (1, MAX_COUNT),
    "rows_per_epoch": (0, MAX_COUNT),
    "dev_bases": (1, MAX_COUNT),
    "mining_bases": (0, MAX_COUNT),
    "min_distance": (1, MAX_BP),
    "windows": (1, MAX_WIDTH),
    "near": (0, MAX_WIDTH),
    "ignored": (0, MAX_WIDTH),
}
NUMBERS: Mapping[str, _Range] = {
    "learning_rate": _Range(least_open=True),
    "weight_decay": _Range(),
    "clip": _Range(least_open=True),
    "averaging": _Range(most=1, most_open=True),
    "label_smoothing": _Range(most=1, most_open=True),
    "background": _Range(least_open=True),
    "ranking": _Range(),
    "placing": _Range(),
    "teaching": _Range(),
    "dev_share": _Range(most=1, least_open=True, most_open=True),
    "test_share": _Range(most=1, most_open=True),
    "opposite_weight": _Range(),
    "flank_weight": _Range(least_open=True),
    "mined_weight": _Range(least_open=True),
    "pasted": _Range(most=1),
    "mutations": _Range(most=1),
}
LEAST_SHARES = 1e-9
"""Least sum of shares; much smaller numbers count as 0 where subnormal numbers do."""
CHOICES = {"precision": PRECISIONS, "sampler": SAMPLERS}


def check_settings(settings: Mapping[str, Any]) -> None:
    """Check the settings of a recipe that have bounds.

    Raises:
        InputError: one is out of range.
    """
    for name, value in settings.items():
        if name in WHOLE:
            check_whole(name, value, *WHOLE[name])
        elif name in NUMBERS:
            least, most, least_open, most_open = NUMBERS[name]
            check_number(name, value, least, most, least_open=least_open, most_open=most_open)
        elif name in CHOICES:
            check_choice(name, value, CHOICES[name])
    shares = settings.get("shares", {})
    for unit, share in shares.items():
        check_number(f"share of {unit}", share, 0)
    if shares and sum(shares.values()) < LEAST_SHARES:
        raise InputError(f"shares must add up to at least {LEAST_SHARES:g}; give larger ones")
