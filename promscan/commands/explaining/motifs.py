"""Recurrent motifs of explanations: which they are, where they stand, which known element each is like."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from promscan.attribution.comparison import Match, best_match
from promscan.attribution.elements import ELEMENTS, Element, Matrix, consensus_of, logo_heights
from promscan.attribution.patterns import Instance, Pattern, find_patterns
from promscan.attribution.seqlets import Values, find_seqlets
from promscan.commands.explaining.explanation import Explanation
from promscan.io.files import open_text_output, safe_stem, write_errors
from promscan.io.meme import Motif, read_motifs, write_motifs
from promscan.log import counted
from promscan.seq.dna import LETTERS, encode

SIMILAR = 0.6
"""Cosine from which on a motif is said to be a known element."""
LIKELY = 0.05
"""Share of shuffled motifs that may be as similar as one that is said to be a known element."""
LEAST_BITS = 0.4
"""Information of the positions at the ends of a motif."""

MOTIF_COLUMNS = (
    "motif", "consensus", "element", "hits", "share", "offset", "from", "to", "contribution", "similarity", "chance",
    "element_offset", "orientation", "found_in", "source",
)  # fmt: skip
INSTANCE_COLUMNS = ("name", "motif", "element", "offset", "sequence", "contribution")
NONE = "."


class FoundMotif(NamedTuple):
    """A motif that recurs.

    name: M1 is the one with the most seqlets.
    pattern: its aligned seqlets.
    begin, end: positions of the pattern that say something.
    logo: information of each base at these positions, (end - begin, 4).
    offsets: positions of its first base relative to the transcription start, one a seqlet.
    match: the known element that it is like; None: none may stand there.
    """

    name: str
    pattern: Pattern
    begin: int
    end: int
    logo: Matrix
    offsets: Values
    match: Match | None

    @property
    def element(self) -> str:
        """Name of the known element that it is; empty if it is like none."""
        if self.match is None or self.match.similarity < SIMILAR or self.match.chance > LIKELY:
            return ""
        return self.match.element.name

    @property
    def matrix(self) -> Matrix:
        """Share of A, C, G and T at each of its positions."""
        return self.pattern.shares[self.begin : self.end]

    @property
    def usual_offset(self) -> int:
        """The most frequent position of its first base; of equals, the one nearest to the median."""
        values, counts = np.unique(self.offsets, return_counts=True)
        likely = values[counts == counts.max()]
        return int(likely[np.abs(likely - np.median(self.offsets)).argmin()])

    @property
    def hits(self) -> int:
        """How many explanations hold it."""
        return len({instance.seqlet.sequence for instance in self.pattern.instances})


def elements_with(meme: str | os.PathLike[str] | None) -> tuple[Element, ...]:
    """The bundled elements, and the motifs of a MEME file.

    Raises:
        InputError: the file cannot be used.
    """
    if meme is None:
        return ELEMENTS
    name = Path(meme).name
    return ELEMENTS + tuple(
        Element(motif.name, motif.matrix, consensus_of(motif.matrix), None, None, "any", name, turned=True)
        for motif in read_motifs(meme)
    )


def find_motifs(found: Sequence[Explanation], elements: Sequence[Element] = ELEMENTS) -> list[FoundMotif]:
    """The motifs that recur in explanations, those with the most seqlets first.

    Args:
        found: the explanations.
        elements: what they are compared with.
    """
    sequences = [encode(each.bases) for each in found]
    background = _background(found)
    patterns = find_patterns(find_seqlets(sequences, [each.contributions.astype(np.float64) for each in found]))
    return [
        _motif(f"M{number}", pattern, found, background, elements) for number, pattern in enumerate(patterns, start=1)
    ]


def _background(found: Sequence[Explanation]) -> Values:
    """Share of A, C, G and T in all explained bases."""
    counts = np.array([1 + sum(each.bases.count(letter) for each in found) for letter in LETTERS], dtype=np.float64)
    shares: Values = counts / counts.sum()
    return shares


def _motif(
    name: str, pattern: Pattern, found: Sequence[Explanation], background: Values, elements: Sequence[Element]
) -> FoundMotif:
    bits = logo_heights(pattern.shares, background, len(pattern.instances))
    informative = np.flatnonzero(bits.sum(axis=1) >= min(LEAST_BITS, bits.sum(axis=1).max()))
    begin, end = int(informative[0]), int(informative[-1]) + 1
    offsets = np.array([_offset(instance, begin, found) for instance in pattern.instances], dtype=np.float64)
    motif = FoundMotif(name, pattern, begin, end, bits[begin:end], offsets, None)
    return motif._replace(match=best_match(motif.matrix, background, motif.usual_offset, elements))


def _offset(instance: Instance, begin: int, found: Sequence[Explanation]) -> int:
    """Position of a base of the pattern in the sequence of an instance, relative to the transcription start."""
    seqlet, shift = instance
    return found[seqlet.sequence].first + seqlet.start + shift + begin


def write_folder(motifs: Sequence[FoundMotif], found: Sequence[Explanation], folder: Path) -> None:
    """Write the motifs, their instances, their matrices for other tools, and their logos.

    Raises:
        RunError: a file cannot be written.
    """
    with write_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "motifs.tsv", MOTIF_COLUMNS, (_motif_row(motif, len(found)) for motif in motifs))
    rows = sorted(row for motif in motifs for row in _instances(motif, found))
    _write(folder / "instances.tsv", INSTANCE_COLUMNS, (row for _, _, row in rows))
    named = [(Motif(_label(motif), motif.matrix), len(motif.pattern.instances)) for motif in motifs]
    write_motifs(folder / "motifs.meme", named, _background(found).tolist())
    _draw(motifs, folder)


def _write(path: Path, columns: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    with open_text_output(str(path)) as file:
        file.write("\t".join(columns) + "\n")
        file.writelines("\t".join(row) + "\n" for row in rows)


def _motif_row(motif: FoundMotif, explained: int) -> list[str]:
    low, high = np.quantile(motif.offsets, [0.1, 0.9]).round().astype(int).tolist()
    total = float(motif.pattern.contributions[motif.begin : motif.end].sum())
    row = [
        motif.name, consensus_of(motif.matrix), motif.element or NONE, str(motif.hits), f"{motif.hits / explained:.3f}",
        str(motif.usual_offset), str(low), str(high), f"{total:z.4f}",
    ]  # fmt: skip
    match = motif.match
    if match is None:
        return [*row, *[NONE] * (len(MOTIF_COLUMNS) - len(row))]
    place = motif.usual_offset + match.start
    known = [match.element.found_in, match.element.source] if motif.element else [NONE, NONE]
    turned = "-" if match.turned else "+"
    return [*row, f"{match.similarity:.3f}", f"{match.chance:.3f}", str(place), turned, *known]


def _instances(motif: FoundMotif, found: Sequence[Explanation]) -> Iterator[tuple[int, int, list[str]]]:
    """The explanation and the offset of each seqlet, and its row."""
    width = motif.end - motif.begin
    for instance in motif.pattern.instances:
        explanation = found[instance.seqlet.sequence]
        offset = _offset(instance, motif.begin, found)
        first = max(0, offset - explanation.first)
        last = max(first, offset - explanation.first + width)
        total = float(explanation.contributions[first:last].sum())
        place = [explanation.name, motif.name, motif.element or NONE, str(offset)]
        yield instance.seqlet.sequence, offset, [*place, explanation.bases[first:last], f"{total:z.4f}"]


def _label(motif: FoundMotif) -> str:
    return f"{motif.name} {motif.element}".strip()


def _draw(motifs: Sequence[FoundMotif], folder: Path) -> None:
    from promscan.plots.logo import plot_logo

    for motif in motifs:
        title = f"{_label(motif)}: {counted(motif.hits, 'hit')}"
        plot_logo(title, motif.logo.astype(np.float32), motif.usual_offset, folder / f"{safe_stem(_label(motif))}.svg")
