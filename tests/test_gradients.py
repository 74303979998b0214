"""Integrated gradients: they add up to the score, stand in the context of a scan, and find what was planted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from genomes import TINY, demo_contigs, random_bases, tiny_streaming

import promscan
from promscan.attribution.gradients import integrated_gradients, place_gradients
from promscan.attribution.window import WindowInContext
from promscan.commands.explaining.explanation import Explanation
from promscan.errors import InputError
from promscan.networks.architecture import PLACE_REACH
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.composition import compositions, weighted_compositions
from promscan.networks.weights import load_model, save_model
from promscan.seq import dna
from promscan.seq.windows import TSS_INDEX, WINDOW

TSS = 600
BASES = demo_contigs()["demo1"][20790:22000].upper()
OPTIONS = {"device": "cpu", "threads": 1}
EVERYTHING = Architecture(
    hidden=8, convolutions=1, kernel=5, composition=(100, 200), context=4, context_bins=(50, 100), half_life=16
)
"""All that a network can have."""


@pytest.fixture
def hits(tmp_path: Path) -> Path:
    path = tmp_path / "hits.bed"
    path.write_text(f"x\t{TSS}\t{TSS + 1}\tone\t5\t+\nx\t{TSS}\t{TSS + 1}\tother\t9\t-\n")
    return path


def explained(hits: Any, bases: str | None = BASES, **options: Any) -> list[Explanation]:
    genome = None if bases is None else {"x": bases}
    return list(promscan.explain(hits, genome, **{"model": tiny_streaming(), **OPTIONS, **options}))


def network(architecture: Architecture = EVERYTHING) -> BiGRUAttention:
    torch.manual_seed(1)
    model = BiGRUAttention(architecture).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


@pytest.mark.parametrize("smoothing", [1, 5])
@pytest.mark.parametrize("flank", [0, 20])
@pytest.mark.parametrize("architecture", [EVERYTHING, dataclasses.replace(EVERYTHING, composition=())])
def test_contributions_add_up_to_the_score_minus_that_of_the_baseline(
    smoothing: int, flank: int, architecture: Architecture
):
    model, codes = network(architecture), dna.encode(random_bases(600, 2))
    window = WindowInContext(codes, 260, flank)
    found = integrated_gradients(model, window, warm_up=140, smoothing=smoothing)
    hidden = codes.copy()
    hidden[260 - flank : 260 + WINDOW + flank] = dna.UNKNOWN
    room = 140 + smoothing // 2
    read = [torch.from_numpy(each[260 - room : 260 + WINDOW + room].copy())[None] for each in (codes, hidden)]
    with torch.inference_mode():
        score, baseline = (float(model.along(each, 140, 140).mean()) for each in read)
    assert found.score == pytest.approx(score, abs=1e-4)
    if not architecture.composition:
        assert found.baseline == pytest.approx(baseline, abs=1e-4)
    assert abs(score - found.baseline) > 0.02
    assert found.values.sum() == pytest.approx(score - found.baseline, abs=1e-3)
    assert found.error < 1e-3


def test_more_points_of_the_way_make_the_error_smaller():
    window = WindowInContext(dna.encode(random_bases(600, 3)), 260)
    errors = [integrated_gradients(network(), window, 140, 1, steps).error for steps in (1, 4, 32)]
    assert errors[0] > errors[1] > errors[2]


def test_compositions_by_weights_are_those_of_counted_bases():
    codes = torch.from_numpy(dna.encode("NN" + random_bases(500, 4) + "NNNN").copy())
    counted = compositions(codes[:, None], (100, 300), 120).permute(2, 0, 1)
    weighted = weighted_compositions(codes, torch.ones(2, len(codes)), (100, 300), 120)
    assert (weighted - counted).abs().max() < 1e-6
    unknown = weighted_compositions(codes, torch.zeros(1, len(codes)), (100,), 120)[0]
    assert (unknown[100] - torch.tensor([0.5, 10 / 16, 0, 0])).abs().max() < 1e-6


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A streaming model with all that a network can have, and with smoothed logits."""
    path = tmp_path_factory.mktemp("model") / "everything.safetensors"
    _, card = load_model(str(TINY))
    save_model(path, network(), dataclasses.replace(card, name="everything", engine="streaming", smoothing=5))
    return path


def test_scores_are_those_of_mutagenesis(hits: Path, streaming: Path):
    by_mutants, by_gradients = (explained(hits, model=streaming, method=name) for name in ("mutagenesis", "gradients"))
    for one, other in zip(by_mutants, by_gradients, strict=True):
        assert (one.name, one.gradients, other.importance) == (other.name, None, None)
        assert other.score == pytest.approx(one.score, abs=1e-4)
        assert other.error < 1e-3
    (both,) = explained(hits, model=streaming, method="both", top=1)
    assert both.importance == pytest.approx(by_mutants[1].importance)
    assert both.gradients == pytest.approx(by_gradients[1].gradients)


