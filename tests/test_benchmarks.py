"""The scripts that measure the bundled models."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

from genomes import TINY, random_bases

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
