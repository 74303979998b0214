"""Explanations: a substitution does what it does in a scan, strands are alike, files hold the numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from genomes import DEMO, TINY, demo_contigs, random_bases, tiny_streaming, write_fasta

import promscan
from promscan.attribution.mutagenesis import Mutagenesis
from promscan.commands.explaining.explanation import Explanation
from promscan.errors import ModelError
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq import dna
from promscan.seq.windows import TSS_INDEX

TSS = 600


@pytest.fixture
def hits(tmp_path: Path) -> Path:
    path = tmp_path / "hits.bed"
    path.write_text(f"x\t{TSS}\t{TSS + 1}\tone\t5\t+\nx\t{TSS}\t{TSS + 1}\tother\t9\t-\n")
    return path


BASES = demo_contigs()["demo1"][20790:22000].upper()
OPTIONS = {"device": "cpu", "threads": 1}


def explained(hits: Path, bases: str = BASES, **options: Any) -> list[Explanation]:
    return list(promscan.explain(hits, {"x": bases}, **{"model": tiny_streaming(), **OPTIONS, **options}))


def score_at(bases: str, tss: int, strand: str) -> float:
    blocks = promscan.score_genome({"x": bases}, model=tiny_streaming(), strand=strand, **OPTIONS)
    return next(float(b.scores[tss - b.first]) for b in blocks if 0 <= tss - b.first < len(b.scores))


def test_the_change_of_a_substitution_is_that_of_a_scan_of_the_mutant(hits: Path):
    plus, minus = explained(hits)
    assert (plus.name, minus.name) == (f"x_{TSS}_+", f"x_{TSS}_-")
    for explanation, strand, step in ((plus, "+", 1), (minus, "-", -1)):
        assert abs(explanation.score - score_at(BASES, TSS, strand)) < 1e-4
        for offset, letter in ((-30, "T"), (0, "C"), (20, "A")):
            at = TSS + step * offset
            placed = letter if strand == "+" else dna.decode(dna.reverse_complement(dna.encode(letter)))
            mutant = BASES[:at] + placed + BASES[at + 1 :]
            change = score_at(mutant, TSS, strand) - score_at(BASES, TSS, strand)
            found = explanation.changes[offset + TSS_INDEX, dna.LETTERS.index(letter)]
            assert abs(float(found) - change) < 1e-4


def test_a_strength_model_is_refused_as_by_a_scan(hits: Path):
    with pytest.raises(ModelError, match="yeast-strength: a strength model, which finds no promoters"):
        explained(hits, model="yeast-strength")


def test_the_base_that_stands_there_changes_nothing_and_weights_add_up(hits: Path):
    for explanation in explained(hits):
        own = [explanation.changes[index, dna.LETTERS.index(base)] for index, base in enumerate(explanation.bases)]
        assert not any(own)
        assert abs(explanation.attention.sum() - 1) < 1e-5
        assert explanation.importance == pytest.approx(-explanation.changes.sum(axis=1) / 3)
        assert -1 <= explanation.agreement <= 1


def test_the_reverse_complement_gives_the_same_explanation(tmp_path: Path):
    path = tmp_path / "one.bed"
    path.write_text(f"x\t{TSS}\t{TSS + 1}\tone\t5\t+\n")
    (here,) = explained(path)
    path.write_text(f"x\t{len(BASES) - 1 - TSS}\t{len(BASES) - TSS}\tone\t5\t-\n")
    (there,) = explained(path, dna.decode(dna.reverse_complement(dna.encode(BASES))))
    assert here.bases == there.bases
    assert np.abs(here.changes - there.changes).max() < 1e-4
    assert np.abs(here.attention - there.attention).max() < 1e-5


def test_a_hit_at_the_origin_of_a_circle_is_explained_as_it_was_scored(tmp_path: Path):
    turned, place = BASES[TSS - 5 :] + BASES[: TSS - 5], 5
    path = tmp_path / "hits.bed"
    path.write_text(f"#promscan 0.1.0 circular=x\nx\t{place}\t{place + 1}\tone\t5\t+\n")
    (found,) = explained(path, turned, method="gradients")
    assert found.bases == BASES[TSS - TSS_INDEX :][:70]
    blocks = promscan.score_genome({"x": turned}, model=tiny_streaming(), strand="+", circular=["x"], **OPTIONS)
    score = next(float(b.scores[place - b.first]) for b in blocks if 0 <= place - b.first < len(b.scores))
    assert abs(found.score - score) < 1e-4


def test_attention_is_that_of_the_network_for_a_window_by_itself():
    window = random_bases(70, 3)
    (found,) = promscan.explain([window], model=TINY, **OPTIONS)
    network, _ = promscan.load_model(str(TINY))
    states = network.states(torch.from_numpy(dna.encode(window)[np.newaxis].copy()))
    weights = network.attention_score(network.attention(states).tanh()).softmax(dim=1)
    assert found.attention == pytest.approx(weights.detach().numpy().reshape(-1), abs=1e-6)
    ((_, logit, _),) = promscan.score([window], model=TINY, **OPTIONS)
    assert found.score == pytest.approx(logit, abs=1e-5)


def test_unknown_bases_are_not_replaced():
    window = "N" * 5 + random_bases(65, 4)
    (found,) = promscan.explain([window], model=TINY, **OPTIONS)
    assert not found.changes[:5].any()


def test_importance_is_what_a_base_is_worth():
    changes = np.zeros((70, 4), dtype=np.float32)
    changes[10] = [0, -3, -2, -1]
    assert Mutagenesis(1.0, changes).importance[10] == 2


def test_files_hold_the_same_numbers(hits: Path, tmp_path: Path, promscan_cli: Callable[..., Any]):
    genome = write_fasta(tmp_path / "genome.fa", {"x": BASES})
    command = ("explain", hits, "--genome", genome, "--model", tiny_streaming(), "-t", 1, "--device", "cpu", "--top", 1)
    plots = tmp_path / "logos"
    outcome = promscan_cli(*command, "-o", tmp_path / "why.tsv", "--plots", plots)
    assert outcome.status == 0, outcome.err
    assert "rank correlation of attention with mutagenesis: median" in outcome.err
    assert promscan_cli(*command, "-o", tmp_path / "why.npz").status == 0
    header, *rows = [line.split("\t") for line in (tmp_path / "why.tsv").read_text().splitlines()]
    assert header == ["name", "offset", "base", "score", "attention", "importance", "A", "C", "G", "T"]
    arrays = np.load(tmp_path / "why.npz", allow_pickle=False)
    assert arrays["names"].tolist() == [f"x_{TSS}_-"]  # the one with the better score
    assert len(rows) == 70
    assert [float(row[6]) for row in rows] == pytest.approx(arrays["changes"][0, :, 0].tolist(), abs=1e-4)
    assert [path.name for path in plots.iterdir()] == [f"0001_x_{TSS}_-.svg"]
    assert "<svg" in next(plots.iterdir()).read_text()


def test_a_name_is_drawn_as_it_is_and_names_no_other_file(tmp_path: Path, promscan_cli: Callable[..., Any]):
    windows = tmp_path / "windows.fa"
    windows.write_text(f">../$x_{{$<b>\n{random_bases(70, 1)}\n")
    plots = tmp_path / "logos"
    outcome = promscan_cli("explain", windows, "--model", TINY, "-o", tmp_path / "why.tsv", "--plots", plots, "-t", 1)
    assert outcome.status == 0, outcome.err
    assert [path.name for path in plots.iterdir()] == ["0001_____x____b_.svg"]


def test_hits_and_sequences_that_cannot_be_used_are_one_line(tmp_path: Path, promscan_cli: Callable[..., Any]):
    short = tmp_path / "short.fa"
    short.write_text(">a\nACGT\n")
    for arguments in ((short,), (short, "--genome", DEMO), (tmp_path / "none.bed", "--genome", DEMO)):
        outcome = promscan_cli("explain", *arguments, "--model", TINY, "-o", tmp_path / "why.tsv")
        assert outcome.status == 1
        assert outcome.err.count("\n") == 1
        assert not (tmp_path / "why.tsv").exists()
        assert promscan_cli("explain", *arguments, "--model", TINY).out == ""


def header(**words: str) -> str:
    return " ".join(["#promscan 0.1.0", *(f"{name}={word}" for name, word in words.items())]) + "\n"


@pytest.mark.parametrize(("model", "explains"), [("bacteria", "bacteria"), (None, "human")])
def test_the_model_is_the_one_that_made_the_hits(hits: Path, model: str | None, explains: str) -> None:
    if model is not None:
        made_by = read_card(find_model(model))
        hits.write_text(header(model=model, sha256=made_by.sha256) + hits.read_text())
    (own, *_) = explained(hits, model=None, method="gradients", top=1)
    (named, *_) = explained(hits, model=explains, method="gradients", top=1)
    assert own.score == named.score


def test_hits_of_a_model_that_is_not_bundled_need_its_name(
    hits: Path, tmp_path: Path, promscan_cli: Callable[..., Any]
) -> None:
    hits.write_text(header(model="mine", sha256="0123456789") + hits.read_text())
    genome = write_fasta(tmp_path / "genome.fa", {"x": BASES})
    command = ("explain", hits, "--genome", genome, "--method", "gradients", "-t", 1, "--device", "cpu", "--top", 1)
    unnamed = promscan_cli(*command, "-o", tmp_path / "why.tsv")
    assert unnamed.status == 1
    assert "hits.bed: model 'mine' made these hits, and these weights are not bundled; name the model by" in unnamed.err
    assert not (tmp_path / "why.tsv").exists()
    named = promscan_cli(*command, "-o", tmp_path / "why.tsv", "--model", tiny_streaming())
    assert named.status == 0, named.err
    assert "model mine (01234567) made these hits; their scores here are those of model" in named.err
