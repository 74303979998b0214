"""The scripts that measure the bundled models."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from genomes import TINY, random_bases

from promscan import dna
from promscan.tss import KnownStarts, LabelledGenome

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


BASELINES = BENCHMARKS / "baselines.py"


def test_cpg_is_counted_in_the_window_around_a_position():
    score = runpy.run_path(str(BASELINES))["cpg_score"](10)
    bases = "CGTTCGACCG" + "A" * 10 + random_bases(50, 1)
    scores, first = score(dna.encode(bases))
    assert (len(scores), first) == (len(bases) - 9, 5)
    assert scores[0] == pytest.approx(3 / (4 * 3 / 10))
    assert scores[10] == 0  # no C and no G to expect any from
    for start, value in enumerate(scores):
        window = bases[start : start + 10]
        pairs = sum(bases[i : i + 2] == "CG" for i in range(start, start + 10))
        expected = window.count("C") * window.count("G") / 10
        assert value == pytest.approx(pairs / expected if expected else 0)


def test_a_linear_score_along_a_contig_is_that_of_each_window():
    module = runpy.run_path(str(BASELINES))
    codes, width = dna.encode(random_bases(400, 2)), module["CONTEXT"]
    weights = np.random.default_rng(0).normal(size=256)
    windows = np.lib.stride_tricks.sliding_window_view(codes, width)
    counts = module["counts_of"](windows)
    assert counts.sum(axis=1).tolist() == [297] * 101
    assert counts[0, module["kmers_of"](codes[:4])[0]] >= 1
    sums = module["window_sums"](weights[module["kmers_of"](codes)], width - 3)
    assert np.allclose(sums, counts @ weights)


@pytest.mark.parametrize(("strand", "tss"), [("+", 249), ("-", 50), ("+", 300), ("-", 150)])
def test_windows_have_the_start_at_its_place_and_calls_are_where_it_is(strand, tss):
    module = runpy.run_path(str(BASELINES))
    codes = np.full(400, dna.encode("A")[0])
    mark, turned = dna.encode("CG").tolist()
    codes[tss] = mark if strand == "+" else turned
    window = module["window_at"](codes, tss, strand)
    assert np.flatnonzero(window == mark).tolist() == [249]
    assert module["window_at"](codes, 0, strand) is None

    def score(read):
        return (read[249 : len(read) - 50] == mark).astype(float), 249

    hits = module["call"](LabelledGenome({"chr1": codes}, KnownStarts([])), score)
    assert [(hit.tss, hit.strand) for hit in hits if hit.logit == 1] == [(tss, strand)]
