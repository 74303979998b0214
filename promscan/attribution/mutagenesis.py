"""In-silico mutagenesis: how the score of a window changes with each substitution."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.attribution.window import WindowInContext
from promscan.inference.engine import Engine
from promscan.seq.dna import UNKNOWN, Mask
from promscan.seq.records import Chunk

BASES = 4
"""A, T, G, C, in the order of their codes."""


class Mutagenesis(NamedTuple):
    """The score of a window and what substitutions do to it.

    score: of the window as it is.
    changes: (width, 4), float32; the change of the score with each base, by its code; 0 for the base that stands there.
    """

    score: float
    changes: npt.NDArray[np.float32]

    @property
    def importance(self) -> npt.NDArray[np.float32]:
        """How much the score falls, on average, if the base at each position is replaced, (width,)."""
        importance: npt.NDArray[np.float32] = -self.changes.sum(axis=1) / (BASES - 1)
        return importance


def mutate(windows: Iterable[WindowInContext], engine: Engine) -> Iterator[Mutagenesis]:
    """The mutagenesis of each window, in order; all of their mutants go through the engine in batches.

    Args:
        windows: with as many bases around them as the engine has margin.
        engine: scores the `+` strand alone.
    """
    waiting = deque[Mask]()
    logits = list[float]()
    for (track,) in engine.score(_chunks(windows, waiting)):
        logits.append(float(track.logits[0]))
        wanted = waiting[0]
        if len(logits) == 1 + wanted.sum():
            changes = np.zeros(wanted.shape, dtype=np.float32)
            changes[wanted] = np.array(logits[1:], dtype=np.float32) - np.float32(logits[0])
            yield Mutagenesis(logits[0], changes)
            waiting.popleft()
            logits.clear()


def _chunks(windows: Iterable[WindowInContext], waiting: deque[Mask]) -> Iterator[Chunk]:
    """Each window, then its mutants by position and base; `waiting` takes in which there are."""
    for window in windows:
        wanted = window.bases[:, np.newaxis] != np.arange(BASES)
        wanted &= (window.bases != UNKNOWN)[:, np.newaxis]
        waiting.append(wanted)
        yield window.chunk(window.codes)
        for index, base in np.argwhere(wanted).tolist():
            yield window.chunk(window.mutant(index, base))
