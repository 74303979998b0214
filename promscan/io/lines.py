"""Lines of text files as they come: UTF-8 with or without a byte-order mark, any line ends, plain or compressed."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator

from promscan.errors import InputError
from promscan.io.fasta import opened, sniff, source_name


def text_lines(path: str, wanted: str) -> Iterator[tuple[str, str]]:
    """Each line of a file, or of standard input (`-`), that is not blank, and where it stands, for messages.

    Lines end in LF, CRLF or CR. Blanks around a line and tabs at its end are dropped.

    Args:
        path: the file; a pipe is read once.
        wanted: what messages ask for, such as `a BED file`.

    Raises:
        InputError: the file cannot be read, or is not UTF-8 text.
    """
    source = source_name(path)
    if path != "-" and os.path.isfile(path):
        sniff(path, wanted)  # a bgzip file that lacks its end can be read without an error
    with opened(path, wanted) as stream:
        for number, line in enumerate(_raw_lines(stream), start=1):
            where = f"{source}, line {number}"
            try:
                text = line.decode().strip(" \v\f").rstrip("\t ")
            except UnicodeDecodeError as error:
                raise _not_text(where, wanted) from error
            if "\0" in text:
                raise _not_text(where, wanted)
            if text:
                yield text, where


def _raw_lines(stream: Iterator[bytes]) -> Iterator[bytes]:
    first = True
    for block in stream:
        # Blocks end in LF; a file of the old Mac, whose lines end in CR, is a single block.
        lines = (block.removeprefix(codecs.BOM_UTF8) if first else block).splitlines()
        first = False
        yield from lines or [b""]


def _not_text(where: str, wanted: str) -> InputError:
    return InputError(f"{where}: not a text file in UTF-8; give {wanted}, plain or compressed")
