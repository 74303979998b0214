"""Patterns: seqlets that are alike, put one below the other.

Two seqlets are alike if the cosine of their contributions by base is high at some shift. The seqlet with the most
relatives begins a pattern; its relatives are aligned to it, and then to the mean of all; what stays alike is taken out,
and the search goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from promscan.attribution.elements import Matrix
from promscan.attribution.seqlets import WIDTH, Seqlet, Values
from promscan.seq.dna import LETTER_CODES, UNKNOWN

MOST_SHIFT = 5
"""Bases by which two seqlets may be shifted."""
ALIKE = 0.6
"""Cosine of two seqlets that are alike."""
FEWEST = 5
"""Seqlets of a pattern, at least."""
MOST_SEQLETS = 4000
"""Seqlets that are compared: those with the highest contributions."""
_ROUNDS = 3


class Instance(NamedTuple):
    """A seqlet of a pattern; `shift`: index in the seqlet where the pattern begins."""

    seqlet: Seqlet
    shift: int


class Pattern(NamedTuple):
    """Aligned seqlets.

    instances: its seqlets.
    counts: how many of them have A, C, G and T at each position, (WIDTH, 4).
    contributions: mean contribution of each position, (WIDTH,).
    """

    instances: tuple[Instance, ...]
    counts: Matrix
    contributions: Values

    @property
    def shares(self) -> Matrix:
        """Share of A, C, G and T at each position, (WIDTH, 4), with a pseudocount of one base."""
        padded = self.counts + 0.25
        shares: Matrix = padded / padded.sum(axis=1, keepdims=True)
        return shares


def find_patterns(seqlets: Sequence[Seqlet]) -> list[Pattern]:
    """The patterns of seqlets, largest first."""
    chosen = sorted(seqlets, key=lambda seqlet: (-seqlet.total, seqlet.sequence, seqlet.start))[:MOST_SEQLETS]
    rest, patterns = chosen, list[Pattern]()
    while len(rest) >= FEWEST:
        pattern = _largest(rest)
        if pattern is None:
            break
        patterns.append(pattern)
        used = {(instance.seqlet.sequence, instance.seqlet.start) for instance in pattern.instances}
        rest = [seqlet for seqlet in rest if (seqlet.sequence, seqlet.start) not in used]
    return sorted(patterns, key=lambda pattern: -len(pattern.instances))


def _largest(seqlets: Sequence[Seqlet]) -> Pattern | None:
    """The pattern around the seqlet with the most relatives; None: none has enough."""
    padded = np.stack([_weighted(seqlet) for seqlet in seqlets])
    relatives = np.zeros(len(seqlets), dtype=np.int64)
    for index in range(len(seqlets)):
        relatives[index] = (_best(padded, padded[index])[0] >= ALIKE).sum()
    centre = padded[int(relatives.argmax())]
    members = np.empty(0, dtype=np.int64)
    for _ in range(_ROUNDS):
        cosines, shifts = _best(padded, centre)
        members = np.flatnonzero(cosines >= ALIKE)
        if len(members) < FEWEST:
            return None
        centre = _unit(np.mean([_shifted(padded[member], shifts[member]) for member in members], axis=0))
    return _pattern([Instance(seqlets[member], int(shifts[member])) for member in members.tolist()])


def _weighted(seqlet: Seqlet) -> Matrix:
    """Contributions by base with room for shifts, (WIDTH + 2 * MOST_SHIFT, 4), of length 1; negative ones are 0."""
    values = np.zeros((WIDTH + 2 * MOST_SHIFT, 4))
    known = np.flatnonzero(seqlet.bases != UNKNOWN)
    columns = [LETTER_CODES.index(code) for code in seqlet.bases[known].tolist()]
    values[MOST_SHIFT + known, columns] = np.maximum(seqlet.values[known], 0)
    return _unit(values)


def _unit(values: Matrix) -> Matrix:
    return values / max(float(np.linalg.norm(values)), 1e-12)


def _best(padded: Matrix, centre: Matrix) -> tuple[Values, Values]:
    """The highest cosine of each seqlet with a centre, and the shift (where the centre begins) at which it is."""
    shifts = range(-MOST_SHIFT, MOST_SHIFT + 1)
    flat = padded.reshape(len(padded), -1)
    cosines = flat @ np.stack([_shifted(centre, -shift).ravel() for shift in shifts], axis=1)
    best = cosines.argmax(axis=1)
    return cosines[np.arange(len(padded)), best], best - MOST_SHIFT


def _shifted(values: Matrix, shift: int) -> Matrix:
    """The rows from `shift` on, at the beginning; rows that leave at one end are lost, and zeros come in."""
    moved = np.zeros_like(values)
    if shift >= 0:
        moved[: len(values) - shift] = values[shift:]
    else:
        moved[-shift:] = values[:shift]
    return moved


def _pattern(instances: Sequence[Instance]) -> Pattern:
    counts, total, seen = np.zeros((WIDTH, 4)), np.zeros(WIDTH), np.zeros(WIDTH)
    for seqlet, shift in instances:
        for position in range(max(0, -shift), min(WIDTH, WIDTH - shift)):
            base = int(seqlet.bases[position + shift])
            if base != UNKNOWN:
                counts[position, LETTER_CODES.index(base)] += 1
                total[position] += seqlet.values[position + shift]
                seen[position] += 1
    return Pattern(tuple(instances), counts, total / np.maximum(seen, 1))
