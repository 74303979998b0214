"""bigWig files: values of single bases, written as a stream in constant memory.

    header | zoom headers | totals | comment | contigs | sections | index | zoom 1: records, index | zoom 2: ... | magic

A section holds the values of up to 4,096 neighbouring bases, cut on a fixed grid, so the bytes do not depend on the
pieces in which values come. What must stand behind the sections (their index, and the zoom levels that a browser draws
from) is collected in unnamed temporary files in the folder of the output. The comment is text that no reader looks at;
the header says where it is.
"""

from __future__ import annotations

import math
import shutil
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError, RunError
from promscan.io.bigwig_trees import contig_tree, write_index
from promscan.io.bigwig_zooms import (
    COVERED,
    DECIMALS,
    MAX,
    MIN,
    SQUARES,
    SUM,
    Sections,
    Sums,
    Zoom,
    first_sums,
    zoom_widths,
)
from promscan.io.files import atomic_path, closing_output, is_special, write_errors
from promscan.seq.intervals import MAX_POSITION
from promscan.seq.records import Logits, Scores

MAGIC = 0x888FFC26
HEADER = struct.Struct("<IHHQQQHHQQIQ")
"""Magic, version, zoom levels, places of contigs, sections and index, two counts of fields, place of a description of
fields (none), place of the totals, largest size of a section before it is packed, place of extensions (none)."""
ZOOM_HEADER = struct.Struct("<IIQQ")
TOTALS = struct.Struct("<Qdddd")
SECTION = struct.Struct("<IIIIIBBH")
"""Contig, first base, end, distance of bases, bases of a value, kind, a zero, number of values."""
SPARSE, DENSE = 2, 3
"""Kinds of a section: each value with its base, or values of neighbouring bases."""
LONGEST_CONTIG = 2**32 - 1
CELL = 4096
"""Bases of a section, at most."""
LARGEST_SECTION = SECTION.size + 8 * CELL

_VERSION = 4
_COST_OF_A_SECTION = 64
"""Bytes of a section without its values, about."""
_IN_MEMORY = 1 << 18
"""Bytes of a part that stay in memory before they go to a temporary file."""


@contextmanager
def open_bigwig(target: str, contigs: Mapping[str, int], comment: str = "") -> Iterator[BigWigWriter]:
    """A `BigWigWriter` to `target` for the length of the `with` block; the file appears at its end, if that went well.

    Args:
        target: path of the file.
        contigs: contig to bases, in the order in which values come; contigs without bases are left out.
        comment: a line of text that stays in the file.

    Raises:
        InputError: a contig is too long for the format, or none has bases.
        RunError: `target` is a pipe or a device, or cannot be written.
    """
    check_contigs(contigs)
    if is_special(target):
        raise RunError(f"{target}: is a pipe or a device, and a bigWig is not written from start to end; name a file")
    with atomic_path(target) as path, ExitStack() as stack:
        with write_errors(target):
            file = path.open("wb")
        stack.enter_context(closing_output(file, target))
        writer = stack.enter_context(BigWigWriter(file, path.parent, target, contigs, comment))
        yield writer
        writer.finish()


def check_contigs(contigs: Mapping[str, int]) -> None:
    """Raise InputError if the format cannot hold these contigs."""
    longest = max(contigs, key=lambda contig: contigs[contig], default=None)
    if longest is None or not contigs[longest]:
        raise InputError("no contig has a base, and a track needs some; give DNA")
    if contigs[longest] > LONGEST_CONTIG:
        raise InputError(
            f"contig {longest!r} has {contigs[longest]:,} bases, and a bigWig holds at most {LONGEST_CONTIG:,} of one; "
            "leave --track out"
        )


