"""The bases around single positions of a genome."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

import numpy as np

from promscan.io.genome import Genome
from promscan.seq.circles import Circles
from promscan.seq.dna import UNKNOWN, Codes
from promscan.seq.tss import Site
from promscan.seq.windows import WINDOW


def read_surroundings(
    sites: Iterable[Site], genome: str | Path, half: int, circular: Container[str] = ()
) -> Iterator[tuple[Site, Codes]]:
    """Yield each site with the `2 * half + 1` bases around it on the + strand, in the order of the genome.

    Only the parts of the genome near sites are read. Bases past the ends of a contig are unknown, but a circle goes on.

    Args:
        sites: positions; one that comes twice is yielded twice.
        genome: FASTA file, whose contigs hold the sites.
        half: bases on each side.
        circular: contigs that are circles.
    """
    source = Genome(genome)
    lengths = source.contigs()
    by_window = defaultdict[tuple[str, int], list[Site]](list)
    circles = Circles(names=frozenset(name for name in lengths if name in circular), reach=half, least=WINDOW)
    for site in sites:
        last = lengths[site.chrom] - WINDOW
        on_circle = circles.holds(site.chrom, lengths[site.chrom])
        by_window[site.chrom, site.tss if on_circle else max(0, min(site.tss, last))].append(site)
    spans = defaultdict[str, list[tuple[int, int]]](list)
    for chrom, start in sorted(by_window):
        spans[chrom].append((start, start + 1))
    for chunk in source.read_chunks(sys.maxsize, spans, margin=half + WINDOW, circles=circles):
        turned = 0 if chunk.circle is None else chunk.circle.offset
        for site in by_window[chunk.chrom, chunk.start - turned]:
            first = site.tss + turned - half - chunk.first_base
            codes = np.full(2 * half + 1, UNKNOWN, dtype=np.uint8)
            known = chunk.codes[max(0, first) : max(0, first + len(codes))]
            codes[max(0, -first) : max(0, -first) + len(known)] = known
            yield site, codes
