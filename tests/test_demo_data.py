"""The demo genome is what its script draws, and looks like human sequence with promoters in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

DATA = Path(__file__).parent / "data"
WINDOW, TSS_INDEX = 70, 33
COMPLEMENT = str.maketrans("ATGC", "TACG")


@pytest.fixture(scope="module")
def contigs() -> dict[str, str]:
    records = [record.split("\n") for record in (DATA / "demo.fa").read_text().split(">")[1:]]
    return {header.split()[0]: "".join(lines) for header, *lines in records}


@pytest.fixture(scope="module")
def truth() -> list[tuple[str, int, int, str, str, str]]:
    rows = [line.split("\t") for line in (DATA / "demo_tss.bed").read_text().splitlines()]
    return [(chrom, int(start), int(end), name, score, strand) for chrom, start, end, name, score, strand in rows]


@pytest.fixture(scope="module")
def statistics() -> dict[str, dict]:
    return json.loads((DATA / "demo_statistics.json").read_text())


def windows(contigs, truth) -> dict[str, str]:
    """The planted core windows, read 5' to 3' on their own strand."""
    found = {}
    for chrom, tss, _, name, _, strand in truth:
        start = tss - TSS_INDEX if strand == "+" else tss - (WINDOW - 1 - TSS_INDEX)
        window = contigs[chrom][start : start + WINDOW]
        found[name] = window if strand == "+" else window[::-1].translate(COMPLEMENT)
    return found


def promoter_distance(contigs, truth, chrom) -> npt.NDArray[np.int64]:
    """Distance of each base of a contig from its nearest promoter."""
    tss = np.array([row[1] for row in truth if row[0] == chrom])
    return np.abs(np.arange(len(contigs[chrom]))[:, None] - tss).min(axis=1)


def stretches(contigs, truth, *, begin: int, end: int) -> str:
    """The bases at `begin` <= distance from a promoter < `end`, of all contigs; N stands for the gaps between."""
    parts = []
    for chrom, sequence in contigs.items():
        distance = promoter_distance(contigs, truth, chrom)
        bases = np.frombuffer(sequence.upper().encode(), dtype=np.uint8)
        inside = (distance >= begin) & (distance < end)
        parts.append(np.where(inside, bases, ord("N")).tobytes().decode())
    return "N".join(parts)


def gc_content(sequence: str) -> float:
    gc, at = (sum(map(sequence.count, letters)) for letters in ("GC", "AT"))
    return gc / (gc + at)


def cpg_observed_to_expected(sequence: str) -> float:
    bases = sum(map(sequence.count, "ATGC"))
    return sequence.count("CG") * bases / (sequence.count("C") * sequence.count("G"))


def test_script_reproduces_every_byte(tmp_path):
    command = [sys.executable, DATA / "make_demo.py", "write", "-o", tmp_path]
    subprocess.run(command, check=True, capture_output=True)
    for name in ("demo.fa", "demo_tss.bed"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), f"{name}: run make_demo.py write"


@pytest.mark.shared
def test_statistics_are_those_of_the_public_data(tmp_path):
    data = Path(os.environ.get("PROMSCAN_DATA", DATA.parents[2] / "shared" / "data"))
    if not data.is_dir():
        pytest.skip(f"no public data at {data}; set PROMSCAN_DATA")
    target = tmp_path / "statistics.json"
    command = [sys.executable, DATA / "make_demo.py", "measure", "--data", data, "--statistics", target]
    subprocess.run(command, check=True, capture_output=True)
    assert target.read_bytes() == (DATA / "demo_statistics.json").read_bytes(), "run make_demo.py measure"


def test_fasta_lines_are_60_columns_wide():
    for record in (DATA / "demo.fa").read_text().split(">")[1:]:
        *full, last = record.splitlines()[1:]
        assert {len(line) for line in full} == {60}
        assert 0 < len(last) <= 60


def test_genome_has_about_50_kb_with_gaps_and_soft_mask(contigs):
    sequence = "".join(contigs.values())
    assert 45_000 < len(sequence) < 55_000
    assert set(sequence) == set("ATGCNatgc")
    assert "N" * 200 in sequence
    assert sum(map(sequence.count, "atgc")) >= 500


def test_truth_is_bed6_of_single_bases_in_range(contigs, truth):
    assert len(truth) == 20
    assert len({name for _, _, _, name, _, _ in truth}) == len(truth)
    assert {strand for *_, strand in truth} == {"+", "-"}
    assert [(row[0], row[1]) for row in truth] == sorted((row[0], row[1]) for row in truth)
    for chrom, start, end, _, score, _ in truth:
        assert end == start + 1
        assert WINDOW < start < len(contigs[chrom]) - WINDOW
        assert score == "0"


def test_promoters_stand_apart_in_known_unmasked_bases(contigs, truth):
    for (chrom, start, *_), (next_chrom, next_start, *_) in pairwise(truth):
        assert chrom != next_chrom or next_start - start > 1_500
    for chrom, start, *_ in truth:
        assert set(contigs[chrom][start - 400 : start + 400]) <= set("ATGC")


def test_background_is_composed_like_human(contigs, truth, statistics):
    background = stretches(contigs, truth, begin=800, end=10_000)
    assert gc_content(background) == pytest.approx(statistics["background"]["gc"], abs=0.02)
    assert gc_content(background) == pytest.approx(0.41, abs=0.03)
    assert cpg_observed_to_expected(background) == pytest.approx(statistics["background"]["cpg_oe"], abs=0.05)


def test_promoters_lie_in_flanks_rich_in_cpg(contigs, truth, statistics):
    promoters = stretches(contigs, truth, begin=0, end=50)
    measured = statistics["promoters"]["stretches"][-2:]
    assert gc_content(promoters) == pytest.approx(np.mean([part["gc"] for part in measured]), abs=0.05)
    assert cpg_observed_to_expected(promoters) == pytest.approx(np.mean([part["cpg_oe"] for part in measured]), abs=0.1)
    flanks = stretches(contigs, truth, begin=250, end=350)
    background = stretches(contigs, truth, begin=800, end=10_000)
    for figure in (gc_content, cpg_observed_to_expected):
        assert figure(background) < figure(flanks) < figure(promoters)


def test_windows_follow_their_positions(contigs, truth, statistics):
    """Each planted window is likelier under the position's own tables than one base further along."""
    gain = 0.0
    for name, window in windows(contigs, truth).items():
        chain = np.log(np.array(statistics["windows"][name.rsplit("_")[-1]]["transitions"]))
        pairs = [("ATGC".index(a), "ATGC".index(b)) for a, b in pairwise(window)]
        gain += sum(chain[index][pair] - chain[index + 1][pair] for index, pair in enumerate(pairs[:-1]))
    assert gain > 10


def test_tata_promoters_have_a_box_of_a_and_t(contigs, truth):
    boxes = {name: window[2:9] for name, window in windows(contigs, truth).items()}
    tata = np.mean([gc_content(box) for name, box in boxes.items() if name.endswith("_tata")])
    others = np.mean([gc_content(box) for name, box in boxes.items() if name.endswith("_notata")])
    assert tata < 0.5 * others


def test_tables_are_probabilities(statistics):
    tables = [
        *(third["transitions"] for third in statistics["background"]["isochores"]),
        *(part["transitions"] for part in statistics["promoters"]["stretches"]),
        *(statistics["flanks"][side]["transitions"] for side in ("upstream", "downstream")),
    ]
    windows = [statistics["windows"][kind]["transitions"] for kind in ("tata", "notata")]
    assert {np.shape(table) for table in tables} == {(4**4, 4)}
    assert [np.shape(table) for table in windows] == [(WINDOW - 1, 4, 4)] * 2
    for table in tables + windows:
        np.testing.assert_allclose(np.sum(table, axis=-1), 1.0, atol=5e-4)
        assert np.min(table) > 0
