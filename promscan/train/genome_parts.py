"""Parts of a genome for training, dev and test, and the additional promoters that belong to training only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from promscan.errors import InputError
from promscan.log import logger
from promscan.seq.dna import Codes
from promscan.seq.records import Interval
from promscan.train.data.labelled_genome import LabelledGenome
from promscan.train.data.promoters import Promoters
from promscan.train.genome_validation import contains, draw_pieces


class GenomeParts(NamedTuple):
    """Contigs to train on, to choose the best epoch on, and not to use; and the names that chose the latter two."""

    train: LabelledGenome
    dev: LabelledGenome
    left_out: LabelledGenome
    dev_names: Sequence[str]
    left_out_names: Sequence[str]

    @property
    def held_out(self) -> Mapping[str, Codes]:
        """Dev and left-out contigs."""
        return {**self.dev.contigs, **self.left_out.contigs}

    def describe_held_out(self) -> dict[str, Any]:
        """Names, counts and checksums of the dev and left-out contigs, for a card."""
        return {
            "dev": {"names": list(self.dev_names), **self.dev.describe()},
            "left_out": {"names": list(self.left_out_names), **self.left_out.describe()},
        }


def split(genome: LabelledGenome, dev: Sequence[str], leave_out: Sequence[str]) -> GenomeParts:
    """Divide a genome; a name also stands for all contigs that begin with it and a colon.

    Raises:
        InputError: there is no such contig, or one is named for both.
    """
    dev_part, left_out = genome.part(dev), genome.part(leave_out)
    if both := dev_part.contigs.keys() & left_out.contigs.keys():
        raise InputError(f"contig {min(both)!r} is named for dev and to be left out; it can be only one of them")
    train = genome.without(dev_part.contigs.keys() | left_out.contigs.keys())
    return GenomeParts(train, dev_part, left_out, dev, leave_out)


def dev_pieces_of(dev: LabelledGenome, bases: int) -> list[Interval]:
    """Pieces of the dev contigs on which epochs are validated, the same in every training.

    Raises:
        InputError: no start is listed on them.
    """
    pieces = draw_pieces(dev.contigs, bases, np.random.default_rng(0))
    if not any(contains(piece, site) for piece in pieces for site in dev.starts):
        raise InputError(
            "no transcription start is listed on the dev contigs; name others, or validate on more of them"
        )
    return pieces


def not_held_out(promoters: Promoters | None, parts: GenomeParts) -> Promoters | None:
    """Additional promoters that do not lie on dev or left-out contigs; a message says how many do.

    Raises:
        InputError: no promoter is left.
    """
    if promoters is None:
        return None
    used = promoters.without_those_on(parts.held_out.values())
    if used.in_held_out:
        total = len(promoters.codes)
        logger.info("%d of %d positives lie on dev or left-out contigs and are left out", used.in_held_out, total)
    return used