def test_the_reverse_complement_gives_the_same_gradients(hits: Path, streaming: Path):
    turned = dna.decode(dna.reverse_complement(dna.encode(BASES)))
    there = len(BASES) - 1 - TSS
    hits.write_text(f"x\t{there}\t{there + 1}\tone\t5\t-\n")
    (mirrored,) = explained(hits, turned, model=streaming, method="gradients")
    hits.write_text(f"x\t{TSS}\t{TSS + 1}\tone\t5\t+\n")
    (here,) = explained(hits, model=streaming, method="gradients")
    assert np.abs(here.gradients - mirrored.gradients).max() < 1e-4


def test_the_ends_of_a_contig_and_unknown_bases_have_no_contribution(tmp_path: Path, streaming: Path):
    path = tmp_path / "near.bed"
    path.write_text("x\t40\t41\tone\t5\t+\n")
    bases = BASES[:20] + "NN" + BASES[22:]
    (found,) = explained(path, bases, model=streaming, method="both", flank=30)
    assert found.first == -63
    assert found.bases[:23] == "N" * 23
    assert not found.gradients[:23].any()
    assert not found.importance[:23].any()
    unknown = [index for index, base in enumerate(found.bases) if base == "N"]
    assert unknown[-2:] == [23 + 20, 23 + 21]
    assert not found.gradients[unknown].any()
    assert found.error < 0.01


def test_a_flank_is_explained_as_the_window_is(hits: Path, streaming: Path):
    options = {"model": streaming, "top": 1}
    hits.write_text(hits.read_text().splitlines()[0] + "\n")
    (with_flank,), (without,) = explained(hits, flank=10, **options), explained(hits, **options)
    assert with_flank.changes[10:-10] == pytest.approx(without.changes, abs=1e-5)
    assert with_flank.bases[10:-10] == without.bases
    at = TSS + with_flank.first
    letter = "A" if BASES[at] != "A" else "C"
    mutant = BASES[:at] + letter + BASES[at + 1 :]
    change = explained(hits, mutant, **options)[0].score - without.score
    assert with_flank.changes[0, "ACGT".index(letter)] == pytest.approx(change, abs=1e-4)


@pytest.mark.parametrize(("options", "message"), [
    ({"flank": 5, "model": TINY}, "flank must be 0: .* reads single windows"),
    ({"flank": 5, "bases": None}, "flank must be 0: single sequences have nothing around them"),
    ({"method": "magic"}, "method must be one of mutagenesis, gradients, both"),
])  # fmt: skip
def test_what_cannot_be_explained_is_refused(hits: Path, options: dict[str, Any], message: str):
    with pytest.raises(promscan.PromscanError, match=message):
        explained(hits, **options)


def test_single_sequences_have_gradients_too(streaming: Path):
    window = random_bases(70, 3)
    for model in (TINY, streaming):
        (found,) = promscan.explain([window], model=model, method="gradients", **OPTIONS)
        ((_, logit, _),) = promscan.score([window], model=model, **OPTIONS)
        assert found.score == pytest.approx(logit, abs=1e-4)
        assert found.error < 0.01


def test_contributions_to_a_place_add_up_and_its_score_is_that_of_the_network():
    model, bases = network(dataclasses.replace(EVERYTHING, place=8)), random_bases(1400, 2)
    codes = dna.encode(bases)
    window = WindowInContext.around_tss(codes, 700, "+", 600, 20)
    found = place_gradients(model, window, warm_up=200, steps=64)
    assert found.error < 1e-3 * max(1.0, abs(found.score - found.baseline))
    assert np.abs(found.values).max() > 0
    with torch.inference_mode():
        _, places = model.along_with_places(torch.from_numpy(codes.copy()[None]), margin=300, warm_up=200)
    at = 700 - TSS_INDEX - 300
    near = places[0, at - PLACE_REACH : at + PLACE_REACH + 1]
    assert found.score == pytest.approx(float(torch.log_softmax(near, 0)[PLACE_REACH]), abs=1e-4)


def test_a_place_is_explained_only_where_a_network_grades_places(hits: Path):
    with pytest.raises(InputError, match="grades no places; take gradients"):
        explained(hits, method="place")


def test_the_command_explains_places(hits: Path, tmp_path: Path, promscan_cli: Callable[..., Any]):
    model, card = load_model(str(tiny_streaming()))
    placed = BiGRUAttention(dataclasses.replace(model.architecture, place=4)).eval()
    card = dataclasses.replace(card, architecture=placed.architecture.describe())
    save_model(tmp_path / "placed.safetensors", placed, card)
    genome = tmp_path / "genome.fa"
    genome.write_text(f">x\n{BASES}\n")
    outcome = promscan_cli(
        "explain", hits, "--genome", genome, "--model", tmp_path / "placed.safetensors", "--method", "place",
        "-o", tmp_path / "why.tsv", "-t", 1, "--device", "cpu",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    rows = (tmp_path / "why.tsv").read_text().splitlines()
    assert rows[0].split("\t") == ["name", "offset", "base", "score", "attention", "gradient"]
    assert all(float(row.split("\t")[3]) < 0 for row in rows[1:])
