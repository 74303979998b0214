"""The geometry of a window: its width, where its transcription start is, and which windows can be scored."""

from __future__ import annotations

import numpy as np

from promscan.seq.dna import UNKNOWN, Codes, Mask

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


def _few_in_windows(flags: Mask, most: int) -> Mask:
    """Which windows hold at most `most` of these flags; hardly any sequence has one at all."""
    if not flags.any():
        return np.ones(max(0, len(flags) - WINDOW + 1), dtype=np.bool_)
    sums = np.zeros(len(flags) + 1, dtype=np.int32)
    np.cumsum(flags, out=sums[1:])
    few: Mask = sums[WINDOW:] - sums[:-WINDOW] <= most
    return few
