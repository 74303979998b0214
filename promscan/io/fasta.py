"""FASTA text to codes: one streaming parser for plain, gzip and bgzip, from a file or a pipe, in constant memory."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, Literal, cast

from promscan.errors import InputError
from promscan.seq.dna import ENCODE, INVALID, WHITESPACE

Compression = Literal["plain", "gzip", "bgzip"]

_BLOCK = _LONGEST_HEADER = 1 << 20
_NEWLINE, _HEADER = b"\n>"
_GZIP = b"\x1f\x8b"
_EXTRA_FIELD = 4
_BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every complete bgzip file."""
_VALID = bytes(byte for byte in range(256) if ENCODE[byte] != INVALID) + WHITESPACE


def source_name(path: str) -> str:
    """What messages call `path`."""
    return "standard input" if path == "-" else path


def sniff(path: str, wanted: str = "a FASTA file") -> Compression:
    """How a file that can be read more than once is compressed, by its first bytes.

    Raises:
        InputError: the file cannot be read (and the message asks for what is `wanted`), or is bgzip and lacks its end.
    """
    with _named_errors(path, wanted), open(path, "rb") as stream:
        head = stream.read(len(_BGZIP_END))
        if not head.startswith(_GZIP):
            return "plain"
        if head[12:14] != b"BC" or not head[3] & _EXTRA_FIELD:
            return "gzip"
        stream.seek(-min(len(_BGZIP_END), stream.seek(0, os.SEEK_END)), os.SEEK_END)
        if stream.read() != _BGZIP_END:
            raise EOFError
        return "bgzip"


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise InputError("standard input: it is closed; send sequences to it, or name a file")
    # Not the buffer: a thread that still waits in it when promscan is stopped would hold its lock, which Python needs.
    return getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)


@contextmanager
def opened(path: str, wanted: str = "a FASTA file") -> Iterator[BinaryIO]:
    """The text of `path` as bytes, unpacked if need be; what goes wrong within the block becomes an `InputError`."""
    with _named_errors(source_name(path), wanted), ExitStack() as stack:
        raw = cast(io.RawIOBase, _standard_input()) if path == "-" else io.FileIO(path)
        stream = io.BufferedReader(raw)
        stack.callback(stream.detach if path == "-" else stream.close)  # standard input stays open
        if stream.peek(len(_GZIP)).startswith(_GZIP):
            yield cast(BinaryIO, stack.enter_context(gzip.GzipFile(fileobj=stream)))
        else:
            yield stream


@contextmanager
def _named_errors(source: str, wanted: str) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise InputError(f"{source}: the compressed data ends too early; copy or download it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{source}: the compressed data is damaged ({error}); copy or download it again") from error
    except OSError as error:
        raise InputError(f"{source}: {error.strerror or error}; give {wanted} that can be read") from error


def parse(stream: BinaryIO, source: str, table: bytes) -> Iterator[tuple[str, bytes]]:
    """Contig and codes, piece by piece; an empty piece opens each contig, even one without bases.

    Args:
        stream: FASTA text.
        source: what messages call it.
        table: byte to code, such as `dna.ENCODE`.

    Raises:
        InputError: the text is not FASTA, a name is missing or comes twice, or a letter is no nucleotide.
    """
    lines_of: dict[str, int] = {}
    chrom, line, at_line_start = "", 1, True
    for block in _blocks(stream):
        at = 0
        while at < len(block):
            if at_line_start and block[at] == _HEADER:
                end = block.find(b"\n", at) + 1 or len(block)
                chrom = _contig_name(block[at:end], f"{source}, line {line}")
                if chrom in lines_of:
                    raise InputError(
                        f"{source}, line {line}: contig {chrom!r} was already on line {lines_of[chrom]}; rename one"
                    )
                lines_of[chrom] = line
                yield chrom, b""
            else:
                end = block.find(b">", at + 1)
                end = len(block) if end == -1 else end
                letters = block[at:end]
                codes = letters.translate(table, WHITESPACE)
                if INVALID in codes or (codes and not chrom):
                    raise _misplaced_letter(letters, chrom, source, line)
                if codes:
                    yield chrom, codes
            line += block.count(b"\n", at, end)
            at_line_start = block[end - 1] == _NEWLINE
            at = end


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The text in blocks of limited size that do not end inside a header line."""
    while block := stream.read(_BLOCK):
        last_line = block.rfind(b"\n") + 1
        if block[last_line : last_line + 1] == b">":
            block += stream.readline(_LONGEST_HEADER)
        yield block


def _contig_name(header: bytes, where: str) -> str:
    if b"\r" in header.rstrip(b"\r\n"):
        raise InputError(f"{where}: lines end in CR only; convert the file with `tr '\\r' '\\n'`")
    words = header[1:].split(maxsplit=1)
    if not words:
        raise InputError(f"{where}: a header without a name; give each sequence a name after its '>'")
    if words[0].startswith(b"#"):
        raise InputError(f"{where}: a name that begins with '#' would be a comment in BED files; rename it")
    try:
        return words[0].decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: the name of the contig is not UTF-8 text; rename it") from error


def _misplaced_letter(letters: bytes, chrom: str, source: str, line: int) -> InputError:
    """The error for the first of `letters` (they begin on `line`) that cannot stand there."""
    rest = letters.translate(None, _VALID) if chrom else letters.lstrip()
    line += letters.count(b"\n", 0, letters.index(rest[:1]))
    return letter_error(rest, chrom, f"{source}, line {line}")


def letter_error(letters: bytes, chrom: str, where: str) -> InputError:
    """The error for the first of `letters`, which is no base of `chrom`; there is no contig yet if that is empty."""
    letter = repr(letters[:1].decode("latin-1"))
    if not chrom:
        return InputError(f"{where}: expected '>' and found {letter}; give FASTA, plain or packed by gzip or bgzip")
    return InputError(
        f"{where}: {letter} in contig {chrom!r} is not a nucleotide letter; give DNA (is this a protein FASTA?)"
    )
