"""Labelled windows: reading them, checking them, and drawing the batches of an epoch."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from promscan import dna
from promscan.dna import WINDOW, Codes
from promscan.errors import InputError

SAMPLERS = ("balanced", "shuffled")


@dataclass(frozen=True)
class LabelledWindows:
    """Windows with a label each: `codes` (n, 70) uint8, `labels` (n,) uint8, 1 for a promoter."""

    codes: Codes
    labels: npt.NDArray[np.uint8]
    source: str
    sha256: str

    def __len__(self) -> int:
        return len(self.labels)

    def describe(self) -> dict[str, object]:
        """Counts and checksum, for a card."""
        positives = int(self.labels.sum())
        return {"rows": len(self), "positives": positives, "negatives": len(self) - positives, "sha256": self.sha256}


def read_windows(source: str) -> LabelledWindows:
    """Labelled 70-bp windows from a table, or from a pair of FASTA files.

    Args:
        source: CSV or TSV, plain or gzip, with columns `sequence` and `label` (0 or 1); or `POSITIVES.fa,NEGATIVES.fa`.

    Raises:
        InputError: unreadable file, missing column, wrong length, letter or label (named by file and line), or one
            class only.
    """
    positives, comma, negatives = source.partition(",")
    if comma and not Path(source).exists():
        rows = [*_read_fasta(positives, 1), *_read_fasta(negatives, 0)]
        paths = [positives, negatives]
    else:
        rows = list(_read_table(source))
        paths = [source]
    labels = np.array([label for _, label in rows], dtype=np.uint8)
    if not 0 < labels.sum() < len(labels):
        raise InputError(f"{source}: both labels, 0 and 1, must occur; give windows of both kinds")
    digest = hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()
    return LabelledWindows(np.stack([codes for codes, _ in rows]), labels, source, digest)


def open_text(path: str) -> IO[str]:
    """A text file, plain or gzip, for reading.

    Raises:
        InputError: it cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        if packed:
            return gzip.open(path, "rt", encoding="utf-8", newline="")
        return open(path, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _read_table(path: str) -> Iterator[tuple[Codes, int]]:
    with open_text(path) as file:
        try:
            head = file.readline()
            delimiter = "\t" if "\t" in head else ","
            columns = next(csv.reader([head], delimiter=delimiter), [])
            if not {"sequence", "label"} <= set(columns):
                raise InputError(f"{path} line 1: the header must name the columns sequence and label")
            reader = csv.DictReader(file, columns, delimiter=delimiter)
            for row in reader:
                place = f"{path} line {reader.line_num + 1}"
                label = (row["label"] or "").strip()
                if label not in ("0", "1"):
                    raise InputError(f"{place}: label {label!r} must be 0 or 1")
                yield _window(row["sequence"] or "", place), int(label)
        except (EOFError, gzip.BadGzipFile, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path}: damaged table: {error}") from error


def _read_fasta(path: str, label: int) -> Iterator[tuple[Codes, int]]:
    name, begun, parts = "", 0, list[str]()
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if line.startswith(">"):
                if name:
                    yield _window("".join(parts), f"{path} line {begun} ({name})"), label
                name, begun, parts = line[1:].split()[0] if line[1:].split() else "unnamed", number, []
            elif not name and line.strip():
                raise InputError(f"{path} line {number}: not FASTA: a record must begin with '>'")
            else:
                parts.append(line.strip())
    if not name:
        raise InputError(f"{path}: no sequence in this file")
    yield _window("".join(parts), f"{path} line {begun} ({name})"), label


def _window(sequence: str, place: str) -> Codes:
    try:
        codes = dna.encode(sequence.strip())
    except ValueError as error:
        raise InputError(f"{place}: {error}") from error
    if len(codes) != WINDOW:
        raise InputError(f"{place}: the sequence has {len(codes)} bp; windows have exactly {WINDOW}")
    return codes


def epoch_order(labels: npt.NDArray[np.uint8], sampler: str, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Row numbers of one epoch, as many as there are rows.

    `shuffled` takes every row once. `balanced` alternates positives and negatives, each class in its own random order;
    the smaller class begins again when it runs out, and the larger shows its remaining rows in other epochs.
    """
    if sampler == "shuffled":
        return rng.permutation(len(labels))
    half = (len(labels) + 1) // 2
    order = np.empty(2 * half, dtype=np.int64)
    for offset, label in enumerate((1, 0)):
        rows = np.flatnonzero(labels == label)
        rounds = -(-half // len(rows))
        order[offset::2] = np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:half]
    return order[: len(labels)]


def flip_some(codes: Codes, rng: np.random.Generator) -> Codes:
    """Reverse-complement each row of (n, 70) by the flip of a coin."""
    flipped = rng.random(len(codes)) < 0.5
    return np.where(flipped[:, None], dna.reverse_complement(codes), codes)


def epoch_batches(
    data: LabelledWindows, *, sampler: str, flip: bool, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[Codes, npt.NDArray[np.uint8]]]:
    """Batches (codes (b, 70), labels (b,)) of one epoch; the last one may be smaller."""
    order = epoch_order(data.labels, sampler, rng)
    for begin in range(0, len(order), batch_size):
        rows = order[begin : begin + batch_size]
        codes = data.codes[rows]
        yield flip_some(codes, rng) if flip else codes, data.labels[rows]
