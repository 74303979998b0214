"""Single sequences, from FASTA, from a table, or from memory."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
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

IN_MEMORY = "sequences in memory"
"""Their name in messages."""
LONGEST_SEQUENCE = 1 << 20
"""Sequences are held in memory whole: promoters with flanks, not chromosomes."""
SEQUENCE, NAME = "sequence", "name"
"""The columns of a table of sequences; `name` may be absent."""

SequencesInput = str | os.PathLike[str] | Mapping[str, str] | Iterable[str]
"""What `open_sequences` takes."""


class NamedSequence(NamedTuple):
    """One sequence of a file or from memory."""

    name: str
    """Name in the header, the row or the mapping; a sequence without one has its number, from 1."""
    codes: Codes
    cells: list[str]
    """Cells of its row; empty if it does not come from a table."""
    place: str
    """File and record or line, for messages."""


@dataclass(frozen=True)
class SequenceSource:
    """Sequences that can be read once."""

    name: str
    """Name of the file, for messages."""
    columns: list[str]
    """Columns of a table, in order; empty if the sequences do not come from a table."""
    sequences: Iterator[NamedSequence]


@contextmanager
def open_sequences(sequences: SequencesInput, *, digest: Digest | None = None) -> Iterator[SequenceSource]:
    """The sequences of a file, a pipe or standard input (`-`), or those in memory.

    Args:
        sequences: path of FASTA, or of CSV or TSV with a column `sequence`, plain or compressed; or a mapping of name
            to sequence; or sequences without names, which are numbered from 1. A text is always a path.
        digest: takes in the bytes of the file; see `opened`.

    Raises:
        InputError: the file cannot be read or is neither; during iteration, a sequence is longer than
            `LONGEST_SEQUENCE` or has a letter that is no nucleotide code.
    """
    if not isinstance(sequences, str | os.PathLike):
        yield SequenceSource(IN_MEMORY, [], _from_memory(sequences))
        return
    path = os.fspath(sequences)
    source = source_name(path)
    with opened(path, "FASTA or a table (CSV or TSV)", digest) as stream:
        if stream.peek().lstrip().startswith(b">"):
            yield SequenceSource(source, [], _from_fasta(stream, source))
        else:
            table = Table(stream, source, (SEQUENCE,), or_fasta=True)
            yield SequenceSource(source, table.columns, _from_table(table))


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
        codes, place = bytearray(), f"{source}: sequence {name}"
        for _, piece in pieces:
            codes += piece
            if len(codes) > LONGEST_SEQUENCE:
                raise _too_long(place)
        yield NamedSequence(name, np.frombuffer(codes, dtype=np.uint8), [], place)


def _from_table(table: Table) -> Iterator[NamedSequence]:
    at = table.columns.index(SEQUENCE)
    name_at = table.columns.index(NAME) if NAME in table.columns else None
    for number, (cells, place) in enumerate(table, start=1):
        name = "" if name_at is None else cells[name_at].strip()
        yield NamedSequence(name or str(number), encode_at(cells[at].strip(), place), cells, place)


def _from_memory(sequences: Mapping[str, str] | Iterable[str]) -> Iterator[NamedSequence]:
    named = sequences.items() if isinstance(sequences, Mapping) else enumerate(sequences, start=1)
    for name, letters in named:
        place = f"{IN_MEMORY}: sequence {name}"
        if not isinstance(letters, str):
            raise InputError(f"{place}: is of type {type(letters).__name__}; give its letters as text")
        if len(letters) > LONGEST_SEQUENCE:
            raise _too_long(place)
        yield NamedSequence(str(name), encode_at(letters, place), [], place)


def _too_long(place: str) -> InputError:
    return InputError(f"{place}: more than {LONGEST_SEQUENCE:,} bp; cut out what is to be read")
