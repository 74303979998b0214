"""The rows of the table of hits, and the details of the best ones, as the page stores them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from promscan.commands.reporting.motifs import MotifInstance
from promscan.commands.reporting.sample import Sample
from promscan.commands.reporting.surroundings import AFTER, BEFORE, SearchedElement
from promscan.seq.dna import Codes, decode
from promscan.seq.intervals import Positions

_DIGITS = {"probability": 4, "fp_per_mb": 3, "strength": 3, "strength_sd": 3, "distance": 0}


@dataclass(frozen=True)
class Details:
    """What is shown of the best hits of a sample, of each in the same order.

    indices: of the hits.
    around: codes around each hit.
    elements: those that are marked in a sequence.
    tracks: scores around each hit on + and on -, in base64; empty: there are none.
    motifs: those that an explanation found in each hit; empty: there is none.
    """

    indices: Positions
    around: Codes
    elements: Sequence[SearchedElement]
    tracks: Sequence[tuple[str, str]] = field(default=())
    motifs: Sequence[Sequence[MotifInstance]] = field(default=())

    def describe(self) -> dict[int, dict[str, Any]]:
        """The details by the index of the hit."""
        places = [(each, each.places(self.around).tolist()) for each in self.elements]
        described = dict[int, dict[str, Any]]()
        for row, index in enumerate(self.indices.tolist()):
            marks: list[list[Any]] = [
                [each.name, found[row], len(each.pattern)] for each, found in places if found[row] >= 0
            ]
            marks += _motif_marks(self.motifs[row]) if self.motifs else []
            described[index] = {"sequence": decode(self.around[row]), "marks": marks}
            if self.tracks:
                described[index]["tracks"] = self.tracks[row]
        return described


def _motif_marks(motifs: Sequence[MotifInstance]) -> list[list[Any]]:
    """Marks of the motifs that lie in the sequence that is shown."""
    return [
        [each.label, BEFORE + each.offset, each.length, f"{each.worth:+.2f}"]
        for each in motifs
        if each.length and -BEFORE <= each.offset <= AFTER + 1 - each.length
    ]


def table_rows(samples: Sequence[Sample], details: Sequence[Details], most: int) -> dict[str, Any]:
    """Columns of the table of hits, each a list of all rows, and the details by row.

    Args:
        samples: the samples, one after the other.
        details: of each sample.
        most: rows of a sample, at most: those with the highest scores.
    """
    place = dict[str, int]()
    columns: dict[str, list[Any]] = {
        name: [] for name in ("sample", "chrom", "start", "end", "tss", "strand", "name", "score", "gene", "class")
    }
    numbers = [name for name in _DIGITS if any(sample.has(name) for sample in samples)]
    used = {name: list[float | int | None]() for name in numbers}
    described = dict[int, dict[str, Any]]()
    for number, (sample, best) in enumerate(zip(samples, details, strict=True)):
        chosen = np.sort(sample.best_first[:most]).tolist()
        own = best.describe()
        first = len(columns["tss"])
        described |= {first + row: own[index] for row, index in enumerate(chosen) if index in own}
        _add_words(columns, sample, chosen, number, place)
        for name in numbers:
            used[name] += [_rounded(value, _DIGITS[name]) for value in sample.numbers[name][chosen].tolist()]
    for name in ("gene", "class"):
        if not any(columns[name]):
            del columns[name]
    return {"columns": {**columns, **used}, "chroms": list(place), "details": described}


def _add_words(
    columns: dict[str, list[Any]], sample: Sample, chosen: Sequence[int], number: int, place: dict[str, int]
) -> None:
    """Add the columns that every hit has."""
    for index in chosen:
        chrom, tss, strand = sample.sites[index]
        columns["sample"].append(number)
        columns["chrom"].append(place.setdefault(chrom, len(place)))
        columns["start"].append(int(sample.starts[index]))
        columns["end"].append(int(sample.ends[index]))
        columns["tss"].append(tss)
        columns["strand"].append(0 if strand == "+" else 1)
        # The page makes the usual name itself, which saves a fifth of its bytes.
        columns["name"].append("" if sample.names[index] == f"{chrom}_{tss}_{strand}" else sample.names[index])
        columns["score"].append(_rounded(float(sample.scores[index]), 4))
        columns["gene"].append(sample.genes[index])
        columns["class"].append(sample.classes[index])


def _rounded(value: float, digits: int) -> float | int | None:
    if not np.isfinite(value):
        return None
    return round(value, digits) if digits else round(value)
