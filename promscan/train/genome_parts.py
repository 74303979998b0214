"""Parts of a genome for training, dev and test, and the additional promoters that belong to training only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from promscan.errors import InputError
from promscan.log import counted, logger
from promscan.seq.dna import Codes
from promscan.seq.intervals import Intervals
from promscan.seq.records import Interval
from promscan.seq.regions import named_regions, plain_names, region_name
from promscan.seq.windows import WINDOW
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


def split(genome: LabelledGenome, dev: Sequence[str], leave_out: Sequence[str], guard: int = 0) -> GenomeParts:
    """Divide a genome by names and regions of contigs; a name also stands for all that begin with it and a colon.

    Args:
        genome: all of it.
        dev: names and regions to choose the best epoch on.
        leave_out: names and regions that are not used.
        guard: bases on each side of a region that are not used either. A network that reads this far from a window does
            not see, at the windows of the region, bases that it has learned from.

    Raises:
        InputError: a name or a region does not fit, or a base is named for both.
    """
    lengths = genome.lengths
    for_dev, out = named_regions(dev, lengths), named_regions(leave_out, lengths)
    both = Intervals.of(for_dev).intersection(Intervals.of(out))
    if both.chroms:
        at = min(both)
        where = at.chrom if at.end - at.start == lengths[at.chrom] else region_name(at)
        raise InputError(f"contig {where!r} is named for dev and to be left out; name it once")
    train = genome.cut(_rest(genome, [*for_dev, *out], guard))
    names = [plain_names(words, lengths) for words in (dev, leave_out)]
    return GenomeParts(train, genome.cut(for_dev), genome.cut(out), *names)


def _rest(genome: LabelledGenome, held_out: Sequence[Interval], guard: int) -> list[Interval]:
    """The parts of the contigs, a window long or longer, that lie more than `guard` bases from each of the regions."""
    taken = Intervals.of(held_out).widened(guard, genome.lengths)
    rest = list[Interval]()
    for chrom, length in genome.lengths.items():
        own = [interval for interval in taken if interval.chrom == chrom]
        edges = [0, *(edge for interval in own for edge in interval[1:]), length]
        pieces = [Interval(chrom, start, end) for start, end in zip(edges[::2], edges[1::2], strict=True)]
        rest += [piece for piece in pieces if not own or piece.end - piece.start >= WINDOW]
    return rest


def dev_pieces_of(dev: LabelledGenome, bases: int) -> list[Interval]:
    """Pieces of the dev contigs on which epochs are validated, the same in every training.

    Raises:
        InputError: no start is listed on them.
    """
    pieces = draw_pieces(dev.contigs, bases, np.random.default_rng(0))
    if not any(contains(piece, site) for piece in pieces for site in dev.starts):
        raise InputError("no TSS is listed on the dev contigs; name others, or validate on more of them")
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
        logger.info("left out: %d of %s, on dev or left-out contigs", used.in_held_out, counted(total, "positive"))
    return used
