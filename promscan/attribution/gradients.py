"""Integrated gradients of the score of a window, from unknown bases to the bases that stand there.

A base enters with a weight from 0 (each of the four bases is as likely) to 1. The gradients of the score by the weights
are summed along the way on which all weights grow together (Sundararajan et al. 2017, ICML 70:3319). So the
contributions of all bases add up to the score minus that of the baseline, where no base is known, up to the error of
the sum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.attribution.window import WindowInContext
from promscan.networks.architecture import PLACE_REACH
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.composition import weighted_compositions
from promscan.networks.reading_frames import reading_frames
from promscan.seq.dna import UNKNOWN
from promscan.seq.windows import MAX_UNKNOWN, TSS_INDEX, WINDOW

HALF_LIVES = 16
"""Half-lives of a state after which nothing is left of it that a score could show."""
STEPS = 32
"""Points of the way at which gradients are computed (Gauss-Legendre)."""


class Contributions(NamedTuple):
    """What each base adds to a score.

    values: contribution of each base, (width,); 0 for one that the sequence does not say.
    score: of the window, or of its place.
    baseline: score with none of these bases known.
    """

    values: npt.NDArray[np.float32]
    score: float
    baseline: float

    @property
    def error(self) -> float:
        """How far the contributions are from adding up to the difference of the two scores."""
        return abs(float(self.values.sum()) - (self.score - self.baseline))


def integrated_gradients(
    model: BiGRUAttention, window: WindowInContext, warm_up: int, smoothing: int, steps: int = STEPS
) -> Contributions:
    """The contributions of the bases of a window, and of its flanks, in their surroundings.

    Args:
        model: the network, in evaluation mode, on any device.
        window: the window.
        warm_up: bases on each side along which the states run before they are used; past the ends of the contig the
            bases are unknown.
        smoothing: odd number of neighbouring windows whose mean logit is the score.
        steps: points of the way.
    """
    warm_up = _short(warm_up, model)
    margin = max(warm_up, model.architecture.reach)

    def mean_score(read: Tensor, known: Tensor) -> Tensor:
        return _scores(model, read, known, margin, warm_up) @ _counted(read, margin)

    return _integrated(model, window, margin + smoothing // 2, steps, mean_score)


def place_gradients(model: BiGRUAttention, window: WindowInContext, warm_up: int, steps: int = STEPS) -> Contributions:
    """The contributions of bases to the place of a window: why transcription starts at its base and not at one nearby.

    The score is the logarithm of the probability that the base is the transcription start, of all bases within
    `PLACE_REACH`, as the network learned it.

    Args:
        model: a network with a head for places, in evaluation mode, on any device.
        window: the window.
        warm_up: as for `integrated_gradients`.
        steps: points of the way.
    """
    warm_up = _short(warm_up, model)
    room = PLACE_REACH + warm_up + model.architecture.stem_reach
    begin = room + TSS_INDEX - PLACE_REACH

    def log_probability(read: Tensor, known: Tensor) -> Tensor:
        states = model.run_gru(model.features_of(_partly_known(model, read, known)))
        places = model.place(states[:, begin : begin + 2 * PLACE_REACH + 1]).squeeze(-1)
        return torch.log_softmax(places, dim=1)[:, PLACE_REACH]

    return _integrated(model, window, room, steps, log_probability)


def _short(warm_up: int, model: BiGRUAttention) -> int:
    """The bases of a warm-up that matter: longer ones change no digit that is shown, and take most of the time."""
    architecture = model.architecture
    return (
        min(warm_up, HALF_LIVES * architecture.half_life * architecture.layers) if architecture.half_life else warm_up
    )


def _integrated(
    model: BiGRUAttention, window: WindowInContext, room: int, steps: int, score_of: Callable[[Tensor, Tensor], Tensor]
) -> Contributions:
    """Integrated gradients of a score.

    Args:
        model: the network.
        window: the window.
        room: bases before and after the window that are read.
        steps: points of the way.
        score_of: the score (steps,) of the codes that are read, (length,), and of how much of each is known,
            (steps, length).
    """
    begin, end = window.before - room, window.before + WINDOW + room
    padded = np.pad(window.codes, (max(0, -begin), max(0, end - len(window.codes))), constant_values=UNKNOWN)
    shift = max(0, -begin)
    read = torch.from_numpy(np.ascontiguousarray(padded[begin + shift : end + shift])).to(model.bases.device)
    first = max(0, window.first - begin), min(len(read), window.first + window.width - begin)
    points, weights = _points(steps)
    inside = torch.tensor(points, dtype=torch.float32, device=read.device)[:, None].repeat(1, first[1] - first[0])
    inside.requires_grad_()
    scores = score_of(read, F.pad(inside, (first[0], len(read) - first[1]), value=1.0))
    (gradients,) = torch.autograd.grad(scores.sum(), inside)
    values = np.zeros(window.width, dtype=np.float32)
    skipped = first[0] - (window.first - begin)
    values[skipped : skipped + first[1] - first[0]] = (weights @ gradients.double().cpu().numpy()).astype(np.float32)
    values[window.bases == UNKNOWN] = 0
    baseline, *_, score = scores.tolist()
    return Contributions(values, score, baseline)


def _points(steps: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Points of the way from 0 to 1, both ends among them, and their weights in the sum; the ends have none."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    return np.pad((points + 1) / 2, 1, constant_values=(0, 1)), np.pad(weights / 2, 1)


def _scores(model: BiGRUAttention, codes: Tensor, weights: Tensor, margin: int, warm_up: int) -> Tensor:
    """Logits (batch, windows) of the windows `margin` bases from the ends, with bases (length,) that are known in part.

    weights: how much of each base is known, (batch, length).
    """
    architecture = model.architecture
    inner = max(warm_up, architecture.context_reach)
    vectors = _partly_known(model, codes, weights)
    composed = weighted_compositions(codes, weights, architecture.composition, margin)
    # A stop codon is there or not: reading frames have no gradient.
    frames = reading_frames(codes.unsqueeze(1), architecture.frames, margin).permute(2, 0, 1)
    counted = torch.cat([composed, frames.expand(len(weights), -1, -1)], dim=2)
    outside = margin - inner
    features = model.features_of(vectors[:, outside : vectors.shape[1] - outside])
    logits, _ = model.read_features(features, counted, inner, warm_up)
    return logits


def _partly_known(model: BiGRUAttention, codes: Tensor, weights: Tensor) -> Tensor:
    """Bases (length,) as vectors (batch, length, 4), on the way from an unknown base to the base by their weights."""
    unknown = model.bases[UNKNOWN]
    return unknown + weights.unsqueeze(2) * (F.embedding(codes.int(), model.bases) - unknown)


def _counted(codes: Tensor, margin: int) -> Tensor:
    """Weights of the windows in the mean, which counts those with few unknown bases alone."""
    unknown = F.pad((codes[margin : len(codes) - margin] == UNKNOWN).int().cumsum(0), (1, 0))
    counted = (unknown[WINDOW:] - unknown[:-WINDOW] <= MAX_UNKNOWN).float()
    return counted / counted.sum().clamp(min=1)
