"""Tracks of explanations: each base has its contribution on its strand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from genomes import TINY, random_bases, tiny_streaming, write_fasta
from test_explain import BASES, TSS, explained

from promscan.io.bigwig_reader import BigWig


@pytest.fixture
def hits(tmp_path: Path) -> Path:
    path = tmp_path / "hits.bed"
    path.write_text(f"x\t{TSS}\t{TSS + 1}\tone\t5\t+\nx\t{TSS}\t{TSS + 1}\tother\t9\t-\n")
    return path


def test_tracks_hold_what_each_base_is_worth_on_its_strand(
    hits: Path, tmp_path: Path, promscan_cli: Callable[..., Any]
):
    hits.write_text(hits.read_text() + f"x\t{TSS + 30}\t{TSS + 31}\tthird\t1\t+\n")
    genome = write_fasta(tmp_path / "genome.fa", {"empty": "ACGT" * 30, "x": BASES})
    outcome = promscan_cli(
        "explain", hits, "--genome", genome, "--model", tiny_streaming(), "-t", 1, "--device", "cpu",
        "-o", tmp_path / "why.tsv", "--track", tmp_path / "worth",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    first, minus, third = sorted(explained(hits), key=lambda each: (each.site.tss, each.site.strand))
    better, other = (first, third) if first.score > third.score else (third, first)
    wanted = {"+": {}, "-": {}}
    for each in (other, better, minus):
        step = 1 if each.site.strand == "+" else -1
        for index, worth in enumerate(each.importance.tolist()):
            wanted[each.site.strand][each.site.tss + step * (each.first + index)] = worth
    for strand, name in (("+", "plus"), ("-", "minus")):
        track = BigWig(str(tmp_path / f"worth.{name}.bw"))
        assert list(track.contigs) == ["empty", "x"]
        assert f"track=contributions_{name} model=tiny-streaming" in track.comment
        found = {
            piece.start + index: value
            for piece in track.values()
            for index, value in enumerate(piece.values.tolist())
            if not np.isnan(value)
        }
        assert set(found) == set(wanted[strand])
        assert found == pytest.approx(wanted[strand], abs=0.001)


def test_a_track_needs_a_genome(tmp_path: Path, promscan_cli: Callable[..., Any]):
    windows = tmp_path / "windows.fa"
    windows.write_text(f">a\n{random_bases(70, 1)}\n")
    assert promscan_cli("explain", windows, "--model", TINY, "--track", tmp_path / "worth").status == 2
