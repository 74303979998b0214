"""The windowed engine: the bits of a logit depend on its window alone."""

import numpy as np
import pytest
import torch

from promscan.inference.settings import EngineSettings
from promscan.inference.windowed import UNIT, WindowedEngine
from promscan.networks.classifier import Architecture, BiGRUAttention

ARCHITECTURES = [
    Architecture(hidden=16),
    Architecture(hidden=256),
    Architecture(hidden=48, layers=2, convolutions=2),
]


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_a_logit_does_not_depend_on_the_row_of_its_window(device, architecture):
    """Mirrored scans, regions and single sequences meet a window in other rows, and beside other windows."""
    torch.manual_seed(1)
    model = BiGRUAttention(architecture).eval()
    codes = np.random.default_rng(1).integers(0, 5, (UNIT[device], 70), dtype=np.uint8)
    codes[:, 7:][codes[:, 7:] == 4] = 0  # few enough unknown bases
    with WindowedEngine(model, [torch.device(device)], EngineSettings()) as engine:
        logits = engine.score_windows(codes)
        assert not np.isnan(logits).any()
        for shift in (1, 3, 77):
            assert (np.roll(engine.score_windows(np.roll(codes, shift, axis=0)), -shift) == logits).all()
        assert (engine.score_windows(codes[:5]) == logits[:5]).all()
