"""Windows with pieces of random bases, made like the negatives of the public core promoter benchmark.

Oubounyt et al. 2019 (DeePromoter) cut a 300-bp promoter into 20 pieces of 15 bp, replace 12 of them by random bases,
and cut out the 70 bp around the TSS (216 to 285). The training split of the benchmark agrees with this: pieces of its
negatives begin at 9, 24, 39, 54 and 69, and the bases in them are uniform.
"""

from __future__ import annotations

import numpy as np

from promscan.seq.dna import Codes, Mask
from promscan.seq.windows import WINDOW

PIECES, REPLACED, PIECE_WIDTH = 20, 12, 15
WINDOW_OFFSET = 216
"""Index of the window in the 300 bp that are cut into pieces."""
PIECE_OF_BASE = (WINDOW_OFFSET + np.arange(WINDOW)) // PIECE_WIDTH


def scramble(codes: Codes, rng: np.random.Generator) -> tuple[Codes, Mask]:
    """Replace pieces of windows (n, 70) by random bases; returns the new windows and which bases are replaced."""
    chosen = rng.random((len(codes), PIECES)).argsort(axis=1) < REPLACED
    replaced = chosen[:, PIECE_OF_BASE]
    random_bases = rng.integers(0, 4, codes.shape, dtype=np.uint8)
    return np.where(replaced, random_bases, codes), replaced
