"""Motifs: elements planted in sequences are found where they are, and known by name."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import promscan
from promscan.attribution.comparison import best_match, reverse_complement
from promscan.attribution.elements import ELEMENTS, IUPAC, LETTERS, consensus_of, matrix_of
from promscan.attribution.patterns import FEWEST, find_patterns
from promscan.attribution.seqlets import ARM, CORE, WIDTH, find_seqlets
from promscan.commands.explaining.explanation import Explanation
from promscan.commands.explaining.motifs import INSTANCE_COLUMNS, MOTIF_COLUMNS, find_motifs
from promscan.networks.classifier import Architecture
from promscan.seq import dna
from promscan.seq.windows import TSS_INDEX, WINDOW
from promscan.train.data.labelled_windows import LabelledWindows
from promscan.train.windows import WindowRecipe, train_windows

TATA, TATA_AT = "TATAAAAG", 3
DPE, DPE_AT = "AGACGTG", 60
OPTIONS = {"device": "cpu", "threads": 1}


def planted(n: int, seed: int) -> LabelledWindows:
    """Random windows; those of label 1 hold a TATA box, or an element near their end."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, WINDOW), dtype=np.uint8)
    kinds = np.arange(n) % 4
    codes[kinds == 1, TATA_AT : TATA_AT + len(TATA)] = dna.encode(TATA)
    codes[kinds == 3, DPE_AT : DPE_AT + len(DPE)] = dna.encode(DPE)
    return LabelledWindows(codes, (kinds % 2).astype(np.float32), "planted", str(seed))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that has learned the planted elements."""
    folder = tmp_path_factory.mktemp("planted") / "run"
    recipe = WindowRecipe(
        architecture=Architecture(hidden=12, dropout=0.1), epochs=6, learning_rate=1e-2, batch_size=64,
        reverse_complement=False,
    )  # fmt: skip
    card = train_windows(planted(2000, 1), planted(300, 2), folder, recipe, threads=1)
    assert card.metrics["dev"]["auc"] > 0.95
    return folder / "best.safetensors"


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sequences with one of the elements each."""
    path = tmp_path_factory.mktemp("windows") / "windows.fa"
    fresh = planted(240, 3)
    rows = fresh.codes[fresh.labels == 1][:60]
    path.write_text("".join(f">w{number}\n{dna.decode(row)}\n" for number, row in enumerate(rows)))
    return path


@pytest.fixture(scope="module")
def explained(trained: Path, windows: Path) -> list[Explanation]:
    return list(promscan.explain(windows, model=trained, method="both", **OPTIONS))


def test_both_methods_find_the_planted_elements(explained: list[Explanation]):
    for number, each in enumerate(explained):
        at, length = (TATA_AT, len(TATA)) if number % 2 == 0 else (DPE_AT, len(DPE))
        for values in (each.importance, each.gradients):
            inside = np.zeros(WINDOW, dtype=bool)
            inside[at : at + length] = True
            assert values[inside].mean() > 5 * np.abs(values[~inside]).mean()
        assert each.error < 0.02


def test_planted_elements_become_motifs_with_their_names_and_places(explained: list[Explanation]):
    for method in ("importance", "gradients"):
        found = find_motifs([each._replace(importance=getattr(each, method)) for each in explained])
        by_name = {motif.element: motif for motif in found}
        tata, dpe = by_name["TATA box"], by_name["DPE"]
        assert tata.hits == pytest.approx(30, abs=3)
        assert tata.usual_offset + tata.match.start == TATA_AT - TSS_INDEX
        assert TATA[:6] in "".join(letter if letter in LETTERS else "?" for letter in consensus_of(tata.matrix))
        assert dpe.hits == pytest.approx(30, abs=3)
        assert dpe.usual_offset + dpe.match.start == DPE_AT - TSS_INDEX
        assert sum(motif.hits for motif in found if not motif.element) < 15


def test_random_sequences_have_no_named_motif():
    rng = np.random.default_rng(5)
    found = [
        Explanation(
            str(number), None, dna.decode(rng.integers(0, 4, WINDOW, dtype=np.uint8)), 0.0,
            np.full(WINDOW, 1 / WINDOW, dtype=np.float32), rng.normal(0, 1, WINDOW).astype(np.float32),
        )
        for number in range(100)
    ]  # fmt: skip
    assert [motif.element for motif in find_motifs(found) if motif.element and motif.hits > 10] == []


