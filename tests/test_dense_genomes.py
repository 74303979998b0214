"""Training on a genome with one contig, and with distances of its own."""

from __future__ import annotations

import time

import numpy as np
import pytest

from promscan.errors import InputError
from promscan.networks.card_parts import Scale
from promscan.seq.records import Hit, Interval
from promscan.seq.regions import named_regions, plain_names
from promscan.seq.tss import KnownStarts, Site
from promscan.train.data.evidence import Evidence
from promscan.train.data.labelled_genome import LabelledGenome
from promscan.train.data.segments import SegmentRecipe, SegmentSampler
from promscan.train.genome_parts import split
from promscan.train.genome_validation import validate

LENGTHS = {"II": 5000, "chr9:0-300": 300, "chr9:500-700": 200, "900": 100}


def genome() -> LabelledGenome:
    rng = np.random.default_rng(0)
    contigs = {chrom: rng.integers(0, 4, length, dtype=np.uint8) for chrom, length in LENGTHS.items()}
    sites = {Site("II", tss, "+"): f"start {tss}" for tss in range(0, 5000, 100)} | {Site("900", 3, "-"): ""}
    evidence = Evidence({Site("II", 1200, "+"): 0.5}, KnownStarts(sites), doubtful=KnownStarts([Site("II", 1950, "+")]))
    return LabelledGenome(contigs, KnownStarts(sites, sites), evidence)


def words(text: str) -> list[str]:
    return text.split(",")


def test_a_region_is_written_with_commas_between_names() -> None:
    regions = named_regions(words("chr9,II:1,001-2,000,900"), LENGTHS)
    assert regions == [("II", 1000, 2000), ("chr9:0-300", 0, 300), ("chr9:500-700", 0, 200), ("900", 0, 100)]
    assert plain_names(words("chr9,II:1,001-2,000,900"), LENGTHS) == ["chr9", "II:1001-2000", "900"]


def test_digits_without_end_after_a_colon_are_looked_at_once() -> None:
    long = f"chr:{'1' * 1_000_000}x"
    began = time.process_time()
    assert plain_names([long, "100"], {long: 9}) == [long, "100"]
    assert time.process_time() - began < 5  # hours where the digits before and after a dash are both tried


def test_a_contig_named_like_a_region_is_that_contig() -> None:
    assert named_regions(["chr9:0-300"], LENGTHS) == [Interval("chr9:0-300", 0, 300)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("III", "no contig 'III'"),
        ("III:1-100", "no contig 'III'"),
        ("II:0-100", "count from 1"),
        ("II:1-9,000", "II ends at 5000"),
        ("II:1-200,II:101-300", "overlap"),
        ("II,II:101-300", "overlap"),
    ],
)
def test_a_region_that_does_not_fit_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        named_regions(words(text), LENGTHS)


def test_a_region_divides_a_contig_and_no_base_within_the_guard_is_trained_on() -> None:
    whole = genome()
    parts = split(whole, ["II:1,001-2,000"], ["II:2001-3000", "900"], guard=150)
    assert list(parts.train.contigs) == ["II:1-850", "II:3151-5000", "chr9:0-300", "chr9:500-700"]
    assert list(parts.dev.contigs) == ["II:1001-2000"]
    np.testing.assert_array_equal(parts.dev.contigs["II:1001-2000"], whole.contigs["II"][1000:2000])
    assert parts.dev.starts.on("II:1001-2000", "+").tolist() == list(range(0, 1000, 100))
    assert parts.dev.starts.name(Site("II:1001-2000", 300, "+")) == "start 1300"
    assert parts.dev.evidence.weights == {Site("II:1001-2000", 200, "+"): 0.5}
    assert parts.dev.evidence.doubtful.on("II:1001-2000", "+").tolist() == [950]
    assert parts.train.starts.on("II:3151-5000", "+").tolist() == list(range(50, 1850, 100))
    assert parts.describe_held_out()["left_out"]["names"] == ["II:2001-3000", "900"]


def test_a_base_is_not_both_dev_and_left_out() -> None:
    with pytest.raises(InputError, match="'II:1501-2000' is named for dev and to be left out"):
        split(genome(), ["II:1-2000"], ["II:1501-3000"])


def test_a_dense_genome_counts_each_hit_away_from_a_start_as_false() -> None:
    starts, piece = KnownStarts([Site("II", 1000, "+")]), Interval("II", 0, 5000)
    hits = [Hit("II", tss - 33, "+", tss, logit, 0.5) for tss, logit in [(1015, 1.0), (1025, 2.0), (1200, 3.0)]]
    dense = validate(hits, [piece], starts, Scale(tolerance=20, false_beyond=20))
    assert [hit.tss for hit in dense.false] == [1025, 1200]
    assert dense.found.tolist() == [1.0]
    assert validate(hits, [piece], starts).false == []


def test_background_near_the_other_strand_is_as_far_as_the_scale_says() -> None:
    whole = genome()
    starts, recipe = KnownStarts([Site("II", 2000, "-")]), SegmentRecipe(windows=4900, opposite_weight=3)
    sampler = SegmentSampler(whole.contigs, starts, None, recipe, None, 60)
    segment = sampler.segment(Site("II", 2000, "-"), 0, np.random.default_rng(0), opposite=True)
    assert (segment.weights == 3).sum() == 121
