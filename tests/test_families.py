"""Sequence families: what shares 20 bp is together, on either strand and by chains, and is never divided."""

from __future__ import annotations

import numpy as np
import pytest
from genomes import random_bases
from hypothesis import given
from hypothesis import strategies as st

from promscan.errors import InputError
from promscan.seq import dna
from promscan.strength.families import ROW_BITS, canonical_kmers, draw_families, share_kmers

POLY_A = "A" * 24


def coded(*inserts: str) -> dna.Codes:
    return np.stack([dna.encode(letters.rjust(80, "N")) for letters in inserts])


def naive_kmers(letters: str) -> set[str]:
    kmers = {letters[i : i + 20] for i in range(len(letters) - 19)}
    return kmers | {dna.decode(dna.reverse_complement(dna.encode(kmer))) for kmer in kmers}


@st.composite
def chained_inserts(draw: st.DrawFn) -> list[str]:
    """Inserts cut at random places of a few long sequences, some of them from the other strand."""
    sources = [random_bases(160, seed) for seed in range(draw(st.integers(1, 3)))]
    inserts = []
    for _ in range(draw(st.integers(2, 12))):
        start = draw(st.integers(0, 100))
        cut = draw(st.sampled_from(sources))[start : start + draw(st.integers(20, 60))]
        inserts.append(dna.decode(dna.reverse_complement(dna.encode(cut))) if draw(st.booleans()) else cut)
    return inserts


@given(chained_inserts())
def test_families_are_those_of_the_definition(inserts: list[str]) -> None:
    """Chains of shared 20-mers, found the slow way. (The 20-mers of random sequence are all but never simple.)"""
    kmers = [naive_kmers(letters) for letters in inserts]
    family = list(range(len(inserts)))
    for i in range(len(inserts)):
        for j in range(i):
            if kmers[i] & kmers[j]:
                old, new = family[i], family[j]
                family = [new if label == old else label for label in family]
    found = share_kmers(coded(*inserts)).families().tolist()
    pairs = [(i, j) for i in range(len(inserts)) for j in range(i)]
    assert [found[i] == found[j] for i, j in pairs] == [family[i] == family[j] for i, j in pairs]


@given(chained_inserts(), st.integers(0, 9), st.randoms())
def test_a_family_draws_one_number_in_every_order(inserts: list[str], seed: int, random) -> None:
    def drawn(letters: list[str]) -> dict[str, float]:
        shared = share_kmers(coded(*letters))
        families = shared.families()
        numbers = draw_families(families, shared.firsts, seed)
        assert all(len(set(numbers[families == family])) == 1 for family in set(families))
        return dict(zip(letters, numbers.tolist(), strict=True))

    numbers = drawn(inserts)
    assert all(0 <= number <= 1 for number in numbers.values())
    shuffled = list(inserts)
    random.shuffle(shuffled)
    assert drawn(shuffled) == numbers


def test_draws_are_even_and_depend_on_the_seed() -> None:
    shared = share_kmers(coded(*(random_bases(80, seed) for seed in range(400))))
    one, another = (draw_families(shared.families(), shared.firsts, seed) for seed in (1, 2))
    assert 0.15 < (one < 0.2).mean() < 0.25
    assert abs(np.corrcoef(one, another)[0, 1]) < 0.2


def test_a_family_of_many_rows_is_never_held_out() -> None:
    crowd = [random_bases(30, 1) + random_bases(50, seed) for seed in range(2, 32)]
    others = [random_bases(80, seed) for seed in range(40, 200)]
    shared = share_kmers(coded(*crowd, *others))
    numbers = draw_families(shared.families(), shared.firsts, 1)
    assert (numbers[:30] == 1).all()
    assert (numbers[30:] < 1).all()


def test_simple_20_mers_make_no_chain_but_count_as_shared() -> None:
    a, b = (POLY_A + random_bases(56, seed) for seed in (1, 2))
    shared = share_kmers(coded(a, b))
    assert len(set(shared.families())) == 2
    assert shared.touching(np.array([True, False])).tolist() == [True, True]


def test_touching_finds_neighbours_only() -> None:
    source = random_bases(160, 1)
    inserts = coded(source[:60], source[30:110], source[80:160], random_bases(80, 9))
    shared = share_kmers(inserts)
    assert len(set(shared.families())) == 2
    assert shared.touching(np.array([True, False, False, False])).tolist() == [True, True, False, False]


def test_unknown_bases_are_in_no_20_mer() -> None:
    _, known = canonical_kmers(coded(random_bases(30, 1)))
    assert np.flatnonzero(known[0]).tolist() == list(range(50, 61))
    assert len(set(share_kmers(coded("", "", "N" * 80)).families())) == 3


def test_more_rows_than_can_be_numbered_are_refused() -> None:
    with pytest.raises(InputError, match="more than"):
        share_kmers(np.zeros(((1 << ROW_BITS) + 1, 1), dtype=np.uint8))
