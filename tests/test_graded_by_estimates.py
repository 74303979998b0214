"""Models whose grades read the estimates of a screening network: each command that calls hits runs that network."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from genomes import random_bases, tiny_streaming, write_fasta
from hypothesis import given, settings
from hypothesis import strategies as st

import promscan
from promscan.calling.settings import resolve_calling
from promscan.commands.calibrate import calibrate
from promscan.commands.variation.alleles import edit_of
from promscan.commands.variation.frames import Frame, FrameGrid
from promscan.errors import ModelError
from promscan.inference import background
from promscan.metrics.calibration import Calibration
from promscan.networks.calling_rule import CallingRule, Feature
from promscan.networks.card import read_card
from promscan.networks.card_parts import Scale, Screening, ScreeningSizes
from promscan.networks.screening import ScreeningNetwork
from promscan.networks.weights import load_model, load_screening, save_model
from promscan.seq.dna import encode
from promscan.seq.records import ESTIMATE_STEP

SIZES = ScreeningSizes(doublings=2, hidden=(8,))
REACH = 700
RULE = CallingRule(-9.0, (Feature("own", 0, 1.0), Feature("same", 40, 0.5), Feature("wide_estimates", REACH, -4.0)))
PLAIN = dataclasses.replace(RULE, features=RULE.features[:2])
OPTIONS: dict[str, Any] = {"strength": None, "device": "cpu", "threads": 1}
TABLE = Calibration("x", 1.0, (9.0, -90.0), (1, 100_000))


def save_with(rule: CallingRule, path: Path) -> Path:
    """The tiny streaming model with a random screening network, whose estimates differ from place to place."""
    model, card = load_model(str(tiny_streaming()))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = ScreeningNetwork(SIZES, model.architecture.screened_columns).eval()
    with torch.no_grad():
        network.layers[-1].weight *= 20
    parts = {"calling": rule, "screening": Screening(0.0, 0.0, "", SIZES), "calibration": TABLE}
    save_model(path, model, dataclasses.replace(card, scale=Scale(fp_per_mb=5000.0), **parts), network)
    return path


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_with(RULE, tmp_path_factory.mktemp("models") / "graded.safetensors")


BASES = random_bases(3000, 7)


def grades(bases: str, model: Path) -> dict[tuple[int, str], float]:
    scan = promscan.scan({"x": bases}, model=model, fp_per_mb=50_000, min_distance=30, **OPTIONS)
    return {(hit.tss, hit.strand): hit.logit for hit in scan}


@pytest.mark.parametrize("at", [40, 1500, 2940])
def test_variants_grade_hits_as_scans_of_both_genomes_do(graded: Path, tmp_path: Path, at: int):
    """Also where an allele moves the bases behind it, and at the ends of a contig."""
    alternative = BASES[at] + "ACGTACG"
    changed = BASES[:at] + alternative + BASES[at + 1 :]
    (found,) = promscan.variants(
        [("x", at, BASES[at], alternative)], {"x": BASES}, model=graded, fp_per_mb=50_000, min_distance=30, **OPTIONS
    )
    assert found.effect is not None
    assert len(found.effect.hits) >= 4
    before, after = grades(BASES, graded), grades(changed, graded)
    plain = grades(BASES, save_with(PLAIN, tmp_path / "plain.safetensors"))
    for change in found.effect.hits:
        if change.reference is not None:
            here = change.reference, change.strand
            assert change.reference_score == pytest.approx(before[here], abs=2e-3)
            assert abs(before[here] - plain[here]) > 0.05  # the estimates matter
        if change.alternative is not None and not at <= change.alternative <= at + 8:
            there = change.alternative + 7 * (change.alternative > at), change.strand
            assert change.alternative_score == pytest.approx(after[there], abs=2e-3)


@settings(max_examples=30, deadline=None)
@given(at=st.integers(0, 3999), beyond=st.integers(1, 900), flank=st.integers(300, 700))
def test_a_frame_begins_where_an_estimate_of_a_scan_begins_and_scores_no_more_windows_than_without(
    at: int, beyond: int, flank: int
):
    codes = encode(random_bases(4000, 1))
    edit = edit_of(codes, at, codes[at : at + 1], encode("ACGT"))
    grids = (FrameGrid.of(flank, (2800,), beyond), FrameGrid.of(flank, (2800,)))
    (wide, narrow) = (grid.frame_of(edit).chunk(codes, edit, 50) for grid in grids)
    assert wide is not None
    assert narrow is not None
    assert wide.start % ESTIMATE_STEP == 0
    assert wide.start == 0 or narrow.start - wide.start >= beyond
    assert wide.blocked is not None
    own = np.flatnonzero(~wide.blocked) + wide.first_base
    assert (own[0], own[-1] + 1) == (narrow.start, narrow.start + narrow.windows + 69)
    assert len(own) == narrow.windows + 69
    assert narrow.blocked is None


def test_a_frame_without_a_window_is_none():
    assert Frame(-500, -100, 300).chunk(encode(random_bases(700, 1)), None, 50) is None


def test_explanations_and_scores_of_a_genome_are_those_of_the_logits(graded: Path, tmp_path: Path):
    (tmp_path / "hits.bed").write_text("x\t1500\t1501\tone\t0\t+\n")
    explained, scored = (
        [job(model=model) for model in (graded, tiny_streaming())]
        for job in (
            lambda model: list(promscan.explain(tmp_path / "hits.bed", {"x": BASES}, model=model, device="cpu")),
            lambda model: list(promscan.score_genome({"x": BASES}, model=model, device="cpu")),
        )
    )
    assert explained[0][0].score == explained[1][0].score
    for one, other in zip(*scored, strict=True):
        assert np.array_equal(one.scores, other.scores, equal_nan=True)


@pytest.fixture
def listed(tmp_path: Path) -> tuple[Path, Path]:
    genome = write_fasta(tmp_path / "genome.fa", {"known": "A" * 100, "x": random_bases(12_000, 5)})
    (tmp_path / "known.bed").write_text("known\t50\t51\tone\t0\t+\n")
    return genome, tmp_path / "known.bed"


def calibrated(graded: Path, listed: tuple[Path, Path], tmp_path: Path) -> Path:
    out = tmp_path / "calibrated.safetensors"
    calibrate(graded, *listed, out, min_distance=30, device="cpu", threads=1)
    return out


def same_network(one: Path, other: Path) -> bool:
    networks = [load_screening(str(path)) for path in (one, other)]
    assert networks[0] is not None
    assert networks[1] is not None
    pairs = zip(networks[0].state_dict().values(), networks[1].state_dict().values(), strict=True)
    return all(torch.equal(*pair) for pair in pairs)


def test_a_calibration_keeps_the_network_that_grades_read(graded: Path, listed: tuple[Path, Path], tmp_path: Path):
    out = calibrated(graded, listed, tmp_path)
    card = read_card(out)
    assert same_network(graded, out)
    assert card.calling == RULE
    assert card.calibration is not None
    number = card.calibration.hits[len(card.calibration.hits) // 2]
    rate = number / card.calibration.megabases
    hits = list(promscan.scan(listed[0], model=out, min_distance=30, fp_per_mb=rate, regions=["x"], **OPTIONS))
    assert number > 20
    assert len(hits) == pytest.approx(number, abs=1)


def test_a_network_without_floors_screens_no_scan(graded: Path, listed: tuple[Path, Path], tmp_path: Path):
    """The background here is too little to measure them."""
    card = read_card(calibrated(graded, listed, tmp_path))
    assert card.screening == Screening(0.0, 0.0, "estimates for grades alone", SIZES)
    assert resolve_calling(card).floor is None


def test_floors_of_a_network_that_stays_are_measured_on_all_of_the_background(
    graded: Path, listed: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {"LEAST_MEGABASES": 0, "FEWEST": 5, "WORTH": 2, "STILL_WORTH": 2}.items():
        monkeypatch.setattr(background, name, value)
    monkeypatch.setattr("promscan.calling.screening.FEWEST", 5)
    card = read_card(calibrated(graded, listed, tmp_path))
    assert same_network(graded, tmp_path / "calibrated.safetensors")
    assert card.screening is not None
    assert card.screening.floors
    assert "apart from" not in card.screening.basis


def test_a_rule_that_reads_estimates_needs_a_network(graded: Path, tmp_path: Path):
    values = json.loads(graded.with_suffix(".json").read_text())
    (tmp_path / "bad.json").write_text(json.dumps(values | {"screening": {}}))
    with pytest.raises(ModelError, match="calling reads wide_estimates, which only a screening with a network gives"):
        read_card(tmp_path / "bad.safetensors")
