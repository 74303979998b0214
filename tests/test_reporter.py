"""Inserts and the construct around them."""

from __future__ import annotations

import numpy as np
import pytest
from genomes import random_bases
from hypothesis import given
from hypothesis import strategies as st

from promscan.seq import dna
from promscan.strength.reporter import Reporter

REPORTER = Reporter()
FLANK = REPORTER.five_prime


def fit(*sequences: str):
    inserts, changes = REPORTER.fit([dna.encode(letters) for letters in sequences])
    return [dna.decode(row) for row in inserts], tuple(changes)


def test_the_default_is_the_construct_of_de_boer() -> None:
    insert = random_bases(80, 1)
    built = REPORTER.constructs(dna.encode(insert)[None])
    assert REPORTER.length == 110
    assert dna.decode(built) == f"TGCATTTTTTTCACATC{insert}GGTTACGGCTGTT"


@pytest.mark.parametrize(("length", "changes"), [(80, (0, 0, 0)), (97, (0, 1, 0)), (65, (0, 0, 1)), (0, (0, 0, 1))])
def test_other_lengths_are_trimmed_or_padded_at_the_5_prime_end(length: int, changes: tuple[int, ...]) -> None:
    letters = random_bases(100, 1)[:length]
    assert fit(letters) == ([letters[-80:].rjust(80, "N") if length else "N" * 80], changes)


@pytest.mark.parametrize("part", [FLANK, FLANK[1:], FLANK[-12:], FLANK[:15], FLANK[:12]])
def test_a_leading_part_of_the_flank_is_stripped(part: str) -> None:
    insert = "G" + random_bases(79, 1)
    assert fit(part + insert) == ([insert], (1, 0, 0))


@pytest.mark.parametrize("part", [FLANK[-11:], FLANK[:11], FLANK[2:15]])
def test_what_may_stand_there_by_chance_is_not(part: str) -> None:
    letters = part + "G" + random_bases(79, 1)
    assert fit(letters) == ([letters[-80:]], (0, 1, 0))


def test_a_short_insert_keeps_its_flanks_and_its_end() -> None:
    inserts, _ = REPORTER.fit([dna.encode(random_bases(72, 1)), dna.encode(random_bases(80, 2))])
    short, whole = (dna.decode(row) for row in REPORTER.constructs(inserts))
    assert short == "N" * 8 + FLANK + random_bases(72, 1) + REPORTER.three_prime
    assert whole == FLANK + random_bases(80, 2) + REPORTER.three_prime


@given(st.lists(st.text("ACGTN", max_size=120), min_size=1, max_size=5))
def test_every_sequence_has_a_construct(sequences: list[str]) -> None:
    inserts, _ = REPORTER.fit([dna.encode(letters) for letters in sequences])
    built = REPORTER.constructs(inserts)
    assert built.shape == (len(sequences), 110)
    assert (built[:, -13:] == dna.encode(REPORTER.three_prime)).all()
    for row, letters in zip(built, sequences, strict=True):
        known = dna.decode(row[:-13]).lstrip("N")
        assert known.endswith(letters.lstrip("N")[-60:] or FLANK[-60:]) or FLANK[:12] in letters or FLANK[5:] in letters


def test_flanks_are_a_choice() -> None:
    reporter = Reporter("ACGT", "", 30)
    assert dna.decode(reporter.constructs(np.zeros((1, 30), dtype=np.uint8))) == "ACGT" + "A" * 30
    with pytest.raises(ValueError, match="nucleotide"):
        Reporter("AC!")
    with pytest.raises(ValueError, match="length"):
        Reporter(insert=0)
