"""The .fai index of a FASTA file, and the .gzi of a bgzipped one: used only where the file confirms it.

An index that belongs to another version of the file would move every base that is fetched by it. So the bytes between
each contig and the next must be the end of the one and the header of the other, and all lines of a contig up to the
bases that are fetched must end where the index says. An index that fails is refused, and not passed over: it would
mislead other programs, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

import numpy as np

from promscan.errors import InputError
from promscan.io.bgzip import BlockFile, BlockIndex
from promscan.io.fasta import contig_name, letter_error
from promscan.io.text import FileState, check_unchanged, state_of
from promscan.log import logger
from promscan.seq.dna import INVALID, WHITESPACE, Codes

_NUMBER = re.compile("[0-9]{1,15}")
_LONGEST_GAP = 1 << 24
"""Bytes from the last base of a contig to the first of the next; headers without sequence may stand between."""
_CHECK_BASES = 1 << 20
_LINE_ENDS = {0: b"", 1: b"\n", 2: b"\r\n"}


class IndexRow(NamedTuple):
    """A line of the index: where the bases of a contig lie in the text."""

    chrom: str
    length: int
    offset: int
    """Byte of the first base."""
    bases: int
    """Bases on a line."""
    width: int
    """Bytes of a line, with its end."""

    def place(self, base: int) -> int:
        """The byte at which a base lies."""
        lines, rest = divmod(base, self.bases)
        return self.offset + lines * self.width + rest

    @property
    def end(self) -> int:
        """The byte after the last base."""
        return self.place(self.length - 1) + 1 if self.length else self.offset

    @property
    def line_end(self) -> bytes:
        return _LINE_ENDS[self.width - self.bases]


class _PlainFile:
    """An uncompressed file, with the interface of `BlockFile`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        return self._file.read(end - start)

    def check_end(self) -> None:
        """Do nothing: no byte of a plain file lies beyond those that can be read."""


class OpenFasta:
    """A FASTA file that is open for `fetch`."""

    def __init__(self, index: FastaIndex, file: _PlainFile | BlockFile) -> None:
        self._index, self._file = index, file
        self._checked = dict[str, int]()
        """By contig, the base up to which the lines are known to be as the index says."""

    def fetch(self, chrom: str, start: int, end: int, table: bytes) -> Codes:
        """The codes of exactly the bases from `start` to `end`; `table` says which letter is which code.

        Raises:
            InputError: they are not where the index says, or a letter is no nucleotide code.
        """
        row = self._index.rows[chrom]
        with self._index.mismatches():
            # One line of another width anywhere before `start` would move the bases.
            for begin in range(self._checked.get(chrom, 0), start, _CHECK_BASES):
                self._letters(row, begin, min(begin + _CHECK_BASES, start))
            self._checked[chrom] = max(self._checked.get(chrom, 0), start)
            letters = self._letters(row, start, end)
        codes = letters.translate(table)
        if INVALID in codes:
            at = codes.index(INVALID)
            raise letter_error(letters[at:], chrom, f"{self._index.path}, base {start + at + 1}")
        return np.frombuffer(bytearray(codes), dtype=np.uint8)

    def _letters(self, row: IndexRow, start: int, end: int) -> bytes:
        return _unwrapped(row, start, end, self._file.read(row.place(start), row.place(end - 1) + 1))


