"""Scores of every position: those of the network, those of the hits of a scan, and nothing where there is no window."""

from __future__ import annotations

import dataclasses
import inspect
from collections import defaultdict

import numpy as np
import pytest
from genomes import EVERY_WINDOW, TINY, demo_contigs, random_bases, tiny_streaming, write_fasta
from test_scan import slow_logits

import promscan
from promscan.errors import InputError
from promscan.inference.streaming import StreamingEngine
from promscan.inference.windowed import WindowedEngine
from promscan.networks.weights import save_model

CONTIGS = {
    "chr1": demo_contigs()["demo2"][3_400:3_800] + "N" * 90 + random_bases(300, 1),
    "short": "ACGT" * 10,
    "chr2": "CGTATAAA" * 30,
}
MODELS = {"windowed": TINY, "streaming": tiny_streaming()}
FROM_START = {"+": 33, "-": 36}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Several chunks for each contig."""
    monkeypatch.setattr(WindowedEngine, "chunk_step", 90)
    for name, value in {"lane": 140, "shorter": (70,), "warm_up": 70, "chunk_step": 140}.items():
        monkeypatch.setattr(StreamingEngine, name, value)


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


def scores_of(blocks):
    """By contig, strand and position; NaN for windows that are not scored."""
    scores = {}
    for chrom, strand, first, values in blocks:
        assert values.dtype == np.float32
        assert values.ndim == 1
        for position, value in enumerate(values.tolist(), start=first):
            assert (chrom, strand, position) not in scores
            scores[chrom, strand, position] = value
    return scores


def known(scores):
    return {place: score for place, score in scores.items() if not np.isnan(score)}


def test_scores_are_those_of_the_network_on_each_window_alone():
    scores = scores_of(promscan.score_genome(CONTIGS, model=TINY, device="cpu"))
    expected = {
        (chrom, strand, start + FROM_START[strand]): logit
        for (chrom, start, strand), logit in slow_logits(CONTIGS, "+-", 1, False).items()
    }
    assert known(scores).keys() == expected.keys()
    assert [scores[place] for place in expected] == pytest.approx(list(expected.values()), abs=1e-4)


def test_every_window_of_a_contig_has_an_entry_and_short_contigs_have_none(model):
    positions = defaultdict(list)
    for chrom, strand, first, scores in promscan.score_genome(CONTIGS, model=model, device="cpu"):
        positions[chrom, strand] += range(first, first + len(scores))
    assert positions == {
        (chrom, strand): list(range(FROM_START[strand], FROM_START[strand] + len(CONTIGS[chrom]) - 69))
        for chrom in ("chr1", "chr2")
        for strand in "+-"
    }


@pytest.mark.parametrize("options", [{}, {"smoothing": 31}, {"strand": "-"}, {"skip_masked": True}])
def test_scores_are_the_logits_that_a_scan_calls_on(model, options):
    if "smoothing" in options and model == TINY:
        model = MODELS["streaming"]
    scores = scores_of(promscan.score_genome(CONTIGS, model=model, device="cpu", **options))
    hits = promscan.scan(CONTIGS, model=model, device="cpu", strength=None, exhaustive=True, **EVERY_WINDOW, **options)
    assert known(scores) == {(hit.chrom, hit.strand, hit.tss): hit.logit for hit in hits}


def test_a_region_has_the_scores_of_the_whole_genome_at_its_positions(model):
    whole = scores_of(promscan.score_genome(CONTIGS, model=model, device="cpu"))
    for region, places in {
        "chr1:151-400": [("chr1", position) for position in range(150, 400)],
        "chr2:1-35": [("chr2", position) for position in range(35)],
        "short": [],
    }.items():
        part = scores_of(promscan.score_genome(CONTIGS, model=model, device="cpu", regions=[region]))
        expected = {place: score for place, score in whole.items() if (place[0], place[2]) in places}
        np.testing.assert_equal(part, expected)


def test_excluded_windows_have_no_score(tmp_path, model):
    (tmp_path / "x.bed").write_text("chr2\t100\t120\n")
    scores = scores_of(promscan.score_genome(CONTIGS, model=model, device="cpu", exclude=tmp_path / "x.bed"))
    free = [place for place in known(scores) if place[0] == "chr2" and place[1] == "+"]
    assert sorted(position for *_, position in free) == [*range(33, 31 + 33), *range(120 + 33, 171 + 33)]


def test_a_file_has_the_scores_of_the_sequences_in_it(tmp_path, model):
    path = write_fasta(tmp_path / "genome.fa", CONTIGS)
    in_memory = scores_of(promscan.score_genome(CONTIGS, model=model, device="cpu"))
    np.testing.assert_equal(scores_of(promscan.score_genome(path, model=model, device="cpu")), in_memory)


def test_screening_does_not_hide_low_scores(tmp_path):
    """core70 names a margin by which scans with it are screened."""
    blocks = promscan.score_genome({"chr1": random_bases(200, 1)}, model="core70", device="cpu", strand="+")
    assert all(np.isfinite(block.scores).all() for block in blocks)


def test_mistakes_are_found_when_it_is_called():
    with pytest.raises(InputError, match="there is no contig 'chrX'"):
        promscan.score_genome(CONTIGS, model=TINY, regions=["chrX"])


def test_scores_need_no_calling_threshold(tmp_path):
    network, card = promscan.load_model(str(TINY))
    save_model(tmp_path / "x.safetensors", network, dataclasses.replace(card, default_threshold=None))
    blocks = list(promscan.score_genome({"a": "ACGT" * 30}, model=tmp_path / "x.safetensors", device="cpu"))
    assert len(blocks) == 2


def test_it_is_public_and_a_scan_can_be_named_in_annotations():
    public = dir(promscan)
    assert set(promscan.__all__) <= set(public)
    assert {"score_genome", "scan", "Scan", "train_genome", "evaluate", "merge"} <= set(promscan.__all__)
    assert not [name for name in public if name.startswith("_") and not name.startswith("__")]

    def count(job: promscan.Scan) -> int:
        return len(list(job))

    assert inspect.get_annotations(count, eval_str=True)["job"] is promscan.Scan
