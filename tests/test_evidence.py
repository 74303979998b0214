"""Several lists of transcription starts: what is one start, what counts how much, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from promscan.seq.records import Hit, Interval
from promscan.seq.tss import KnownStarts, Site
from promscan.train.data.evidence import ONE_START, Evidence, WeightedList, merge
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome
from promscan.train.data.promoters import Promoters
from promscan.train.data.segments import SegmentRecipe, SegmentSampler
from promscan.train.genome_validation import validate


def listed(*positions: int, strand: str = "+") -> KnownStarts:
    return KnownStarts(Site("a", tss, strand) for tss in positions)


def sampler_of(starts: KnownStarts, evidence: Evidence, promoters: Promoters | None = None) -> SegmentSampler:
    codes = np.random.default_rng(1).integers(0, 4, 3000, dtype=np.uint8)
    recipe = SegmentRecipe(windows=900, near=3, ignored=20)
    return SegmentSampler({"a": codes}, starts, promoters, recipe, evidence)


def test_two_lists_mean_one_start_at_the_position_of_the_earlier_list() -> None:
    first, second = listed(100, 500), listed(100 + ONE_START, 551)
    starts, evidence = merge([WeightedList(first), WeightedList(second)])
    assert list(starts) == list(listed(100, 500, 551))
    assert evidence.places is not None
    assert list(evidence.places) == list(listed(100, 150, 500, 551))


def test_starts_of_one_list_stay_apart_and_strands_have_nothing_in_common() -> None:
    starts, _ = merge([WeightedList(listed(100, 110)), WeightedList(listed(100, strand="-"))])
    assert list(starts) == [Site("a", 100, "+"), Site("a", 110, "+"), Site("a", 100, "-")]


def test_a_start_of_two_lists_has_the_weight_of_the_earlier_one() -> None:
    _, evidence = merge([WeightedList(listed(100, 900)), WeightedList(listed(100, 110, 500), 0.5, 0.2)])
    assert evidence.weights == {Site("a", 500, "+"): 0.5}
    assert evidence.place_weights == {Site("a", 110, "+"): 0.2, Site("a", 500, "+"): 0.2}


def test_bases_of_a_list_that_does_not_count_for_places_are_no_places() -> None:
    starts, evidence = merge([WeightedList(listed(100)), WeightedList(listed(110, 500), 1.0, 0.0)])
    assert list(starts) == list(listed(100, 500))
    assert evidence.places is not None
    assert list(evidence.places) == list(listed(100))


def test_a_listed_start_is_not_doubtful() -> None:
    _, evidence = merge([WeightedList(listed(100))], [listed(120, 151), listed(900)])
    assert list(evidence.doubtful) == list(listed(151, 900))


def test_nothing_is_learned_around_doubtful_starts() -> None:
    starts = listed(1000)
    segment = sampler_of(starts, Evidence(doubtful=listed(1200))).segment(
        Site("a", 1200, "+"), 100, np.random.default_rng(3)
    )
    plain = sampler_of(starts, Evidence()).segment(Site("a", 1200, "+"), 100, np.random.default_rng(3))
    ignored = np.flatnonzero((segment.weights == 0) & (plain.weights > 0))
    assert len(ignored) == 2 * 20 + 1
    assert np.array_equal(segment.labels, plain.labels)
    assert segment.places.sum() == plain.places.sum()


def test_a_start_counts_by_its_weight() -> None:
    starts = listed(1000)
    segment = sampler_of(starts, Evidence({Site("a", 1000, "+"): 0.5}, starts, {Site("a", 1000, "+"): 0.25})).segment(
        Site("a", 1000, "+"), 100, np.random.default_rng(3)
    )
    assert segment.weights[segment.labels == 1].tolist() == [0.5] * 7
    assert segment.places[segment.places > 0].tolist() == [0.25]


def test_every_listed_base_is_a_place() -> None:
    starts, evidence = merge([WeightedList(listed(1000)), WeightedList(listed(1030))])
    segment = sampler_of(starts, evidence).segment(Site("a", 1000, "+"), 100, np.random.default_rng(3))
    assert np.diff(np.flatnonzero(segment.places)).tolist() == [30]
    assert segment.labels.sum() == 7


def test_a_pasted_promoter_replaces_what_was_known_of_its_stretch() -> None:
    promoters = Promoters(np.zeros((1, 300), np.uint8), 249, 0, "")
    sampler = sampler_of(listed(1000), Evidence({}, listed(990, 1000), doubtful=listed(900)), promoters)
    segment = sampler.segment(
        Site("a", 1000, "+"), 100, np.random.default_rng(3), promoter=promoters.codes[0]
    )  # fmt: skip
    assert segment.places.sum() == 1
    assert (segment.weights == 0).sum() == 2 * (20 - 3)


def test_a_hit_near_a_doubtful_start_is_not_false() -> None:
    hits = [Hit("a", tss - 33, "+", tss, 1.0, 0.7) for tss in (100, 2000, 4000)]
    pieces = [Interval("a", 0, 5000)]
    assert [hit.tss for hit in validate(hits, pieces, listed(100)).false] == [2000, 4000]
    assert [hit.tss for hit in validate(hits, pieces, listed(100), doubtful=listed(2500)).false] == [4000]


def test_parts_of_a_genome_have_their_own_evidence() -> None:
    site, other = Site("a", 5, "+"), Site("b", 5, "+")
    weights = {site: 2.0, other: 2.0}
    evidence = Evidence(weights, KnownStarts([site, other]), weights, KnownStarts([other]))
    codes = np.zeros(100, np.uint8)
    part = LabelledGenome({"a": codes, "b": codes}, KnownStarts([site, other]), evidence).part(["a"])
    assert part.evidence.weights == part.evidence.place_weights == {site: 2.0}
    assert part.evidence.places is not None
    assert list(part.evidence.places) == [site]
    assert len(part.evidence.doubtful) == 0


def test_lists_are_read_together(tmp_path: Path) -> None:
    genome = tmp_path / "genome.fa"
    genome.write_text(">a\n" + "ACGT" * 250 + "\n")
    paths = []
    for name, positions in (("first", (100,)), ("more", (130, 700)), ("weak", (400,))):
        path = tmp_path / f"{name}.bed"
        path.write_text("".join(f"a\t{p}\t{p + 1}\tx\t0\t+\n" for p in positions))
        paths.append(path)
    labelled = read_labelled_genome(genome, paths[0], None, [(paths[1], 0.5, 0.0)], [paths[2]])
    assert list(labelled.starts) == list(listed(100, 700))
    described = labelled.describe()
    assert (described["starts"], described["places"], described["doubtful"], described["weights"]) == (2, 1, 1, [0.5])
    assert "places" not in read_labelled_genome(genome, paths[0]).describe()


@pytest.mark.parametrize("weight", ["0", "-1", "x"])
def test_a_list_counts_for_something(weight: str) -> None:
    from click.testing import CliRunner

    from promscan.cli import cli

    result = CliRunner().invoke(cli, ["train", "genome", "g.fa", "t.bed", "--tss", "more.bed", weight, "1"])
    assert result.exit_code == 2
    assert "'--tss'" in result.output
