"""Damaged files, made from good ones: the same seed gives the same files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import re
from collections.abc import Sequence

LONGEST = 1 << 16
"""Bytes of a mutant before it is packed."""
_REPEATS = (2, 3, 10, 1000)
_NUMBERS = (
    b"0", b"-1", b"1", b"01", b"+5", b"1e9", b"1e999", b"nan", b"-inf", b"1_000", b"4294967296", b"9223372036854775807",
    b"9223372036854775808", b"18446744073709551616", b"9" * 5000, b"0.1", b".", b"", b"0x10", "\u0663".encode(),
)  # fmt: skip
_BYTES = (
    b"\0",
    b"\n",
    b"\r",
    b"\r\n",
    b"\t",
    b" ",
    b"\xff",
    b"\x80",
    b'"',
    b"\x1f\x8b",
    b"\xef\xbb\xbf",
    b"%",
    b"\x1a",
)
_WORDS = (
    b">", b"#", b"##", b"##FASTA", b"@", b";", b"=", b",", b":", b"/", b"|", b"+", b"-", b"N" * 80, b"track ", b"%00",
    b"%ZZ", b"null", b"true", b"[]", b"{}", b"[" * 500, b'"', b"'", "\u00e9\u2028\u65e5".encode(), b"A" * 5000, b"../x",
)  # fmt: skip
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")


class Mutator:
    """An endless row of damaged files.

    Args:
        seeds: good files, or such as were hard to read once.
        seed: of the random numbers.
        packed: whether some files are compressed, and some of those damaged after that.
    """

    def __init__(self, seeds: Sequence[bytes], seed: int, *, packed: bool = True) -> None:
        self._seeds, self._random, self._packed = list(seeds), random.Random(seed), packed
        self._words = sorted({word for text in seeds for word in re.findall(rb"[^\s;=,]{1,40}", text)})
        self._steps = (
            self._flip, self._replace, self._cut, self._repeat, self._insert, self._number, self._line, self._splice,
            self._end,
        )  # fmt: skip

    def next(self) -> bytes:
        """Return the next file."""
        text = self._random.choice(self._seeds)
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 6))):
            text = self._random.choice(self._steps)(text)[:LONGEST]
        if self._packed and self._random.random() < 0.15:
            text = self._pack(text)
        return text

    def _span(self, text: bytes, longest: int = 64) -> tuple[int, int]:
        begin = self._random.randrange(len(text) + 1)
        return begin, min(len(text), begin + self._random.randrange(longest))

    def _flip(self, text: bytes) -> bytes:
        if not text:
            return text
        at = self._random.randrange(len(text))
        return text[:at] + bytes([text[at] ^ 1 << self._random.randrange(8)]) + text[at + 1 :]

    def _replace(self, text: bytes) -> bytes:
        begin, end = self._span(text, 4)
        return text[:begin] + self._random.choice(_BYTES) + text[end:]

    def _cut(self, text: bytes) -> bytes:
        begin, end = self._span(text)
        return text[:begin] + text[end:]

    def _repeat(self, text: bytes) -> bytes:
        begin, end = self._span(text)
        return text[:begin] + text[begin:end] * self._random.choice(_REPEATS) + text[end:]

    def _insert(self, text: bytes) -> bytes:
        at, _ = self._span(text)
        word = self._random.choice(self._words) if self._words and self._random.random() < 0.5 else None
        return text[:at] + (word or self._random.choice(_WORDS)) + text[at:]

    def _number(self, text: bytes) -> bytes:
        found = list(_NUMBER.finditer(text))
        if not found:
            return text
        match = self._random.choice(found)
        new = self._random.choice(_NUMBERS)
        if self._random.random() < 0.3:
            new = b"%d" % (int(float(match[0][:15])) + self._random.choice((-1, 1, 1000, -1000)))
        return text[: match.start()] + new + text[match.end() :]

    def _line(self, text: bytes) -> bytes:
        """Remove, double, move or cut a line, or join its columns."""
        lines = text.splitlines(keepends=True)
        if not lines:
            return text
        at, other = self._random.randrange(len(lines)), self._random.randrange(len(lines))
        kind = self._random.randrange(5)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(other, lines[at])
        elif kind == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            lines[at] = lines[at][: self._random.randrange(len(lines[at]) + 1)] + b"\n"
        else:
            lines[at] = lines[at].replace(b"\t", self._random.choice((b"", b" ", b"\t\t", b",")), 1)
        return b"".join(lines)

    def _splice(self, text: bytes) -> bytes:
        other = self._random.choice(self._seeds)
        return text[: self._random.randrange(len(text) + 1)] + other[self._random.randrange(len(other) + 1) :]

    def _end(self, text: bytes) -> bytes:
        return text[: self._random.randrange(len(text) + 1)]

    def _pack(self, text: bytes) -> bytes:
        pack = self._random.choice((lambda data: gzip.compress(data, mtime=0), bz2.compress, lzma.compress))
        packed = pack(text)
        return self._random.choice((bytes, self._flip, self._end, self._cut, self._repeat))(packed)
