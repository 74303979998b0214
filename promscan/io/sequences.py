"""Single sequences, from FASTA or from a table."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from promscan.errors import InputError
from promscan.io.fasta import parse
from promscan.io.tables import Table, encode_at
from promscan.io.text import Digest, opened, source_name
from promscan.seq.dna import ENCODE, Codes
from promscan.seq.windows import WINDOW

LONGEST_SEQUENCE = 1 << 20
"""Sequences are held in memory whole: promoters with flanks, not chromosomes."""
SEQUENCE, NAME = "sequence", "name"
"""The columns of a table of sequences; `name` may be absent."""


class NamedSequence(NamedTuple):
    """A sequence as its file has it."""

    name: str
    """The name in its header or row; rows without one are numbered from 1."""
    codes: Codes
    cells: list[str]
    """Its row, cell by cell; from FASTA, there is none."""
    place: str
    """File and record or line, for messages."""


@dataclass(frozen=True)
class SequenceFile:
    """A file of sequences that is open for reading, once."""

    columns: list[str]
    """Names of the columns of a table, in their order; empty for FASTA."""
    sequences: Iterator[NamedSequence]


@contextmanager
def open_sequences(path: str, *, digest: Digest | None = None) -> Iterator[SequenceFile]:
    """The sequences of a FASTA file, or of a table with a column `sequence`, in a file, a pipe or standard input (`-`).

    Args:
        path: FASTA, CSV or TSV, plain or compressed.
        digest: takes in the bytes of the file; see `opened`.

    Raises:
        InputError: the file cannot be read or is neither; during iteration, a sequence is longer than
            `LONGEST_SEQUENCE` or has a letter that is no nucleotide code.
    """
    source = source_name(path)
    with opened(path, "FASTA or a table (CSV or TSV)", digest) as stream:
        if stream.peek().lstrip().startswith(b">"):
            yield SequenceFile([], _from_fasta(stream, source))
        else:
            table = Table(stream, source, (SEQUENCE,), or_fasta=True)
            yield SequenceFile(table.columns, _from_table(table))


def read_sequences(path: str, *, digest: Digest | None = None) -> Iterator[NamedSequence]:
    """The sequences of a file, as `open_sequences` reads them."""
    with open_sequences(path, digest=digest) as file:
        yield from file.sequences


def read_single_windows(path: str, *, digest: Digest | None = None) -> Iterator[NamedSequence]:
    """The sequences of a file, each of 70 bp, as `open_sequences` reads them.

    Raises:
        InputError: unreadable file, or a sequence of another length.
    """
    for sequence in read_sequences(path, digest=digest):
        check_window(sequence.codes, sequence.place)
        yield sequence


def window_at(sequence: str, place: str) -> Codes:
    """Codes (70,) of a sequence that stands at `place`, for messages.

    Raises:
        InputError: a letter is no nucleotide code, or the length is another.
    """
    codes = encode_at(sequence, place)
    check_window(codes, place)
    return codes


def check_window(codes: Codes, place: str) -> None:
    """Refuse what is not 70 bp long."""
    if len(codes) != WINDOW:
        raise InputError(f"{place}: the sequence has {len(codes)} bp; windows have exactly {WINDOW}")


def _from_fasta(stream: io.BufferedReader, source: str) -> Iterator[NamedSequence]:
    for name, pieces in groupby(parse(stream, source, ENCODE), key=itemgetter(0)):
        codes = bytearray()
        for _, piece in pieces:
            codes += piece
            if len(codes) > LONGEST_SEQUENCE:
                raise InputError(
                    f"{source}: sequence {name}: more than {LONGEST_SEQUENCE:,} bp; cut out what is to be read"
                )
        yield NamedSequence(name, np.frombuffer(codes, dtype=np.uint8), [], f"{source}: sequence {name}")


def _from_table(table: Table) -> Iterator[NamedSequence]:
    at = table.columns.index(SEQUENCE)
    name_at = table.columns.index(NAME) if NAME in table.columns else None
    for number, (cells, place) in enumerate(table, start=1):
        name = "" if name_at is None else cells[name_at].strip()
        yield NamedSequence(name or str(number), encode_at(cells[at].strip(), place), cells, place)
