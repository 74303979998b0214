"""Sequences without labels, for pretraining."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from promscan.errors import InputError
from promscan.io.sequences import is_fasta, read_fasta_sequences
from promscan.io.tables import encode_at, read_table
from promscan.seq import dna
from promscan.seq.dna import Codes
from promscan.seq.windows import WINDOW


@dataclass(frozen=True)
class UnlabelledSequences:
    """Sequences of at least 70 bp, codes (length,) uint8 each."""

    codes: list[Codes]
    source: str
    sha256: str


def read_unlabelled(path: str | Path) -> UnlabelledSequences:
    """Read sequences from FASTA, or from a table with a column `sequence`.

    Raises:
        InputError: the file is unreadable, or a sequence is shorter than a window or has unknown bases.
    """
    path = str(path)
    codes = list[Codes]()
    named = ((codes, f"{path}: sequence {name}") for name, codes in read_fasta_sequences(path))
    for sequence, place in named if is_fasta(path) else _table_sequences(path):
        if len(sequence) < WINDOW:
            raise InputError(f"{place}: the sequence has {len(sequence)} bp; give at least {WINDOW}")
        if (sequence == dna.UNKNOWN).any():
            raise InputError(f"{place}: the sequence has unknown bases; cut it there")
        codes.append(sequence)
    if not codes:
        raise InputError(f"{path}: no sequences in it; give FASTA, or a table with a column 'sequence'")
    return UnlabelledSequences(codes, path, hashlib.sha256(Path(path).read_bytes()).hexdigest())


def _table_sequences(path: str) -> Iterator[tuple[Codes, str]]:
    for row, place in read_table(path, required=("sequence",), or_fasta=True):
        yield encode_at(row["sequence"], place), place
