"""Hits with their lines as they stand, for commands that add to them: BED, narrowPeak or GFF3 of any tool."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from promscan.errors import InputError
from promscan.io.gff import is_gtf
from promscan.io.hits import WANTED, claims_peaks, tss_positions
from promscan.io.listed_rows import ListedRows, Row, stranded
from promscan.io.scan_header import settings_in
from promscan.log import counted

GFF3_COLUMNS = 9


@dataclass(frozen=True)
class HitLines:
    """The hits of a file, one for each row.

    source: what messages call the file.
    format: `bed`, with narrowPeak, or `gff`; None: there is no row.
    comments: the lines with `#` before the first row.
    landmarks: by contig, the rows of GFF3 about circles, which are no hits.
    rows: the places of the hits.
    lines: the rows as they stand; columns that blanks divide are divided by tabs.
    tss: transcription start of each hit.
    position: which base of a hit is its transcription start, in words.
    """

    source: str
    format: Literal["bed", "gff"] | None
    comments: Sequence[str]
    landmarks: Mapping[str, str]
    rows: Sequence[Row]
    lines: Sequence[str]
    tss: Sequence[int]
    position: str

    @property
    def settings(self) -> dict[str, str]:
        """What the first line of promscan says of the scan."""
        return settings_in(self.comments)

    @property
    def is_gff(self) -> bool:
        """Whether the hits are GFF3; a file without rows is, if its first lines say so."""
        return self.format == "gff" or any(comment.startswith("##gff-version") for comment in self.comments)


def read_hit_lines(path: str | os.PathLike[str]) -> HitLines:
    """Read hits; the position of a hit is found as by `promscan.io.hits.read_hits`.

    Args:
        path: plain or compressed file, or `-` for standard input.

    Raises:
        InputError: the file cannot be read or is empty, a row is no hit with a strand, or rows differ in their number
            of columns.
    """
    listed, rows, lines = ListedRows(os.fspath(path), WANTED), list[Row](), list[str]()
    columns = 0
    for row, fields in listed:
        stranded(row)
        if row.end == row.start:
            raise InputError(f"{row.where}: an interval without bases is no hit; leave it out")
        lines.append(listed.line if "\t" in listed.line else "\t".join(fields))
        rows.append(row)
        width = lines[-1].count("\t") + 1
        if listed.format == "gff":
            _check_gff3(row, fields)
        elif width != (columns := columns or width):
            raise InputError(
                f"{row.where}: {counted(width, 'column')}, and {columns} in the rows before; give each row the same"
            )
    if not rows and not listed.comments:
        raise InputError(f"{listed.source}: there is nothing in it, not even a header; give {WANTED}")
    claimed = claims_peaks(path, settings_in(listed.comments))
    position, tss = tss_positions(rows, claimed) if rows else ("", [])
    return HitLines(listed.source, listed.format, listed.comments, listed.landmarks, rows, lines, tss, position)


def _check_gff3(row: Row, fields: Sequence[str]) -> None:
    if len(fields) != GFF3_COLUMNS:
        raise InputError(f"{row.where}: {counted(len(fields), 'column')}, and GFF3 has {GFF3_COLUMNS}; correct the row")
    if is_gtf(fields[8]):
        raise InputError(f"{row.where}: its attributes are those of GTF; give hits as GFF3 or BED")
