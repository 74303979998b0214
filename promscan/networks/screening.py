"""A small network that says where a streaming model could find a promoter, without running the model.

It reads the columns of the model's stem (`promscan.inference.stem`) and the learned features of its context, summed
over cells of 35 bp, in bins around a cell: the cell itself, and on each side bins of 1, 2, 4, ... cells. It estimates
the best calling score of the 35 windows whose middles lie in the cell.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from promscan.networks.card_parts import ScreeningSizes
from promscan.seq.records import ESTIMATE_STEP as CELL


class ScreeningNetwork(nn.Module):
    """Sums of columns in cells to estimates.

    Args:
        sizes: how far it sees, and its layers.
        columns: values at a position, see `Architecture.screened_columns`.
    """

    def __init__(self, sizes: ScreeningSizes, columns: int) -> None:
        super().__init__()
        self.sizes, self.columns = sizes, columns
        widths = [(1 + 2 * sizes.doublings) * columns, *sizes.hidden]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.GELU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    @property
    def reach(self) -> int:
        """Cells that it sees on each side of a cell."""
        return self.sizes.reach

    def forward(self, means: Tensor) -> Tensor:
        """Means in bins (cells, bins * columns) to estimates (cells,)."""
        estimates: Tensor = self.layers(means)
        return estimates.squeeze(-1)

    def normalise(self, means: Tensor) -> None:
        """Let the first layer take means of the mean and standard deviation of `means`, instead of 0 and 1."""
        first = self.layers[0]
        assert isinstance(first, nn.Linear)
        with torch.no_grad():
            first.weight /= means.std(dim=0) + 1e-6
            first.bias.sub_(first.weight @ means.mean(dim=0))


def bin_means(sums: Tensor, doublings: int) -> Tensor:
    """Means of columns in the bins around cells.

    Every bin is added up from halves, cell by cell, so that a mean does not depend on where the cells begin.

    Args:
        sums: sums of the columns of cells, (..., cells, columns).
        doublings: bins on each side.

    Returns:
        (..., cells - 2 * (2^doublings - 1), bins * columns): the cell, then for each width the bins left and right.
    """
    reach = (1 << doublings) - 1
    inner = sums.shape[-2] - 2 * reach
    bins, wide, width = [sums[..., reach : reach + inner, :] / CELL], sums, 1
    for _ in range(doublings):
        left, right = reach - (2 * width - 1), reach + width
        bins += [wide[..., begin : begin + inner, :] / (CELL * width) for begin in (left, right)]
        wide = wide[..., :-width, :] + wide[..., width:, :]
        width *= 2
    return torch.cat(bins, dim=-1)
