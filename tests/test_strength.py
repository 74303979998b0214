"""The strength of inserts: every way of giving them, in order, the same bytes however they are computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from genomes import random_bases

import promscan
from promscan.inference.strength import UNIT, StrengthPredictor
from promscan.networks.card import STRENGTH, Card
from promscan.networks.card_parts import StrengthPart
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.networks.weights import load_strength, save_model
from promscan.seq import dna
from promscan.strength.reporter import Reporter

REPORTER = Reporter()
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A network of two units that knows nothing, and does not need to."""
    torch.manual_seed(1)
    network = ExpressionNetwork(ExpressionArchitecture(hidden=8, units=("one", "two"))).eval()
    network.scale([5.0, 100.0], [2.0, 30.0])
    card = Card(
        "untrained", STRENGTH, "whole", "none", {}, "", True, window=80, tss_index=None,
        strength=StrengthPart("two", REPORTER),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_model(path, network, card)
    return path


@pytest.fixture
def predictor(weights):
    with StrengthPredictor(*load_strength(str(weights)), [CPU]) as predictor:
        yield predictor


def inserts(count):
    return np.stack([dna.encode(random_bases(80, seed)) for seed in range(count)])


def write_inserts(path, sequences):
    path.write_text("name\tsequence\n" + "".join(f"{name}\t{letters}\n" for name, letters in sequences.items()))
    return path


def test_strengths_are_those_of_the_network_in_the_unit_of_the_card(weights, predictor):
    network, card = load_strength(str(weights))
    codes = inserts(5)
    with torch.inference_mode():
        mean, deviation = network.predict(torch.from_numpy(REPORTER.constructs(codes)))
    strengths, deviations = predictor.predict(codes)
    assert np.allclose(strengths, mean[:, 1], atol=1e-4)
    assert np.allclose(deviations, deviation[:, 1], atol=1e-4)
    assert (deviations > 0).all()
    assert card.strength.unit == "two"


def test_a_strength_does_not_depend_on_what_is_predicted_with_it(predictor):
    codes = inserts(UNIT["cpu"] + 40)
    together, _ = predictor.predict(codes)
    backwards, _ = predictor.predict(codes[::-1])
    assert together.tobytes() == backwards[::-1].tobytes()
    assert predictor.predict(codes[7:8])[0].tobytes() == together[7:8].tobytes()


@pytest.mark.parametrize("options", [(), ("--threads", 1), ("--threads", 3, "--batch-size", 300), ("--batch-size", 1)])
def test_the_bytes_do_not_depend_on_batch_size_or_threads(promscan_cli, weights, tmp_path, options):
    source = write_inserts(tmp_path / "inserts.tsv", {str(n): random_bases(60 + n % 40, n) for n in range(400)})
    target, plain = tmp_path / "with.tsv", tmp_path / "plain.tsv"
    assert promscan_cli("score", source, "-o", plain, "--model", weights, "--threads", 2, "--quiet").status == 0
    assert promscan_cli("score", source, "-o", target, "--model", weights, *options, "--quiet").status == 0
    assert target.read_bytes() == plain.read_bytes()


def test_more_inserts_than_a_batch_keep_their_order(monkeypatch, weights, tmp_path):
    monkeypatch.setattr(StrengthPredictor, "batch_inserts", 7)
    sequences = {f"x{n}": random_bases(80, n) for n in range(20)}
    scores = list(promscan.score(write_inserts(tmp_path / "t.tsv", sequences), model=weights, device="cpu"))
    assert [score.name for score in scores] == list(sequences)
    alone = list(
        promscan.score(write_inserts(tmp_path / "o.tsv", {"x9": sequences["x9"]}), model=weights, device="cpu")
    )
    assert alone == [scores[9]]


def test_every_length_is_fitted_and_reported(promscan_cli, weights, tmp_path):
    insert = random_bases(80, 1)
    fasta = tmp_path / "inserts.fa"
    sequences = {"whole": insert, "flanked": REPORTER.five_prime + insert, "longer": "GG" + insert, "short": insert[9:]}
    fasta.write_text("".join(f">{name}\n{letters}\n" for name, letters in sequences.items()))
    outcome = promscan_cli("score", fasta, "--model", weights)
    header, *rows = (line.split("\t") for line in outcome.out.splitlines())
    assert header == ["name", "strength", "strength_sd"]
    grades = {name: rest for name, *rest in rows}
    assert list(grades) == list(sequences)
    assert grades["flanked"] == grades["longer"] == grades["whole"] != grades["short"]
    assert outcome.err == (
        f"{fasta}: stripped a part of the 5' flank from 1 sequence; cut the 5' end of 1 sequence longer than an "
        "insert; padded the 5' end of 1 sequence shorter than one\n"
    )


def test_a_sequence_of_which_nothing_is_known_has_no_strength(weights, tmp_path):
    source = write_inserts(tmp_path / "t.tsv", {"nothing": "N" * 80, "something": "N" * 40 + random_bases(40, 1)})
    nothing, something = promscan.score(source, model=weights, device="cpu")
    assert nothing == ("nothing", None, None)
    assert something.strength is not None


def test_a_bad_letter_is_named(promscan_cli, weights, tmp_path):
    source = write_inserts(tmp_path / "t.tsv", {"good": random_bases(80, 1), "bad": "ACG!"})
    outcome = promscan_cli("score", source, "-o", tmp_path / "out.tsv", "--model", weights)
    assert (outcome.status, outcome.err) == (
        1, f"promscan: error: {source}, line 3: '!' at index 3 is not a nucleotide letter\n",
    )  # fmt: skip
    assert not (tmp_path / "out.tsv").exists()


def test_a_strength_model_does_not_scan(promscan_cli, weights, tmp_path):
    (tmp_path / "genome.fa").write_text(f">x\n{random_bases(200, 1)}\n")
    outcome = promscan_cli("scan", tmp_path / "genome.fa", "-o", tmp_path / "hits.bed", "--model", weights)
    assert (outcome.status, outcome.err) == (
        1, f"promscan: error: {weights}: a strength model, which finds no promoters; it is for 'promscan score'\n",
    )  # fmt: skip
    assert not (tmp_path / "hits.bed").exists()


def test_a_classifier_predicts_no_strength():
    with pytest.raises(promscan.PromscanError, match="a classifier, which knows nothing of strength"):
        load_strength("promoter-rnn")


@pytest.mark.parametrize("sizes", [{"kind": "gru", "bins": 0}, {"bins": 2}, {"length": 60}, {"kernel": 3}])
def test_networks_of_other_sizes(sizes):
    network = ExpressionNetwork(ExpressionArchitecture(**{"hidden": 8, "units": ("a", "b", "c"), **sizes})).eval()
    length = network.architecture.length
    mean, deviation = network.predict(torch.zeros((2, length), dtype=torch.uint8))
    assert mean.shape == deviation.shape == (2, 3)
    assert (deviation > 0).all()


@pytest.mark.parametrize(
    "sizes",
    [{"kind": "x"}, {"units": ()}, {"units": ("a", "a")}, {"hidden": 2}, {"kernel": 4}, {"bins": 1}, {"dropout": 1.0}],
)
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="must"):
        ExpressionArchitecture(**sizes)
