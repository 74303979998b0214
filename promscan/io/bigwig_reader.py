"""Reading the bigWig files that promscan wrote, from start to end: their comment, contigs and values."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from promscan.errors import InputError
from promscan.io.bigwig import CELL, DENSE, HEADER, LARGEST_SECTION, MAGIC, SECTION, SPARSE, TOTALS
from promscan.io.bigwig_trees import CONTIG_MAGIC, CONTIG_TREE, NODE
from promscan.io.files import is_special
from promscan.seq.records import Logits

_BLOCK = 1 << 16
_DEEPEST = 8
"""Levels of the tree of contigs, at most."""


class Values(NamedTuple):
    """Values of neighbouring bases; NaN: none."""

    contig: str
    start: int
    values: Logits


class BigWig:
    """A bigWig file of promscan.

    Attributes:
        comment: the line of text in it.
        contigs: contig to bases, in the order of the values.
        sections: pieces that hold values.

    Raises:
        InputError: the file is no bigWig of promscan, is cut short, or cannot be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with self._opened() as file:
            magic, _, _, contigs, sections, *_, totals, largest, _ = HEADER.unpack(file.read(HEADER.size))
            file.seek(-4, os.SEEK_END)
            if magic != MAGIC or largest != LARGEST_SECTION or file.read() != struct.pack("<I", MAGIC):
                raise ValueError("no header or no end of a track")
            file.seek(totals + TOTALS.size)
            self.comment = file.read(contigs - file.tell()).decode("utf-8", "surrogateescape").rstrip("\n")
            self.contigs = _contigs(file, contigs)
            file.seek(sections)
            (self.sections,) = struct.unpack("<Q", file.read(8))
            self._first_section = file.tell()

    def values(self) -> Iterator[Values]:
        """The values, in their order; raises InputError if the file is damaged."""
        names = list(self.contigs)
        with self._opened() as file:
            file.seek(self._first_section)
            for section in _unpacked(file, self.sections):
                number, start, values = _values(section)
                yield Values(names[number], start, values)

    def _opened(self) -> _Opened:
        return _Opened(self.path)


def is_bigwig(path: str) -> bool:
    """Whether a file begins as a bigWig does; False for what cannot be read."""
    if path == "-" or is_special(path):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(4) == struct.pack("<I", MAGIC)
    except OSError:
        return False


class _Opened:
    """A file that is open in the `with` block; what cannot be read of it becomes one line."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._file = open(path, "rb")  # noqa: SIM115 (closed at the end of the block)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}; check the name") from error

    def __enter__(self) -> BinaryIO:
        return self._file

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._file.close()
        if isinstance(error, EOFError | LookupError | OSError | ValueError | struct.error | zlib.error):
            raise InputError(
                f"{self._path}: is not a complete track of promscan; copy it again, or scan again with --track"
            ) from error


def _contigs(file: BinaryIO, place: int) -> dict[str, int]:
    """Contig to bases, in the order of their numbers."""
    file.seek(place)
    magic, _, width, size, count, _ = CONTIG_TREE.unpack(file.read(CONTIG_TREE.size))
    if magic != CONTIG_MAGIC or size != 8:
        raise ValueError("no names of contigs")
    found = list(_leaves(file, file.tell(), width, _DEEPEST))
    if sorted(number for number, *_ in found) != list(range(count)):
        raise ValueError("contigs are missing")
    return {name.decode("utf-8", "surrogateescape"): length for _, name, length in sorted(found)}


def _leaves(file: BinaryIO, place: int, width: int, depth: int) -> Iterator[tuple[int, bytes, int]]:
    """Number, name and length of the contigs in a node and below it."""
    file.seek(place)
    leaf, _, count = NODE.unpack(file.read(NODE.size))
    items = [file.read(width + 8) for _ in range(count)]
    for item in items:
        name, value = item[:width].rstrip(b"\0"), item[width:]
        if leaf:
            number, length = struct.unpack("<II", value)
            yield number, name, length
        elif depth:
            yield from _leaves(file, struct.unpack("<Q", value)[0], width, depth - 1)


def _unpacked(file: BinaryIO, count: int) -> Iterator[bytes]:
    """The content of each section."""
    waiting = b""
    for _ in range(count):
        unpacker, content = zlib.decompressobj(), b""
        while not unpacker.eof:
            waiting = waiting or file.read(_BLOCK)
            if not waiting or len(content) > LARGEST_SECTION:
                raise EOFError("a section has no end")
            content += unpacker.decompress(waiting, LARGEST_SECTION + 1 - len(content))
            waiting = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        yield content


def _values(section: bytes) -> tuple[int, int, Logits]:
    """Number of the contig, first base and values of a section."""
    number, start, end, _, _, kind, _, count = SECTION.unpack(section[: SECTION.size])
    if kind == DENSE:
        return number, start, np.frombuffer(section, "<f4", count, SECTION.size)
    if kind != SPARSE or not 0 < end - start <= CELL:
        raise ValueError("a section of another kind or size")
    pairs = np.frombuffer(section, [("start", "<u4"), ("value", "<f4")], count, SECTION.size)
    values = np.full(end - start, np.nan, dtype=np.float32)
    values[pairs["start"] - np.uint32(start)] = pairs["value"]
    return number, start, values
