"""Text inputs, a file or a pipe, read once from their first byte to their last.

    file or pipe -> blocks as they come -> unpacked -> without byte order mark, lines end in LF -> one binary stream

Text may be plain or compressed (gzip, bgzip, bzip2, xz, zstd); the first bytes decide, never the name. An input that
is cut short, damaged or of another format is refused in one line.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from promscan.errors import InputError
from promscan.io.formats import HEAD_BYTES, binary_format
from promscan.io.unpacking import BGZIP_END, UNPACKERS, Compression, Damaged, complete, compression_of, unpacked

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

LONGEST_LINE = 1 << 26
"""Bytes of a line; no list and no table has longer ones, and a file without lines would fill the memory."""

_BLOCK = 1 << 17
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Digest(Protocol):
    """The interface of a `hashlib` object."""

    def update(self, data: ReadableBuffer, /) -> None:
        """Take more bytes in."""


class FileState(NamedTuple):
    """What changes when another program writes to a file, or puts another one in its place."""

    device: int
    inode: int
    size: int
    modified: int


def source_name(path: str) -> str:
    """The name of `path` in messages."""
    return "standard input" if path == "-" else path


def state_of(file: int | str) -> FileState | None:
    """The state of a file, by its descriptor or its path; None for what is no regular file, such as a pipe."""
    status = os.stat(file)
    if not stat.S_ISREG(status.st_mode):
        return None
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def check_unchanged(source: str, now: FileState | None, before: FileState | None) -> None:
    """Refuse a file that is not as it was: what was read of it may be half of one file and half of another.

    Raises:
        InputError: the two states differ; `source` is named.
    """
    if now != before:
        raise InputError(f"{source}: the file was changed while it was read; run the command again when it is complete")


@contextmanager
def opened(
    path: str,
    wanted: str = "a FASTA file",
    digest: Digest | None = None,
    before: FileState | None = None,
    binary: str | None = None,
) -> Iterator[io.BufferedReader]:
    """The text of `path` as bytes: unpacked, without a byte order mark, with LF at the end of lines.

    Args:
        path: a file, a pipe, or `-` for standard input. It is opened once.
        wanted: what messages ask for.
        digest: takes in the bytes of the file as they are, all of them once the text is read to its end.
        before: the state that the file must have; None: any.
        binary: a format that is wanted, too, as `binary_format` names it; its bytes are only unpacked.

    Raises:
        InputError: on entry, the input cannot be read, or has a format that is not text; within the block, it is cut
            short or damaged, or another program writes to it.
    """
    source = source_name(path)
    with _named_errors(source, wanted), ExitStack() as stack:
        raw = _standard_input() if path == "-" else stack.enter_context(io.FileIO(path))
        packed, head = _with_head(_blocks(raw, source, digest, before))
        compression = compression_of(head)
        if compression == "bgzip":
            packed = complete(packed)
        text = packed if compression == "plain" else unpacked(packed, UNPACKERS[compression])
        text, head = _with_head(text)
        if compression_of(head) != "plain" and compression != "plain":
            raise InputError(f"{source}: packed twice; unpack it once")
        foreign = binary_format(head)
        if foreign not in (None, binary):
            raise InputError(f"{source}: this is {foreign}; give {wanted}")
        yield io.BufferedReader(_Stream(text if foreign else _normalised(text)), _BLOCK)


def lines_of(stream: io.BufferedReader, source: str) -> Iterator[bytes]:
    """The lines of a text, each with its end.

    Raises:
        InputError: a line is longer than `LONGEST_LINE`.
    """
    for number, line in enumerate(iter(partial(stream.readline, LONGEST_LINE + 1), b""), start=1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{source}, line {number}: more than {LONGEST_LINE:,} bytes; give a text with lines")
        yield line


def sniff(path: str, wanted: str = "a FASTA file") -> Compression:
    """The compression of a file that can be read more than once, by its first bytes.

    Raises:
        InputError: the file cannot be read (the message asks for what is `wanted`), or is bgzip and lacks its end.
    """
    with _named_errors(path, wanted), open(path, "rb") as stream:
        compression = compression_of(stream.read(len(BGZIP_END)))
        if compression == "bgzip":
            stream.seek(-min(len(BGZIP_END), stream.seek(0, os.SEEK_END)), os.SEEK_END)
            if stream.read() != BGZIP_END:
                raise EOFError
        return compression


def _standard_input() -> io.RawIOBase:
    if sys.stdin is None:
        raise InputError("standard input: it is closed; send sequences to it, or name a file")
    # Not the buffer: a thread that still waits in it when promscan is stopped would hold its lock, which Python needs.
    return cast(io.RawIOBase, getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))


@contextmanager
def _named_errors(source: str, wanted: str) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise InputError(f"{source}: the compressed data ends too early; copy or download it again") from error
    except Damaged as error:
        raise InputError(f"{source}: the compressed data is damaged ({error}); copy or download it again") from error
    except OSError as error:
        raise InputError(f"{source}: {error.strerror or error}; give {wanted} that can be read") from error


# ------------------------------------------------------------------------------------------------------------- blocks


def _blocks(raw: io.RawIOBase, source: str, digest: Digest | None, before: FileState | None) -> Iterator[bytes]:
    state = state_of(raw.fileno()) if isinstance(raw, io.FileIO) else None
    check_unchanged(source, state, before or state)
    while (block := raw.read(_BLOCK)) != b"":
        if block is None:
            raise BlockingIOError(errno.EAGAIN, "it does not wait for data (O_NONBLOCK)")
        if digest is not None:
            digest.update(block)
        yield block
    if isinstance(raw, io.FileIO):
        check_unchanged(source, state_of(raw.fileno()), state)


def _with_head(blocks: Iterator[bytes]) -> tuple[Iterator[bytes], bytes]:
    """The same bytes, the first `HEAD_BYTES` of them in one block, and that block."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= HEAD_BYTES:
            break
    return chain([head], blocks), head


def _normalised(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Drop a byte order mark from the first block, and turn CRLF and CR into LF."""
    held = b""  # a CR at the end of a block, which may be half of a CRLF
    mark = BYTE_ORDER_MARK
    for block in blocks:
        text = held + block.removeprefix(mark)
        held = b"\r" if text.endswith(b"\r") else b""
        mark = b""
        if b"\r" in text:
            text = text[: len(text) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield text
    if held:
        yield b"\n"


class _Stream(io.RawIOBase):
    """Blocks of bytes as a stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while not self._rest and (block := next(self._blocks, None)) is not None:
            self._rest = memoryview(block)
        into = memoryview(buffer).cast("B")
        size = min(len(into), len(self._rest))
        into[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
