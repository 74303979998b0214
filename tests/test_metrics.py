"""Calls in a genome, judged hit by hit and start by start."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promscan.metrics.ranking import are_false, found_at, lowest_threshold, recall_by_false_hits
from promscan.metrics.regression import coverage, widening
from promscan.networks.card_parts import Scale

positions = st.integers(0, 3000)
logits = st.integers(-5, 5).map(float)  # few values, so that some are equal
hits = st.lists(st.tuples(positions, logits))
starts = st.sets(positions).map(sorted)


@given(hits, starts)
def test_a_start_is_found_by_its_best_hit_within_100_bp(hits: list[tuple[int, float]], starts: list[int]) -> None:
    tss, scores = (np.array(column) for column in (list(zip(*hits, strict=True)) or [[], []]))
    found = found_at(np.array(starts, dtype=np.int64), tss, scores, Scale.tolerance)
    assert found.tolist() == [
        max((logit for at, logit in hits if abs(at - start) <= 100), default=-math.inf) for start in starts
    ]


@given(st.lists(positions), starts)
def test_a_hit_farther_than_500_bp_from_every_start_is_false(tss: list[int], starts: list[int]) -> None:
    false = are_false(np.array(tss, dtype=np.int64), np.array(starts, dtype=np.int64), Scale.false_beyond)
    assert false.tolist() == [all(abs(at - start) > 500 for start in starts) for at in tss]


@given(st.lists(st.one_of(logits, st.just(-math.inf)), min_size=1), st.lists(logits))
def test_recall_is_that_at_the_lowest_threshold_for_so_many_false_hits(found: list[float], false: list[float]) -> None:
    recall = recall_by_false_hits(np.array(found), np.array(false))
    assert len(recall) == len(false) + 1
    for allowed, share in enumerate(recall.tolist()):
        logit = lowest_threshold(np.array(false), allowed)
        assert sum(other >= logit for other in false) <= allowed
        assert all(sum(other >= lower for other in false) > allowed for lower in false if lower < logit)
        assert math.isclose(share, sum(other >= logit and other > -math.inf for other in found) / len(found))


def test_a_widening_factor_covers_groups_of_all_sizes_alike() -> None:
    rng = np.random.default_rng(1)
    groups = []
    for size, too_narrow in ((20_000, 2.0), (400, 0.5)):
        predicted, deviation = rng.normal(size=size), rng.uniform(0.5, 3, size)
        groups.append((predicted + too_narrow * deviation * rng.normal(size=size), predicted, deviation))
    assert widening(groups[:1]) == pytest.approx(2, rel=0.03)
    assert widening(groups[1:]) == pytest.approx(0.5, rel=0.2)
    factor = widening(groups)
    covered = [coverage(measured, predicted, factor * deviation)[0.6827] for measured, predicted, deviation in groups]
    assert np.mean(covered) == pytest.approx(0.6827, abs=0.005)
    assert covered[0] < 0.6 < 0.75 < covered[1]
