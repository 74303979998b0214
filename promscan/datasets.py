"""What is learned from and what is graded: reading it and checking it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from promscan import dna
from promscan.dna import WINDOW, Codes
from promscan.errors import InputError
from promscan.genome import Genome
from promscan.records import Mask
from promscan.tables import encode_at, number_at, open_text, read_table

LONGEST_SEQUENCE = 1 << 20
"""Unlabelled sequences are held in memory whole: promoters with flanks, not chromosomes."""


@dataclass(frozen=True)
class LabelledWindows:
    """Windows with a label each: `codes` (n, 70) uint8, `labels` (n,) float32.

    A label is 1 for a promoter, 0 for anything else, or the probability of a promoter that a teacher gives.
    """

    codes: Codes
    labels: npt.NDArray[np.float32]
    source: str
    sha256: str

    @property
    def promoters(self) -> Mask:
        """Which windows are promoters, rather than not; (n,)."""
        return self.labels >= 0.5

    def __len__(self) -> int:
        return len(self.labels)

    def describe(self) -> dict[str, object]:
        """Counts and checksum, for a card."""
        positives = int(self.promoters.sum())
        return {"rows": len(self), "positives": positives, "negatives": len(self) - positives, "sha256": self.sha256}


def read_windows(source: str) -> LabelledWindows:
    """Labelled 70-bp windows from a table, or from a pair of FASTA files.

    Args:
        source: CSV or TSV, plain or gzip, with columns `sequence` and `label` (0, 1 or a probability); or
            `POSITIVES.fa,NEGATIVES.fa`.

    Raises:
        InputError: unreadable file, missing column, wrong length, letter or label (named by file and line), or one
            class only.
    """
    positives, comma, negatives = source.partition(",")
    if comma and not Path(source).exists():
        rows = [(codes, 1.0) for _, codes in _read_fasta(positives)]
        rows += [(codes, 0.0) for _, codes in _read_fasta(negatives)]
        paths = [positives, negatives]
    else:
        rows = list(_labelled(source))
        paths = [source]
    labels = np.array([label for _, label in rows], dtype=np.float32)
    if len(np.unique(labels >= 0.5)) < 2:
        raise InputError(f"{source}: both labels, 0 and 1, must occur; give windows of both kinds")
    digest = hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()
    return LabelledWindows(np.stack([codes for codes, _ in rows]), labels, source, digest)


def read_windows_to_score(path: str) -> Iterator[tuple[str, Codes]]:
    """Name and codes (70,) of each sequence of a FASTA file, or of a table with a `sequence` column.

    Tables may name their rows in a column `name`; otherwise rows are numbered from 1.

    Raises:
        InputError: unreadable file, or a sequence that is not 70 bp of nucleotide letters.
    """
    if path == "-" or is_fasta(path):
        yield from _read_fasta(path)
        return
    for number, (row, place) in enumerate(read_table(path, required=("sequence",), or_fasta=True), start=1):
        yield row.get("name") or str(number), _window(row["sequence"], place)


def read_sequences_to_score(path: str) -> Iterator[tuple[str, Codes]]:
    """Name and codes (length,) of each sequence, of any length, of a FASTA file or a table with a `sequence` column.

    Tables may name their rows in a column `name`; otherwise rows are numbered from 1.

    Raises:
        InputError: unreadable file, or a letter that is no nucleotide code.
    """
    if path == "-" or is_fasta(path):
        yield from _fasta_sequences(path)
        return
    for number, (row, place) in enumerate(read_table(path, required=("sequence",), or_fasta=True), start=1):
        yield row.get("name") or str(number), encode_at(row["sequence"], place)


@dataclass(frozen=True)
class UnlabelledSequences:
    """Sequences of at least 70 bp, codes (length,) uint8 each."""

    codes: list[Codes]
    source: str
    sha256: str


def read_unlabelled(path: str) -> UnlabelledSequences:
    """Sequences from FASTA, or from a table with a `sequence` column.

    Raises:
        InputError: unreadable file, or a sequence that is shorter than a window or has unknown bases.
    """
    codes = list[Codes]()
    named = ((codes, f"{path}: sequence {name}") for name, codes in _fasta_sequences(path))
    for sequence, place in named if is_fasta(path) else _table_sequences(path):
        if len(sequence) < WINDOW:
            raise InputError(f"{place}: the sequence has {len(sequence)} bp; give at least {WINDOW}")
        if (sequence == dna.UNKNOWN).any():
            raise InputError(f"{place}: unknown bases cannot be learned from; cut the sequence there")
        codes.append(sequence)
    if not codes:
        raise InputError(f"{path}: no sequences in it; give FASTA, or a table with a column 'sequence'")
    return UnlabelledSequences(codes, path, hashlib.sha256(Path(path).read_bytes()).hexdigest())


@dataclass(frozen=True)
class Promoters:
    """Promoters of one length: `codes` (n, length) uint8, the transcription start at `tss_index` of each.

    left_out: how many were not taken because they hold a sequence that was to be dropped.
    """

    codes: Codes
    tss_index: int
    left_out: int
    sha256: str

    def describe(self) -> dict[str, object]:
        """Counts and checksum, for a card."""
        return {
            "used": len(self.codes),
            "left_out": self.left_out,
            "tss_index": self.tss_index,
            "sha256": self.sha256,
        }


def read_promoters(path: str, tss_index: int, drop: Sequence[str] = ()) -> Promoters:
    """Promoters from a table with a column `sequence`; if it has a column `split`, too, only rows of `train`.

    Args:
        path: CSV or TSV, plain or gzip.
        tss_index: 0-based place of the transcription start in each sequence.
        drop: files of one 70-bp sequence a line; what holds one of them, on either strand, is left out.

    Raises:
        InputError: unreadable file, sequences of different lengths, without the start, or none that is left.
    """
    dropped = {form for file in drop for letters in _read_dropped(file) for form in _both_strands(letters)}
    codes, left_out, width = list[Codes](), 0, None
    for row, place in read_table(path, required=("sequence",)):
        if row.get("split", "train") != "train":
            continue
        sequence = encode_at(row["sequence"], place)
        width = width or len(sequence)
        if len(sequence) != width or not 0 <= tss_index < width:
            raise InputError(f"{place}: the sequence has {len(sequence)} bp; all need one length, with the start in it")
        letters = dna.decode(sequence)
        if any(letters[i : i + WINDOW] in dropped for i in range(width - WINDOW + 1)):
            left_out += 1
        else:
            codes.append(sequence)
    if not codes:
        raise InputError(f"{path}: no promoter is left to train on; give more of them")
    return Promoters(np.stack(codes), tss_index, left_out, hashlib.sha256(Path(path).read_bytes()).hexdigest())


def _read_dropped(path: str) -> Iterator[str]:
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield dna.decode(_window(line.strip(), f"{path} line {number}"))


def _both_strands(letters: str) -> tuple[str, str]:
    return letters, dna.decode(dna.reverse_complement(dna.encode(letters)))


def _table_sequences(path: str) -> Iterator[tuple[Codes, str]]:
    for row, place in read_table(path, required=("sequence",), or_fasta=True):
        yield encode_at(row["sequence"], place), place


def _fasta_sequences(path: str) -> Iterator[tuple[str, Codes]]:
    for chunk in Genome(path).read_chunks(step=LONGEST_SEQUENCE):
        if chunk.start > 0:
            raise InputError(f"{path}: sequence {chunk.chrom} is longer than {LONGEST_SEQUENCE} bp; cut it")
        yield chunk.chrom, chunk.codes


def is_fasta(path: str) -> bool:
    """Whether the first letter of the file is the `>` of FASTA."""
    with open_text(path) as file:
        try:
            return file.read(1) == ">"
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: damaged file: {error}") from error


def _labelled(path: str) -> Iterator[tuple[Codes, float]]:
    for row, place in read_table(path, required=("sequence", "label")):
        yield _window(row["sequence"], place), _label(row["label"], place)


def _label(text: str, place: str) -> float:
    label = number_at(text, "label", place)
    if not 0 <= label <= 1:
        raise InputError(f"{place}: label {text!r} must be 0 or 1, or a probability between them")
    return label


def _read_fasta(path: str) -> Iterator[tuple[str, Codes]]:
    for chunk in Genome(path).read_chunks(step=WINDOW):
        if chunk.start > 0 or len(chunk.codes) != WINDOW:
            size = "more" if chunk.windows else "less"
            raise InputError(f"{path}: sequence {chunk.chrom} has {size} than {WINDOW} bp; give exactly {WINDOW}")
        yield chunk.chrom, chunk.codes


def _window(sequence: str, place: str) -> Codes:
    codes = encode_at(sequence, place)
    if len(codes) != WINDOW:
        raise InputError(f"{place}: the sequence has {len(codes)} bp; windows have exactly {WINDOW}")
    return codes
