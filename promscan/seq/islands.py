"""Sequence composed like a CpG island."""

from __future__ import annotations

from promscan.seq.dna import UNKNOWN, Codes, encode

LEAST_GC = 0.5
LEAST_OBSERVED_TO_EXPECTED = 0.6
SURROUNDINGS = 1000
"""bp around a transcription start whose composition decides about its class."""
DEFINITION = (
    f"CpG: over {LEAST_GC:.0%} G+C and over {LEAST_OBSERVED_TO_EXPECTED:g} CpG observed/expected in "
    f"{SURROUNDINGS:,} bp around the TSS (Gardiner-Garden and Frommer 1987)"
)
"""The rule in words, for results."""
_C, _G = encode("CG").tolist()


def is_island_like(codes: Codes) -> bool:
    """Whether bases have the composition of a CpG island by Gardiner-Garden and Frommer (1987, J. Mol. Biol. 196:261).

    That is more than 50 % G+C, and more than 0.6 of the CpG that C and G of this number would give in random order.
    Unknown bases do not count.
    """
    known = int((codes != UNKNOWN).sum())
    c, g = codes == _C, codes == _G
    many_c, many_g, pairs = int(c.sum()), int(g.sum()), int((c[:-1] & g[1:]).sum())
    return many_c + many_g > LEAST_GC * known and pairs * known > LEAST_OBSERVED_TO_EXPECTED * many_c * many_g
