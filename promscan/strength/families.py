"""Sequence families: what shares a stretch of bases belongs together, and is never divided between training and test.

Two inserts are of one family if a chain of shared 20-mers, on either strand, leads from one to the other. Repeats such
as poly-A tie half a genome together; 20-mers of low complexity therefore make no chains. They still count when it is
asked which rows share anything at all with those held out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.errors import DependencyError, InputError
from promscan.seq.dna import UNKNOWN, Codes, Mask

KMER = 20
FEWEST_TRIMERS = 12
"""A 20-mer with fewer different 3-mers than this, of 18, is of low complexity."""
ROW_BITS = 63 - 2 * KMER
"""A 20-mer and the number of its row are packed into 63 bits, so that one sort of integers groups them."""
LARGEST_SHARE = 0.02
"""A family with more of all rows than this is never held out: it would be most of dev or test."""
BLOCK = 1 << 16

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SharedKmers:
    """The 20-mers that several rows have, from `share_kmers`.

    rows: row numbers, those with the same 20-mer next to each other, shape (m,).
    starts: where in `rows` each 20-mer begins, shape (k,).
    kmers: the 20-mers as numbers, shape (k,), rising.
    firsts: the smallest 20-mer of each row, shared or not, shape (n,); beyond all 20-mers for a row that has none.
    """

    rows: Numbers
    starts: Numbers
    kmers: Numbers
    firsts: Numbers

    def families(self) -> Numbers:
        """The family of each row, numbered from 0, shape (n,).

        Raises:
            DependencyError: scipy, which comes with scikit-learn, is missing.
        """
        try:
            from scipy.sparse import coo_array
            from scipy.sparse.csgraph import connected_components
        except ImportError as error:
            raise DependencyError("sequence families need scipy: pip install 'promscan[train]'") from error
        chained = np.repeat(are_complex(self.kmers), np.diff(self.starts, append=len(self.rows)))
        chained[self.starts] = False  # the edge to the row before, which has another 20-mer
        ends = np.flatnonzero(chained)
        n = len(self.firsts)
        edges = coo_array((np.ones(len(ends), dtype=bool), (self.rows[ends - 1], self.rows[ends])), shape=(n, n))
        labels: Numbers = connected_components(edges, directed=False)[1].astype(np.int64)
        return labels

    def touching(self, chosen: Mask) -> Mask:
        """Which rows share a 20-mer, of any complexity, with one of the `chosen` rows (n,), which are among them."""
        touched = chosen.copy()
        if len(self.starts):
            groups = np.logical_or.reduceat(chosen[self.rows], self.starts)
            touched[self.rows[np.repeat(groups, np.diff(self.starts, append=len(self.rows)))]] = True
        return touched


def share_kmers(inserts: Codes) -> SharedKmers:
    """Find the 20-mers, on either strand, that rows of `inserts`, shape (n, width), have in common.

    Raises:
        InputError: more rows than 8,388,608.
    """
    if len(inserts) > 1 << ROW_BITS:
        raise InputError(f"{len(inserts):,} sequences are more than the {1 << ROW_BITS:,} that families are found in")
    firsts = np.full(len(inserts), np.iinfo(np.int64).max, dtype=np.int64)
    parts = [np.empty(0, dtype=np.int64)]
    for begin in range(0, len(inserts), BLOCK):
        kmers, known = canonical_kmers(inserts[begin : begin + BLOCK])
        if kmers.shape[1]:
            firsts[begin : begin + BLOCK] = np.where(known, kmers, np.iinfo(np.int64).max).min(axis=1)
        packed = kmers << ROW_BITS | np.arange(begin, begin + len(kmers))[:, None]
        parts.append(packed[known])
    packed = np.concatenate(parts)
    del parts
    packed.sort()
    kmers = packed >> ROW_BITS
    same = kmers[1:] == kmers[:-1]
    shared = np.zeros(len(kmers), dtype=bool)
    shared[1:] = same
    shared[:-1] |= same
    kmers, rows = kmers[shared], packed[shared] & ((1 << ROW_BITS) - 1)
    starts = np.flatnonzero(np.diff(kmers, prepend=-1))
    return SharedKmers(rows, starts, kmers[starts], firsts)


class NamedFamilies(NamedTuple):
    """Families of rows of which some have names.

    families: the family of each row, (n,).
    firsts: what a family is drawn by, (n,): the smallest 20-mer of a row, or a number made of the name.
    rows: which rows have a name, (n,).
    """

    families: Numbers
    firsts: Numbers
    rows: Mask


def name_families(shared: SharedKmers, names: npt.NDArray[np.str_]) -> NamedFamilies:
    """Families of rows with the names (n,) that tables give them; empty: by the 20-mers that rows share.

    Raises:
        DependencyError: scipy is missing.
    """
    families, firsts, rows = shared.families(), shared.firsts.copy(), names != ""
    known, number = np.unique(names[rows], return_inverse=True)
    digests = (hashlib.sha256(name.encode()).digest() for name in known.tolist())
    drawn_by = np.array([int.from_bytes(digest[:7], "big") for digest in digests], dtype=np.int64)
    families[rows] = len(names) + number
    firsts[rows] = drawn_by[number]
    return NamedFamilies(np.unique(families, return_inverse=True)[1].astype(np.int64), firsts, rows)


def canonical_kmers(codes: Codes) -> tuple[Numbers, Mask]:
    """20-mers of rows (n, width), the smaller number of the two strands, and which have no unknown base.

    Both of shape (n, max(0, width - 19)).
    """
    windows = max(0, codes.shape[1] - KMER + 1)
    forward, reverse = (np.zeros((len(codes), windows), dtype=np.int64) for _ in range(2))
    known = np.ones((len(codes), windows), dtype=bool)
    for i in range(KMER if windows else 0):
        base = codes[:, i : i + windows]
        known &= base != UNKNOWN
        bits = (base & 3).astype(np.int64)
        forward |= bits << 2 * (KMER - 1 - i)
        reverse |= (bits ^ 1) << 2 * i
    return np.minimum(forward, reverse), known


def are_complex(kmers: Numbers) -> Mask:
    """Which 20-mers, as numbers (k,), are made of at least 12 different 3-mers."""
    different = np.ones(len(kmers), dtype=np.int64)
    for begin in range(0, len(kmers), BLOCK):
        block = kmers[begin : begin + BLOCK, None]
        trimers = np.sort(block >> 2 * np.arange(KMER - 2) & 63, axis=1)
        different[begin : begin + BLOCK] += np.count_nonzero(np.diff(trimers, axis=1), axis=1)
    complex_enough: Mask = different >= FEWEST_TRIMERS
    return complex_enough


def draw_families(families: Numbers, firsts: Numbers, seed: int) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each row, shape (n,), the same within a family; 1 in families too large to hold out.

    It comes from the smallest 20-mer of the family and the seed, so it does not depend on the order of the rows.
    """
    count = int(families.max(initial=-1)) + 1
    smallest = np.full(count, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(smallest, families, firsts)
    drawn = _mix(smallest.astype(np.uint64) ^ np.uint64(_mix(np.array([seed], dtype=np.uint64))[0])) / 2.0**64
    drawn = np.minimum(drawn, np.nextafter(1.0, 0.0))
    drawn[np.bincount(families, minlength=count) > max(10, LARGEST_SHARE * len(families))] = 1.0
    return drawn[families]


def _mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scatter integers evenly (splitmix64)."""
    z = numbers + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
