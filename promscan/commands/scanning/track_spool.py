"""The scores of a scan with a journal, compressed, in its folder: the tracks of a scan that stopped go on from there.

One file for each strand, only ever appended to: `plus.track`, `minus.track`. Each line of the journal says how long
they were then, so what a killed scan wrote after that is cut off. A record is the scores of one chunk:

    size of the name, first base, values, size of the packed values, checksum | name | packed values

The values are whole thousandths, each as the difference from the one before, byte by byte: all first bytes, then all
second ones, ... Most of these are zeros, and pack well.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from promscan.commands.scanning.journal_file import open_inside
from promscan.errors import RunError
from promscan.io.bigwig_reader import Values
from promscan.io.bigwig_zooms import DECIMALS
from promscan.io.files import write_errors
from promscan.seq.records import Logits

_RECORD = struct.Struct("<IQQQI")
_NONE = np.iinfo(np.int32).min
"""Stands for a base without a score."""
_PACKING = 1


class TrackSpool:
    """The spools of a scan; a context manager, which closes the files and leaves them in the folder.

    Args:
        folder: that of the journal.
        names: of the files, one for each strand.

    Raises:
        RunError: a file is a link or cannot be written.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self._strands = {name: _Strand(folder, name) for name in names}

    def __enter__(self) -> TrackSpool:
        return self

    def __exit__(self, *_: object) -> None:
        for strand in self._strands.values():
            with suppress(OSError):  # the lines of the journal do not count what a full disk did not take
                strand.file.close()

    def of(self, name: str) -> _Strand:
        """The spool of one strand, which takes scores."""
        return self._strands[name]

    def sizes(self) -> dict[str, int]:
        """Bytes of each file; all of them are handed to the system."""
        with write_errors(str(self.folder)):
            for strand in self._strands.values():
                strand.file.flush()
        return {name: strand.file.tell() for name, strand in self._strands.items()}

    def cut(self, sizes: Mapping[str, int]) -> None:
        """Go back to an earlier size of each file.

        Raises:
            RunError: a file is shorter than that.
        """
        for name, strand in self._strands.items():
            size = sizes.get(name, 0)
            if strand.file.seek(0, os.SEEK_END) < size:
                raise strand.changed()
            with write_errors(str(self.folder)):
                strand.file.truncate(size)
                strand.file.seek(size)

    def replay(self, name: str) -> Iterator[Values]:
        """All scores of a strand, in the order in which they came.

        Raises:
            RunError: the file is not as it was written.
        """
        strand = self._strands[name]
        with write_errors(str(self.folder)):
            strand.file.flush()
        end = strand.file.tell()
        strand.file.seek(0)
        while strand.file.tell() < end:
            try:
                yield _read(strand.file)
            except (ValueError, struct.error, zlib.error) as error:
                raise strand.changed() from error


class _Strand:
    """The spool of one strand."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.track"
        with write_errors(str(folder)):
            self.file = open_inside(folder, self._path.name, os.O_CREAT)

    def add(self, contig: str, start: int, values: Logits) -> None:
        """Append the scores of the bases from `start` on.

        Raises:
            RunError: the file cannot take them.
        """
        with write_errors(str(self._path)):
            self.file.write(_packed(contig, start, values))

    def changed(self) -> RunError:
        """The error for a file that is not as a scan wrote it."""
        return RunError(f"{self._path}: was changed after a scan wrote it; remove the folder, and start the scan anew")


def _packed(contig: str, start: int, values: Logits) -> bytes:
    known = ~np.isnan(values)
    thousandths = np.full(len(values), _NONE, dtype="<i4")
    thousandths[known] = np.rint(values[known].astype(np.float64) * DECIMALS)
    steps = np.diff(thousandths, prepend=np.int32(0))
    packed = zlib.compress(steps.view(np.uint8).reshape(-1, 4).T.tobytes(), _PACKING)
    name = contig.encode("utf-8", "surrogateescape")
    return _RECORD.pack(len(name), start, len(values), len(packed), zlib.crc32(packed)) + name + packed


def _read(file: BinaryIO) -> Values:
    width, start, count, size, checksum = _RECORD.unpack(file.read(_RECORD.size))
    if width + size > os.fstat(file.fileno()).st_size:
        raise ValueError("sizes")
    name, packed = file.read(width), file.read(size)
    if zlib.crc32(packed) != checksum:
        raise ValueError("checksum")
    steps = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(4, count).T
    thousandths = np.cumsum(np.ascontiguousarray(steps).view("<i4")[:, 0], dtype=np.int32)
    values = np.where(thousandths == _NONE, np.nan, thousandths / DECIMALS).astype(np.float32)
    return Values(name.decode("utf-8", "surrogateescape"), start, values)
