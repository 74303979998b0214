"""The formats of hits: BED, GFF3 and narrowPeak.

Every format shows the same numbers, made into text in one place. Coordinates are 0-based and half-open in BED and
narrowPeak, and 1-based and closed in GFF3: there the attribute `tss` is 1-based too, one more than in the BED column.
`name` and `ID` are the same text in every format and hold the 0-based tss.

A window over the origin of a circle ends past the length of its contig in GFF3, as its specification wants, and its
contig has a row of its own there, the landmark. BED and narrowPeak know no circles: a row holds the part of the window
that has the tss.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote

from promscan.errors import RunError
from promscan.io.files import PACKED_SUFFIXES
from promscan.io.schemas import (
    ABOUT_STRENGTH,
    BED_COLUMNS,
    FULL,
    GRADES,
    IS_CIRCULAR,
    LANDMARK,
    OVER_ORIGIN,
    TYPE,
)  # fmt: skip
from promscan.seq.records import Hit
from promscan.seq.windows import tss_of

Header = Mapping[str, str]

_SPECIAL = "%;=&,"
"""What GFF3 escapes in attributes, besides control characters."""


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
    certain: Callable[[str, int, str, bool], Mapping[int, str]]
    """The cells that follow from the contig as it is written, the first base of the window, the strand, and whether the
    window lies over the origin of a circle, so that its first base may be negative in BED; see `cells_of`."""
    numbers: tuple[int, ...]
    """The cells that hold a number or, where there is none, a dot."""
    landmarks: bool = False
    """Whether circles have rows of their own, and windows over the origin end past the length."""


def _bed_row(hit: Hit, _: Header) -> str:
    numbers, type_ = _numbers(hit), OVER_ORIGIN if hit.over_origin else TYPE
    return "\t".join([*_bed6(hit), str(hit.tss), *(numbers.get(grade, ".") for grade in GRADES), type_])


def _narrowpeak_row(hit: Hit, _: Header) -> str:
    return "\t".join([*_bed6(hit), _numbers(hit)["logit"], "-1", "-1", str(hit.tss - hit.part[0])])


def _bed6_row(hit: Hit, _: Header) -> str:
    return "\t".join(_bed6(hit))


def _gff3_row(hit: Hit, header: Header) -> str:
    numbers = _numbers(hit)
    probability = numbers.pop("probability")
    if hit.strength is not None:
        numbers |= {key: header[key] for key in ABOUT_STRENGTH if key in header}
    tss = tss_of(hit.start, hit.strand)  # in the window, as it stands in the row
    marks = {IS_CIRCULAR: "true"} if hit.over_origin else {}
    attributes = ";".join(
        f"{key}={escaped(value, _SPECIAL)}"
        for key, value in {"ID": hit.name, "tss": str(tss + 1), **numbers, **marks}.items()
    )
    place = (seqid_of(hit.chrom), "promscan", TYPE, str(hit.start + 1), str(hit.end))
    return "\t".join([*place, probability, hit.strand, ".", attributes])


def seqid_of(chrom: str) -> str:
    """The name of a contig as GFF3 writes it."""
    # The specification (1.26) lists what a seqid may hold unescaped; `quote` would let ~ through.
    return quote(chrom, safe=".:^*$@!+_?-|", errors="surrogateescape").replace("~", "%7E")


def landmark_row(seqid: str, length: int) -> str:
    """The row of GFF3 about a circle; `seqid` is its name as GFF3 writes it."""
    name = escaped(unquote(seqid, errors="surrogateescape"), _SPECIAL)
    return "\t".join([seqid, "promscan", LANDMARK, "1", str(length), ".", ".", ".", f"ID={name};{IS_CIRCULAR}=true"])


def cells_of(row: str, layout: Layout) -> list[str]:
    """Columns of a row; of GFF3 each attribute is a cell of its own."""
    return re.split("[\t;]" if layout.preset == "gff" else "\t", row)


def _bed_cells(chrom: str, start: int, strand: str, over_origin: bool) -> dict[int, str]:
    tss = tss_of(start, strand)
    return {3: f"{chrom}_{tss}_{strand}", 6: str(tss), 12: OVER_ORIGIN if over_origin else TYPE}


def _narrowpeak_cells(chrom: str, start: int, strand: str, over_origin: bool) -> dict[int, str]:
    tss = tss_of(start, strand)
    return {3: f"{chrom}_{tss}_{strand}", 7: "-1", 8: "-1", 9: str(tss - max(start, 0))}


def _gff3_cells(seqid: str, start: int, strand: str, over_origin: bool) -> dict[int, str]:
    tss = tss_of(start, strand)
    name = f"{unquote(seqid, errors='surrogateescape')}_{tss}_{strand}"
    # Over the origin, the name may count from the next round.
    identifier = {} if over_origin else {8: f"ID={escaped(name, _SPECIAL)}"}
    return {1: "promscan", 2: TYPE, 7: ".", **identifier, 9: f"tss={tss + 1}"}


def _bed6(hit: Hit) -> list[str]:
    start, end = hit.part
    return [hit.chrom, str(start), str(end), hit.name, str(round(1000 * hit.probability)), hit.strand]


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


def escaped(text: str, special: str) -> str:
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
        (".gff3", ".gff"),
        lambda line: ["##gff-version 3", line],
        _gff3_row,
        "gff",
        (0, 3, 4, 6),
        9,
        _gff3_cells,
        (5,),
        landmarks=True,
    ),
    "narrowpeak": Layout(
        (".narrowpeak",), lambda line: [line], _narrowpeak_row, "bed", (0, 1, 2, 5), 10, _narrowpeak_cells, (4, 6)
    ),
}
FORMATS = tuple(LAYOUTS)
_PLAIN_BED = LAYOUTS["bed"]._replace(preamble=lambda _: [], row=_bed6_row, columns=6)


def layout_of(target: str, format: str | None, columns: str = FULL) -> Layout:
    """The layout of a format, or by the suffix of `target` if that is None; `columns` is one of `BED_COLUMN_SETS`.

    Raises:
        RunError: there is no such format, or no format has this suffix, or it has no such columns.
    """
    layout = _full_layout(target, format)
    if columns == FULL:
        return layout
    if layout is not LAYOUTS["bed"]:
        raise RunError(f"{target}: only BED can have the columns {columns}; end the name in .bed, or give --format bed")
    return _PLAIN_BED


def _full_layout(target: str, format: str | None) -> Layout:
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
