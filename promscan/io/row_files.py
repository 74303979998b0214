"""Files of sorted rows: plain, bgzipped with an index by which tools find the rows of a region, or standard output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import pysam

from promscan.io.files import atomic_path, closing_output, is_packed, standard_output, write_errors
from promscan.io.htslib import quiet_htslib

TBI_LIMIT = 2**29
"""A .tbi index cannot hold coordinates past this; a .csi index can."""


class Index(NamedTuple):
    """What an index is made from.

    preset: columns of the place of a row, by the name of a format.
    end: largest end of a row.
    """

    preset: Literal["bed", "gff", "vcf"]
    end: int


@dataclass
class RowFile:
    """An open output.

    name: its name in messages.
    index: set it after the last row; None: the rows cannot be indexed.
    """

    file: BinaryIO | pysam.BGZFile
    name: str
    index: Index | None = None


@contextmanager
def open_row_file(target: str) -> Iterator[RowFile]:
    """Open an output of rows for the length of the `with` block; the file appears at its end, if that went well.

    Args:
        target: path; `.gz` or `.bgz` at its end means bgzipped, with a .tbi index (.csi beyond 2^29). `-` is standard
            output, never compressed.

    Raises:
        RunError: on entry, `target` cannot be created; later, the file cannot be finished.
    """
    if target == "-":
        stdout = standard_output()
        stdout.flush()
        yield RowFile(stdout.buffer, "standard output")
        with write_errors("standard output"):
            stdout.flush()
        return
    with quiet_htslib(), ExitStack() as after, atomic_path(target) as path:
        with write_errors(target):
            file = pysam.BGZFile(str(path), "wb", None) if is_packed(target) else path.open("wb")
        with closing_output(file, target):
            rows = RowFile(file, target)
            yield rows
        if is_packed(target) and path.is_file():  # a pipe has no index
            _add_index(path, target, rows.index, after)


def _add_index(path: Path, target: str, index: Index | None, after: ExitStack) -> None:
    """Let a new index appear after its file, and remove an old one before it: the two never disagree."""
    if index is not None:
        is_far = index.end > TBI_LIMIT
        new = after.enter_context(atomic_path(f"{target}.{'csi' if is_far else 'tbi'}", like=target))
        with write_errors(target):
            done = pysam.tabix_index(str(path), preset=index.preset, index=str(new), force=True, csi=is_far)
        assert Path(done) == path  # pysam compresses what does not look compressed, to another file
    with write_errors(target):
        for stale in ("tbi", "csi"):
            Path(f"{target}.{stale}").unlink(missing_ok=True)
