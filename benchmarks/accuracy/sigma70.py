"""Position weight matrices of bacterial promoters: a -10 box, a -35 box 15 to 19 bp before it, and the start behind it.

The matrices of a species are learned from its own training starts: the boxes of each start are placed where they score
best, from TTGACA and TATAAT on, and counted anew, a few times over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from promscan.seq.dna import UNKNOWN, Codes, encode

BOX = 6
SPACERS = tuple(range(15, 20))
"""Bases between the boxes."""
DISCRIMINATORS = tuple(range(4, 10))
"""Bases between the -10 box and the transcription start."""
BEFORE = BOX + SPACERS[-1] + BOX + DISCRIMINATORS[-1]
"""Bases before a start that its score is made of, at most."""
ROUNDS = 5
PSEUDOCOUNT = 1.0
CONSENSUS = 0.7
"""Share of the base of the consensus in the first matrices."""


class Boxes(NamedTuple):
    """Log-odds of the bases of both boxes, (6, 5), and of the lengths between them, natural logarithms."""

    minus35: np.ndarray
    minus10: np.ndarray
    spacers: np.ndarray
    discriminators: np.ndarray


def consensus_boxes(background: np.ndarray) -> Boxes:
    """The boxes to begin with; background: shares of the four bases."""
    even = np.zeros(len(SPACERS)), np.zeros(len(DISCRIMINATORS))
    return Boxes(*(_log_odds(_consensus(word), background) for word in ("TTGACA", "TATAAT")), *even)


def learn_boxes(upstream: Codes, background: np.ndarray) -> Boxes:
    """Learn the boxes from the bases before and at each start, (n, BEFORE + 1), read 5' to 3'."""
    boxes = consensus_boxes(background)
    for _ in range(ROUNDS):
        at10, spacer = _best_places(upstream, boxes)
        rows = np.arange(len(upstream))[:, None] + np.zeros(BOX, dtype=np.int64)
        ten, thirty_five = (upstream[rows, (begin[:, None] + np.arange(BOX))] for begin in (at10, at10 - BOX - spacer))
        gap = BEFORE - at10 - BOX
        boxes = Boxes(
            _log_odds(_shares(thirty_five), background),
            _log_odds(_shares(ten), background),
            _log_shares(spacer, SPACERS),
            _log_shares(gap, DISCRIMINATORS),
        )
    return boxes


def scores_of(codes: Codes, boxes: Boxes) -> np.ndarray:
    """Score of each position as the start, (length - BEFORE,); the first one is that of position BEFORE."""
    pairs = _pairs(codes[None], boxes).max(axis=0)[0]
    starts = len(codes) - BEFORE
    ends = [pairs[BEFORE - BOX - gap : BEFORE - BOX - gap + starts] for gap in DISCRIMINATORS]
    best: np.ndarray = (np.stack(ends) + boxes.discriminators[:, None]).max(axis=0)
    return best


def _pairs(codes: Codes, boxes: Boxes) -> np.ndarray:
    """Score of both boxes by spacer and place of the -10 box, (spacers, n, places); -inf without room."""
    ten, thirty_five = _box_scores(codes, boxes.minus10), _box_scores(codes, boxes.minus35)
    pairs = np.full((len(SPACERS), *ten.shape), -np.inf, dtype=np.float32)
    for number, spacer in enumerate(SPACERS):
        apart = BOX + spacer
        pairs[number, :, apart:] = ten[:, apart:] + thirty_five[:, : ten.shape[1] - apart] + boxes.spacers[number]
    return pairs


def _best_places(upstream: Codes, boxes: Boxes) -> tuple[np.ndarray, np.ndarray]:
    """Where the -10 box of each row begins, and the spacer."""
    pairs = _pairs(upstream, boxes)
    begins = np.array([BEFORE - BOX - gap for gap in DISCRIMINATORS])
    allowed = pairs[:, :, begins] + boxes.discriminators
    flat = allowed.transpose(1, 0, 2).reshape(len(upstream), -1).argmax(axis=1)
    return begins[flat % len(begins)], np.array(SPACERS)[flat // len(begins)]


def _box_scores(codes: Codes, box: np.ndarray) -> np.ndarray:
    """Score of the box at each place, (n, length - 5)."""
    places = codes.shape[1] - BOX + 1
    return np.sum([box[i][codes[:, i : i + places]] for i in range(BOX)], axis=0, dtype=np.float32)


def _consensus(word: str) -> np.ndarray:
    shares = np.full((BOX, UNKNOWN), (1 - CONSENSUS) / 3)
    shares[np.arange(BOX), encode(word)] = CONSENSUS
    return shares


def _shares(words: Codes) -> np.ndarray:
    """Shares of the bases at each position of words (n, 6), with a pseudocount."""
    counts = np.stack([np.bincount(column, minlength=UNKNOWN + 1)[:UNKNOWN] for column in words.T]) + PSEUDOCOUNT
    shares: np.ndarray = counts / counts.sum(axis=1, keepdims=True)
    return shares


def _log_odds(shares: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Log-odds of the bases; 0 for an unknown one."""
    return np.hstack([np.log(shares / background), np.zeros((len(shares), 1))]).astype(np.float32)


def _log_shares(values: np.ndarray, all_values: tuple[int, ...]) -> np.ndarray:
    counts = np.array([(values == value).sum() for value in all_values]) + PSEUDOCOUNT
    shares: np.ndarray = np.log(counts / counts.sum()).astype(np.float32)
    return shares
