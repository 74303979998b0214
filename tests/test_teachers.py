"""Teachers: a network learns their mean logits, and they may not have seen what is held out."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest
import torch
from genomes import DATA, DEMO, TINY, tiny_streaming
from test_train_genome import TINY_RECIPE, planted, train

from promscan.errors import ModelError
from promscan.inference.streaming import StreamingEngine
from promscan.networks.card import read_card
from promscan.networks.classifier import Architecture
from promscan.networks.weights import load_model
from promscan.train import genome_trainer
from promscan.train import teachers as teachers_module
from promscan.train.data.segments import SegmentRecipe
from promscan.train.genome_init import MAY_HAVE_SEEN
from promscan.train.teachers import Teachers

pytestmark = pytest.mark.usefixtures("blank_pictures")
STILL = dataclasses.replace(TINY_RECIPE, learning_rate=1e-12, averaging=0.0)
"""Nothing is learned, so that the losses are those of the first weights."""


def losses_of(run: Path) -> dict[str, float]:
    with (run / "metrics.tsv").open() as table:
        *_, last = csv.DictReader(table, delimiter="\t")
    return {name: float(value) for name, value in last.items()}


def test_what_is_taught_is_the_mean_logit_of_the_teachers() -> None:
    networks = [load_model(str(path))[0] for path in (tiny_streaming(), tiny_streaming())]
    networks[1].head[-1].bias.data += 3
    teachers = Teachers(networks, [read_card(tiny_streaming())] * 2)
    codes = torch.randint(4, (2, 2200), dtype=torch.uint8)
    mean = teachers.logits(codes, 1000)
    torch.testing.assert_close(mean, networks[0].along(codes, 1000, StreamingEngine.warm_up) + 1.5)
    assert not mean.requires_grad


def test_a_network_that_is_its_own_teacher_differs_by_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genome_trainer, "WARM_UPS", [teachers_module.SETTLED])
    recipe = dataclasses.replace(STILL, architecture=Architecture(4, dropout=0.0, composition=(100,), half_life=8))
    train(tmp_path / "first", recipe=recipe)
    first = tmp_path / "first" / "last.safetensors"
    train(tmp_path / "second", recipe=recipe, init=first, teachers=[first])
    assert losses_of(tmp_path / "second")["loss_teaching"] < 1e-10
    assert "loss_teaching" not in losses_of(tmp_path / "first")


def test_a_teacher_may_see_farther_than_the_network(tmp_path: Path) -> None:
    wide = dataclasses.replace(STILL, architecture=Architecture(4, dropout=0.0, composition=(100, 6000)))
    train(tmp_path / "wide", recipe=wide)
    card = train(tmp_path / "narrow", teachers=[tmp_path / "wide" / "last.safetensors"])
    assert losses_of(tmp_path / "narrow")["loss_teaching"] > 0
    taught_by = card.training["teachers"]
    assert [teacher["sha256"] for teacher in taught_by] == [read_card(tmp_path / "wide" / "last.safetensors").sha256]


@pytest.mark.slow
def test_a_network_comes_closer_to_its_teacher(tmp_path: Path) -> None:
    teacher = tiny_streaming()
    recipe = dataclasses.replace(
        TINY_RECIPE,
        architecture=Architecture(4, dropout=0.0),
        segments=SegmentRecipe(windows=40, mutations=0),
        learning_rate=3e-2,
        averaging=0.0,
        teaching=100.0,
        segments_per_epoch=160,
    )
    for name, learning_rate in (("before", 1e-12), ("after", 3e-2)):
        one = dataclasses.replace(recipe, learning_rate=learning_rate)
        train(tmp_path / name, recipe=one, teachers=[teacher], allow_seen=True)
    before, after = (losses_of(tmp_path / name)["loss_teaching"] for name in ("before", "after"))
    assert after < before / 2


def test_a_teacher_that_may_have_seen_dev_is_refused_or_recorded(tmp_path: Path) -> None:
    genome = planted(3)
    train(tmp_path / "first", genome, dev=["chr0"])
    teacher = tmp_path / "first" / "last.safetensors"
    with pytest.raises(ModelError, match=r"may have been trained on 'chr1:0-20000', .* give other weights"):
        train(tmp_path / "second", genome, dev=["chr1"], teachers=[teacher])
    assert not (tmp_path / "second").exists()
    card = train(tmp_path / "second", genome, dev=["chr1"], teachers=[teacher], allow_seen=True)
    assert card.training[MAY_HAVE_SEEN]
    with pytest.raises(ModelError, match="does not say which contigs"):
        train(tmp_path / "third", genome, dev=["chr1"], init=tmp_path / "second" / "last.safetensors")


def test_a_classifier_of_windows_cannot_teach(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="tiny cannot teach: it reads single windows; give a model that scans"):
        train(tmp_path / "run", teachers=[TINY])


def test_the_command_takes_teachers(tmp_path: Path, promscan_cli) -> None:
    words = ["--dev", "demo2", "--species", "Synthetic", "--device", "cpu", "--threads", 1, "--allow-seen"]
    sizes = ["--hidden", 4, "--epochs", 1, "--segments-per-epoch", 4, "--batch-size", 4, "--mining-bases", 0]
    teachers = ["--teacher", tiny_streaming(), "--teacher", tiny_streaming(), "--teaching", 0.5]
    out = tmp_path / "run"
    run = promscan_cli("train", "genome", DEMO, DATA / "demo_tss.bed", *words, *sizes, *teachers, "-o", out)
    assert run.status == 0, run.stderr
    assert losses_of(out)["loss_teaching"] > 0
    card = read_card(out / "last.safetensors")
    assert (len(card.training["teachers"]), card.training["recipe"]["teaching"]) == (2, 0.5)
