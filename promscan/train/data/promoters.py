"""Promoters of one length, beside those of a genome."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from promscan.errors import InputError
from promscan.io.sequences import window_at
from promscan.io.tables import encode_at, read_lines, read_table
from promscan.seq import dna
from promscan.seq.dna import Codes
from promscan.seq.windows import WINDOW


@dataclass(frozen=True)
class Promoters:
    """Promoters of one length: `codes` (n, length) uint8, the transcription start at `tss_index` of each.

    left_out: how many were not taken because they hold a sequence that was to be dropped.
    """

    codes: Codes
    tss_index: int
    left_out: int
    sha256: str

    def describe(self) -> dict[str, object]:
        """Counts and checksum, for a card."""
        return {
            "used": len(self.codes),
            "left_out": self.left_out,
            "tss_index": self.tss_index,
            "sha256": self.sha256,
        }


def read_promoters(path: str, tss_index: int, drop: Sequence[str] = ()) -> Promoters:
    """Promoters from a table with a column `sequence`; if it has a column `split`, too, only rows of `train`.

    Args:
        path: CSV or TSV, plain or gzip.
        tss_index: 0-based place of the transcription start in each sequence.
        drop: files of one 70-bp sequence a line; what holds one of them, on either strand, is left out.

    Raises:
        InputError: unreadable file, sequences of different lengths, without the start, or none that is left.
    """
    dropped = {form for file in drop for letters in _read_dropped(file) for form in _both_strands(letters)}
    codes, left_out, width, digest = list[Codes](), 0, None, hashlib.sha256()
    for row, place in read_table(path, required=("sequence",), digest=digest):
        if row.get("split", "train") != "train":
            continue
        sequence = encode_at(row["sequence"], place)
        width = width or len(sequence)
        if len(sequence) != width or not 0 <= tss_index < width:
            raise InputError(f"{place}: the sequence has {len(sequence)} bp; all need one length, with the start in it")
        letters = dna.decode(sequence)
        if any(letters[i : i + WINDOW] in dropped for i in range(width - WINDOW + 1)):
            left_out += 1
        else:
            codes.append(sequence)
    if not codes:
        raise InputError(f"{path}: no promoter is left to train on; give more of them")
    return Promoters(np.stack(codes), tss_index, left_out, digest.hexdigest())


def _read_dropped(path: str) -> Iterator[str]:
    for letters, place in read_lines(path, "a list of 70-bp sequences, one a line"):
        yield dna.decode(window_at(letters, place))


def _both_strands(letters: str) -> tuple[str, str]:
    return letters, dna.decode(dna.reverse_complement(dna.encode(letters)))
