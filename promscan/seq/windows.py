"""The geometry of a window: its width, where its transcription start is, and which windows can be scored."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from promscan.seq.dna import ALPHABET, UNKNOWN, Codes, Mask

WINDOW = 70
"""Width of a window in bp."""
TSS_INDEX = 33
"""Index of the transcription start in a window read 5' to 3' on its own strand (GUE and EPDnew core windows)."""
MAX_UNKNOWN = WINDOW // 10
"""A window with more unknown bases than this is not scored."""


def tss_of(start: int, strand: str) -> int:
    """0-based transcription start of the window at `start` on `strand`."""
    return start + (TSS_INDEX if strand == "+" else WINDOW - 1 - TSS_INDEX)


def scorable(codes: Codes, stride: int, *, blocked: Mask | None) -> Mask:
    """Which windows at 0, stride, ... of `codes` may be scored: at most 7 unknown bases, none blocked."""
    allowed = _few_in_windows(codes == UNKNOWN, MAX_UNKNOWN)
    if blocked is not None:
        allowed &= _few_in_windows(blocked, 0)
    return allowed[::stride]


def gc_around(codes: Codes, first: int, windows: int, reach: int) -> npt.NDArray[np.float32]:
    """Share of G and C among the known bases of each window and of `reach` bases on each side of it, (windows,).

    Past the ends of `codes` no base is known. Where none is, the share is 0.5. Bases are counted in whole numbers, so a
    share depends on the bases alone, and is the same on both strands.

    Args:
        codes: bases.
        first: index of the first base of the first window; windows follow base by base.
        windows: how many windows.
        reach: bases on each side of a window that count.
    """
    strong = (codes == ALPHABET.index("G")) | (codes == ALPHABET.index("C"))
    counts = np.zeros((2, len(codes) + 1), dtype=np.int32)
    np.cumsum(np.stack([strong, codes != UNKNOWN]), axis=1, out=counts[:, 1:])
    begins = np.arange(first, first + windows)
    ends = np.minimum(begins + WINDOW + reach, len(codes))
    gc, known = counts[:, ends] - counts[:, np.maximum(begins - reach, 0)]
    return np.where(known > 0, gc / np.maximum(known, 1), 0.5).astype(np.float32)


def _few_in_windows(flags: Mask, most: int) -> Mask:
    """Which windows hold at most `most` of these flags; hardly any sequence has one at all."""
    if not flags.any():
        return np.ones(max(0, len(flags) - WINDOW + 1), dtype=np.bool_)
    sums = np.zeros(len(flags) + 1, dtype=np.int32)
    np.cumsum(flags, out=sums[1:])
    few: Mask = sums[WINDOW:] - sums[:-WINDOW] <= most
    return few
