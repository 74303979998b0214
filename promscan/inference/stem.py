"""What a network computes before its GRU, arranged for columns: (features, lanes) at each position.

The input of a network is one of five codes, so every linear function of it is a table of five vectors. A stem therefore
hands on columns that are as raw as possible, and a matrix that makes the features of the network out of them: the
layers that read the features take that matrix into their own weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from promscan.networks.classifier import BiGRUAttention, ConvolutionBlock
from promscan.seq.dna import UNKNOWN
from promscan.seq.windows import WINDOW

POSITIONS_AT_ONCE = 5 * WINDOW
"""Positions that several blocks compute at once: few enough for the cache of a core, and many more than their reach."""


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
    blocks = [block for block in model.stem if isinstance(block, ConvolutionBlock)]
    if not blocks:
        return Stem(lambda codes: one_hot(codes).to(dtype), Basis(base_table(model).T.contiguous(), _ones(model, 0, 5)))
    return _convolution_stem(model, blocks[0], dtype) if len(blocks) == 1 else _deep_stem(model, blocks, dtype)


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
    width, (on_codes, bias) = model.architecture.hidden, convolution_on_codes(model, block)
    per_code = base_table(model) + block.pointwise.bias

    def columns(codes: Tensor) -> Tensor:
        positions, lanes = codes.shape
        codes_of_all, around = _around(one_hot(codes).float(), block)
        result = torch.empty(positions, width + 5, lanes, dtype=dtype, device=codes.device)
        result[:, width:] = codes_of_all
        for begin in range(0, positions, WINDOW):
            block_of = slice(begin, begin + WINDOW)
            result[block_of, :width] = F.gelu(product(on_codes, around[block_of]).add_(bias))
        return result

    return Stem(columns, Basis(torch.cat([block.pointwise.weight, per_code.T], dim=1), _ones(model, width, 5)))


def _deep_stem(model: BiGRUAttention, blocks: Sequence[ConvolutionBlock], dtype: torch.dtype) -> Stem:
    """Several residual blocks, the first of them on one-hot codes. A column is the features above a one."""
    table, width = base_table(model), model.architecture.hidden
    vectors = table.T.contiguous()
    kernels = [block.convolution.weight.transpose(1, 2).flatten(1).contiguous() for block in blocks[1:]]
    kernels.insert(0, convolution_on_codes(model, blocks[0])[0])
    reach = model.architecture.stem_reach

    def features(codes: Tensor) -> Tensor:
        x, around = _around(one_hot(codes).float(), blocks[0])
        x = product(vectors, x)
        for number, (block, kernel) in enumerate(zip(blocks, kernels, strict=True)):
            if number:
                _, around = _around(_normalised(x, block.norm), block)
            inner = F.gelu(product(kernel, around).add_(_bias_of(block)))
            x.add_(product(block.pointwise.weight, inner).add_(block.pointwise.bias.unsqueeze(1)))
        return x

    def columns(codes: Tensor) -> Tensor:
        positions, lanes = codes.shape
        result = torch.ones(positions, width + 1, lanes, dtype=dtype, device=codes.device)
        for begin in range(0, positions, POSITIONS_AT_ONCE):
            first, end = max(0, begin - reach), min(begin + POSITIONS_AT_ONCE, positions)
            result[begin:end, :width] = features(codes[first : end + reach])[begin - first : end - first]
        return result

    identity = torch.eye(width, width + 1, device=model.bases.device)
    return Stem(columns, Basis(identity, _ones(model, width, 1)))


def convolution_on_codes(model: BiGRUAttention, block: ConvolutionBlock) -> tuple[Tensor, Tensor]:
    """The convolution of the first block as a matrix on the one-hot codes that its kernel sees, and its bias (d, 1)."""
    inputs = block.norm(base_table(model))
    kernel = torch.einsum("ock,bc->okb", block.convolution.weight, inputs).flatten(1).contiguous()
    return kernel, _bias_of(block)


def _bias_of(block: ConvolutionBlock) -> Tensor:
    assert block.convolution.bias is not None
    return block.convolution.bias.unsqueeze(1)


def _around(columns: Tensor, block: ConvolutionBlock) -> tuple[Tensor, Tensor]:
    """Columns (positions, m, lanes), and what a kernel sees at each, (positions, kernel * m, lanes); 0 past the ends.

    Both are views of one tensor.
    """
    positions, m, lanes = columns.shape
    kernel = block.convolution.kernel_size[0]
    padded = F.pad(columns, (0, 0, 0, 0, kernel // 2, kernel // 2))
    around = padded.as_strided((positions, kernel * m, lanes), (m * lanes, lanes, 1))
    return padded[kernel // 2 : kernel // 2 + positions], around


def _normalised(columns: Tensor, norm: nn.LayerNorm) -> Tensor:
    """A LayerNorm of the second axis."""
    centred = columns - columns.mean(dim=1, keepdim=True)
    centred *= torch.rsqrt(centred.square().mean(dim=1, keepdim=True).add_(norm.eps))
    return torch.addcmul(norm.bias.unsqueeze(1), centred, norm.weight.unsqueeze(1))


def _ones(model: BiGRUAttention, zeros: int, ones: int) -> Tensor:
    return F.pad(torch.ones(ones, device=model.bases.device), (zeros, 0))


def product(weights: Tensor, columns: Tensor) -> Tensor:
    """Weights (n, m) times each of `columns` (positions, m, lanes); `torch.matmul` would transpose and copy them."""
    return torch.bmm(weights.expand(len(columns), *weights.shape), columns)
