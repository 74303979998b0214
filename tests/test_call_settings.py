"""What the user asks for and the card of the model become the settings that decide hits."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from promscan.calling.screening import Needs
from promscan.calling.settings import CallSettings, resolve_calling
from promscan.errors import InputError, ModelError
from promscan.networks.calling_rule import CallingRule, Feature
from promscan.networks.card import MIN_DISTANCE, Card, read_card
from promscan.networks.model_files import find_model
from promscan.seq.bounds import MAX_BP


@pytest.fixture
def card() -> Card:
    return read_card(find_model("core70"))


def test_the_card_fills_in_what_the_user_does_not_say(card: Card) -> None:
    card = dataclasses.replace(card, min_distance=200)
    settings = resolve_calling(card)
    assert settings == CallSettings(threshold=5.8595, min_distance=200, floor=5.8595 - 4.4)
    assert resolve_calling(read_card(find_model("core70"))).min_distance == MIN_DISTANCE == 500


def test_the_user_overrules_the_card(card: Card) -> None:
    asked = resolve_calling(card, threshold=0.9, min_distance=70, smoothing=3, strand="-", stride=5, exhaustive=True)
    assert asked == CallSettings(
        threshold=math.log(0.9) - math.log1p(-0.9), min_distance=70, smoothing=3, stride=5, strands=("-",), floor=None
    )
    assert asked.strand == "-"
    assert resolve_calling(card).strand == "both"


@pytest.mark.parametrize(
    ("features", "needs", "reach"),
    [
        ([], Needs(), 69),
        ([("own", 0), ("gc", 3000)], Needs(), 69),
        ([("same", 500)], Needs(500), 570),
        ([("same", 20), ("other", 60)], Needs(20, 60), 139),
        ([("other", 300), ("gc", 3000)], Needs(0, 300), 370),
    ],
)
def test_a_screened_scan_scores_what_grades_read_and_a_bit_more(
    features: list[tuple[str, int]], needs: Needs, reach: int
) -> None:
    rule = CallingRule(0.0, tuple(Feature(kind, own, 1.0) for kind, own in features)) if features else None
    settings = CallSettings(threshold=1.0, min_distance=70, rule=rule)
    assert (settings.needs, settings.exact_reach) == (needs, reach)


@pytest.mark.parametrize(
    "options",
    [
        {"min_distance": 0},
        {"min_distance": MAX_BP + 1},
        {"min_distance": 10**400},
        {"stride": 0},
        {"stride": 1 << 63},
        {"smoothing": 2},
        {"smoothing": 1 << 63},
        {"strand": "*"},
        {"threshold": 10**4000},
        {"threshold": math.nan},
        {"threshold": 0},
    ],
)
def test_numbers_out_of_range_are_refused_by_name(card: Card, options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=name):
        resolve_calling(card, **options)


@pytest.mark.parametrize("rate", [10**400, 10**4000, math.nan, math.inf, 1e300])
def test_a_rate_that_is_no_number_is_refused_by_name(rate: float) -> None:
    with pytest.raises(InputError, match="fp_per_mb must be a number"):
        resolve_calling(read_card(find_model("human")), fp_per_mb=rate)


@pytest.mark.parametrize("rate", [0, -1, 1e6])
def test_a_rate_beyond_the_table_is_refused_with_the_range(rate: float) -> None:
    with pytest.raises(ModelError, match=r"ask for [\d.]+ to [\d.]+,"):
        resolve_calling(read_card(find_model("human")), fp_per_mb=rate)
