"""Which known element a pattern is like, and where.

Both are matrices of shares minus what stands there by chance, so a position without preference counts for nothing. The
similarity is their cosine over all positions of both, at the best place and orientation. How often a pattern with the
same columns in another order is as similar to any element says what the similarity is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from promscan.attribution.elements import Element, Matrix
from promscan.attribution.seqlets import Values

LEAST_OVERLAP = 4
"""Positions that a pattern and an element share, at least."""
SHUFFLES = 1000
"""Orders of the columns that a pattern is compared with."""
_SEED = 20


class Match(NamedTuple):
    """The element that a pattern is most like.

    element: the element.
    turned: whether the pattern is like its reverse complement.
    start: position in the pattern of the first base of the element, as it stands there.
    similarity: cosine, at most 1.
    chance: share of shuffled patterns that are as similar to any element.
    """

    element: Element
    turned: bool
    start: int
    similarity: float
    chance: float


class _Place(NamedTuple):
    element: Element
    turned: bool
    start: int


def reverse_complement(matrix: Matrix) -> Matrix:
    """The matrix of the opposite strand."""
    return matrix[::-1, ::-1]


def best_match(shares: Matrix, background: Values, first: float, elements: Sequence[Element]) -> Match | None:
    """The most similar element that may stand where the pattern stands; None: none may.

    Args:
        shares: share of A, C, G and T at each position of the pattern, (positions, 4).
        background: share of A, C, G and T around it, (4,).
        first: position of the pattern relative to the transcription start.
        elements: what it is compared with.
    """
    places = [place for element in elements for place in _places(element, len(shares), first)]
    if not places:
        return None
    templates = np.stack([_template(place, len(shares)) for place in places], axis=1)
    preference = shares - background
    random = np.random.default_rng(_SEED)
    orders = [np.arange(len(shares)), *(random.permutation(len(shares)) for _ in range(SHUFFLES))]
    length = max(float(np.linalg.norm(preference)), 1e-12)
    cosines = np.stack([preference[order].ravel() for order in orders]) @ templates / length
    best, highest = int(cosines[0].argmax()), cosines.max(axis=1)
    chance = float((1 + (highest[1:] >= highest[0]).sum()) / (1 + SHUFFLES))
    return Match(*places[best], float(highest[0]), chance)


def _places(element: Element, length: int, first: float) -> list[_Place]:
    """Where an element may stand along a pattern, in each orientation."""
    overlap = min(LEAST_OVERLAP, len(element.matrix), length)
    starts = range(overlap - len(element.matrix), length - overlap + 1)
    allowed = [start for start in starts if element.allows(first + start)]
    return [
        _Place(element, turned, start)
        for turned in ((False, True) if element.turned else (False,))
        for start in allowed
    ]


def _template(place: _Place, length: int) -> Values:
    """What an element prefers at each position of a pattern, flat; the whole element has length 1."""
    matrix = reverse_complement(place.element.matrix) if place.turned else place.element.matrix
    preference = matrix - 1 / matrix.shape[1]
    preference = preference / np.linalg.norm(preference)
    template = np.zeros((length, matrix.shape[1]))
    begin, end = max(0, place.start), min(length, place.start + len(matrix))
    template[begin:end] = preference[begin - place.start : end - place.start]
    return template.ravel()
