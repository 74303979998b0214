"""The boxes of sigma 70 in a sequence: where constructs of bacterial promoters are aligned.

Sequences of one set end at one place; those of several sets, and of a user, do not. The -10 box stands 7 bp before the
TSS in nearly all of them, so a network that always finds it at one index knows where it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from promscan.seq.dna import UNKNOWN, Codes

BOX = 6
BEHIND = 42
"""Bases that a network reads from the first base of the -10 box on: the box, 6 up to the TSS, and 30 from there on."""
SPACERS = {15: -2.2, 16: -0.9, 17: 0.0, 18: -0.6, 19: -2.0}
"""Score of the number of bases between the boxes, natural logarithm."""
# Shares of A, T, G, C at each place of a box: round numbers around the consensus TTGACA and TATAAT.
MINUS35 = np.array([
    [0.05, 0.82, 0.08, 0.05], [0.06, 0.84, 0.04, 0.06], [0.06, 0.08, 0.78, 0.08],
    [0.65, 0.18, 0.05, 0.12], [0.20, 0.16, 0.10, 0.54], [0.45, 0.23, 0.12, 0.20],
])  # fmt: skip
MINUS10 = np.array([
    [0.08, 0.80, 0.06, 0.06], [0.95, 0.03, 0.01, 0.01], [0.20, 0.45, 0.25, 0.10],
    [0.60, 0.16, 0.12, 0.12], [0.50, 0.17, 0.13, 0.20], [0.02, 0.96, 0.01, 0.01],
])  # fmt: skip

Scores = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


def find_boxes(codes: Codes) -> Places:
    """First base of the -10 box of each row (n, width) that scores best together with its -35 box, shape (n,).

    The TSS 12 bases behind lies within the row. Unknown bases score nothing.

    Args:
        codes: at least 40 bases wide, so that both boxes have room.
    """
    thirty_five, ten = _scores(codes, MINUS35), _scores(codes, MINUS10)
    best = np.full(ten.shape, -np.inf)
    for spacer, score in SPACERS.items():
        shift = BOX + spacer
        best[:, shift:] = np.maximum(best[:, shift:], thirty_five[:, :-shift] + score + ten[:, shift:])
    best[:, codes.shape[1] - 2 * BOX :] = -np.inf
    places: Places = best.argmax(axis=1)
    return places


def align_at_boxes(codes: Codes, width: int) -> Codes:
    """Rows (n, any width) moved so that their -10 boxes begin at index `width` - 42, with unknown bases around."""
    places = find_boxes(codes)[:, None]
    columns = places - (width - BEHIND) + np.arange(width)
    inside = (columns >= 0) & (columns < codes.shape[1])
    taken = np.take_along_axis(codes, np.clip(columns, 0, codes.shape[1] - 1), axis=1)
    aligned: Codes = np.where(inside, taken, np.uint8(UNKNOWN))
    return aligned


def _scores(codes: Codes, shares: Scores) -> Scores:
    """Log-odds of a box at each place, (n, width - 5)."""
    odds = np.zeros((BOX, UNKNOWN + 1))
    odds[:, :UNKNOWN] = np.log(shares / 0.25)
    places = codes.shape[1] - BOX + 1
    scores: Scores = sum((odds[i][codes[:, i : i + places]] for i in range(BOX)), np.zeros((len(codes), places)))
    return scores
