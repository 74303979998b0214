"""The hits of one file, as a report shows them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from promscan.commands.model_of_hits import card_of_hits
from promscan.io.hits import read_scored_rows
from promscan.io.listed_rows import stranded
from promscan.io.scan_header import is_circle, scanned_part
from promscan.io.tables import LARGEST_NUMBER, finite
from promscan.networks.card import Card
from promscan.seq.intervals import Intervals, Positions
from promscan.seq.records import Interval, Scores
from promscan.seq.tss import Site

_NUMBERS = ("probability", "fp_per_mb", "strength", "strength_sd", "distance")
_WORDS = ("class", "class_gene", "gene_name", "gene_id")
_COLUMNS = (*_NUMBERS, *_WORDS)


@dataclass(frozen=True)
class Sample:
    """Hits of one file, shape (n,), in the order of the genome.

    label: name of the sample in the report, unique in it.
    sites: places of the hits.
    starts, ends, names: their intervals and names in the file.
    scores: what they are ranked by.
    numbers: probability, fp_per_mb, strength, strength_sd, and distance to the gene; NaN where the file has none.
    genes, classes: gene of each hit and its class; empty where the file has none.
    score, position: which column is the score, and which base is the TSS, in words.
    settings: words of the first line of promscan; empty for other tools.
    """

    label: str
    sites: Sequence[Site]
    starts: Positions
    ends: Positions
    names: Sequence[str]
    scores: Scores
    numbers: Mapping[str, Scores]
    genes: Sequence[str]
    classes: Sequence[str]
    score: str
    position: str
    settings: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.sites)

    @cached_property
    def tss(self) -> Positions:
        """Transcription start of each hit."""
        return np.array([site.tss for site in self.sites], dtype=np.int64)

    @cached_property
    def best_first(self) -> Positions:
        """Indices of the hits from the highest score on; of equal scores, the first of the genome first."""
        return np.argsort(-self.scores, kind="stable")

    def has(self, name: str) -> bool:
        """Whether any hit has this number."""
        return bool(np.isfinite(self.numbers[name]).any())

    @property
    def has_genes(self) -> bool:
        """Whether any hit names a gene."""
        return any(self.genes)

    @cached_property
    def card(self) -> Card | None:
        """Card of the bundled model that made the hits; None if it is another one, or not known."""
        return card_of_hits(self.settings)

    @property
    def graded(self) -> bool:
        """Whether the scores of the hits are grades, which a track of logits cannot show."""
        return "grade" in self.settings

    @property
    def threshold(self) -> float | None:
        """Score of a hit that the header of the file asks for, a grade if hits are graded; None if it says none."""
        return finite(self.settings.get("threshold_logit", ""))

    @property
    def least_logit(self) -> float | None:
        """Logit that a hit needs, by the header: the threshold, or where hits are graded that of a candidate."""
        return finite(self.settings.get("candidates", "")) if self.graded else self.threshold

    def is_circle(self, chrom: str) -> bool:
        """Whether the scan took a contig for a circle."""
        return is_circle(self.settings, chrom)

    def circles_among(self, contigs: Iterable[str]) -> frozenset[str]:
        """The contigs that the scan took for circles."""
        return frozenset(filter(self.is_circle, contigs))

    def scanned_bases(self, contigs: Mapping[str, int]) -> int | None:
        """Bases that were scanned; None if the header does not say it.

        Of a tool that says nothing, all of the genome is taken to be scanned.
        """
        everything = Intervals.of(Interval(chrom, 0, length) for chrom, length in contigs.items())
        part = scanned_part(self.settings, contigs, everything)
        if part.unknown:
            return None
        return everything.total_bases if part.within is None else part.within.total_bases


def read_samples(
    paths: Sequence[str | os.PathLike[str]], contigs: Mapping[str, int], score_column: int | None
) -> list[Sample]:
    """Read the hits of each file, and give each sample a label of its own.

    Raises:
        InputError: a file cannot be read, or has a row that is no hit on these contigs.
    """
    labels = _labels([Path(path) for path in paths])
    return [_read(path, label, contigs, score_column) for path, label in zip(paths, labels, strict=True)]


def _labels(paths: Sequence[Path]) -> list[str]:
    """Name files by their names, without their suffixes and with their folders if that is not unique."""
    for label in (lambda path: path.name.split(".")[0], lambda path: path.name, str):
        labels = [label(path) or path.name for path in paths]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{path} ({number})" for number, path in enumerate(paths, start=1)]


def _read(path: str | os.PathLike[str], label: str, contigs: Mapping[str, int], score_column: int | None) -> Sample:
    read = read_scored_rows(path, contigs, score_column, _COLUMNS)
    place = {chrom: index for index, chrom in enumerate(contigs)}
    order = sorted(range(len(read.rows)), key=lambda i: (place[read.rows[i].chrom], read.tss[i], read.rows[i].strand))
    rows, values = [read.rows[i] for i in order], [read.values[i] for i in order]
    texts = {name: [value[column] for value in values] for column, name in enumerate(_COLUMNS)}
    scores = np.array([read.scores[i] for i in order], dtype=np.float64)
    numbers = {name: np.array([_number(text) for text in texts[name]], dtype=np.float64) for name in _NUMBERS}
    if read.score == "logit":  # GFF3 and narrowPeak have no column of this name
        numbers["probability"] = 1 / (1 + np.exp(-np.clip(scores, -700, 700)))
    empty = [""] * len(rows)
    genes = _first_filled(*(texts[name] for name in ("gene_name", "gene_id", "class_gene")), empty)
    return Sample(
        label=label,
        sites=[Site(row.chrom, read.tss[i], stranded(row)) for i, row in zip(order, rows, strict=True)],
        starts=np.array([row.start for row in rows], dtype=np.int64),
        ends=np.array([row.end for row in rows], dtype=np.int64),
        names=[row.name for row in rows],
        scores=scores,
        numbers=numbers,
        genes=genes,
        classes=_first_filled(texts["class"], empty),
        score=read.score,
        position=read.position,
        settings=read.settings,
    )  # fmt: skip


def _first_filled(*columns: Sequence[str]) -> list[str]:
    """Take the first value of each row that is there; `.` stands for none."""
    return [next((value for value in values if value not in ("", ".")), "") for values in zip(*columns, strict=True)]


def _number(text: str) -> float:
    value = finite(text)
    return np.nan if value is None or abs(value) > LARGEST_NUMBER else value
