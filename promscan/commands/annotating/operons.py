"""First genes of operons."""

from __future__ import annotations

import numpy as np

from promscan.io.genes import Flags, Genes


def operon_heads(genes: Genes, gap: int) -> Flags:
    """Whether each gene begins an operon: no gene of its strand before it comes nearer than `gap` + 1 bp.

    The distance is that between the 3' end of the gene before and the 5' end of the gene; genes that overlap are in one
    operon. No operon runs over the ends of a contig.
    """
    # Read 5' to 3' on either strand.
    first = np.where(genes.plus, genes.start, -genes.end)
    last = np.where(genes.plus, genes.end, -genes.start)
    heads = np.ones(len(genes), dtype=bool)
    order = np.lexsort((last, first, genes.plus, genes.contig))
    group = np.stack([genes.contig, genes.plus])[:, order]
    begins = np.append(True, np.any(group[:, 1:] != group[:, :-1], axis=0))
    for block in np.split(order, np.flatnonzero(begins)[1:]):
        reached = np.maximum.accumulate(last[block])[:-1]
        heads[block[1:]] = first[block][1:] - reached > gap
    return heads
