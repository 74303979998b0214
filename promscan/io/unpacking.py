"""Compressed streams: what they are packed with, and their content."""

from __future__ import annotations

import bz2
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compression = Literal["plain", "gzip", "bgzip", "bzip2", "xz", "zstd"]

BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every complete bgzip file."""

_PIECE = 1 << 17
"""Bytes that are unpacked at once."""
_EXTRA_FIELD = 4
_BLOCK_HEAD = 18
"""Bytes of a block's header; the last two are the bytes of the whole block, less one."""
_LONGEST_ZSTD_WINDOW = 31
"""log2 of the bytes; `zstd --long=31` packs genomes with it."""
_MAGIC: tuple[tuple[re.Pattern[bytes], Compression], ...] = (
    (re.compile(rb"\x1f\x8b"), "gzip"),
    (re.compile(rb"BZh[1-9][1\x17]"), "bzip2"),
    (re.compile(rb"\xfd7zXZ\0"), "xz"),
    (re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"), "zstd"),  # pzstd begins with a skippable frame
)


class _Unpacker(Protocol):
    """One member of a compressed stream, as the standard library unpacks it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Damaged(Exception):
    """Compressed data that cannot be unpacked."""


def compression_of(head: bytes) -> Compression:
    """What a stream that begins with `head` is packed with."""
    compression: Compression = next((name for magic, name in _MAGIC if magic.match(head)), "plain")
    if compression == "gzip" and head[12:14] == b"BC" and head[3] & _EXTRA_FIELD:
        return "bgzip"
    return compression


def complete(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks of a bgzip stream, which must end in `BGZIP_END`: without it, whole blocks may be missing.

    Raises:
        EOFError: it does not.
    """
    tail = b""
    for block in blocks:
        tail = (tail + block)[-len(BGZIP_END) :]
        yield block
    if tail != BGZIP_END:
        raise EOFError


def unpacked(blocks: Iterator[bytes], start_member: Callable[[], _Unpacker]) -> Iterator[bytes]:
    """The content of a compressed stream, member after member, in pieces of limited size.

    Raises:
        EOFError: the last member is not complete.
        Damaged: it cannot be unpacked.
    """
    member: _Unpacker | None = None
    for block in blocks:
        while block:
            if member is None:
                block = block.lstrip(b"\0")  # padding, as on tapes and in .xz files
                member = start_member() if block else None
                continue
            yield _piece(member, block)
            while not (member.eof or member.needs_input):
                yield _piece(member, b"")
            block = member.unused_data if member.eof else b""
            member = None if member.eof else member
    if member is not None:
        raise EOFError


def _piece(member: _Unpacker, packed: bytes) -> bytes:
    try:
        return member.decompress(packed, _PIECE)
    except (OSError, zlib.error, lzma.LZMAError, zstd.ZstdError) as error:
        raise Damaged(str(error)) from error


class _Gunzip:
    """A member of a gzip stream, with the interface of the other unpackers."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._member.decompress(self._member.unconsumed_tail + data, max_length)
        self.needs_input = len(piece) < max_length and not self._member.unconsumed_tail
        return piece


class _Bgunzip(_Gunzip):
    """A block of a bgzip stream. Its header says how long it is, and a block that ends elsewhere is damaged.

    Without that, a damaged length of the header's other fields could hide the rest of the file.
    """

    def __init__(self) -> None:
        super().__init__()
        self._head, self._taken = b"", 0

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._head += data[: _BLOCK_HEAD - len(self._head)]
        self._taken += len(data)
        piece = super().decompress(data, max_length)
        if self.eof and self._taken - len(self.unused_data) != self._length:
            raise OSError("a block is not as long as its header says")
        return piece

    @property
    def _length(self) -> int | None:
        """Bytes of the block by its header; None if it does not say so as the first of its fields."""
        return int.from_bytes(self._head[-2:], "little") + 1 if self._head[12:14] == b"BC" else None


def _unzstd() -> _Unpacker:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _LONGEST_ZSTD_WINDOW})


UNPACKERS: dict[Compression, Callable[[], _Unpacker]] = {
    "gzip": _Gunzip,
    "bgzip": _Bgunzip,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
    "zstd": _unzstd,
}
