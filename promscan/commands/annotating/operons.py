"""First genes of operons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from promscan.io.genes import Flags, Genes


def operon_heads(genes: Genes, gap: int, circles: Mapping[str, int]) -> Flags:
    """Whether each gene begins an operon: no gene of its strand before it comes nearer than `gap` + 1 bp.

    The distance is that between the 3' end of the gene before and the 5' end of the gene; genes that overlap are in one
    operon. No operon runs over the ends of a contig, but of a circle, contig to bases in `circles`.
    """
    length = np.array([circles.get(chrom, 0) for chrom in genes.chroms], dtype=np.int64)[genes.contig]
    # The genes of a circle also stand one round before their place, with the same index.
    round_before = np.flatnonzero(length)
    index = np.concatenate([round_before, np.arange(len(genes))])
    turn = np.concatenate([length[round_before], np.zeros(len(genes), dtype=np.int64)])
    # Read 5' to 3' on either strand.
    first = np.where(genes.plus, genes.start, -genes.end)[index] - turn
    last = np.where(genes.plus, genes.end, -genes.start)[index] - turn
    heads = np.ones(len(index), dtype=bool)
    contig, plus = genes.contig[index], genes.plus[index]
    order = np.lexsort((last, first, plus, contig))
    group = np.stack([contig, plus])[:, order]
    begins = np.append(True, np.any(group[:, 1:] != group[:, :-1], axis=0))
    for block in np.split(order, np.flatnonzero(begins)[1:]):
        if len(np.unique(index[block])) == 1:
            continue  # it does not follow itself
        reached = np.maximum.accumulate(last[block])[:-1]
        heads[block[1:]] = first[block][1:] - reached > gap
    return heads[len(round_before) :]
