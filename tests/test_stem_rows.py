"""Rows of a stem: the values of its columns, for sums along a sequence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from promscan.inference.estimates import Estimator
from promscan.inference.stem import stem_of
from promscan.inference.stem_rows import rows_of
from promscan.networks.card_parts import ScreeningSizes
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.screening import ScreeningNetwork
from promscan.seq.records import ESTIMATE_STEP

CPU = torch.device("cpu")


@pytest.mark.parametrize("kernel", [1, 3, 9, 19])
@pytest.mark.parametrize("convolutions", [0, 1, 2])
def test_rows_of_a_stem_are_its_columns_where_it_sees_nothing_past_the_ends(convolutions: int, kernel: int) -> None:
    torch.manual_seed(convolutions)
    model = BiGRUAttention(Architecture(hidden=16, convolutions=convolutions, kernel=kernel)).eval()
    codes = torch.randint(0, 5, (3, 120), dtype=torch.uint8)
    reach = model.architecture.stem_reach
    with torch.inference_mode():
        stem = stem_of(model, torch.float32)
        rows, columns = rows_of(model, stem)(codes), stem.columns(codes.T.contiguous())
    assert rows.shape == (3, 120 - 2 * reach, columns.shape[1])
    assert rows.is_contiguous()
    assert (rows - columns[reach : 120 - reach].permute(2, 0, 1)).abs().max() < 1e-5 * columns.abs().max()


@pytest.mark.parametrize("convolutions", [0, 1, 2])
def test_an_estimate_has_the_same_bits_wherever_its_cells_stand_in_a_block(convolutions: int) -> None:
    """With layers as wide as those of bundled models, where a library may take other steps than for narrow ones."""
    torch.manual_seed(convolutions)
    context = 32 if convolutions else 0
    model = BiGRUAttention(Architecture(64, convolutions=convolutions, context=context, context_bins=(100,))).eval()
    screening = ScreeningNetwork(ScreeningSizes(doublings=3, hidden=(64, 32)), model.architecture.screened_columns)
    codes = np.random.default_rng(1).integers(0, 5, 60 * ESTIMATE_STEP, dtype=np.uint8)
    with torch.inference_mode():
        estimator = Estimator(model, screening.eval(), CPU)
        expected, *others = estimator.estimates([codes, *(codes[n * ESTIMATE_STEP :] for n in (1, 4, 9))])
    for n, found in zip((1, 4, 9), others, strict=True):
        assert np.array_equal(found, expected[n:])