def test_the_folder_holds_tables_matrices_and_logos(
    trained: Path, windows: Path, tmp_path: Path, promscan_cli: Callable[..., Any]
):
    meme = tmp_path / "mine.meme"
    rows = "".join(" ".join("0.97" if letter == base else "0.01" for letter in LETTERS) + "\n" for base in "CACGTCT")
    meme.write_text(f"MEME version 4\n\nALPHABET= ACGT\n\nMOTIF turned\nletter-probability matrix: w= 7\n{rows}")
    outcome = promscan_cli(
        "explain", windows, "--model", trained, "-o", tmp_path / "why.tsv", "--method", "gradients", "-t", 1,
        "--motifs", tmp_path / "motifs", "--meme", meme, "--device", "cpu",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert "rank correlation of attention with gradients: median" in outcome.err
    assert "gradients add up to the scores within" in outcome.err
    header = (tmp_path / "why.tsv").read_text().splitlines()[0].split("\t")
    assert header == ["name", "offset", "base", "score", "attention", "gradient"]
    motifs = list(csv.DictReader((tmp_path / "motifs" / "motifs.tsv").open(), delimiter="\t"))
    assert tuple(motifs[0]) == MOTIF_COLUMNS
    named = {row["element"]: row for row in motifs}
    assert named["TATA box"]["element_offset"] == str(TATA_AT - TSS_INDEX)
    assert named["TATA box"]["source"].startswith("Juven-Gershon")
    assert (named["turned"]["orientation"], named["turned"]["source"]) == ("-", "mine.meme")
    instances = list(csv.DictReader((tmp_path / "motifs" / "instances.tsv").open(), delimiter="\t"))
    assert tuple(instances[0]) == INSTANCE_COLUMNS
    of_tata = [row for row in instances if row["element"] == "TATA box"]
    assert {row["name"] for row in of_tata} >= {f"w{number}" for number in range(0, 60, 2)} - {"w0"}
    assert all("TATAAA" in row["sequence"] for row in of_tata[:20])
    names = {path.name for path in (tmp_path / "motifs").iterdir()}
    assert {"motifs.tsv", "instances.tsv", "motifs.meme"} < names
    assert sum(name.endswith(".svg") for name in names) == len(motifs)
    again = promscan_cli(
        "explain", windows, "--model", trained, "-o", tmp_path / "why2.tsv", "--method", "gradients", "-t", 1,
        "--motifs", tmp_path / "motifs2", "--meme", meme, "--device", "cpu",
    )  # fmt: skip
    assert again.status == 0
    for name in names:
        assert (tmp_path / "motifs2" / name).read_bytes() == (tmp_path / "motifs" / name).read_bytes()


def test_no_hits_and_few_hits_give_tables_without_rows(trained: Path, tmp_path: Path, promscan_cli: Callable[..., Any]):
    one = tmp_path / "one.fa"
    one.write_text(f">a\n{'ACGTACGTAC' * 7}\n")
    outcome = promscan_cli(
        "explain", one, "--model", trained, "-o", tmp_path / "why.npz", "--motifs", tmp_path / "m", "-t", 1
    )
    assert outcome.status == 0, outcome.err
    assert (tmp_path / "m" / "motifs.tsv").read_text() == "\t".join(MOTIF_COLUMNS) + "\n"


def test_a_meme_file_without_motifs_to_find_and_a_damaged_one_are_refused(
    trained: Path, windows: Path, tmp_path: Path, promscan_cli: Callable[..., Any]
):
    bad = tmp_path / "bad.meme"
    bad.write_text("MEME version 4\n")
    assert promscan_cli("explain", windows, "--model", trained, "--meme", bad).status == 2
    outcome = promscan_cli(
        "explain", windows, "--model", trained, "-o", tmp_path / "why.tsv", "--meme", bad, "--motifs", tmp_path / "m"
    )
    assert outcome.status == 1
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "why.tsv").exists()


# Parts


def test_a_seqlet_is_where_contributions_are_high():
    rng = np.random.default_rng(1)
    values = rng.normal(0, 0.05, (20, 100))
    values[:, 40 : 40 + CORE] += 1
    sequences = list(rng.integers(0, 4, (20, 100), dtype=np.uint8))
    found = find_seqlets(sequences, list(values))
    assert {seqlet.sequence for seqlet in found} == set(range(20))
    near = [seqlet for seqlet in found if abs(seqlet.start + ARM - 40) <= 1]
    assert len(near) == 20
    assert all(len(seqlet.bases) == WIDTH for seqlet in found)


def test_shifted_seqlets_are_one_pattern():
    rng = np.random.default_rng(2)
    sequences, values = [], []
    for number in range(30):
        bases, worth = rng.integers(0, 4, 60, dtype=np.uint8), rng.normal(0, 0.02, 60)
        at = 20 + number % 7
        bases[at : at + 7], worth[at : at + 7] = dna.encode("CCGGAAG"), 1.0
        sequences.append(bases)
        values.append(worth)
    first, *others = find_patterns(find_seqlets(sequences, values))
    assert len(first.instances) == 30
    assert "CCGGAAG" in consensus_of(first.shares)
    assert all(len(pattern.instances) >= FEWEST for pattern in others)


def test_a_consensus_and_its_matrix_are_the_same():
    for element in ELEMENTS:
        assert consensus_of(element.matrix) == element.consensus
        assert np.abs(element.matrix.sum(axis=1) - 1).max() < 1e-9
        assert element.source
        assert set(element.consensus) <= set(IUPAC)


@pytest.mark.parametrize("element", [each for each in ELEMENTS if each.turned], ids=lambda each: each.name)
def test_an_element_is_known_in_both_orientations(element):
    first = -50
    noise = np.random.default_rng(1).dirichlet(np.full(4, 50), 4)
    for matrix, turned in ((element.matrix, False), (reverse_complement(element.matrix), True)):
        shares = 0.9 * np.concatenate([noise[:2], matrix, noise[2:]]) + 0.1 / 4
        match = best_match(shares, np.full(4, 0.25), first, ELEMENTS)
        assert (match.element.name, match.turned, match.start) == (element.name, turned, 2)
        assert match.similarity > 0.9


def test_an_element_is_only_known_where_it_stands():
    matrix = matrix_of("TATAWAAR")
    assert best_match(matrix, np.full(4, 0.25), -31, ELEMENTS).element.name == "TATA box"
    assert best_match(matrix, np.full(4, 0.25), -12, ELEMENTS).element.name != "TATA box"
    assert best_match(matrix_of("TATAAT"), np.full(4, 0.25), -12, ELEMENTS).element.name == "-10"
