"""Lines of text files, with the place of each for messages."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from promscan.errors import InputError
from promscan.io.formats import HEAD_BYTES, is_fasta, text_format
from promscan.io.text import lines_of, opened, source_name


def text_lines(path: str, wanted: str, formats: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each line of a file, or of standard input (`-`), that is not blank, and where it stands, for messages.

    Blanks around a line and tabs at its end are dropped. Arguments and errors are those of `whole_lines`.
    """
    for line, where in whole_lines(path, wanted, formats):
        if text := stripped(line):
            yield text, where


def stripped(line: str) -> str:
    """A line without blanks around it and without tabs at its end."""
    return line.strip(" \v\f").rstrip("\t ")


def whole_lines(path: str, wanted: str, formats: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each line of a file, or of standard input (`-`), as it stands, and where it stands, for messages.

    Args:
        path: the file, plain or compressed; a pipe is read once.
        wanted: what messages ask for, such as `a BED file`.
        formats: the formats that it may have, as `text_format` names them.

    Raises:
        InputError: the file cannot be read, is not UTF-8 text, or has another format that is known.
    """
    source = source_name(path)
    with opened(path, wanted) as stream:
        head = stream.peek()[:HEAD_BYTES]
        foreign = "a FASTA file" if is_fasta(head) else text_format(head)
        if foreign not in (None, *formats):
            raise InputError(f"{source}: this is {foreign}; give {wanted}")
        for number, line in enumerate(lines_of(stream, source), start=1):
            where = f"{source}, line {number}"
            try:
                text = line.decode().removesuffix("\n")
            except UnicodeDecodeError as error:
                raise _not_text(where, wanted) from error
            if "\0" in text:
                raise _not_text(where, wanted)
            yield text, where


def _not_text(where: str, wanted: str) -> InputError:
    return InputError(f"{where}: not a text file in UTF-8; give {wanted}, plain or compressed")
