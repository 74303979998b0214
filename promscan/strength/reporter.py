"""The reporter that expression was measured in: which insert a sequence means, and what stands around it.

A strength model reads the whole construct: the 5' flank, an insert and the 3' flank, which is where transcription
ends up. Constructs are aligned at that end, so a short insert leaves unknown bases before the 5' flank:

    insert of 80   TGCATTTTTTTCACATC|insert......................|GGTTACGGCTGTT
    insert of 72   NNNNNNNNTGCATTTTTTTCACATC|insert..............|GGTTACGGCTGTT
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.log import logger
from promscan.networks.card import Card, strength_of
from promscan.networks.card_parts import Construct
from promscan.seq import dna
from promscan.seq.dna import UNKNOWN, Codes

SHORTEST_PART = 12
"""Bases of the 5' flank at the beginning of a sequence that are no coincidence."""


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
                "%s: %d sequences begin with a part of the 5' flank, which was stripped; %d are longer than an insert "
                "and lost their 5' end; %d are shorter and were padded there",
                source, *self,
            )  # fmt: skip


class Reporter(Construct):
    """The construct that inserts are fitted to."""

    @classmethod
    def of(cls, card: Card) -> Reporter:
        """The reporter that the scores of a strength model are about."""
        construct = strength_of(card).reporter
        return cls(construct.five_prime, construct.three_prime, construct.insert)

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
