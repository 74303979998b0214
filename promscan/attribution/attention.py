"""The attention weights of a window in its surroundings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from promscan.attribution.window import WindowInContext
from promscan.networks.classifier import BiGRUAttention
from promscan.seq.dna import UNKNOWN
from promscan.seq.windows import WINDOW


def attention_weights(model: BiGRUAttention, window: WindowInContext, warm_up: int) -> npt.NDArray[np.float32]:
    """The weights (70,) with which a network pools its states over a window; their sum is 1.

    Args:
        model: the network, in evaluation mode, on any device.
        window: the window.
        warm_up: bases on each side along which the states run before they are used; past the ends of the contig the
            bases are unknown.
    """
    padded = np.pad(window.codes, warm_up, constant_values=UNKNOWN)
    read = padded[window.before : window.before + WINDOW + 2 * warm_up]
    with torch.inference_mode():
        codes = torch.from_numpy(np.ascontiguousarray(read)).to(model.bases.device)
        states = model.states(codes.unsqueeze(0))[:, warm_up : warm_up + WINDOW]
        scores = model.attention_score(torch.tanh(model.attention(states)))
        weights: npt.NDArray[np.float32] = torch.softmax(scores, dim=1).reshape(-1).cpu().numpy()
    return weights
