"""The reporter that expression was measured in: which insert a sequence means, and what stands around it.

A strength model reads the whole construct: the 5' flank, an insert and the 3' flank, which is where transcription
ends up. Constructs are aligned at that end, so a short insert leaves unknown bases before the 5' flank:

    insert of 80   TGCATTTTTTTCACATC|insert......................|GGTTACGGCTGTT
    insert of 72   NNNNNNNNTGCATTTTTTTCACATC|insert..............|GGTTACGGCTGTT

A network that knows several reporters reads the longest construct; a shorter one is padded at its 5' end, too. Or
constructs are aligned at the -10 box of sigma 70 that fits best, and the network reads a window around it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError
from promscan.log import counted, logger
from promscan.networks.card import Card, strength_of
from promscan.networks.card_parts import Construct
from promscan.seq import dna
from promscan.seq.bounds import MAX_INSERT, check_whole
from promscan.seq.dna import UNKNOWN, Codes
from promscan.strength.boxes import align_at_boxes
from promscan.strength.families import KMER

SHORTEST_PART = 12
"""Bases of the 5' flank at the beginning of a sequence that are no coincidence."""
TSS_BEHIND_INSERT = 60
"""Bases between the end of an insert and the TSS of the promoter in a genome that it stands for, where no card says it.

At this distance, strengths at listed starts of yeast differ most from those at random positions
(`benchmarks/accuracy/insert_position.py`).
"""

_WHOLE = re.compile("[0-9]{1,9}")


class Changes(NamedTuple):
    """How many sequences began with a part of the 5' flank, were longer than an insert, were shorter."""

    stripped: int = 0
    trimmed: int = 0
    padded: int = 0

    def plus(self, other: Changes) -> Changes:
        """The sum of both."""
        return Changes(*(one + another for one, another in zip(self, other, strict=True)))

    def log(self, source: str) -> None:
        """Log what was changed in the sequences of `source`, if anything was."""
        if any(self):
            logger.info(
                "%s: stripped a part of the 5' flank from %s; cut the 5' end of %s longer than an insert; padded the "
                "5' end of %s shorter than one",
                source, *(counted(each, "sequence") for each in self),
            )  # fmt: skip


