"""Loss that says which base of a promoter is the transcription start."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.networks.architecture import PLACE_REACH


def place_loss(places: Tensor, targets: Tensor, reach: int = PLACE_REACH) -> Tensor:
    """Weighted mean, in nats, of the cross-entropies of picking each listed base out of those around it.

    Other listed bases do not compete: two lists may put one start on two bases, and a promoter may have several starts.

    Args:
        places: scores of the bases, (segments, windows).
        targets: weights of the listed bases, 0 for all others, of the same shape.
        reach: bases on each side that compete, as far as the segment reaches.
    """
    rows, bases = targets.nonzero(as_tuple=True)
    if not len(rows):
        return 0 * places.sum()
    around = F.pad(places, (reach, reach), value=-math.inf).unfold(1, 2 * reach + 1, 1)[rows, bases]
    others = F.pad(targets, (reach, reach)).unfold(1, 2 * reach + 1, 1)[rows, bases] > 0
    others[:, reach] = False
    weights = targets[rows, bases]
    picked = torch.log_softmax(around.masked_fill(others, -math.inf), dim=1)[:, reach]
    return -(weights * picked).sum() / weights.sum()
