"""The networks that predict how strong a promoter is: a construct to its expression, with an uncertainty.

Both read the whole construct in its own orientation, and end in a head for each unit of expression that they learned.

- `convolution`, the default: a first layer of motifs, and residual convolution blocks with squeeze-excitation (Hu et
  al. 2018; as LegNet, Penzar et al. 2023), each with half the positions and more features than the one before. Their
  output is read twice: weighed by attention, and by place.
- `gru`, the original one: one GRU over the construct, and a linear layer on its last state. Here it begins with a
  memory that reaches back over the construct (Tallec & Ollivier 2018).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from promscan.networks.architecture import ExpressionArchitecture as ExpressionArchitecture

FARTHEST = 3.0
"""Reach of the bins to both sides of the mean of a unit, in its standard deviations."""


class Halve(nn.Module):
    """The larger of two neighbours: (batch, features, length) to (batch, features, length // 2)."""

    def forward(self, x: Tensor) -> Tensor:
        end = x.shape[2] // 2 * 2
        return torch.maximum(x[..., 0:end:2], x[..., 1:end:2])  # half the time of max_pool1d on a CPU


class SqueezeExcitation(nn.Module):
    """Weighs features (batch, features, length) by their means over the whole construct."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(features, max(1, features // 4))
        self.excite = nn.Linear(max(1, features // 4), features)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.excite(F.silu(self.squeeze(x.mean(dim=2)))))
        return x * weights.unsqueeze(2)


class Block(nn.Module):
    """Residual block: convolution, batch norm, SiLU, squeeze-excitation; (batch, before, n) to (batch, after, n)."""

    def __init__(self, before: int, after: int, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(before, after, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm1d(after)
        self.attend = SqueezeExcitation(after)
        self.shortcut = nn.Conv1d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(self.shortcut(x), self.attend(F.silu(self.norm(self.convolution(x)))))


class Convolutions(nn.Module):
    """One-hot constructs (batch, 4, length) to a vector each, (batch, width)."""

    REDUCED = 32
    """Features of a position that are read by place."""
    DENSE = 64

    def __init__(self, a: ExpressionArchitecture) -> None:
        super().__init__()
        self.motifs = nn.Sequential(
            nn.Conv1d(4, a.hidden, a.kernel, padding=a.kernel // 2, bias=False),
            nn.BatchNorm1d(a.hidden),
            nn.SiLU(),
        )
        positions, features = a.length // 2 // 2, 2 * a.hidden
        self.blocks = nn.Sequential(
            Block(a.hidden, a.hidden, 7),
            Halve(),
            Block(a.hidden, 3 * a.hidden // 2, 5),
            Halve(),
            Block(3 * a.hidden // 2, features, 5),
        )
        self.attention = nn.Linear(features, 1)
        self.place = nn.Parameter(torch.zeros(positions, 1))
        self.reduce = nn.Linear(features, self.REDUCED)
        self.dense = nn.Linear(features + self.REDUCED * positions, self.DENSE)
        self.dropout = nn.Dropout(a.dropout)
        self.width = self.DENSE

    def forward(self, x: Tensor) -> Tensor:
        states = self.blocks(self.motifs(x)).transpose(1, 2)
        weights = torch.softmax(self.attention(states) + self.place, dim=1)
        seen = [(weights * states).sum(dim=1), F.silu(self.reduce(states)).flatten(1)]
        vectors: Tensor = self.dropout(F.silu(self.dense(torch.cat(seen, dim=1))))
        return vectors


class OriginalGRU(nn.Module):
    """One-hot constructs (batch, 4, length) to the last state of a GRU over them, (batch, width)."""

    def __init__(self, a: ExpressionArchitecture) -> None:
        super().__init__()
        self.gru = nn.GRU(4, a.hidden, batch_first=True)
        self.remember(a.length)
        self.dropout = nn.Dropout(a.dropout)
        self.width = a.hidden

    def remember(self, length: int) -> None:
        """Let each unit begin with a memory of 2 to `length` bases, evenly drawn.

        A unit of `nn.GRU` forgets half of what it holds at every base. Of an insert, the flank behind it then leaves
        nothing in the last state, nor in any gradient.
        """
        values = dict(self.gru.named_parameters())
        if values["bias_ih_l0"].is_meta:  # there is nothing to draw, and its logarithm would load torch's compiler
            return
        update = slice(self.gru.hidden_size, 2 * self.gru.hidden_size)
        with torch.no_grad():
            values["bias_ih_l0"][update].uniform_(1, length - 1).log_()
            values["bias_hh_l0"][update].zero_()

    def forward(self, x: Tensor) -> Tensor:
        vectors: Tensor = self.dropout(self.gru(x.transpose(1, 2))[1][0])
        return vectors


class SideBySide(nn.Module):
    """Several trunks of one kind: one-hot constructs (batch, 4, length) to their vectors in a row, (batch, width)."""

    def __init__(self, trunks: Sequence[Convolutions | OriginalGRU]) -> None:
        super().__init__()
        self.trunks = nn.ModuleList(trunks)
        self.width = sum(trunk.width for trunk in trunks)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([trunk(x) for trunk in self.trunks], dim=1)


class ExpressionNetwork(nn.Module):
    """Construct codes to expression.

    Inside, expression counts in standard deviations of its unit around its mean (`scale`). `widening` is the factor by
    which the uncertainties of a unit were too small.
    """

    bases: Tensor
    centres: Tensor
    mean: Tensor
    spread: Tensor
    widening: Tensor

    def __init__(self, architecture: ExpressionArchitecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        # On the CPU even where shapes alone are wanted, see `BiGRUAttention`.
        bases = torch.cat([torch.eye(4, device="cpu"), torch.full((1, 4), 0.25, device="cpu")])
        self.register_buffer("bases", bases, persistent=False)
        centres = torch.linspace(-FARTHEST, FARTHEST, max(2, a.bins), device="cpu")
        self.register_buffer("centres", centres, persistent=False)
        self.register_buffer("mean", torch.zeros(len(a.units)))
        self.register_buffer("spread", torch.ones(len(a.units)))
        self.register_buffer("widening", torch.ones(len(a.units)))
        trunks = [Convolutions(a) if a.kind == "convolution" else OriginalGRU(a) for _ in range(a.members)]
        self.trunk = trunks[0] if a.members == 1 else SideBySide(trunks)
        self.heads = nn.Linear(self.trunk.width, len(a.units) * max(1, a.bins))

    @property
    def farthest(self) -> float:
        """How far a prediction can lie from the mean of its unit, in standard deviations: as far as the bins reach."""
        return FARTHEST if self.architecture.bins else math.inf

    def scale(self, means: Sequence[float], spreads: Sequence[float]) -> None:
        """Set mean and standard deviation of each unit."""
        self.mean.copy_(torch.tensor(means))
        self.spread.copy_(torch.tensor(spreads))

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (batch, length) of dtype uint8 to the output of the heads, (batch, units, bins or 1)."""
        outputs: Tensor = self.heads(self._vectors(codes))
        return outputs.reshape(len(codes), len(self.architecture.units), -1)

    def by_member(self, codes: Tensor) -> Tensor:
        """Output of the heads for each member, (members, batch, units, bins or 1); `forward` gives their mean."""
        members = self.architecture.members
        if members == 1:
            return self.forward(codes).unsqueeze(0)
        vectors = self._vectors(codes).unflatten(1, (members, -1)).transpose(0, 1)
        weights = self.heads.weight.unflatten(1, (members, -1)).permute(1, 2, 0)
        outputs: Tensor = members * (vectors @ weights) + self.heads.bias
        return outputs.reshape(members, len(codes), len(self.architecture.units), -1)

    def _vectors(self, codes: Tensor) -> Tensor:
        vectors: Tensor = self.trunk(F.embedding(codes.int(), self.bases).transpose(1, 2))
        return vectors

    def moments(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Output of the heads (..., bins or 1) to mean and standard deviation (...), in deviations of the unit."""
        if not self.architecture.bins:
            return outputs.squeeze(-1), torch.ones_like(outputs[..., 0])
        probabilities = torch.softmax(outputs, dim=-1)
        mean = (probabilities * self.centres).sum(dim=-1)
        variance = (probabilities * (self.centres - mean.unsqueeze(-1)) ** 2).sum(dim=-1)
        return mean, torch.sqrt(variance)

    def predict(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (batch, length) of dtype uint8 to expression and its uncertainty, (batch, units), each in its unit."""
        mean, deviation = self.moments(self(codes).float())
        return mean * self.spread + self.mean, deviation * self.spread * self.widening
