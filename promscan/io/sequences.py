"""Read loose sequences, from FASTA or from a table."""

from __future__ import annotations

from collections.abc import Iterator

from promscan.errors import InputError
from promscan.io.genome import Genome
from promscan.io.tables import encode_at, open_text, read_table
from promscan.seq.dna import Codes
from promscan.seq.windows import WINDOW

LONGEST_SEQUENCE = 1 << 20
"""Unlabelled sequences are held in memory whole: promoters with flanks, not chromosomes."""


def read_windows_to_score(path: str) -> Iterator[tuple[str, Codes]]:
    """Name and codes (70,) of each sequence of a FASTA file, or of a table with a `sequence` column.

    Tables may name their rows in a column `name`; otherwise rows are numbered from 1.

    Raises:
        InputError: unreadable file, or a sequence that is not 70 bp of nucleotide letters.
    """
    if path == "-" or is_fasta(path):
        yield from read_fasta_windows(path)
        return
    for number, (row, place) in enumerate(read_table(path, required=("sequence",), or_fasta=True), start=1):
        yield row.get("name") or str(number), window_at(row["sequence"], place)


def read_sequences_to_score(path: str) -> Iterator[tuple[str, Codes]]:
    """Name and codes (length,) of each sequence, of any length, of a FASTA file or a table with a `sequence` column.

    Tables may name their rows in a column `name`; otherwise rows are numbered from 1.

    Raises:
        InputError: unreadable file, or a letter that is no nucleotide code.
    """
    if path == "-" or is_fasta(path):
        yield from read_fasta_sequences(path)
        return
    for number, (row, place) in enumerate(read_table(path, required=("sequence",), or_fasta=True), start=1):
        yield row.get("name") or str(number), encode_at(row["sequence"], place)


def read_fasta_sequences(path: str) -> Iterator[tuple[str, Codes]]:
    """Name and codes (length,) of each sequence of a FASTA file.

    Raises:
        InputError: unreadable file, or a sequence longer than `LONGEST_SEQUENCE`.
    """
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


def read_fasta_windows(path: str) -> Iterator[tuple[str, Codes]]:
    """Name and codes (70,) of each sequence of a FASTA file.

    Raises:
        InputError: unreadable file, or a sequence of another length.
    """
    for chunk in Genome(path).read_chunks(step=WINDOW):
        if chunk.start > 0 or len(chunk.codes) != WINDOW:
            size = "more" if chunk.windows else "less"
            raise InputError(f"{path}: sequence {chunk.chrom} has {size} than {WINDOW} bp; give exactly {WINDOW}")
        yield chunk.chrom, chunk.codes


def window_at(sequence: str, place: str) -> Codes:
    """Codes (70,) of a sequence that stands at `place`, for messages.

    Raises:
        InputError: a letter is no nucleotide code, or the length is another.
    """
    codes = encode_at(sequence, place)
    if len(codes) != WINDOW:
        raise InputError(f"{place}: the sequence has {len(codes)} bp; windows have exactly {WINDOW}")
    return codes
