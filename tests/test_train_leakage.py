"""What must not be learned from: sequence of dev and left-out contigs, and weights that may have seen them."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_train_genome import planted, train

from promscan.errors import InputError, ModelError
from promscan.networks.card import Card, read_card
from promscan.networks.model_files import find_model
from promscan.seq import dna
from promscan.train.data.overlap import occur_in, share_stretch
from promscan.train.data.promoters import Promoters
from promscan.train.genome_init import MAY_HAVE_SEEN, require_unseen
from promscan.train.pretrain import share_no_kmer

pytestmark = pytest.mark.usefixtures("blank_pictures")

HUMAN = "Homo sapiens"
sequences = st.lists(st.integers(0, 4), min_size=1, max_size=30).map(lambda codes: np.array(codes, dtype=np.uint8))


@given(sequences, st.data())
def test_stretches_are_found_on_both_strands(contig: np.ndarray, data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 9))
    rows = np.array(
        data.draw(st.lists(st.lists(st.integers(0, 4), min_size=width, max_size=width), min_size=1)), np.uint8
    )
    text = dna.decode(contig)
    both = (text, dna.decode(dna.reverse_complement(contig)))
    expected = [any(dna.decode(row) in strand for strand in both) for row in rows]
    assert occur_in(rows, [contig]).tolist() == expected
    assert share_stretch([contig], rows, width).tolist() == [any(expected)]


def test_stretches_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promscan.train.data.overlap.BLOCK", 7)
    contig = np.random.default_rng(1).integers(0, 4, 50, dtype=np.uint8)
    rows = np.lib.stride_tricks.sliding_window_view(contig, 12)
    assert occur_in(rows, [contig]).all()
    assert not occur_in(rows, [contig[:11], np.empty(0, np.uint8)]).any()


def test_pretraining_leaves_out_the_reverse_complement_of_held_out_windows() -> None:
    rng = np.random.default_rng(0)
    held_out = rng.integers(0, 4, (5, 70), dtype=np.uint8)
    far, close, almost = rng.integers(0, 4, (3, 100), dtype=np.uint8)
    turned = dna.reverse_complement(held_out[3])
    close[60:85] = turned[40:65]
    almost[60:84] = turned[40:64]
    almost[[59, 84]] = turned[[39, 64]] ^ 1
    assert [codes is far or codes is almost for codes in share_no_kmer([far, close, almost], held_out)] == [True, True]


def test_positives_on_dev_or_left_out_contigs_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    genome = planted(3)
    dev, left_out, training = (genome.contigs[f"chr{n}:0-20000"] for n in range(3))
    other = np.random.default_rng(5).integers(0, 4, 100, dtype=np.uint8)
    codes = np.stack([dev[500:600], dna.reverse_complement(left_out[700:800]), training[900:1000], other])
    codes[0, [0, -1]] ^= 1  # bases outside of the core decide nothing
    promoters = Promoters(codes, 45, 0, "")
    with caplog.at_level(logging.INFO, logger="promscan"):
        card = train(tmp_path / "run", genome, leave_out=["chr1"], promoters=promoters)
    assert "left out: 2 of 4 positives, on dev or left-out contigs" in caplog.text
    assert card.training["promoters"]["used"] == card.training["promoters"]["in_held_out"] == 2
    with pytest.raises(InputError, match="every positive lies on a dev or left-out contig"):
        train(tmp_path / "none", genome, promoters=dataclasses.replace(promoters, codes=codes[:1]))
    assert not (tmp_path / "none").exists()


def test_the_core_of_a_promoter_ends_with_the_promoter() -> None:
    codes = np.zeros((1, 60), np.uint8)
    assert [Promoters(codes, tss, 0, "").cores.shape[1] for tss in (33, 45, 20)] == [60, 48, 57]
    assert Promoters(np.zeros((1, 200), np.uint8), 100, 0, "").cores.shape == (1, 70)


# Weights to start from


@pytest.mark.parametrize("name", ["core70", "promoter-rnn"])
def test_models_of_single_windows_may_have_seen_the_dev_contigs(name: str) -> None:
    with pytest.raises(ModelError, match=f"^{name}: its card does not say which contigs"):
        require_unseen(read_card(find_model(name)), " homo  SAPIENS", ["chr9"])
    require_unseen(read_card(find_model(name)), "Mus musculus", ["chr9"])


@pytest.mark.parametrize(
    ("held_out", "seen"),
    [
        (["chr9", "chr17:5-90"], ""),
        (["chr10:0-7", "chr16"], ""),
        (["chr9", "chr1:0-5"], "chr1:0-5"),
        (["chr99"], "chr99"),
    ],
)
def test_the_card_of_human_names_the_contigs_that_it_has_not_seen(held_out: list[str], seen: str) -> None:
    card = read_card(find_model("human"))
    if not seen:
        require_unseen(card, HUMAN, held_out)
        return
    with pytest.raises(ModelError, match=f"may have been trained on '{seen}', which is dev or left out here"):
        require_unseen(card, HUMAN, held_out)


@pytest.mark.parametrize("species", ["", "unknown"])
def test_an_unknown_species_is_no_other_species(species: str) -> None:
    card = read_card(find_model("human"))
    for here, there in ((species, HUMAN), (HUMAN, species), (species, species)):
        with pytest.raises(ModelError, match="chr1"):
            require_unseen(dataclasses.replace(card, species=there), here, ["chr1"])


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("Homo sapiens", "Mus musculus", True),
        ("Mus musculus", "Mus caroli", True),
        ("Drosophila sapiens", "Homo sapiens", True),
        ("Synthetic", "Other", True),
        ("Homo sapiens", "H. sapiens", False),
        ("Homo sapiens", "h sapiens", False),
        ("Homo sapiens", "human", False),
        ("Escherichia coli", "Escherichia coli K-12 MG1655", False),
        ("Escherichia coli W3110", "E. coli K-12", False),
        ("unknown species", "Homo sapiens", False),
    ],
)
def test_another_spelling_or_strain_is_no_other_species(one: str, other: str, differ: bool) -> None:
    card = dataclasses.replace(read_card(find_model("human")), species=one)
    for here, there in ((one, other), (other, one)):
        start = dataclasses.replace(card, species=there)
        if differ:
            require_unseen(start, here, ["chr1"])
        else:
            with pytest.raises(ModelError, match="may have been trained on 'chr1'"):
                require_unseen(start, here, ["chr1"])


def test_weights_that_came_by_another_species_have_seen_the_first_one() -> None:
    human = read_card(find_model("human"))
    origin = {"sha256": "", "species": HUMAN, "training": {"genome": {}}}
    mouse = dataclasses.replace(human, species="Mus musculus", training={"genome": {}, "init": origin}, splits={})
    require_unseen(mouse, "Danio rerio", ["chr1"])
    with pytest.raises(ModelError, match="may have been trained on 'chr1'"):
        require_unseen(mouse, HUMAN, ["chr1"])


@pytest.mark.parametrize("key", ["init", "grown", "mean_of", "teachers"])
def test_what_a_model_started_from_counts(key: str) -> None:
    origin = {"sha256": "", "training": {"data": {}}}
    training = {"genome": {}, key: origin if key in ("init", "grown") else [origin]}
    splits = {"dev": {"names": ["a"]}, "test": "b"}
    card = Card("x", "promoter", "streaming", "s", {}, "", True, training=training, splits=splits)
    with pytest.raises(ModelError, match="does not say which contigs"):
        require_unseen(card, "s", ["a"])
    require_unseen(dataclasses.replace(card, training={"genome": {}}), "s", ["a"])


def test_a_start_that_may_have_seen_dev_is_refused_or_recorded(tmp_path: Path) -> None:
    genome = planted(3)
    train(tmp_path / "first", genome, dev=["chr0"])
    start = tmp_path / "first" / "last.safetensors"
    with pytest.raises(ModelError, match=r"may have been trained on 'chr1:0-20000', .* --allow-seen"):
        train(tmp_path / "second", genome, dev=["chr1"], init=start)
    assert not (tmp_path / "second").exists()
    card = train(tmp_path / "second", genome, dev=["chr1"], init=start, allow_seen=True)
    assert card.training[MAY_HAVE_SEEN]
    assert card.limits.endswith(
        "It started or learned from weights that may have learned from the dev and left-out contigs."
    )
    with pytest.raises(ModelError, match="does not say which contigs"):
        train(tmp_path / "third", genome, dev=["chr1"], init=tmp_path / "second" / "last.safetensors")
    assert MAY_HAVE_SEEN not in train(tmp_path / "fourth", genome, dev=["chr0"], init=start).training


def test_the_species_of_a_genome_must_be_named(tmp_path: Path, promscan_cli) -> None:
    data = Path(__file__).parent / "data"
    outcome = promscan_cli(
        "train", "genome", data / "demo.fa", data / "demo_tss.bed", "--dev", "demo2", "-o", tmp_path / "x"
    )
    assert outcome.status == 2
    assert "--species" in outcome.err
    assert not (tmp_path / "x").exists()


def test_the_card_of_core70_says_what_its_pretraining_has_seen() -> None:
    limits = read_card(find_model("core70")).limits
    assert "209 share 25 bp with a pretraining sequence on the opposite strand" in limits
