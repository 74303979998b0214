"""What an explanation holds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.seq.tss import Site
from promscan.seq.windows import TSS_INDEX, WINDOW

Array = npt.NDArray[np.float32]


class Explanation(NamedTuple):
    """Why a window has its score.

    name: of the hit (`chrom_tss_strand`) or of the sequence.
    site: place of the hit; None for a sequence by itself.
    bases: the window and its flanks, 5' to 3'.
    score: calling score of the window in its surroundings.
    attention: weights of the bases of the window, (70,).
    importance: how much the score falls, on average, if a base is replaced, (n,); None without mutagenesis.
    changes: change of the score with A, C, G, T in the place of each base, (n, 4); None without mutagenesis.
    gradients: what each base adds to the score, (n,), by integrated gradients; None without them.
    baseline: score with none of the bases known; the gradients add up to `score` minus this.
    """

    name: str
    site: Site | None
    bases: str
    score: float
    attention: Array
    importance: Array | None = None
    changes: Array | None = None
    gradients: Array | None = None
    baseline: float | None = None

    @property
    def first(self) -> int:
        """Position of the first base relative to the transcription start, which is 0."""
        return -TSS_INDEX - (len(self.bases) - WINDOW) // 2

    @property
    def contributions(self) -> Array:
        """What each base is worth: by mutagenesis, or by gradients where there is none."""
        values = self.gradients if self.importance is None else self.importance
        assert values is not None  # there is one of the two
        return values

    @property
    def agreement(self) -> float:
        """Spearman correlation of attention with the size of the contributions, over the window."""
        flank = (len(self.bases) - WINDOW) // 2
        sizes = np.abs(self.contributions[flank : flank + WINDOW])
        attention, importance = (np.argsort(np.argsort(values)) for values in (self.attention, sizes))
        return float(np.corrcoef(attention, importance)[0, 1])

    @property
    def error(self) -> float:
        """How far the gradients are from adding up to the difference of score and baseline; 0 without them."""
        if self.gradients is None or self.baseline is None:
            return 0.0
        return abs(float(self.gradients.sum()) - (self.score - self.baseline))
