"""Features of GFF3 and GTF files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from promscan.errors import InputError
from promscan.io.bed import POSITION

END_OF_FEATURES = "##FASTA"
"""Directive of GFF3 after which sequences follow."""
PARTS = frozenset(
    {
        *("exon", "noncoding_exon", "intron", "CDS", "start_codon", "stop_codon", "Selenocysteine"),
        *("UTR", "5UTR", "3UTR", "five_prime_UTR", "three_prime_UTR", "five_prime_utr", "three_prime_utr"),
    }
)
"""Types of the parts of a transcript, which are most rows of an annotation."""

# A key is tried at its first character only: from each one, a long word without a value would take quadratic time.
_GTF_ATTRIBUTE = re.compile(r'(?<![^\s;"])([^\s;"]+)\s+(?:"([^"]*)"|([^\s;"]+))')
_GFF3_ATTRIBUTE = re.compile(r"\s*[^\s=;\"]+=")


class Feature(NamedTuple):
    """A row of GFF3 or GTF; `start` is 0-based and `end` is not part of it, as everywhere in promscan."""

    chrom: str
    source: str
    type: str
    start: int
    end: int
    score: str
    strand: str
    attributes: str


def is_feature(fields: Sequence[str]) -> bool:
    """Whether the columns of a row are those of GFF rather than of BED."""
    return (
        len(fields) >= 8
        and POSITION.fullmatch(fields[3]) is not None
        and POSITION.fullmatch(fields[4]) is not None
        and fields[6] in ("+", "-", ".", "?")
        and not (POSITION.fullmatch(fields[1]) and POSITION.fullmatch(fields[2]))
    )


def feature_of(fields: Sequence[str], where: str) -> Feature:
    """Feature in the columns of a row.

    Raises:
        InputError: they are no feature; `where` is named.
    """
    if not is_feature(fields) or not fields[0]:
        raise InputError(f"{where}: not a GFF3 or GTF feature; write nine columns, divided by tabs")
    start, end = int(fields[3]) - 1, int(fields[4])
    if start < 0 or end <= start:
        raise InputError(
            f"{where}: {fields[3]} to {fields[4]} is no feature; positions count from 1, and the end is not before the "
            "start"
        )
    attributes = fields[8] if len(fields) > 8 else ""
    # GFF3 writes a special character of a name as %XX, GTF does not.
    chrom = unquote(fields[0]) if "%" in fields[0] and not is_gtf(attributes) else fields[0]
    return Feature(chrom, fields[1], fields[2], start, end, fields[5], fields[6], attributes)


def attributes_of(text: str) -> dict[str, str]:
    """Attributes in column 9 of GFF3 (`key=value;`) or GTF (`key "value";`), the first of each key."""
    found = dict[str, str]()
    if is_gtf(text):
        for match in _GTF_ATTRIBUTE.finditer(text):
            found.setdefault(match[1], match[2] if match[3] is None else match[3])
    else:
        for part in text.split(";"):
            key, _, value = part.partition("=")
            found.setdefault(key.strip(), unquote(value.strip()))
    return found


def is_gtf(attributes: str) -> bool:
    """Whether column 9 has the form of GTF (`key "value";`) and not that of GFF3 (`key=value;`)."""
    return _GFF3_ATTRIBUTE.match(attributes) is None and _GTF_ATTRIBUTE.match(attributes.lstrip()) is not None
