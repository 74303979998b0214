"""Sequence elements of promoters, as the literature gives them: consensus, usual place, and who described them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.seq.dna import IUPAC, LETTERS

Matrix = npt.NDArray[np.float64]
"""Share of A, C, G and T at each position, (positions, 4)."""


class Element(NamedTuple):
    """A known element.

    name: of the element.
    matrix: its bases.
    consensus: its letters.
    first, last: where its first base stands, in bp from the transcription start, which is 0; None: anywhere.
    found_in: kind of organisms.
    source: who described it.
    turned: whether it works in both orientations.
    """

    name: str
    matrix: Matrix
    consensus: str
    first: int | None
    last: int | None
    found_in: str
    source: str
    turned: bool

    def allows(self, position: float) -> bool:
        """Whether its first base may stand there, in bp from the transcription start."""
        return self.first is None or self.last is None or self.first <= position <= self.last


def matrix_of(consensus: str) -> Matrix:
    """The matrix of a consensus in IUPAC letters; the bases of a letter have equal shares."""
    rows = [[(base in IUPAC[letter]) / len(IUPAC[letter]) for base in LETTERS] for letter in consensus]
    return np.array(rows, dtype=np.float64)


def consensus_of(matrix: Matrix) -> str:
    """The IUPAC letter of each position: the fewest bases with more than three quarters of the share."""
    letters = {frozenset(bases): letter for letter, bases in IUPAC.items()}
    found = []
    for row in matrix:
        order = np.argsort(-row, kind="stable")
        count = int(np.searchsorted(np.cumsum(row[order]), 0.75 * row.sum(), side="right")) + 1
        found.append(letters[frozenset(LETTERS[index] for index in order[: min(count, len(LETTERS))])])
    return "".join(found)


def logo_heights(shares: Matrix, background: npt.NDArray[np.float64], sites: int) -> Matrix:
    """Height of each letter of a sequence logo in bits, (positions, 4): its share of the relative entropy.

    What as many random bases would have on average is subtracted (Schneider et al. 1986, J. Mol. Biol. 188:415).

    Args:
        shares: share of each base at each position.
        background: share of each base elsewhere, (4,).
        sites: sequences that the shares were counted in.
    """
    expected = (len(LETTERS) - 1) / (2 * np.log(2) * max(sites, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(shares > 0, shares * np.log2(shares / np.maximum(background, 1e-9)), 0)
    heights: Matrix = shares * np.maximum(bits.sum(axis=1, keepdims=True) - expected, 0)
    return heights


_ANIMALS, _EUKARYOTES, _YEAST, _BACTERIA = "animals", "eukaryotes", "yeast", "bacteria"
_ANYWHERE: tuple[None, None] = (None, None)

_TABLE: list[tuple[str, str, tuple[int | None, int | None], str, str, bool]] = [
    ("TATA box", "TATAWAAR", (-34, -26), _EUKARYOTES, "Juven-Gershon and Kadonaga 2010, Dev. Biol. 339:225", False),
    ("Initiator", "BBCABW", (-5, -1), _ANIMALS, "Vo ngoc et al. 2017, Genes Dev. 31:6", False),
    ("Fly initiator", "TCAKTY", (-4, 0), _ANIMALS, "Juven-Gershon and Kadonaga 2010, Dev. Biol. 339:225", False),
    ("TCT", "YYCTTTYY", (-4, 0), _ANIMALS, "Parry et al. 2010, Genes Dev. 24:2013", False),
    ("DPE", "RGWYVT", (25, 29), _ANIMALS, "Kutach and Kadonaga 2000, Mol. Cell. Biol. 20:4754", False),
    ("BREu", "SSRCGCC", (-42, -34), _ANIMALS, "Lagrange et al. 1998, Genes Dev. 12:34", False),
    ("BREd", "RTDKKKK", (-26, -18), _ANIMALS, "Deng and Roberts 2005, Genes Dev. 19:2418", False),
    ("CCAAT box", "RRCCAATSR", _ANYWHERE, _ANIMALS, "Mantovani 1998, Nucleic Acids Res. 26:1135", True),
    ("GC box", "KGGGCGGRRY", _ANYWHERE, _ANIMALS, "Kadonaga et al. 1986, Trends Biochem. Sci. 11:20", True),
    ("YY1", "CAANATGGC", _ANYWHERE, _ANIMALS, "Xie et al. 2005, Nature 434:338", True),
    ("ETS", "SCGGAAGY", _ANYWHERE, _ANIMALS, "Xie et al. 2005, Nature 434:338", True),
    ("NRF1", "RCGCANGCGY", _ANYWHERE, _ANIMALS, "Xie et al. 2005, Nature 434:338", True),
    ("CRE", "TGACGTMA", _ANYWHERE, _ANIMALS, "Montminy et al. 1986, Proc. Natl. Acad. Sci. 83:6682", True),
    ("Yeast TATA box", "TATAWAWR", (-120, -37), _YEAST, "Basehoar et al. 2004, Cell 116:699", False),
    ("GAE", "GAAAA", (-120, -37), _YEAST, "Seizl et al. 2011, PLoS ONE 6:e27595", True),
    ("Yeast initiator", "AAAAAANYAWNNAAAAAA", (-10, -6), _YEAST, "Zhang and Dietrich 2005, NAR 33:2838", False),
    ("Reb1", "CGGGTRR", _ANYWHERE, _YEAST, "Liaw and Brandl 1994, Yeast 10:771", True),
    ("Poly(dA:dT)", "AAAAAAA", (-200, -20), _YEAST, "Struhl 1985, Proc. Natl. Acad. Sci. 82:8419", True),
    ("Start codon", "GCCRCCATGG", (0, 1000), _ANIMALS, "Kozak 1987, Nucleic Acids Res. 15:8125", False),
    ("Yeast start codon", "AMAATG", (0, 1000), _YEAST, "Hamilton et al. 1987, Nucleic Acids Res. 15:3581", False),
    ("-10", "TATAAT", (-15, -9), _BACTERIA, "Harley and Reynolds 1987, Nucleic Acids Res. 15:2343", False),
    ("Extended -10", "TGNTATAAT", (-18, -12), _BACTERIA, "Keilty and Rosenberg 1987, J. Biol. Chem. 262:6389", False),
    ("-35", "TTGACA", (-40, -31), _BACTERIA, "Harley and Reynolds 1987, Nucleic Acids Res. 15:2343", False),
]  # fmt: skip

ELEMENTS = tuple(
    Element(name, matrix_of(consensus), consensus, *place, found_in, source, turned)
    for name, consensus, place, found_in, source, turned in _TABLE
)
"""The elements that are bundled; where each stands is written for the base of the transcription start as 0."""


def element_of(name: str) -> Element:
    """The bundled element with this name."""
    return next(element for element in ELEMENTS if element.name == name)
