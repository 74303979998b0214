"""What a network computes before its GRU, arranged for columns: (features, lanes) at each position.

The input of a network is one of five codes, so every linear function of it is a table of five vectors. A stem therefore
hands on columns that are as raw as possible, and a matrix that makes the features of the network out of them: the
layers that read the features take that matrix into their own weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.networks.classifier import BiGRUAttention, ConvolutionBlock
from promscan.seq.dna import UNKNOWN
from promscan.seq.windows import WINDOW

POSITIONS_AT_ONCE = {"cpu": 2**10, "cuda": 2**19, "mps": 2**17}
"""Bases whose features are computed at once by the layers themselves, by kind of device; at least one lane."""


@dataclass(frozen=True)
class Basis:
    """How the features of a network follow from columns: `features @ column`.

    features: (d, m).
    ones: (m,); its product with a column is 1, so that a bias is a weight like the others.
    """

    features: Tensor
    ones: Tensor

    def fold(self, weight: Tensor, bias: Tensor) -> Tensor:
        """A linear layer on the features, (n, d) and (n,), as a matrix (n, m) on columns."""
        return weight @ self.features + bias.unsqueeze(1) * self.ones


@dataclass(frozen=True)
class Stem:
    """The layers before the GRU.

    columns: codes (positions, lanes), uint8, to columns (positions, m, lanes), of the type of the recurrence.
    basis: what the features are of these columns.
    """

    columns: Callable[[Tensor], Tensor]
    basis: Basis


def stem_of(model: BiGRUAttention, dtype: torch.dtype) -> Stem:
    """The stem of a network, on the device where the network is.

    Args:
        model: the network, in evaluation mode.
        dtype: type of the columns.
    """
    blocks = list(model.stem)
    if not blocks:
        return Stem(lambda codes: one_hot(codes).to(dtype), Basis(base_table(model).T.contiguous(), _ones(model, 0, 5)))
    if len(blocks) == 1 and isinstance(block := blocks[0], ConvolutionBlock):
        return _convolution_stem(model, block, dtype)
    width = model.architecture.hidden
    identity = torch.eye(width, width + 1, device=model.bases.device)
    return Stem(lambda codes: _features(model, codes, dtype), Basis(identity, _ones(model, width, 1)))


def base_table(model: BiGRUAttention) -> Tensor:
    """Embedding, GELU and LayerNorm of each of the five codes, (5, d)."""
    table: Tensor = model.norm(F.gelu(model.embedding(model.bases)))
    return table


def one_hot(codes: Tensor) -> Tensor:
    """Codes (positions, lanes) to (positions, 5, lanes), bool."""
    return codes.unsqueeze(1) == torch.arange(UNKNOWN + 1, dtype=torch.uint8, device=codes.device).unsqueeze(1)


def _convolution_stem(model: BiGRUAttention, block: ConvolutionBlock, dtype: torch.dtype) -> Stem:
    """One residual block: its convolution is a product with one-hot codes, and its pointwise layer is in the basis.

    A column is GELU of the convolution above the one-hot code of the position.
    """
    table = base_table(model)
    width, kernel = model.architecture.hidden, model.architecture.kernel
    on_codes = torch.einsum("ock,bc->okb", block.convolution.weight, block.norm(table)).flatten(1).contiguous()
    assert block.convolution.bias is not None
    bias = block.convolution.bias.unsqueeze(1)
    per_code = table + block.pointwise.bias

    def columns(codes: Tensor) -> Tensor:
        positions, lanes = codes.shape
        padded = F.pad(one_hot(codes).float(), (0, 0, 0, 0, kernel // 2, kernel // 2))
        around = padded.as_strided((positions, 5 * kernel, lanes), (5 * lanes, lanes, 1))
        result = torch.empty(positions, width + 5, lanes, dtype=dtype, device=codes.device)
        result[:, width:] = padded[kernel // 2 : kernel // 2 + positions]
        for begin in range(0, positions, WINDOW):
            block_of = slice(begin, begin + WINDOW)
            result[block_of, :width] = F.gelu(product(on_codes, around[block_of]).add_(bias))
        return result

    return Stem(columns, Basis(torch.cat([block.pointwise.weight, per_code.T], dim=1), _ones(model, width, 5)))


def _features(model: BiGRUAttention, codes: Tensor, dtype: torch.dtype) -> Tensor:
    """Output of the original layers for codes (positions, lanes), above a row of ones."""
    columns = torch.ones(len(codes), model.architecture.hidden + 1, codes.shape[1], dtype=dtype, device=codes.device)
    # A few lanes at a time: the layers take a lot of memory, and are not made for columns.
    at_once = 1 << (max(1, POSITIONS_AT_ONCE[codes.device.type] // len(codes)).bit_length() - 1)
    for lanes, result in zip(codes.T.split(at_once), columns[:, :-1].split(at_once, dim=2), strict=True):
        result[:] = model.features(lanes).permute(1, 2, 0)
    return columns


def _ones(model: BiGRUAttention, zeros: int, ones: int) -> Tensor:
    return F.pad(torch.ones(ones, device=model.bases.device), (zeros, 0))


def product(weights: Tensor, columns: Tensor) -> Tensor:
    """Weights (n, m) times each of `columns` (positions, m, lanes); `torch.matmul` would transpose and copy them."""
    return torch.bmm(weights.expand(len(columns), *weights.shape), columns)
