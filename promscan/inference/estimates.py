"""Estimates of a screening network along stretches of sequence, for a small part of the cost of the model itself.

The values of the stem are summed over cells of 35 bp, block by block: a block of cells is a part of a batch of fixed
shape, and its sums depend on its own bases alone. So does an estimate on the cells that it sees, and it has the same
bits in every batch, chunk and region.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from promscan.inference.head import Context
from promscan.inference.stem import stem_of
from promscan.inference.stem_rows import rows_of
from promscan.inference.work_units import check_finite
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.device import fetch, send
from promscan.networks.screening import ScreeningNetwork, bin_means
from promscan.seq.dna import UNKNOWN, Codes
from promscan.seq.records import ESTIMATE_STEP as CELL
from promscan.seq.records import Logits

BLOCK = 10
"""Cells of a block."""
BLOCKS_AT_ONCE = 8
"""Blocks whose values are computed together: few enough for the cache of a core."""
CELLS_AT_ONCE = 256
"""Cells that are estimated together."""


class Estimator:
    """A screening network and the stem of its model on a device.

    Args:
        model: the model, in evaluation mode, on the device.
        network: its screening network.
        device: where both run.
    """

    def __init__(self, model: BiGRUAttention, network: ScreeningNetwork, device: torch.device) -> None:
        self.device, self._network = device, network.to(device).eval()
        self._reach = model.architecture.stem_reach
        with torch.inference_mode():
            stem = stem_of(model, torch.float32)
            self._stem_rows = rows_of(model, stem)
            self._context = Context(model, stem.basis) if model.architecture.context else None
        self._of_unknown: Tensor | None = None

    @property
    def margin(self) -> int:
        """Cells on each side of those that are estimated: those that the network sees, and what their columns see."""
        return self._network.reach + -(-self._reach // CELL)

    def estimates(self, stretches: Sequence[Codes]) -> list[Logits]:
        """Estimates of the cells of stretches, but for `margin` cells at both ends.

        Args:
            stretches: codes, uint8; whole cells, more than two margins.

        Raises:
            ModelError: an estimate is no number.
        """
        sums = self.sums(np.concatenate(stretches))
        values = fetch(torch.cat([self._of_cells(cells) for cells in self._overlapping(sums)]))
        found, begin, spare = list[Logits](), 0, self.margin - self._network.reach
        for stretch in stretches:
            cells = len(stretch) // CELL
            found.append(values[begin + spare : begin + cells - 2 * self.margin + spare].copy())
            begin += cells
        for estimates in found:
            check_finite(estimates)
        return found

    def _overlapping(self, sums: Tensor) -> Iterator[Tensor]:
        """The cells of each batch, with those that its estimates see: a few bins stay in the cache, all would not."""
        reach = self._network.reach
        cells = len(sums) - 2 * reach
        padded = F.pad(sums, (0, 0, 0, -cells % CELLS_AT_ONCE))
        return (padded[begin : begin + CELLS_AT_ONCE + 2 * reach] for begin in range(0, cells, CELLS_AT_ONCE))

    def _of_cells(self, sums: Tensor) -> Tensor:
        estimates: Tensor = self._network(bin_means(sums, self._network.sizes.doublings))
        return estimates

    def sums(self, codes: Codes) -> Tensor:
        """Sums of the columns over the cells of a sequence, (cells, columns); past its ends, bases are unknown."""
        cells, reach = len(codes) // CELL, self._reach
        short = -cells % BLOCK * CELL
        padded = np.pad(codes, (reach, short + reach), constant_values=UNKNOWN)
        blocks = sliding_window_view(padded, BLOCK * CELL + 2 * reach)[:: BLOCK * CELL]
        known = np.flatnonzero((blocks != UNKNOWN).any(axis=1))
        if self._of_unknown is None:  # the same bits whichever thread is first
            self._of_unknown = self._sum_blocks(blocks[:0])[0]
        sums = self._of_unknown.repeat(len(blocks), 1, 1)
        for begin in range(0, len(known), BLOCKS_AT_ONCE):
            own = known[begin : begin + BLOCKS_AT_ONCE]
            sums[torch.from_numpy(own).to(self.device)] = self._sum_blocks(blocks[own])[: len(own)]
        return sums.flatten(0, 1)[:cells]

    def _sum_blocks(self, blocks: Codes) -> Tensor:
        """Blocks (n, bases) to sums (`BLOCKS_AT_ONCE`, BLOCK, columns), the first n of them those of the blocks."""
        bases = BLOCK * CELL + 2 * self._reach
        rows = np.full((BLOCKS_AT_ONCE, bases), UNKNOWN, dtype=np.uint8)
        rows[: len(blocks)] = blocks
        values = [self._stem_rows(send(rows, self.device))]
        if self._context is not None:
            values.append(self._context.features_of_rows(values[0]))
        return torch.cat([each.view(len(each), BLOCK, CELL, -1).sum(dim=2) for each in values], dim=2)
