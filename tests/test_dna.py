"""Letters and codes, strands, and the place of the tss in a window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promscan.seq.dna import ALPHABET, ENCODE, INVALID, UNKNOWN, WHITESPACE, decode, encode, reverse_complement
from promscan.seq.windows import TSS_INDEX, WINDOW, gc_around, tss_of

bases = st.text(alphabet=ALPHABET)


@given(bases)
def test_decoding_undoes_encoding(sequence):
    assert decode(encode(sequence)) == sequence
    assert decode(encode(sequence.encode())) == sequence


def test_codes_stand_in_the_original_order():
    assert encode("ATGCN").tolist() == [0, 1, 2, 3, 4]
    assert encode("").dtype == np.uint8


@given(bases)
def test_case_is_ignored_unless_masked_bases_are_skipped(sequence):
    np.testing.assert_array_equal(encode(sequence.lower()), encode(sequence))
    assert (encode(sequence.lower(), skip_masked=True) == UNKNOWN).all()
    np.testing.assert_array_equal(encode(sequence, skip_masked=True), encode(sequence))


@pytest.mark.parametrize("letter", "NRYSWKMBDHVXnryswkmbdhvx-.")
def test_ambiguous_letters_are_unknown_bases(letter):
    assert encode(letter).tolist() == [UNKNOWN]


def test_rna_is_read_as_dna():
    assert decode(encode("AUGu")) == "ATGT"


@pytest.mark.parametrize(("sequence", "message"), [("ACGE", "'E' at index 3"), ("A CG", "' ' at index 1"), ("é", "0")])
def test_other_letters_are_refused_by_name_and_index(sequence, message):
    with pytest.raises(ValueError, match=message):
        encode(sequence)


def test_the_table_knows_exactly_the_nucleotide_letters():
    known = {chr(byte) for byte in range(256) if ENCODE[byte] != INVALID}
    assert known == set("ACGTUNRYSWKMBDHVXacgtunryswkmbdhvx-.")
    assert not known & set(WHITESPACE.decode())


def test_complement_pairs_a_with_t_and_g_with_c():
    assert decode(reverse_complement(encode("AATGCN"))) == "NGCATT"
    np.testing.assert_array_equal(reverse_complement(encode("ATGC"))[::-1], encode("ATGC") ^ 1)


@given(bases)
def test_reverse_complement_is_its_own_inverse(sequence):
    codes = encode(sequence)
    np.testing.assert_array_equal(reverse_complement(reverse_complement(codes)), codes)


def test_reverse_complement_works_along_the_last_axis():
    batch = np.stack([encode("ATG"), encode("CCN")])
    assert [decode(row) for row in reverse_complement(batch)] == ["CAT", "NGG"]


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_tss_is_the_same_base_from_both_strands(start, beyond):
    """The mirrored window has its tss at the mirrored place."""
    length = start + WINDOW + beyond
    mirrored_start = length - (start + WINDOW)
    assert tss_of(start, "+") == start + TSS_INDEX == start + 33
    assert tss_of(start, "-") == start + 36
    assert tss_of(mirrored_start, "-") == length - 1 - tss_of(start, "+")


@given(st.text("ACGTN", min_size=WINDOW, max_size=300), st.integers(0, 200), st.integers(0, 60), st.integers(0, 60))
def test_gc_around_a_window_is_that_of_its_known_bases_and_the_same_on_both_strands(bases, reach, before, after):
    windows = len(bases) - WINDOW + 1
    first, count = min(before, windows - 1), max(1, windows - before - after)
    count = min(count, windows - first)
    shares = gc_around(encode(bases), first, count, reach)
    for i, share in enumerate(shares.tolist(), first):
        near = bases[max(0, i - reach) : i + WINDOW + reach].replace("N", "")
        assert share == pytest.approx(sum(near.count(base) for base in "GC") / len(near) if near else 0.5)
    mirrored = gc_around(reverse_complement(encode(bases)), windows - first - count, count, reach)
    assert (mirrored[::-1] == shares).all()
