"""Calibration: counts are those of the hits, both directions agree, and nothing is said of what was not seen."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promscan.errors import ModelError
from promscan.metrics.calibration import Calibration
from promscan.networks.card import Card

hit_logits = st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=400)


def measured(logits, megabases=2.0):
    return Calibration.measure(np.array(logits, dtype=np.float32), megabases, "background of a test")


@given(logits=hit_logits, megabases=st.floats(0.1, 100))
def test_the_table_counts_hits(logits, megabases):
    table = measured(logits, megabases)
    ranked = np.array(logits, dtype=np.float32)
    assert list(table.logits) == sorted(set(table.logits), reverse=True)
    for logit, hits in zip(table.logits, table.hits, strict=True):
        assert (ranked >= logit + 1e-4).sum() <= hits <= (ranked >= logit - 1e-4).sum()
        assert table.fp_per_mb(logit) == pytest.approx(hits / table.megabases)


@given(logits=hit_logits, share=st.floats(0, 1))
def test_both_directions_agree(logits, share):
    table = measured(logits)
    rate = table.least * (table.most / table.least) ** share
    assert table.fp_per_mb(table.logit_at(rate)) == pytest.approx(rate, rel=1e-6)


@given(logits=hit_logits, one=st.floats(-30, 30), other=st.floats(-30, 30))
def test_a_higher_logit_is_never_more_often_false(logits, one, other):
    table = measured(logits)
    assert table.fp_per_mb(max(one, other)) <= table.fp_per_mb(min(one, other)) * (1 + 1e-9)
    assert table.least * (1 - 1e-9) <= table.fp_per_mb(one) <= table.most * (1 + 1e-9)


@given(logits=hit_logits)
def test_a_card_holds_the_same_table(logits):
    table = measured(logits)
    card = Card("x", "promoter", "windowed", "none", {}, "", True, calibration=table)
    assert Card.parse(card.to_json(), "x.json").calibration == table


@given(logits=hit_logits, megabases=st.floats(1e-3, 1e5))
def test_the_rates_of_the_message_can_be_asked_for(logits, megabases):
    table = measured(logits, megabases)
    with pytest.raises(ModelError) as error:
        table.logit_at(2 * table.most)
    low, high = re.search(r"ask for (\S+) to (\S+),", str(error.value)).groups()
    if float(low) <= float(high):  # else the table is narrower than the digits that are shown
        assert table.logit_at(float(low)) >= table.logit_at(float(high))
    assert float(low) == pytest.approx(table.least, rel=0.011)
    assert float(high) == pytest.approx(table.most, rel=0.011)


@pytest.mark.parametrize("rate", [0.4, 2.1, 0, -1])
def test_rates_beyond_what_was_seen_are_refused(rate):
    table = measured([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(ModelError, match=r"2 Mb of background of a test: ask for 0.5 to 2, or calibrate"):
        table.logit_at(rate)


def test_a_background_without_hits_is_refused():
    with pytest.raises(ModelError, match="no hit on background of a test"):
        measured([])


@pytest.mark.parametrize(("count", "low", "high"), [(1, 0.0253, 5.57), (10, 4.80, 18.39), (100, 81.36, 121.63)])
def test_intervals_are_those_of_poisson(count, low, high):
    """Exact limits, from tables of Garwood 1936."""
    assert measured([1.0], megabases=1.0).interval(count) == pytest.approx((low, high), rel=0.03, abs=0.02)
