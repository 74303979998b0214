"""Promoters of one length, as an addition to those of a genome."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from promscan.errors import InputError
from promscan.io.lines import text_lines
from promscan.io.sequences import window_at
from promscan.io.tables import encode_at, read_table
from promscan.seq import dna
from promscan.seq.dna import Codes
from promscan.seq.windows import TSS_INDEX, WINDOW
from promscan.train.data.overlap import occur_in


@dataclass(frozen=True)
class Promoters:
    """Promoters of one length: `codes` (n, length) uint8, with the transcription start at index `tss_index`.

    left_out: number of promoters left out because they contain a sequence to drop.
    in_held_out: number of promoters left out because they lie on contigs that are held out.
    """

    codes: Codes
    tss_index: int
    left_out: int
    sha256: str
    in_held_out: int = 0

    @property
    def cores(self) -> Codes:
        """The 70-bp windows with the transcription start at index 33; shorter if the promoters end before."""
        start = self.tss_index - TSS_INDEX
        return self.codes[:, max(0, start) : start + WINDOW]

    def without_those_on(self, contigs: Iterable[Codes]) -> Promoters:
        """Leave out the promoters whose core lies on one of the contigs, on either strand.

        Raises:
            InputError: no promoter is left.
        """
        found = occur_in(self.cores, contigs)
        if found.all():
            raise InputError("every positive lies on a dev or left-out contig; give others, or leave --positives out")
        return dataclasses.replace(self, codes=self.codes[~found], in_held_out=int(found.sum()))

    def describe(self) -> dict[str, object]:
        """Counts and checksum, for a card."""
        return {
            "used": len(self.codes),
            "left_out": self.left_out,
            "in_held_out": self.in_held_out,
            "tss_index": self.tss_index,
            "sha256": self.sha256,
        }


def read_promoters(path: str | Path, tss_index: int, drop: Sequence[str | Path] = ()) -> Promoters:
    """Read promoters from a table with a column `sequence`; of a table with a column `split`, only rows of `train`.

    Args:
        path: CSV or TSV, plain or gzip.
        tss_index: 0-based index of the transcription start in each sequence.
        drop: files with one 70-bp sequence on each line; promoters that contain one, on either strand, are left out.

    Raises:
        InputError: the file is unreadable, the lengths differ, the start lies outside, or no promoter is left.
    """
    dropped = {form for file in drop for letters in _read_dropped(file) for form in _both_strands(letters)}
    codes, left_out, width, digest = list[Codes](), 0, None, hashlib.sha256()
    for row, place in read_table(str(path), required=("sequence",), digest=digest):
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


def _read_dropped(path: str | Path) -> Iterator[str]:
    for letters, place in text_lines(str(path), "a list of 70-bp sequences, one a line", ()):
        yield dna.decode(window_at(letters, place))


def _both_strands(letters: str) -> tuple[str, str]:
    return letters, dna.decode(dna.reverse_complement(dna.encode(letters)))