class FastaIndex:
    """The index of a FASTA file.

    Args:
        path: the FASTA file.
        bgzip: whether it is a bgzip file.

    Attributes:
        rows: the lines of the index, by contig, in the order of the file.
        lengths: contig to bases, in the order of the file. Contigs without bases are not in it.

    Raises:
        InputError: the index is damaged, or does not match the file.
    """

    def __init__(self, path: str, bgzip: bool) -> None:
        self.path = path
        with self.mismatches():
            self.rows = _read_rows(f"{path}.fai")
            self._blocks = BlockIndex(f"{path}.gzi") if bgzip else None
            with open(path, "rb") as file:
                _check_gaps(list(self.rows.values()), self._bytes(file))
        self.lengths = {chrom: row.length for chrom, row in self.rows.items()}

    @classmethod
    def next_to(cls, path: str, bgzip: bool) -> FastaIndex | None:
        """The index of `path`, if there is one that is at least as new as the file."""
        files = [f"{path}.fai", *([f"{path}.gzi"] if bgzip else [])]
        if not all(map(os.path.isfile, files)):
            return None
        if min(map(os.path.getmtime, files)) < os.path.getmtime(path):
            logger.warning("%s: its index is older than the file and is not used; renew it: samtools faidx", path)
            return None
        return cls(path, bgzip)

    def error(self, what: str) -> InputError:
        """The error for an index that is wrong."""
        return InputError(
            f"{self.path}.fai: the index does not match {self.path}: {what}; rebuild it: samtools faidx (or remove it)"
        )

    @contextmanager
    def mismatches(self) -> Iterator[None]:
        """What is found wrong within the block becomes an `InputError` that names the index."""
        try:
            yield
        except (OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise self.error(str(error)) from error

    @contextmanager
    def opened(self, before: FileState | None) -> Iterator[OpenFasta]:
        """The file, open for `fetch`; it must be in the state of `before`, and stay so until the block ends well."""
        with self.mismatches(), open(self.path, "rb") as file:
            check_unchanged(self.path, state_of(file.fileno()), before)
            yield OpenFasta(self, self._bytes(file))
            check_unchanged(self.path, state_of(file.fileno()), before)

    def _bytes(self, file: BinaryIO) -> _PlainFile | BlockFile:
        return _PlainFile(file) if self._blocks is None else BlockFile(file, self._blocks)


def index_rows(path: str, source: str) -> dict[str, IndexRow]:
    """The lines that the index of a plain FASTA file would have, by contig, in the order of the file.

    Args:
        path: FASTA text, uncompressed, without a byte order mark.
        source: its name in messages.

    Raises:
        InputError: it is not FASTA, a name comes twice, or a contig has lines that no index can describe.
    """
    contigs = dict[str, _Lines]()
    at, contig = 0, None
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            at += len(line)
            if line.startswith(b">"):
                chrom = contig_name(line, f"{source}, line {number}")
                if chrom in contigs:
                    raise InputError(f"{source}, line {number}: contig {chrom!r} comes twice; rename one")
                contigs[chrom] = contig = _Lines(at)
            elif letters := line.translate(None, WHITESPACE):
                if contig is None:
                    raise letter_error(letters, "", f"{source}, line {number}")
                if not contig.add(line, len(letters), at):
                    raise InputError(
                        f"{source}, line {number}: not a FASTA file with lines of one length; wrap it anew: seqkit seq"
                    )
            elif contig is not None:
                contig.has_ended = contig.bases > 0
    if not contigs:
        raise InputError(f"{source}: not a FASTA file: it has no contig")
    return {
        chrom: IndexRow(chrom, contig.length, contig.offset, contig.bases, contig.width)
        for chrom, contig in contigs.items()
    }


class _Lines:
    """The lines of one contig, as far as they are read; `offset` is the byte after its header."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.length = self.bases = self.width = 0
        self.has_ended = False
        """Whether a line that is not like the first was read; only the last one may be so."""

    def add(self, line: bytes, bases: int, end: int) -> bool:
        """Count a line, which ends before byte `end`; say whether an index can describe it."""
        if not self.bases:
            self.offset, self.bases, self.width = end - len(line), bases, len(line)
        if self.has_ended or bases > self.bases or len(line.rstrip(b"\r\n")) != bases:
            return False
        self.has_ended = (bases, len(line)) != (self.bases, self.width)
        self.length += bases
        return True


def _read_rows(fai: str) -> dict[str, IndexRow]:
    """The lines of an index by contig, sorted by their place in the file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
        InputError: a name in it cannot stand in an output.
    """
    rows = dict[str, IndexRow]()
    with open(fai, encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            chrom, *numbers = line.rstrip("\r\n").split("\t")
            if len(numbers) != 4 or not all(map(_NUMBER.fullmatch, numbers)):
                raise ValueError(f"line {number} is not a name and four numbers")
            if contig_name(f">{chrom}".encode(), f"{fai}, line {number}") != chrom:
                raise ValueError(f"{chrom!r} on line {number} is not a name of one word")
            row = IndexRow(chrom, *map(int, numbers))
            if row.bases < 1 or row.width - row.bases not in _LINE_ENDS or row.length < 1:
                raise ValueError(f"line {number} describes lines that no file has")
            if row.width == row.bases < row.length:
                raise ValueError(f"line {number} describes lines without an end")
            if chrom in rows:
                raise ValueError(f"contig {chrom!r} comes twice")
            rows[chrom] = row
    return {row.chrom: row for row in sorted(rows.values(), key=lambda row: row.offset)}


def _check_gaps(rows: list[IndexRow], file: _PlainFile | BlockFile) -> None:
    """See that the text between the bases of the contigs is what the index implies.

    Raises:
        ValueError: it is not.
        OSError: the file cannot be read.
    """
    begin, before = 0, None
    for row in rows:
        if not 0 <= row.offset - begin <= _LONGEST_GAP:
            raise ValueError(f"the bases of contig {row.chrom!r} do not begin at byte {row.offset}")
        names = _names_between(file.read(begin, row.offset), before)
        if names[-1:] != [row.chrom.encode()]:
            raise ValueError(f"the line before byte {row.offset} is not the header of contig {row.chrom!r}")
        if row.length > row.bases and file.read(row.offset + row.bases, row.offset + row.width) != row.line_end:
            raise ValueError(f"the lines of contig {row.chrom!r} have another width than {row.bases} bases")
        # Where a file ends early, nothing behind the last base says so.
        if len(file.read(row.end - 1, row.end).translate(None, WHITESPACE)) != 1:
            raise ValueError(f"contig {row.chrom!r} has fewer than {row.length} bases")
        begin, before = row.end, row
    _names_between(file.read(begin, begin + _LONGEST_GAP), before, at_end=True)
    file.check_end()


def _names_between(gap: bytes, before: IndexRow | None, *, at_end: bool = False) -> list[bytes]:
    """The first words of the headers between two contigs; all but the last one have no bases."""
    lines = gap.split(b"\n")
    headers = [line for line in lines[before is not None :] if line.strip()]
    goes_on = lines[0].strip() or (len(lines) == 1 and not at_end) or (headers and not headers[0].startswith(b">"))
    if before is not None and goes_on:
        raise ValueError(f"contig {before.chrom!r} does not end after {before.length} bases")
    if lines[-1] and not at_end:
        return []  # the line goes on where the bases should begin
    if not all(line.startswith(b">") for line in headers):
        raise ValueError("the file has sequence that the index does not list")
    return [b"".join(line[1:].split(maxsplit=1)[:1]) for line in headers]


def _unwrapped(row: IndexRow, start: int, end: int, text: bytes) -> bytes:
    """The letters of the bases from `start` to `end` in their `text`, which has line ends where the index says.

    Raises:
        ValueError: it has not.
    """
    letters = text.translate(None, WHITESPACE)
    first = row.bases - start % row.bases
    columns = [text[first + i :: row.width] for i in range(len(row.line_end))]
    ends = all(column == row.line_end[i : i + 1] * len(column) for i, column in enumerate(columns))
    if not ends or len(letters) != end - start or b">" in letters:
        raise ValueError(f"{row.chrom}:{start}-{end} is not in lines of {row.bases} bases")
    return letters
