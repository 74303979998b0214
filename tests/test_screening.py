"""A calibration measures how a scan can be screened, and scans with its card keep what the card promises."""

import dataclasses
import re
from unittest import mock

import numpy as np
import pytest
import torch
from genomes import TINY, demo_contigs, write_fasta
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.calling import screening
from promscan.calling.peaks import probability_of
from promscan.calling.screening import Shortfalls, least_margin
from promscan.commands.calibrate import calibrate
from promscan.inference.screened import ScreenedEngine
from promscan.inference.streaming import StreamingEngine
from promscan.networks.card import read_card
from promscan.networks.card_parts import Screening
from promscan.networks.weights import load_model, save_model

LOGITS = st.lists(st.tuples(*[st.floats(-8, 8, width=16)] * 2), min_size=1, max_size=60)


@pytest.fixture(autouse=True, scope="module")
def small():
    """Little sequence in many lanes, and as few hits as it has are enough."""
    with (
        mock.patch.multiple(StreamingEngine, lane=140, shorter=(70,), warm_up=70),
        mock.patch.object(screening, "ENOUGH", 300),
    ):
        yield


@pytest.fixture(scope="module")
def background(tmp_path_factory):
    """A genome, and a BED file that takes nothing of it away but a contig of its own."""
    folder = tmp_path_factory.mktemp("background")
    genome = write_fasta(folder / "genome.fa", {"known": "A" * 100, "demo1": demo_contigs()["demo1"][20_000:23_000]})
    known = folder / "known.bed"
    known.write_text("known\t0\t100\n")
    return genome, known


@pytest.fixture(scope="module")
def calibrated(background, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "mine.safetensors"
    calibrate(TINY, *background, out, min_distance=1, device="cpu")
    return out


def tampered(path, tamper):
    """The tiny model after `tamper` has changed its weights."""
    network, card = load_model(str(TINY))
    with torch.no_grad():
        tamper(network)
    save_model(path, network, dataclasses.replace(card, screening=Screening(0.1, 0.0)))
    return path


def never_forgets(network):
    for bias in (network.gru.bias_ih_l0, network.gru.bias_ih_l0_reverse):
        bias[network.gru.hidden_size : 2 * network.gru.hidden_size] += 5


def attends_to_one_base(network):
    network.attention_score.weight *= 100


@given(pairs=LOGITS, lost=st.sampled_from([0.001, 0.1, 0.5]))
def test_at_no_logit_more_hits_are_lost_than_may_be(pairs, lost):
    exact, streaming = np.array(pairs, dtype=np.float32).T
    with mock.patch.object(screening, "LOST", lost):
        margin = least_margin(exact, streaming)
    for logit in exact:
        assert (streaming[exact >= logit] < logit - margin - 1e-9).mean() <= lost


@given(pairs=LOGITS)
def test_no_hit_is_lost_of_few_and_the_margin_is_no_wider_than_that_takes(pairs):
    exact, streaming = np.array(pairs, dtype=np.float32).T
    short = max(0.0, float((exact - streaming).max()))
    assert short - 1e-9 <= least_margin(exact, streaming) <= short + screening.STEP


@given(logits=st.lists(st.floats(-200, 200, width=16), min_size=1), margin=st.integers(0, 900).map(lambda n: n / 100))
def test_windows_within_a_margin_are_counted(logits, margin):
    counted = Shortfalls(3.005)
    for part in np.array_split(np.array([*logits, np.nan], dtype=np.float32), 3):
        counted.add(part)
    assert counted.share_within(margin) == np.mean(np.array(logits) >= 3.005 - margin)


def test_a_screened_scan_of_the_background_loses_no_hit(background, calibrated):
    """Fewer than a thousand hits are expected, so even one lost hit would be too many."""
    genome, known = background
    card = read_card(calibrated)
    lowest = card.screening.lowest
    options = {"model": calibrated, "strength": None, "device": "cpu", "exclude": known}
    every = list(promscan.scan(genome, threshold=probability_of(lowest), exhaustive=True, **options))
    assert len(every) == pytest.approx(300, abs=10)
    for rank in (300, 100, 10):
        scan = promscan.scan(genome, fp_per_mb=rank / card.calibration.megabases, **options)
        assert scan.settings["screening_margin"] == f"{card.screening.margin:g}"
        assert list(scan) == [hit for hit in every if hit.logit >= scan.calling.threshold]


def test_the_card_says_what_was_measured(background, calibrated):
    card = read_card(calibrated)
    assert card.screening.margin == round(card.screening.margin, 2) > 0
    source = "genome.fa, 1000 bp and more from known.bed"
    share = r"scores (\d+.\d)% of the windows at (\d+) false positives per Mb"
    basis = rf"loses at most 0.1% of (\d+) hits on {source}; {share}"
    measured = re.fullmatch(basis, card.screening.basis)
    assert measured
    assert int(measured[1]) == pytest.approx(300, abs=10)
    least = 1 / card.calibration.megabases
    assert float(measured[3]) == pytest.approx(least, rel=0.01)  # more than the ten that scans ask for
    genome, known = background
    options = {"model": calibrated, "strength": None, "device": "cpu", "exclude": known, "fp_per_mb": least}
    scan = promscan.scan(genome, **options)
    with ScreenedEngine(scan.network, scan.devices, scan.engine_settings, scan.calling.floor) as engine:
        logits = np.concatenate([t.logits for ts in engine.score(scan.chunks(engine, engine.chunk_step)) for t in ts])
    assert float(measured[2]) / 100 == pytest.approx(np.mean(logits[~np.isnan(logits)] > -np.inf), abs=0.002)


def test_it_does_not_depend_on_chunks_or_threads(background, calibrated, tmp_path):
    with mock.patch.object(StreamingEngine, "chunk_step", 420):
        calibrate(TINY, *background, tmp_path / "mine.safetensors", min_distance=1, device="cpu", threads=2)
    assert read_card(tmp_path / "mine.safetensors") == read_card(calibrated)


@pytest.mark.parametrize(
    ("tamper", "message"),
    [(never_forgets, "no screening: with a margin of"), (attends_to_one_base, "no screening: attention scores of")],
)
def test_a_model_whose_streaming_form_is_of_no_use_has_none(background, tmp_path, promscan_cli, tamper, message):
    model, out = tampered(tmp_path / "model.safetensors", tamper), tmp_path / "mine.safetensors"
    genome, known = background
    outcome = promscan_cli(
        "calibrate", model, "--genome", genome, "--exclude", known, "-o", out, "--min-distance", 1, "--device", "cpu"
    )
    assert (outcome.status, outcome.err.count("\n")) == (0, 3)
    assert "the known promoters are" in outcome.err
    assert message in outcome.err
    assert read_card(out).screening is None
