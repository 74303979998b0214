"""Genes of an annotation, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NOWHERE = -1
"""A position or an index that there is not."""


class Labels(NamedTuple):
    """Texts of a gene; empty where the annotation has none."""

    id: str = ""
    name: str = ""
    biotype: str = ""


class Stretches(NamedTuple):
    """Intervals that belong to genes; a gene may have several."""

    gene: Whole
    start: Whole
    end: Whole


@dataclass(frozen=True)
class Genes:
    """Genes in the order of their file, one for each row of every array.

    chroms: names of the contigs that have genes.
    contig: index of the contig in `chroms`.
    plus: whether the gene is on the + strand.
    start, end: the gene with all of its transcripts.
    coding: position of the first base of the start codon; -1: none. The one farthest 5', if transcripts differ.
    labels: id, name and biotype.
    starts: 5' ends of the transcripts, each position once a gene; the 5' end of the gene, if it has no transcripts.
    leaders: exons, or their parts, between the 5' end of a transcript and its start codon.
    without_strand: genes that were left out, as they are on no strand.
    circles: contigs that the annotation calls circular, and their bases. A gene over the origin ends past them.
    lengths: bases of contigs, as far as the annotation says them.
    """

    chroms: Sequence[str]
    contig: Whole
    plus: Flags
    start: Whole
    end: Whole
    coding: Whole
    labels: Sequence[Labels]
    starts: Stretches
    leaders: Stretches
    without_strand: int
    circles: Mapping[str, int] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)
