"""Windows of 70 bp with labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError
from promscan.io.sequences import read_single_windows, window_at
from promscan.io.tables import number_at, read_table
from promscan.io.text import Digest
from promscan.seq.dna import Codes, Mask


@dataclass(frozen=True)
class LabelledWindows:
    """Windows with labels: `codes` (n, 70) uint8, `labels` (n,) float32.

    A label is 1 for a promoter, 0 for any other window, or the probability of a promoter that another model gives.
    """

    codes: Codes
    labels: npt.NDArray[np.float32]
    source: str
    sha256: str

    @property
    def promoters(self) -> Mask:
        """Which windows have a label of at least 0.5, (n,)."""
        return self.labels >= 0.5

    def __len__(self) -> int:
        return len(self.labels)

    def describe(self) -> dict[str, object]:
        """Counts and checksum, for a card."""
        positives = int(self.promoters.sum())
        return {"rows": len(self), "positives": positives, "negatives": len(self) - positives, "sha256": self.sha256}


def read_windows(source: str | Path) -> LabelledWindows:
    """Read labelled 70-bp windows from a table, or from a pair of FASTA files.

    Args:
        source: CSV or TSV, plain or gzip, with columns `sequence` and `label` (0, 1 or a probability); or
            `POSITIVES.fa,NEGATIVES.fa`.

    Raises:
        InputError: the file is unreadable, a column is missing, a length, letter or label is wrong (the message names
            file and line), or all labels are of one class.
    """
    source = str(source)
    digest = hashlib.sha256()
    positives, comma, negatives = source.partition(",")
    if comma and not Path(source).exists():
        rows = [(window.codes, 1.0) for window in read_single_windows(positives, digest=digest)]
        rows += [(window.codes, 0.0) for window in read_single_windows(negatives, digest=digest)]
    else:
        rows = list(_labelled(source, digest))
    labels = np.array([label for _, label in rows], dtype=np.float32)
    if len(np.unique(labels >= 0.5)) < 2:
        raise InputError(f"{source}: both labels, 0 and 1, must occur; give windows of both kinds")
    return LabelledWindows(np.stack([codes for codes, _ in rows]), labels, source, digest.hexdigest())


def as_windows(source: LabelledWindows | str | Path) -> LabelledWindows:
    """Labelled windows as they are, or read from their file."""
    return source if isinstance(source, LabelledWindows) else read_windows(source)


def _labelled(path: str, digest: Digest) -> Iterator[tuple[Codes, float]]:
    for row, place in read_table(path, required=("sequence", "label"), digest=digest):
        yield window_at(row["sequence"], place), _label(row["label"], place)


def _label(text: str, place: str) -> float:
    label = number_at(text, "label", place)
    if not 0 <= label <= 1:
        raise InputError(f"{place}: label {text!r} must be 0 or 1, or a probability between them")
    return label