class BigWigWriter:
    """Takes values of single bases, in the order of the contigs and of their bases; made by `open_bigwig`."""

    def __init__(self, file: IO[bytes], folder: Path, target: str, contigs: Mapping[str, int], comment: str) -> None:
        self._lengths = {contig: length for contig, length in contigs.items() if length}
        self._numbers = {contig: number for number, contig in enumerate(self._lengths)}
        self._file, self._folder, self._target = file, folder, target
        self._spools = ExitStack()
        self._contig: str | None = None
        self._at = 0
        """First base of `_held`, on the grid of sections."""
        self._held = np.empty(0, dtype=np.float64)
        """Values that wait for the end of their section, in thousandths."""
        self._totals = [0, math.inf, -math.inf, 0, 0]
        with write_errors(target):
            self._zooms = [Zoom(width, self._spooled()) for width in zoom_widths(max(self._lengths.values()))]
            self._begin(comment)

    def __enter__(self) -> BigWigWriter:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what is left for a full disk is not needed any more
            self._spools.close()

    def add(self, contig: str, start: int, values: Logits) -> None:
        """Take the values of the bases from `start` on; NaN is none, and so are bases that are left out.

        Raises:
            ValueError: bases lie outside of their contig, or do not come in order.
            RunError: the file cannot take them (a full disk).
        """
        if not len(values):
            return
        with write_errors(self._target):
            if contig != self._contig:
                self._end_contig()
                if self._contig is not None and self._numbers[contig] < self._numbers[self._contig]:
                    raise ValueError(f"contig {contig!r} comes after {self._contig!r}, and stands before it")
                self._contig, self._at = contig, start - start % CELL
            reached = self._at + len(self._held)
            if start < reached or start + len(values) > self._lengths[contig]:
                raise ValueError(
                    f"bases {start}-{start + len(values)} of {contig!r} are out of order or beyond its end"
                )
            if start - start % CELL > reached:
                self._write(self._held)
                self._at = reached = start - start % CELL
                self._held = self._held[:0]
            gap = np.full(start - reached, np.nan)
            thousandths = np.rint(values.astype(np.float64) * DECIMALS) + 0.0  # a zero has no sign
            self._held = np.concatenate([self._held, gap, thousandths])
            whole = len(self._held) - len(self._held) % CELL
            self._write(self._held[:whole])
            self._held, self._at = self._held[whole:], self._at + whole

    def finish(self) -> None:
        """Write what stands behind the sections, and the header; after it, the file is complete."""
        with write_errors(self._target):
            self._end_contig()
            index = write_index(self._file, self._sections.index, self._sections.count, shift=0)
            headers = [self._end_zoom(zoom) for zoom in self._zooms]
            self._file.write(struct.pack("<I", MAGIC))
            self._file.seek(self._places["sections"])
            self._file.write(struct.pack("<Q", self._sections.count))
            self._file.seek(0)
            places = (self._places["contigs"], self._places["sections"], index)
            header = (MAGIC, _VERSION, len(headers), *places, 0, 0, 0, self._places["totals"], LARGEST_SECTION, 0)
            self._file.write(HEADER.pack(*header) + b"".join(headers) + self._packed_totals())
            self._file.flush()

    def _spooled(self) -> Sections:
        return Sections(self._spool(), self._spool())

    def _spool(self) -> IO[bytes]:
        """A file without a name, which is gone when the writer ends, however it ends."""
        return self._spools.enter_context(SpooledTemporaryFile(_IN_MEMORY, dir=str(self._folder)))

    def _begin(self, comment: str) -> None:
        """Write what stands before the sections; `finish` fills in the numbers."""
        totals = HEADER.size + len(self._zooms) * ZOOM_HEADER.size
        text = f"{comment}\n".encode("utf-8", "surrogateescape")
        contigs = totals + TOTALS.size + len(text)
        self._file.write(bytes(totals + TOTALS.size) + text + contig_tree(self._lengths, self._numbers, contigs))
        self._places = {"totals": totals, "contigs": contigs, "sections": self._file.tell()}
        self._file.write(bytes(8))
        self._sections = Sections(self._file, self._spool())

    def _end_contig(self) -> None:
        if self._contig is None:
            return
        self._write(self._held)
        self._held = self._held[:0]
        below = np.empty((0, 7))
        for zoom in self._zooms[1:]:
            below = zoom.gather(below, MAX_POSITION)
            zoom.add(self._numbers[self._contig], below)

    def _write(self, thousandths: Scores) -> None:
        """Write the sections and the zoom records of bases from `_at` on."""
        known = ~np.isnan(thousandths)
        if self._contig is None or not known.any():
            return
        number = self._numbers[self._contig]
        for begin in range(0, len(thousandths), CELL):
            cell = slice(begin, begin + CELL)
            self._write_cell(number, self._at + begin, thousandths[cell], known[cell])
        below = first_sums(thousandths, known, self._at)
        self._add_totals(below)
        self._zooms[0].add(number, below)
        for zoom in self._zooms[1:]:
            below = zoom.gather(below, self._at + len(thousandths))
            zoom.add(number, below)

    def _write_cell(self, number: int, at: int, thousandths: Scores, known: npt.NDArray[np.bool_]) -> None:
        values = (thousandths / DECIMALS).astype("<f4")
        runs = np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2).tolist()
        count = int(np.count_nonzero(known))
        if len(runs) * _COST_OF_A_SECTION + 4 * count <= _COST_OF_A_SECTION + 8 * count:
            for begin, end in runs:
                head = SECTION.pack(number, at + begin, at + end, 1, 1, DENSE, 0, end - begin)
                self._sections.add(head + values[begin:end].tobytes(), (number, at + begin), (number, at + end))
            return
        places = np.flatnonzero(known)
        first, end = at + int(places[0]), at + int(places[-1]) + 1
        pairs = np.empty(count, dtype=[("start", "<u4"), ("value", "<f4")])
        pairs["start"], pairs["value"] = at + places, values[places]
        head = SECTION.pack(number, first, end, 0, 1, SPARSE, 0, count)
        self._sections.add(head + pairs.tobytes(), (number, first), (number, end))

    def _add_totals(self, sums: Sums) -> None:
        covered, lowest, highest, total, squares = self._totals
        self._totals = [
            covered + int(sums[:, COVERED].sum()),
            min(lowest, float(sums[:, MIN].min())),
            max(highest, float(sums[:, MAX].max())),
            total + int(sums[:, SUM].sum()),
            squares + int(sums[:, SQUARES].sum()),
        ]

    def _packed_totals(self) -> bytes:
        covered, lowest, highest, total, squares = self._totals
        if not covered:
            return TOTALS.pack(0, 0, 0, 0, 0)
        return TOTALS.pack(covered, lowest / DECIMALS, highest / DECIMALS, total / DECIMALS, squares / DECIMALS**2)

    def _end_zoom(self, zoom: Zoom) -> bytes:
        """Write a zoom level behind the others; return its header."""
        zoom.flush()
        data, sections = self._file.tell(), zoom.sections
        self._file.write(struct.pack("<I", sections.count))
        sections.file.seek(0)
        shutil.copyfileobj(sections.file, self._file)
        index = write_index(self._file, sections.index, sections.count, shift=data + 4)
        return ZOOM_HEADER.pack(zoom.width, 0, data, index)
