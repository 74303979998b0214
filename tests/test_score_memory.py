"""Sequences in memory, scored as those of a file."""

from __future__ import annotations

import pytest
from genomes import TINY, TINY_STRENGTH, demo_contigs

import promscan
from promscan.errors import InputError

BASES = demo_contigs()["demo2"][3_500:3_800]
NAMED = {f"w{start}": BASES[start : start + 70] for start in (200, 0, 100, 7)}


def score(sequences, model=TINY, **options):
    return list(promscan.score(sequences, model=model, device="cpu", **options))


@pytest.fixture
def of_file(tmp_path):
    path = tmp_path / "windows.fa"
    path.write_text("".join(f">{name}\n{bases}\n" for name, bases in NAMED.items()))
    return score(path)


def test_a_mapping_scores_as_a_file_with_its_names(of_file):
    assert score(NAMED) == of_file


@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_sequences_without_names_are_numbered_from_1(of_file, kind):
    assert score(kind(NAMED.values())) == [row._replace(name=str(at)) for at, row in enumerate(of_file, start=1)]


def test_batches_change_no_score_in_memory(of_file):
    assert score(NAMED, batch_size=1) == of_file


def test_an_empty_list_has_no_scores():
    assert score([]) == []


def test_a_strength_model_scores_sequences_in_memory(tmp_path):
    path = tmp_path / "inserts.fa"
    path.write_text(f">a\n{BASES[:80]}\n>b\n{BASES[80:160]}\n")
    in_memory = {"a": BASES[:80], "b": BASES[80:160]}
    assert score(in_memory, model=TINY_STRENGTH) == score(path, model=TINY_STRENGTH)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (["A" * 70, "ACGT"], "sequences in memory: sequence 2: the sequence has 4 bp; windows have exactly 70"),
        ({"x": "MEEPQSDPSV" * 7}, "sequences in memory: sequence x: "),
        ([b"A" * 70], "sequences in memory: sequence 1: is of type bytes; give its letters as text"),
        (["A" * ((1 << 20) + 1)], "sequences in memory: sequence 1: more than 1,048,576 bp"),
    ],
)
def test_a_bad_sequence_in_memory_is_named(sequences, message):
    with pytest.raises(InputError) as caught:
        score(sequences)
    assert str(caught.value).startswith(message)


def test_one_text_is_a_path():
    with pytest.raises(InputError, match="No such file or directory"):
        score("A" * 70)
