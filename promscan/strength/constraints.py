"""Limits of a designed insert in its construct: G+C, sites to avoid, runs of one base."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError
from promscan.seq import dna
from promscan.seq.bounds import MAX_INSERT, check_whole
from promscan.seq.dna import Codes
from promscan.strength.reporter import Reporter

_SITE_LETTERS = dna.IUPAC | {"U": "T"}
_COMPLEMENTS = [dna.ALPHABET.index(letter) for letter in "TACGN"]
"""Codes of the complements of `ALPHABET`."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Limits:
    """Limits of every proposal, checked in its construct: between the flanks of the reporter.

    gc: least and largest share of G and C in the insert.
    avoid: IUPAC sequences that occur on neither strand of the construct, unless wholly in a flank.
    max_homopolymer: longest run of one base that touches the insert.
    """

    gc: tuple[float, float] = (0.3, 0.7)
    avoid: tuple[str, ...] = ()
    max_homopolymer: int = 6

    def __post_init__(self) -> None:
        low, high = self.gc
        if not 0 <= low <= high <= 1:
            raise InputError(f"gc {low:g}:{high:g} is no range of shares; give two from 0 to 1, the lower one first")
        check_whole("max_homopolymer", self.max_homopolymer, 1, MAX_INSERT)
        for site in self.avoid:
            if wrong := next((letter for letter in site.upper() if letter not in _SITE_LETTERS), None):
                raise InputError(
                    f"site {site!r}: {wrong!r} is not an IUPAC letter; give the sequence to avoid, such as GAATTC"
                )
            if set(site.upper()) <= {"N"}:
                raise InputError(f"site {site!r} is everywhere; give a sequence to avoid, such as GAATTC")

    def violations(self, inserts: Codes, reporter: Reporter) -> Counts:
        """How far each insert, of shape (n, insert length) without unknown bases, is from the limits; 0: within."""
        length = reporter.insert
        low, high = math.ceil(self.gc[0] * length - 1e-9), math.floor(self.gc[1] * length + 1e-9)
        gc = gc_of(inserts)
        found: Counts = np.maximum(low - gc, 0) + np.maximum(gc - high, 0)
        built = reporter.constructs(inserts)
        begin = len(reporter.five_prime)

        def touching(width: int) -> Codes:
            """The bases that a stretch of this width which touches the insert can lie in."""
            return built[:, max(0, begin - width + 1) : begin + length + width - 1]

        around = touching(self.max_homopolymer + 1)
        found += _occurrences([around[:, 1:] == around[:, :-1]] * self.max_homopolymer)
        for site in self._sites():
            around = touching(len(site))
            found += _occurrences([table[around] for table in site])
        return found

    def _sites(self) -> list[Codes]:
        """The sites of both strands, each once: (width, 5), whether a base fits at a place."""
        sites = {}
        for site in self.avoid:
            fits = np.array([[base in _SITE_LETTERS[letter] for base in dna.ALPHABET] for letter in site.upper()])
            for strand in (fits, fits[::-1, _COMPLEMENTS]):
                sites[strand.tobytes()] = strand
        return list(sites.values())

    def describe(self) -> str:
        """The limits in words."""
        sites = f", without {', '.join(self.avoid)}" if self.avoid else ""
        return f"G+C from {self.gc[0]:g} to {self.gc[1]:g}, runs of at most {self.max_homopolymer}{sites}"


def gc_of(inserts: Codes) -> Counts:
    """How many G and C are in each insert (n, length)."""
    counts: Counts = np.isin(inserts, [dna.ALPHABET.index("G"), dna.ALPHABET.index("C")]).sum(axis=1)
    return counts


def _occurrences(fits: Sequence[npt.NDArray[np.bool_]]) -> Counts:
    """How many places of each row there are where `fits[0]` holds, `fits[1]` one base on, and so forth; (n,)."""
    positions = fits[0].shape[1] - len(fits) + 1
    if positions < 1:
        return np.zeros(len(fits[0]), dtype=np.int64)
    counts: Counts = np.logical_and.reduce([fit[:, i : i + positions] for i, fit in enumerate(fits)]).sum(axis=1)
    return counts
