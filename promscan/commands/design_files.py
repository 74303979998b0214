"""Proposed inserts as files: FASTA, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from promscan.errors import RunError
from promscan.io.files import open_text_output

if TYPE_CHECKING:
    from promscan.commands.design import Design

FASTA_SUFFIXES = (".fa", ".fasta")
TABLE_SUFFIX = ".tsv"
COLUMNS = ("name", "sequence", "wanted", "strength", "strength_sd", "gc", "changes")


def check_suffix(output: str) -> None:
    """Refuse a file whose suffix is that of no format, before the work.

    Raises:
        RunError: there is no such format.
    """
    if output != "-" and not output.lower().endswith((*FASTA_SUFFIXES, TABLE_SUFFIX)):
        raise RunError(f"{output}: no format has this suffix; end it in .fa, .fasta or .tsv")


def write_designs(designs: Sequence[Design], output: str, table: str | None) -> None:
    """Write proposals to `output`, in the format of its suffix (`-`: FASTA on standard output), and as a table.

    Raises:
        RunError: a file cannot be written.
    """
    with open_text_output(output) as file:
        (_write_table if output.lower().endswith(TABLE_SUFFIX) else _write_fasta)(file, designs)
    if table is not None:
        with open_text_output(table) as file:
            _write_table(file, designs)


def _write_fasta(file: TextIO, designs: Sequence[Design]) -> None:
    for each in designs:
        grades = f"wanted={each.wanted:g} strength={each.strength:.4f} strength_sd={each.strength_sd:.4f}"
        file.write(f">{each.name} {grades}\n{each.sequence}\n")


def _write_table(file: TextIO, designs: Sequence[Design]) -> None:
    file.write("\t".join(COLUMNS) + "\n")
    for each in designs:
        changes = "." if each.changes is None else str(each.changes)
        grades = (f"{each.wanted:g}", f"{each.strength:.4f}", f"{each.strength_sd:.4f}", f"{each.gc:.4f}", changes)
        file.write("\t".join((each.name, each.sequence, *grades)) + "\n")
