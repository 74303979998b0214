"""Sequences without labels, for pretraining."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from promscan.errors import InputError
from promscan.io.sequences import read_sequences
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
    codes, digest = list[Codes](), hashlib.sha256()
    for _, sequence, _, place in read_sequences(path, digest=digest):
        if len(sequence) < WINDOW:
            raise InputError(f"{place}: the sequence has {len(sequence)} bp; give at least {WINDOW}")
        if (sequence == dna.UNKNOWN).any():
            raise InputError(f"{place}: the sequence has unknown bases; cut it there")
        codes.append(sequence)
    if not codes:
        raise InputError(f"{path}: no sequences in it; give FASTA, or a table with a column 'sequence'")
    return UnlabelledSequences(codes, path, digest.hexdigest())
