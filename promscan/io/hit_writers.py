"""Hits as files: BED, GFF3 and narrowPeak, plain, bgzipped and indexed, or to standard output."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, TextIO

import pysam

from promscan import __version__
from promscan.io.files import write_errors
from promscan.io.hit_layouts import Header, Layout, escaped, landmark_row, layout_of, seqid_of
from promscan.io.row_files import Index, open_row_file
from promscan.io.schemas import FULL
from promscan.seq.records import Hit

CLOSING = "#end "
"""Beginning of the last line of a shard."""
_SHARD = "shard"
"""The key of a header that only a shard has."""


class Checksum:
    """Count of the rows and checksum of all lines of a shard, for its last line."""

    def __init__(self) -> None:
        self.rows, self._sum = 0, hashlib.sha256()

    def take(self, lines: bytes) -> None:
        """Take in the first lines, or a row, as they stand in the file."""
        self.rows += not lines.startswith(b"#")
        self._sum.update(lines)

    @property
    def closing_line(self) -> str:
        """Last line of a shard that holds what was taken in."""
        return f"{CLOSING}rows={self.rows} sha256={self._sum.hexdigest()[:16]}"


class Writer:
    """Takes hits in order (contig, start, strand) and writes them as rows; made by `open_writer` and `open_rows`."""

    def __init__(
        self, file: BinaryIO | pysam.BGZFile, layout: Layout, first_line: str, target: str, header: Header
    ) -> None:
        self.end = 0
        """Largest end of a hit so far."""
        self._sum = Checksum()
        self._file, self._layout, self._target, self._header = file, layout, target, header
        self._landmark = ""
        """The circle of the last hit, if it was on one and its landmark has a row."""
        self._late = list[Hit]()
        """Hits over the origin of this circle, some of which come first, and whose rows are the last."""
        self._put("".join(f"{line}\n" for line in layout.preamble(first_line)))

    def write(self, hit: Hit) -> None:
        """Write one hit.

        Raises:
            RunError: the file cannot take it (a full disk).
            BrokenPipeError: nobody reads the pipe any more.
        """
        if self._layout.landmarks and hit.chrom != self._landmark:
            self._write_late()
            if hit.circle is not None:
                self._landmark = hit.chrom
                self.write_row(landmark_row(seqid_of(hit.chrom), hit.circle), hit.circle)
        if self._layout.landmarks and hit.circle is not None and hit.end > hit.circle:
            self._late.append(hit)
        else:
            self._write(hit)

    def finish(self) -> None:
        """Write what waits, and the last line of a shard, by which `merge` knows that no line is missing.

        Raises:
            RunError: the file cannot take it.
            BrokenPipeError: nobody reads the pipe any more.
        """
        self._write_late()
        if _SHARD in self._header:
            self._put(f"{self._sum.closing_line}\n")

    def _write_late(self) -> None:
        for hit in sorted(self._late, key=lambda hit: (hit.start, hit.strand)):
            self._write(hit)
        self._late.clear()
        self._landmark = ""

    def _write(self, hit: Hit) -> None:
        self.write_row(self._layout.row(hit, self._header), hit.end)

    def write_row(self, row: str, end: int) -> None:
        """Write a finished row, without its newline, of a hit that ends at `end`; raises what `write` does."""
        self._put(f"{row}\n")
        self.end = max(self.end, end)

    def _put(self, text: str) -> None:
        lines = text.encode("utf-8", "surrogateescape")
        self._sum.take(lines)
        with write_errors(self._target):
            self._file.write(lines)


def open_writer(target: str, format: str | None, header: Header, columns: str = FULL) -> AbstractContextManager[Writer]:
    """A `Writer` to `target` for the length of the `with` block; the file appears at its end, if that went well.

    Args:
        target: path; `.gz` or `.bgz` at its end means bgzipped, with a .tbi index (.csi beyond 2^29). `-` is
            standard output, never compressed.
        format: one of `FORMATS`; None means by the suffix of `target`, and BED on standard output.
        header: the content of the first line, in order: model, sha256, the options that decide the hits.
        columns: one of `BED_COLUMN_SETS`.

    Raises:
        RunError: no format fits; on entry, `target` cannot be created; later, the file cannot be finished.
    """
    return open_rows(target, layout_of(target, format, columns), header_line(header), header)


@contextmanager
def open_rows(target: str, layout: Layout, first_line: str, header: Header) -> Iterator[Writer]:
    """A `Writer` as from `open_writer`, for a known layout and the text of its first line, `#promscan ...`."""
    with open_row_file(target) as rows:
        writer = Writer(rows.file, layout, first_line, rows.name, header)
        yield writer
        writer.finish()
        rows.index = Index(layout.preset, writer.end)


def write_summary(file: TextIO, summary: Mapping[str, Any]) -> None:
    """Write `summary` as JSON with sorted keys."""
    file.write(json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def header_line(header: Header) -> str:
    """`#promscan VERSION key=value ...`; space, control characters and % in a value become %XX."""
    return " ".join([f"#promscan {__version__}", *(f"{key}={escaped(value, ' %')}" for key, value in header.items())])


def first_difference(header: Header, other: Header) -> str | None:
    """`key is 1 here and 2`, of the first key by which two headers differ; None if they are equal."""
    for key in {**header, **other}:
        if header.get(key) != other.get(key):
            return f"{key} is {header.get(key, 'absent')} here and {other.get(key, 'absent')}"
    return None
