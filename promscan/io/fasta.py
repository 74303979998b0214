"""FASTA text to codes: one streaming parser, in constant memory."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from promscan.errors import InputError
from promscan.io.formats import HEAD_BYTES, text_format
from promscan.seq.dna import ENCODE, INVALID, WHITESPACE

PACKED = "plain or compressed (gzip, bgzip, bzip2, xz, zstd)"
"""How text inputs may come, for messages."""

_BLOCK = _LONGEST_HEADER = 1 << 20
_NEWLINE, _HEADER = b"\n>"
_VALID = bytes(byte for byte in range(256) if ENCODE[byte] != INVALID) + WHITESPACE
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that would break the lines of a BED file or its index."""

_MAYBE_CIRCLE = re.compile(rb"complete genome|topology=circular|circular=(?:true|yes)", re.IGNORECASE)
"""What NCBI and assemblers write in the headers of circles, and of some contigs that are none."""


def parse(
    stream: io.BufferedReader, source: str, table: bytes, maybe_circles: list[str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Contig and codes, piece by piece; an empty piece opens each contig, even one without bases.

    Args:
        stream: FASTA text with LF at the end of lines, as `text.opened` gives it.
        source: its name in messages.
        table: byte to code, such as `dna.ENCODE`.
        maybe_circles: gets the contigs whose header says that they are complete genomes or circular.

    Raises:
        InputError: the text is not FASTA, a name is missing or comes twice, or a letter is no nucleotide.
    """
    if (foreign := text_format(stream.peek()[:HEAD_BYTES])) is not None:
        raise InputError(f"{source}: this is {foreign}; give a FASTA file, {PACKED}")
    lines_of: dict[str, int] = {}
    chrom, line, at_line_start = "", 1, True
    for block in _blocks(stream):
        at = 0
        while at < len(block):
            if at_line_start and block[at] == _HEADER:
                end = block.find(b"\n", at) + 1 or len(block)
                chrom = contig_name(block[at:end], f"{source}, line {line}")
                if chrom in lines_of:
                    raise InputError(
                        f"{source}, line {line}: contig {chrom!r} was already on line {lines_of[chrom]}; rename one"
                    )
                lines_of[chrom] = line
                if maybe_circles is not None and _MAYBE_CIRCLE.search(block, at, end):
                    maybe_circles.append(chrom)
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


def _blocks(stream: io.BufferedReader) -> Iterator[bytes]:
    """The text in blocks of limited size that do not end inside a header line."""
    while block := stream.read(_BLOCK):
        last_line = block.rfind(b"\n") + 1
        if block[last_line : last_line + 1] == b">":
            block += stream.readline(_LONGEST_HEADER)
        yield block


def contig_name(header: bytes, where: str) -> str:
    """The first word of a header line.

    Raises:
        InputError: there is none, or it cannot stand in an output; `where` is named.
    """
    words = header[1:].split(maxsplit=1)
    if not words:
        raise InputError(f"{where}: a header without a name; give each sequence a name after its '>'")
    if words[0].startswith(b"#"):
        raise InputError(f"{where}: a name that begins with '#' would be a comment in BED files; rename it")
    try:
        name = words[0].decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: the name of the contig is not UTF-8 text; rename it") from error
    if (control := _CONTROL.search(name)) is not None:
        raise InputError(f"{where}: the name of the contig holds a control character, {control[0]!r}; rename it")
    return name


def _misplaced_letter(letters: bytes, chrom: str, source: str, line: int) -> InputError:
    """The error for the first of `letters` (they begin on `line`) that cannot stand there."""
    rest = letters.translate(None, _VALID) if chrom else letters.lstrip()
    line += letters.count(b"\n", 0, letters.index(rest[:1]))
    return letter_error(rest, chrom, f"{source}, line {line}")


def letter_error(letters: bytes, chrom: str, where: str) -> InputError:
    """The error for the first of `letters`, which is no base of `chrom`; there is no contig yet if that is empty."""
    letter = repr(letters[:1].decode("latin-1"))
    if not chrom:
        return InputError(f"{where}: expected '>' and found {letter}; give FASTA, {PACKED}")
    return InputError(
        f"{where}: {letter} in contig {chrom!r} is not a nucleotide letter; give DNA (is this a protein FASTA?)"
    )
