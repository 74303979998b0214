"""The scripts that measure the bundled models."""

from __future__ import annotations

import json
import random
import runpy
import sys
from pathlib import Path

import pytest
from genomes import TINY, TINY_STRENGTH, random_bases

import promscan
from promscan import dna

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_half_of_the_strands_are_right_when_every_promoter_comes_in_both_orientations(tmp_path, monkeypatch):
    windows = [random_bases(dna.WINDOW, seed) for seed in range(20)]
    turned = [dna.decode(dna.reverse_complement(dna.encode(window))) for window in windows]
    table = tmp_path / "gue" / "prom_core_all" / "dev.csv"
    table.parent.mkdir(parents=True)
    rows = [f"{window},1" for window in windows + turned] + [f"{windows[0]},0"]
    table.write_text("\n".join(["sequence,label", *rows]) + "\n")
    out = tmp_path / "strand.json"
    monkeypatch.setattr(sys, "argv", ["strand.py", str(TINY), "--data", str(tmp_path), "-o", str(out)])
    runpy.run_path(str(BENCHMARKS / "strand.py"), run_name="__main__")
    result = json.loads(out.read_text())
    assert (result["promoters"], result["right_strand"]) == (40, 0.5)
    low, high = result["interval95"]
    assert 0.25 < low < 0.45
    assert 0.55 < high < 0.75


def test_inserts_stand_out_where_the_strong_ones_are(tmp_path, monkeypatch):
    """A stretch that the tiny model takes for strong, planted from 130 to 51 bp before each start."""
    strong, rng = promscan.design([11], model=TINY_STRENGTH, count=1, device="cpu")[0].sequence, random.Random(1)
    letters, starts = list(random_bases(40_000, 1)), []
    for place in range(500, 39_500, 500):
        strand = rng.choice("+-")
        insert = strong if strand == "+" else dna.decode(dna.reverse_complement(dna.encode(strong)))
        begin = place - 130 if strand == "+" else place + 51
        letters[begin : begin + 80] = insert
        starts.append(f"chrII\t{place}\t{place + 1}\t.\t0\t{strand}\n")
    (tmp_path / "yeast").mkdir()
    (tmp_path / "yeast" / "tss.bed").write_text("".join(starts))
    (tmp_path / "yeast" / "R64-1-1_without_IV_XI.fa").write_text(f">chrII\n{''.join(letters)}\n")
    out = tmp_path / "position.json"
    options = ["--data", str(tmp_path), "--contigs", "chrII", "-o", str(out)]
    monkeypatch.setattr(sys, "argv", ["insert_position.py", str(TINY_STRENGTH), *options])
    runpy.run_path(str(BENCHMARKS / "insert_position.py"), run_name="__main__")
    result = json.loads(out.read_text())
    assert result["best"] == 50
    assert result["ends_before"]["50"]["contrast"] > 2 > 1 > abs(result["ends_before"]["300"]["contrast"])
    assert out.with_suffix(".png").stat().st_size > 0


def test_a_model_grades_its_own_designs_as_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("promscan.inserts.STEPS", 30)
    out = tmp_path / "check.json"
    monkeypatch.setattr(sys, "argv", ["design_check.py", str(TINY_STRENGTH), str(TINY_STRENGTH), "-o", str(out)])
    runpy.run_path(str(BENCHMARKS / "design_check.py"), run_name="__main__")
    result = json.loads(out.read_text())
    assert result["random"]["slope"] == pytest.approx(1, abs=1e-3)
    assert result["figures"]["pearson"] > 0.99
    assert len(result["levels"]) >= 9
    assert all(level["graded"] == pytest.approx(level["predicted"], abs=1e-3) for level in result["levels"])
