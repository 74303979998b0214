"""What a network computes before its GRU, as rows: the values of a position lie next to each other in memory.

The recurrence of lanes reads columns (`stem`). Sums along a sequence do not, and rows are faster to make: a convolution
on codes is a sum of a few entries in tables, one for each word of codes that its kernel sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.inference.stem import Stem, convolution_on_codes
from promscan.networks.classifier import BiGRUAttention, ConvolutionBlock
from promscan.seq.dna import UNKNOWN

WORD = 5
"""Codes of a word at most: the tables of a kernel should stay in the cache of a core."""
CODES = UNKNOWN + 1

Rows = Callable[[Tensor], Tensor]
"""Codes (stretches, reach + positions + reach), uint8, to rows (stretches, positions, m), float32.

The reach is that of the stem, so that no row depends on what lies past the ends.
"""


def rows_of(model: BiGRUAttention, stem: Stem) -> Rows:
    """The columns of a stem as rows; the last bits can differ.

    Args:
        model: the network, in evaluation mode.
        stem: its stem.
    """
    blocks = [block for block in model.stem if isinstance(block, ConvolutionBlock)]
    return _rows_of_convolution(model, blocks[0]) if len(blocks) == 1 else _rows_of_columns(model, stem)


def _rows_of_columns(model: BiGRUAttention, stem: Stem) -> Rows:
    reach = model.architecture.stem_reach

    def rows(codes: Tensor) -> Tensor:
        columns = stem.columns(codes.T.contiguous())
        return columns[reach : len(columns) - reach].permute(2, 0, 1).float().contiguous()

    return rows


def _rows_of_convolution(model: BiGRUAttention, block: ConvolutionBlock) -> Rows:
    """GELU of the convolution next to the one-hot code of the position, as in the columns."""
    kernel, bias = convolution_on_codes(model, block)
    d, width = len(kernel), block.convolution.kernel_size[0]
    words = kernel.view(d, width, CODES).split(WORD, dim=1)
    tables = [_table(word, bias if number == 0 else torch.zeros_like(bias)) for number, word in enumerate(words)]
    table, lengths, sizes = torch.cat(tables), [word.shape[1] for word in words], [len(each) for each in tables]
    each_code = torch.arange(CODES, dtype=torch.uint8, device=table.device)

    def rows(codes: Tensor) -> Tensor:
        stretches, positions = len(codes), codes.shape[1] - width + 1
        result = torch.empty(stretches, positions, d + CODES, device=codes.device)
        sums = F.embedding_bag(_entries(codes, positions, lengths, sizes), table, mode="sum")
        result[..., :d] = F.gelu(sums).view(stretches, positions, d)
        result[..., d:] = codes[:, width // 2 : width // 2 + positions].unsqueeze(2) == each_code
        return result

    return rows


def _table(word: Tensor, bias: Tensor) -> Tensor:
    """The share that each word of codes has in a convolution, (words, d).

    word: the weights of the positions of the word, (d, positions, codes).
    bias: (d, 1); added to each share.
    """
    shares = bias.T
    for position in word.unbind(1):
        shares = (shares.unsqueeze(1) + position.T).flatten(0, 1)
    return shares.contiguous()


def _entries(codes: Tensor, positions: int, lengths: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """The entries of the words around each position, (stretches * positions, words).

    lengths: codes of each word.
    sizes: entries of the table of each word; the tables follow each other.
    """
    entries, begin, first = list[Tensor](), 0, 0
    for length, size in zip(lengths, sizes, strict=True):
        entry = torch.zeros_like(codes[:, :positions], dtype=torch.int32)
        for at in range(begin, begin + length):
            entry.mul_(CODES).add_(codes[:, at : at + positions])
        entries.append(entry.add_(first))
        begin, first = begin + length, first + size
    return torch.stack(entries, dim=2).flatten(0, 1).long()  # with shorter integers, the look-up takes longer
