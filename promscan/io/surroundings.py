"""The bases around single positions of a genome."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from promscan.io.genome import Genome
from promscan.seq.dna import UNKNOWN, Codes
from promscan.seq.tss import Site
from promscan.seq.windows import WINDOW


def read_surroundings(sites: Iterable[Site], genome: str | Path, half: int) -> Iterator[tuple[Site, Codes]]:
    """Yield each site with the `2 * half + 1` bases around it on the + strand, in the order of the genome.

    Only the parts of the genome near sites are read. Bases past the ends of a contig are unknown.

    Args:
        sites: positions; one that comes twice is yielded twice.
        genome: FASTA file, whose contigs hold the sites.
        half: bases on each side.
    """
    source = Genome(genome)
    lengths = source.contigs()
    by_window = defaultdict[tuple[str, int], list[Site]](list)
    for site in sites:
        by_window[site.chrom, max(0, min(site.tss, lengths[site.chrom] - WINDOW))].append(site)
    spans = defaultdict[str, list[tuple[int, int]]](list)
    for chrom, start in sorted(by_window):
        spans[chrom].append((start, start + 1))
    for chunk in source.read_chunks(sys.maxsize, spans, margin=half + WINDOW):
        for site in by_window[chunk.chrom, chunk.start]:
            first = site.tss - half - chunk.first_base
            codes = np.full(2 * half + 1, UNKNOWN, dtype=np.uint8)
            known = chunk.codes[max(0, first) : max(0, first + len(codes))]
            codes[max(0, -first) : max(0, -first) + len(known)] = known
            yield site, codes
