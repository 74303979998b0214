"""Weights that are damaged are refused at loading, before they cost memory or give empty results."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch
from genomes import TINY, TINY_STRENGTH, random_bases, tiny_streaming, write_fasta

import promscan
from promscan.errors import ModelError
from promscan.networks.weights import load_model, load_strength, save_model


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused_at_loading(tmp_path: Path, value: float) -> None:
    network, card = load_model(str(TINY))
    with torch.no_grad():
        network.attention.weight[0, 0] = value
    save_model(tmp_path / "x.safetensors", network, card)
    with pytest.raises(ModelError, match=r"x\.safetensors: tensor attention\.weight holds NaN or infinity"):
        load_model(str(tmp_path / "x.safetensors"))


def test_strength_weights_that_are_not_finite_are_refused_at_loading(tmp_path: Path) -> None:
    network, card = load_strength(str(TINY_STRENGTH))
    network.spread.fill_(math.nan)
    save_model(tmp_path / "x.safetensors", network, card)
    with pytest.raises(ModelError, match=r"x\.safetensors: tensor spread holds NaN or infinity"):
        load_strength(str(tmp_path / "x.safetensors"))


def test_weights_of_another_size_are_refused_before_the_network_is_built(tmp_path: Path) -> None:
    """A network of these sizes would take 13 GB."""
    network, card = load_model(str(TINY))
    save_model(tmp_path / "x.safetensors", network, card)
    path = tmp_path / "x.json"
    sizes = {**card.architecture, "hidden": 4096, "layers": 16}
    path.write_text(json.dumps({**json.loads(path.read_text()), "architecture": sizes}))
    with pytest.raises(ModelError, match=r"do not fit the architecture in the card: tensor attention\.bias has shape"):
        load_model(str(tmp_path / "x.safetensors"))


def test_a_card_without_its_strength_is_not_loaded_as_a_strength_model(tmp_path: Path) -> None:
    network, card = load_strength(str(TINY_STRENGTH))
    save_model(tmp_path / "x.safetensors", network, dataclasses.replace(card, strength=None))
    with pytest.raises(ModelError, match=r"x\.json: strength is missing"):
        load_strength(str(tmp_path / "x.safetensors"))


def absurd(path: Path, model: Path) -> Path:
    """A copy of a classifier with weights that are finite, and logits that are not."""
    network, card = load_model(str(model))
    with torch.no_grad():
        for parameter in network.head.parameters():
            parameter.fill_(3e38)
    save_model(path, network, card)
    return path


@pytest.mark.parametrize("engine", ["windowed", "streaming"])
def test_logits_that_are_not_finite_stop_a_scan(tmp_path: Path, engine: str) -> None:
    weights = absurd(tmp_path / "x.safetensors", TINY if engine == "windowed" else tiny_streaming())
    genome = write_fasta(tmp_path / "x.fa", {"chr1": random_bases(300, 1)})
    with pytest.raises(ModelError, match="scores that are no numbers: its weights are damaged"):
        list(promscan.scan(genome, model=weights, strength=None, device="cpu", threshold=0.5))


def test_windows_that_are_not_scored_do_not_stop_a_scan(tmp_path: Path) -> None:
    genome = write_fasta(tmp_path / "x.fa", {"chr1": "N" * 200 + random_bases(300, 1) + "N" * 200})
    for model in (TINY, tiny_streaming()):
        assert list(promscan.scan(genome, model=model, strength=None, device="cpu", threshold=1e-6))


def test_strengths_that_are_not_finite_stop_a_scan(tmp_path: Path) -> None:
    network, card = load_strength(str(TINY_STRENGTH))
    with torch.no_grad():
        network.heads.weight.fill_(3e38)
        network.heads.bias.fill_(-3e38)
    save_model(tmp_path / "x.safetensors", network, card)
    genome = write_fasta(tmp_path / "x.fa", {"chr1": random_bases(300, 1)})
    with pytest.raises(ModelError, match="scores that are no numbers"):
        list(promscan.scan(genome, model=TINY, strength=tmp_path / "x.safetensors", device="cpu", threshold=1e-6))
