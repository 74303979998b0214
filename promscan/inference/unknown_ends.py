"""What unknown bases past the ends of a contig leave behind, which is the same for every contig."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from promscan.inference.gru import Cell
from promscan.inference.head import Context
from promscan.inference.stem import Stem
from promscan.seq.dna import UNKNOWN
from promscan.seq.windows import WINDOW

COLUMNS = 16
"""Lanes that are run to find it: products of fewer columns may round differently."""
NEAR = WINDOW
"""Unknown bases next to a contig that are run with it, for the stem sees both; divisible by 70."""


@dataclass(frozen=True)
class UnknownEnds:
    """What is farther than `NEAR` from a contig, on both sides.

    forward, backward: states of each direction when it comes to the bases that are run (None: a state of zero).
    before, after: sums of the features of the context inside blocks, (70, features, 1) each.
    """

    forward: Tensor | None = None
    backward: Tensor | None = None
    before: tuple[Tensor, ...] = ()
    after: tuple[Tensor, ...] = ()

    @classmethod
    def of(cls, stem: Stem, cells: tuple[Cell, Cell], context: Context | None, inner: int, warm_up: int) -> UnknownEnds:
        """The ends for one layer of a GRU.

        Args:
            stem: makes columns of codes.
            cells: both directions of the layer.
            context: of the head.
            inner: bases around a lane that the states and the context see; divisible by 70, at least `NEAR`.
            warm_up: how many of them the states see; divisible by 70.
        """
        far = inner - NEAR
        codes = torch.full((2 * inner, COLUMNS), UNKNOWN, dtype=torch.uint8, device=cells[0].gates.device)
        columns = stem.columns(codes)
        begin, end = inner - max(warm_up, NEAR), far
        forward, backward = (
            None if last is None else last[:, :1]
            for cell, inputs in zip(cells, (columns, columns.flip(0)), strict=True)
            for last in [state_after(cell, inputs[begin:end])]
        )
        blocks = [] if context is None else [context.inside(block)[..., :1] for block in columns.split(WINDOW)]
        return cls(forward, backward, tuple(blocks[: far // WINDOW]), tuple(blocks[len(blocks) - far // WINDOW :]))


def state_after(cell: Cell, inputs: Tensor, state: Tensor | None = None) -> Tensor | None:
    """The last state along `inputs`, from one (d, lanes or 1) before them; the others are dropped."""
    for begin in range(0, len(inputs), WINDOW):
        state = cell.run(inputs[begin : begin + WINDOW], state)[-1]
    return state
