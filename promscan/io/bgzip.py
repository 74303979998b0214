"""Random access to a bgzip file through its .gzi, which lists where each block begins, packed and unpacked."""

from __future__ import annotations

import os
import struct
import zlib
from bisect import bisect_right
from typing import BinaryIO

from promscan.io.unpacking import BGZIP_END

_LARGEST_BLOCK = 1 << 16
_COUNT = struct.Struct("<Q")
_ENTRY = struct.Struct("<QQ")


class BlockIndex:
    """The entries of a .gzi: where each block begins.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """

    def __init__(self, path: str) -> None:
        with open(path, "rb") as file:
            data = file.read()
        if len(data) < _COUNT.size or len(data) - _COUNT.size != _COUNT.unpack_from(data)[0] * _ENTRY.size:
            raise ValueError("the .gzi is cut short or damaged")
        entries = [(0, 0), *_ENTRY.iter_unpack(data[_COUNT.size :])]
        self.packed, self.unpacked = ([entry[column] for entry in entries] for column in (0, 1))
        for i in range(1, len(entries)):
            if not 0 < self.packed[i] - self.packed[i - 1] <= _LARGEST_BLOCK:
                raise ValueError(f"block {i} of the .gzi does not follow the one before it")
            if not 0 <= self.unpacked[i] - self.unpacked[i - 1] <= _LARGEST_BLOCK:
                raise ValueError(f"block {i} of the .gzi does not hold what a block can hold")

    def block_of(self, position: int) -> int:
        """The number of the block that holds the unpacked byte at `position`."""
        return bisect_right(self.unpacked, position) - 1


class BlockFile:
    """A bgzip file, read by unpacked positions; an entry of its index is used only after the block confirms it.

    Args:
        file: the packed bytes.
        index: where its blocks begin.
    """

    def __init__(self, file: BinaryIO, index: BlockIndex) -> None:
        self._file, self._index = file, index
        self._cached = -1, b""

    def read(self, start: int, end: int) -> bytes:
        """The unpacked bytes from `start` to `end`, or to the end of the file.

        Raises:
            ValueError: a block is not what the index says.
            OSError: the file cannot be read.
        """
        number = self._index.block_of(start)
        begin = self._index.unpacked[number]
        content = bytearray()
        while begin + len(content) < end and number < len(self._index.packed):
            content += self._block(number)
            number += 1
        return bytes(content[start - begin : end - begin])

    def check_end(self) -> None:
        """See that the file has no bases behind the last block of the index.

        Raises:
            ValueError: it has.
            OSError: the file cannot be read.
        """
        begin = self._index.packed[-1]
        last = os.pread(self._file.fileno(), _LARGEST_BLOCK, begin)
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            member.decompress(last)
        except zlib.error as error:
            raise ValueError(f"the last block of the .gzi is not in the file ({error})") from error
        begin += len(last) - len(member.unused_data)
        rest = os.pread(self._file.fileno(), _LARGEST_BLOCK, begin)
        if rest.replace(BGZIP_END, b""):
            raise ValueError("the file goes on after the last block of the .gzi")

    def _block(self, number: int) -> bytes:
        """The content of a block."""
        if self._cached[0] != number:
            self._cached = number, self._unpack(number)
        return self._cached[1]

    def _unpack(self, number: int) -> bytes:
        packed, unpacked = self._index.packed, self._index.unpacked
        is_last = number + 1 == len(packed)
        size = _LARGEST_BLOCK if is_last else packed[number + 1] - packed[number]
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            content = member.decompress(os.pread(self._file.fileno(), size, packed[number]), _LARGEST_BLOCK)
        except zlib.error as error:
            raise ValueError(f"block {number} of the .gzi is not in the file ({error})") from error
        as_indexed = is_last or (not member.unused_data and len(content) == unpacked[number + 1] - unpacked[number])
        if not (member.eof and as_indexed):
            raise ValueError(f"block {number} of the .gzi is not in the file")
        return content
