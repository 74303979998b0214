"""Hits as files: BED, GFF3 and narrowPeak, plain, bgzipped and indexed, or to standard output.

Every format shows the same numbers, made into text in one place. Coordinates are 0-based and half-open in BED and
narrowPeak, and 1-based and closed in GFF3: there the attribute `tss` is 1-based too, one more than in the BED column.
`name` and `ID` are the same text in every format and hold the 0-based tss.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TextIO
from urllib.parse import quote, unquote

import pysam

from promscan import __version__
from promscan.errors import RunError
from promscan.io.files import PACKED_SUFFIXES, atomic_path, is_packed, standard_output, write_errors
from promscan.io.htslib import quiet_htslib
from promscan.io.schemas import ABOUT_STRENGTH, BED_COLUMNS, GRADES, TYPE
from promscan.seq.records import Hit
from promscan.seq.windows import tss_of

Header = Mapping[str, str]
IndexKind = Literal["tbi", "csi"]

TBI_LIMIT = 2**29
"""A .tbi index cannot hold coordinates past this; a .csi index can."""


class Writer:
    """Takes hits in order (contig, start, strand) and writes them as rows; made by `open_writer` and `open_rows`."""

    def __init__(
        self, file: BinaryIO | pysam.BGZFile, layout: Layout, first_line: str, target: str, header: Header
    ) -> None:
        self.end = 0
        """Largest end of a hit so far."""
        self._file, self._row, self._target, self._header = file, layout.row, target, header
        self._put("".join(f"{line}\n" for line in layout.preamble(first_line)))

    def write(self, hit: Hit) -> None:
        """Write one hit.

        Raises:
            RunError: the file cannot take it (a full disk).
            BrokenPipeError: nobody reads the pipe any more.
        """
        self.write_row(self._row(hit, self._header), hit.end)

    def write_row(self, row: str, end: int) -> None:
        """Write a finished row, without its newline, of a hit that ends at `end`; raises what `write` does."""
        self._put(f"{row}\n")
        self.end = max(self.end, end)

    def _put(self, text: str) -> None:
        with write_errors(self._target):
            self._file.write(text.encode("utf-8", "surrogateescape"))


def open_writer(target: str, format: str | None, header: Header) -> AbstractContextManager[Writer]:
    """A `Writer` to `target` for the length of the `with` block; the file appears at its end, if that went well.

    Args:
        target: path; `.gz` or `.bgz` at its end means bgzipped, with a .tbi index (.csi beyond 2^29). `-` is
            standard output, never compressed.
        format: one of `FORMATS`; None means by the suffix of `target`, and BED on standard output.
        header: the content of the first line, in order: model, sha256, the options that decide the hits.

    Raises:
        RunError: no format fits; on entry, `target` cannot be created; later, the file cannot be finished.
    """
    return open_rows(target, layout_of(target, format), header_line(header), header)


@contextmanager
def open_rows(target: str, layout: Layout, first_line: str, header: Header) -> Iterator[Writer]:
    """A `Writer` as from `open_writer`, for a known layout and the text of its first line, `#promscan ...`."""
    if target == "-":
        stdout = standard_output()
        stdout.flush()
        yield Writer(stdout.buffer, layout, first_line, "standard output", header)
        with write_errors("standard output"):
            stdout.flush()
        return
    with quiet_htslib(), ExitStack() as after, atomic_path(target) as path:
        with write_errors(target):
            file = pysam.BGZFile(str(path), "wb", None) if is_packed(target) else path.open("wb")
        with _closing(file, target):
            writer = Writer(file, layout, first_line, target, header)
            yield writer
        if is_packed(target) and path.is_file():  # a pipe has no index
            kind: IndexKind = "csi" if writer.end > TBI_LIMIT else "tbi"
            # A new index appears after its file, and an old one is removed before it: the two never disagree.
            index = after.enter_context(atomic_path(f"{target}.{kind}", like=target))
            with write_errors(target):
                _index(path, index, kind, layout)
                for stale in ("tbi", "csi"):
                    Path(f"{target}.{stale}").unlink(missing_ok=True)


def write_summary(file: TextIO, summary: Mapping[str, Any]) -> None:
    """Write `summary` as JSON with sorted keys."""
    file.write(json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def header_line(header: Header) -> str:
    """`#promscan VERSION key=value ...`; space, control characters and % in a value become %XX."""
    return " ".join([f"#promscan {__version__}", *(f"{key}={_escape(value, ' %')}" for key, value in header.items())])


def first_difference(header: Header, other: Header) -> str | None:
    """`key is 1 here and 2`, of the first key by which two headers differ; None if they are equal."""
    for key in {**header, **other}:
        if header.get(key) != other.get(key):
            return f"{key} is {header.get(key, 'absent')} here and {other.get(key, 'absent')}"
    return None


class Layout(NamedTuple):
    """A file format."""

    suffixes: tuple[str, ...]
    preamble: Callable[[str], list[str]]
    """The lines before the hits, from the first line."""
    row: Callable[[Hit, Header], str]
    preset: Literal["bed", "gff"]
    """Its name in tabix."""
    place: tuple[int, int, int, int]
    """The columns of contig, start, end and strand."""
    columns: int
    certain: Callable[[str, int, str], Mapping[int, str]]
    """The cells that follow from the contig as it is written, the first base and the strand; see `cells_of`."""
    numbers: tuple[int, ...]
    """The cells that hold a number or, where there is none, a dot."""


def _bed_row(hit: Hit, _: Header) -> str:
    numbers = _numbers(hit)
    return "\t".join([*_bed6(hit), str(hit.tss), *(numbers.get(grade, ".") for grade in GRADES), TYPE])


def _narrowpeak_row(hit: Hit, _: Header) -> str:
    return "\t".join([*_bed6(hit), _numbers(hit)["logit"], "-1", "-1", str(hit.tss - hit.start)])


def _gff3_row(hit: Hit, header: Header) -> str:
    numbers = _numbers(hit)
    probability = numbers.pop("probability")
    if hit.strength is not None:
        numbers |= {key: header[key] for key in ABOUT_STRENGTH if key in header}
    attributes = ";".join(
        f"{key}={_escape(value, '%;=&,')}"
        for key, value in {"ID": hit.name, "tss": str(hit.tss + 1), **numbers}.items()
    )
    # The specification (1.26) lists what a seqid may hold unescaped; `quote` would let ~ through.
    seqid = quote(hit.chrom, safe=".:^*$@!+_?-|", errors="surrogateescape").replace("~", "%7E")
    place = (seqid, "promscan", TYPE, str(hit.start + 1), str(hit.end))
    return "\t".join([*place, probability, hit.strand, ".", attributes])


def cells_of(row: str, layout: Layout) -> list[str]:
    """Columns of a row; of GFF3 each attribute is a cell of its own."""
    return re.split("[\t;]" if layout.preset == "gff" else "\t", row)


def _bed_cells(chrom: str, start: int, strand: str) -> dict[int, str]:
    tss = tss_of(start, strand)
    return {3: f"{chrom}_{tss}_{strand}", 6: str(tss), 12: TYPE}


def _narrowpeak_cells(chrom: str, start: int, strand: str) -> dict[int, str]:
    tss = tss_of(start, strand)
    return {3: f"{chrom}_{tss}_{strand}", 7: "-1", 8: "-1", 9: str(tss - start)}


def _gff3_cells(seqid: str, start: int, strand: str) -> dict[int, str]:
    tss = tss_of(start, strand)
    name = f"{unquote(seqid, errors='surrogateescape')}_{tss}_{strand}"
    return {1: "promscan", 2: TYPE, 7: ".", 8: f"ID={_escape(name, '%;=&,')}", 9: f"tss={tss + 1}"}


def _bed6(hit: Hit) -> list[str]:
    return [hit.chrom, str(hit.start), str(hit.end), hit.name, str(round(1000 * hit.probability)), hit.strand]


def _numbers(hit: Hit) -> dict[str, str]:
    """The scores of a hit as text, without the absent ones; z: a zero has no sign."""
    grades = {
        "logit": (hit.logit, "z.4f"),
        "probability": (hit.probability, "z.4f"),
        "fp_per_mb": (hit.fp_per_mb, "z.4g"),
        "strength": (hit.strength, "z.4f"),
        "strength_sd": (hit.strength_sd, "z.4f"),
    }
    return {name: format(value, form) for name, (value, form) in grades.items() if value is not None}


def _escape(text: str, special: str) -> str:
    """Control characters and those in `special` as %XX."""
    return re.sub(f"[\x00-\x1f\x7f{special}]", lambda match: f"%{ord(match[0]):02X}", text)


LAYOUTS = {
    "bed": Layout(
        (".bed",),
        lambda line: [line, f"#{chr(9).join(BED_COLUMNS)}"],
        _bed_row,
        "bed",
        (0, 1, 2, 5),
        13,
        _bed_cells,
        (4, 7, 8, 9, 10, 11),
    ),
    "gff3": Layout(
        (".gff3", ".gff"), lambda line: ["##gff-version 3", line], _gff3_row, "gff", (0, 3, 4, 6), 9, _gff3_cells, (5,)
    ),
    "narrowpeak": Layout(
        (".narrowpeak",), lambda line: [line], _narrowpeak_row, "bed", (0, 1, 2, 5), 10, _narrowpeak_cells, (4, 6)
    ),
}
FORMATS = tuple(LAYOUTS)


def layout_of(target: str, format: str | None) -> Layout:
    """The layout of a format, or by the suffix of `target` if that is None.

    Raises:
        RunError: there is no such format, or no format has this suffix.
    """
    if format is None and target == "-":
        format = "bed"
    if format is not None:
        if format.lower() not in LAYOUTS:
            raise RunError(f"unknown format {format!r}; choose one of {', '.join(FORMATS)}")
        return LAYOUTS[format.lower()]
    if (format := format_by_suffix(target)) is None:
        raise RunError(f"{target}: no format has this suffix; end it in .bed, .gff3 or .narrowPeak, or give --format")
    return LAYOUTS[format]


def format_by_suffix(target: str) -> str | None:
    """One of `FORMATS`, by the suffix of `target` before any `.gz` or `.bgz`; None if no format has it."""
    name = target.lower()
    name = next((name.removesuffix(packed) for packed in PACKED_SUFFIXES if name.endswith(packed)), name)
    return next((format for format, layout in LAYOUTS.items() if name.endswith(layout.suffixes)), None)


def _index(path: Path, index: Path, kind: IndexKind, layout: Layout) -> None:
    """Write the index of a bgzipped file."""
    pysam.tabix_index(str(path), preset=layout.preset, index=str(index), force=True, csi=kind == "csi")


@contextmanager
def _closing(file: BinaryIO | pysam.BGZFile, target: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):  # the first failure is the one that is reported
            file.close()
        raise
    with write_errors(target):
        file.close()