class Reporter(Construct):
    """The construct that inserts are fitted to."""

    @classmethod
    def of(cls, card: Card, unit: str) -> Reporter:
        """The reporter that a unit of a strength model is about."""
        return cls(**vars(strength_of(card).construct_of(unit)))

    @classmethod
    def described(cls, text: str) -> Reporter:
        """The reporter that a user describes as FIVE_PRIME:LENGTHS:THREE_PRIME, with :TSS_INDEX if it is known.

        Raises:
            InputError: it is not described in this way.
        """
        parts = text.split(":")
        if len(parts) not in (3, 4) or not all(map(_WHOLE.fullmatch, parts[3:])):
            raise InputError(f"reporter {text[:60]!r} is not FIVE_PRIME:LENGTHS:THREE_PRIME or ...:TSS_INDEX")
        shortest, insert = parse_lengths(parts[1])
        try:
            return cls(parts[0], parts[2], insert, shortest, int(parts[3]) if parts[3:] else None)
        except ValueError as error:
            raise InputError(f"reporter {text[:60]!r}: {error}") from error

    def of_length(self, insert: int | None) -> Reporter:
        """The reporter with inserts of this length (None: the longest).

        Raises:
            InputError: the model knows no inserts of this length.
        """
        if insert is None:
            return self
        check_whole("length", insert, self.shortest or self.insert, self.insert)
        shift = self.insert - insert
        tss_index = None if self.tss_index is None else self.tss_index - shift
        return dataclasses.replace(self, insert=insert, shortest=insert, tss_index=tss_index)

    @property
    def tss_in_genome(self) -> int:
        """Place of the TSS, counted from the first base of the insert that stands for a promoter in a genome."""
        return self.insert + TSS_BEHIND_INSERT if self.tss_index is None else self.tss_index

    def interval(self, tss: int, strand: str) -> tuple[int, int]:
        """Start and end in the contig of the insert of a promoter, 0-based, half-open; they may lie outside of it.

        Args:
            tss: its transcription start, 0-based.
            strand: the insert is read 5' to 3' on it, from the reverse complement on `-`.
        """
        start = tss - self.tss_in_genome if strand == "+" else tss + 1 + self.tss_in_genome - self.insert
        return start, start + self.insert

    def fit(self, sequences: Sequence[Codes]) -> tuple[Codes, Changes]:
        """Inserts (n, insert length) from sequences of any length, and what had to be changed.

        A leading part of the 5' flank is stripped; then the last `insert` bases are taken, or unknown ones put before.
        """
        flank = dna.encode(self.five_prime)
        beginnings = {flank[i : i + SHORTEST_PART].tobytes() for i in range(len(flank) - SHORTEST_PART + 1)}
        inserts = np.full((len(sequences), self.insert), UNKNOWN, dtype=np.uint8)
        stripped = trimmed = padded = 0
        for row, codes in enumerate(sequences):
            part = leading_part(codes, flank) if codes[:SHORTEST_PART].tobytes() in beginnings else 0
            taken = codes[part:][-self.insert :]
            inserts[row, self.insert - len(taken) :] = taken
            stripped += part > 0
            trimmed += len(codes) - part > self.insert
            padded += len(taken) < self.insert
        return inserts, Changes(stripped, trimmed, padded)

    def padded(self, inserts: Codes, width: int) -> Codes:
        """Inserts (n, insert length) to what a network reads: aligned constructs with unknown bases, (n, width)."""
        if self.window is not None:
            return align_at_boxes(self.constructs(inserts), width)
        built = np.full((len(inserts), width), UNKNOWN, dtype=np.uint8)
        built[:, width - self.length :] = self.constructs(inserts)
        return built

    def constructs(self, inserts: Codes) -> Codes:
        """Inserts (n, insert length) to constructs (n, length); leading unknown bases are not part of an insert."""
        n = len(inserts)
        five, three = (np.tile(dna.encode(flank), (n, 1)) for flank in (self.five_prime, self.three_prime))
        built = np.concatenate([five, inserts, three], axis=1)
        missing = leading_unknown(inserts)
        for row in np.flatnonzero(missing):
            gap = missing[row]
            built[row, gap : gap + five.shape[1]] = five[row]
            built[row, :gap] = UNKNOWN
        return built


def parse_lengths(text: str) -> tuple[int | None, int]:
    """Least and largest length of an insert from `80` or `71-79`; the least is None where there is one length.

    Raises:
        InputError: it is neither.
    """
    parts = text.split("-")
    if len(parts) > 2 or not all(map(_WHOLE.fullmatch, parts)):
        raise InputError(f"{text[:40]!r} is no length of an insert, such as 80 or 71-79")
    least, largest = int(parts[0]), int(parts[-1])
    check_whole("insert length", largest, KMER, MAX_INSERT)
    check_whole("insert length", least, 1, largest)
    return (None, largest) if least == largest else (least, largest)


def leading_part(codes: Codes, flank: Codes) -> int:
    """How many bases at the start of `codes` are a part of the flank: from its start or up to its end; else 0."""
    for begin in range(max(0, len(flank) - SHORTEST_PART + 1)):
        width = min(len(flank) - begin, len(codes))
        differ = np.flatnonzero(codes[:width] != flank[begin : begin + width])
        same = int(differ[0]) if len(differ) else width
        if same >= SHORTEST_PART and (begin == 0 or same == len(flank) - begin):
            return same
    return 0


def leading_unknown(inserts: Codes) -> npt.NDArray[np.int64]:
    """How many unknown bases each row (n, width) begins with, shape (n,)."""
    known = inserts != UNKNOWN
    counts: npt.NDArray[np.int64] = np.where(known.any(axis=1), known.argmax(axis=1), inserts.shape[1])
    return counts
