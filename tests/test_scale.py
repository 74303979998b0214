"""The biological scale is data of the card: what it says reaches scan, calibrate and evaluate."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from genomes import DATA, DEMO, tiny_streaming, write_fasta

import promscan
from promscan.calling.settings import resolve_calling
from promscan.commands.calibrate import calibrate
from promscan.networks.card import read_card
from promscan.networks.card_parts import Scale
from promscan.networks.model_files import find_model
from promscan.networks.weights import load_model, save_model

TSS = DATA / "demo_tss.bed"


def test_a_scan_calls_at_the_rate_of_the_card_by_default() -> None:
    card = read_card(find_model("human"))
    compact = dataclasses.replace(card, scale=Scale(fp_per_mb=50.0))
    assert resolve_calling(card) == resolve_calling(card, fp_per_mb=10)
    assert resolve_calling(compact) == resolve_calling(card, fp_per_mb=50)


def test_calibrate_clears_promoters_by_the_distance_of_the_card(tmp_path: Path) -> None:
    network, card = load_model(str(tiny_streaming()))
    megabases = []
    for clearance in (300, 1000):
        scale = Scale(clearance=clearance)
        save_model(tmp_path / "before.safetensors", network, dataclasses.replace(card, scale=scale))
        after = calibrate(tmp_path / "before.safetensors", DEMO, TSS, tmp_path / "after.safetensors", device="cpu")
        assert after.scale == read_card(tmp_path / "after.safetensors").scale == scale
        assert after.calibration is not None
        assert after.calibration.background == f"demo.fa, {clearance} bp and more from demo_tss.bed"
        megabases.append(after.calibration.megabases)
    assert megabases[0] > megabases[1]


@pytest.mark.parametrize(
    ("options", "false", "background"),
    [
        ({}, 1, 0),
        ({"false_beyond": 250}, 2, 0),
        ({"false_beyond": 700}, 0, 0),
        ({"false_beyond": 50, "tolerance": 650}, 0, 0),
        ({"clearance": 500}, 1, 1),
        ({"clearance": 200}, 1, 2),
    ],
)
def test_evaluate_takes_other_distances(tmp_path: Path, options: dict[str, int], false: int, background: int) -> None:
    """One TSS at 2000; hits 300 and 600 bp from it."""
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": "A" * 4000})
    (tmp_path / "tss.bed").write_text("chr1\t2000\t2001\tx\t0\t+\n")
    (tmp_path / "hits.bed").write_text("chr1\t2300\t2301\tx\t9\t+\nchr1\t2600\t2601\tx\t8\t+\n")
    evaluation = promscan.evaluate(tmp_path / "hits.bed", tmp_path / "tss.bed", genome, **options)
    assert (evaluation.whole.false, evaluation.whole.background_hits) == (false, background)
    assert evaluation.describe()["false_beyond"] == max(options.get("false_beyond", 500), options.get("tolerance", 100))
