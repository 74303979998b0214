"""Sizes of the networks, with bounds, so that no card makes a network that fills the memory. Free of torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from promscan.errors import InputError
from promscan.seq.bounds import check_number, check_odd, check_whole
from promscan.seq.windows import WINDOW

KINDS = ("convolution", "gru")
"""Kinds of strength models."""
MAX_HIDDEN = 4096
MAX_LAYERS = 16
MAX_CONVOLUTIONS = 64
MAX_KERNEL = 255
MAX_CONTEXT = 4096
MAX_REACH = 100_000
"""Width in bp of what a network sees around a window, and length of a construct."""
MAX_PARTS = 64
"""Entries of a list of widths or units."""
MAX_BINS = 4096
PLACE_REACH = 100
"""Bases on each side of a base that compete with it for being the transcription start, where places are graded."""
MAX_MEMBERS = 64
"""Networks that are averaged."""


@dataclass(frozen=True)
class Architecture:
    """Sizes of a `BiGRUAttention`; the defaults are those of the original PromoterRNN.

    hidden: width of the embedding and of each direction of the GRU.
    layers: stacked GRU layers.
    convolutions: residual convolution blocks before the GRU (0 in the original model).
    kernel: odd width in bp of each convolution.
    dropout: share of activations dropped after embedding, convolutions, GRU and in the head.
    composition: widths in bp, divisible by 2, of stretches around the middle of a window whose base composition the
        head sees in addition to the context of the window; only networks that run along sequence can have them.
    context: learned features whose means in bins around the middle of a window the head sees; only networks that run
        along sequence, with convolutions, can have them.
    context_bins: ends of these bins, in bp from the middle of a window, the same on both sides.
    frames: ends of bins, in bp from the TSS on each side, in which the head sees stop codons by reading frame
        (`reading_frames`); only networks that run along sequence can have them.
    half_life: bases in which a state of the GRU loses half of its value, at the latest; 0: no such limit. Only a
        network with such a limit can run along lanes that begin a few bases early.
    place: hidden units of the head that grades every base as the TSS; 0: there is no such head. Only networks that run
        along sequence use it.
    place_in_logit: whether the grade of its TSS is a part of the logit of a window, so that neighbouring windows
        differ; there are no separate places then.

    Raises:
        InputError: a size is out of range.
    """

    hidden: int = 256
    layers: int = 1
    convolutions: int = 0
    kernel: int = 9
    dropout: float = 0.3
    composition: tuple[int, ...] = ()
    context: int = 0
    context_bins: tuple[int, ...] = (100, 200, 300)
    frames: tuple[int, ...] = ()
    half_life: int = 0
    place: int = 0
    place_in_logit: bool = False

    def __post_init__(self) -> None:
        check_whole("hidden", self.hidden, 1, MAX_HIDDEN)
        check_whole("layers", self.layers, 1, MAX_LAYERS)
        check_whole("convolutions", self.convolutions, 0, MAX_CONVOLUTIONS)
        check_odd("kernel", self.kernel, MAX_KERNEL)
        _check_dropout(self.dropout)
        check_whole("context", self.context, 0, MAX_CONTEXT)
        check_whole("half_life", self.half_life, 0, MAX_REACH)
        check_whole("place", self.place, 0, MAX_HIDDEN)
        for name in ("composition", "context_bins", "frames"):
            _set_tuple(self, name)
            for width in getattr(self, name):
                check_whole(name, width, 1, MAX_REACH)
        if self.place_in_logit not in (False, True) or self.place_in_logit > self.place:
            raise InputError("place_in_logit must be false or true, and needs a head for places")
        if self.context and not self.convolutions:
            raise InputError("context must be 0 without convolutions: its features come from them")
        if not all(a < b for a, b in pairwise((0, *self.context_bins))) or self.context_bins[-1:] < (WINDOW // 2,):
            raise InputError(f"context_bins must ascend to {WINDOW // 2} or more, got {self.context_bins}")
        if not all(a < b for a, b in pairwise((0, *self.frames))):
            raise InputError(f"frames must ascend, got {self.frames}")
        if any(width < WINDOW or width % 2 for width in self.composition):
            raise InputError(f"composition must be even widths of at least {WINDOW}, got {self.composition}")

    def describe(self) -> dict[str, Any]:
        """The sizes by name, as JSON has them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

    @property
    def sizes(self) -> dict[str, Any]:
        """Sizes that give the tensors their meaning; networks that share these can take each other's weights."""
        return {name: value for name, value in vars(self).items() if name not in ("dropout", "half_life")}

    @property
    def has_places(self) -> bool:
        """Whether a window has a place apart from its logit."""
        return self.place > 0 and not self.place_in_logit

    @property
    def screened_columns(self) -> int:
        """Values at a position that a screening network reads: a column of the stem, and the context's features."""
        return {0: 5, 1: self.hidden + 5}.get(self.convolutions, self.hidden + 1) + self.context

    @property
    def stem_reach(self) -> int:
        """Bases on each side that these values depend on."""
        return self.convolutions * (self.kernel // 2)

    @property
    def context_reach(self) -> int:
        """Bases before and after a window that its context is made of, at most; a bin may reach into the next base."""
        return self.context_bins[-1] - WINDOW // 2 + 1 + self.stem_reach if self.context else 0

    @property
    def reach(self) -> int:
        """Bases before and after a window that the head sees, at most, but for the states."""
        compositions = ((width - WINDOW) // 2 for width in (WINDOW, *self.composition))
        return max(self.context_reach, *compositions, *self.frames)


@dataclass(frozen=True)
class ExpressionArchitecture:
    """Sizes of an `ExpressionNetwork`.

    kind: `convolution` or `gru`.
    length: length of the construct in bp.
    units: names of the units of expression; each has a head.
    hidden: motifs of the first layer of convolutions, of which the next layers have 1.5 and 2 times as many; units of
        a GRU.
    kernel: odd width in bp of the first layer.
    dropout: share of activations dropped before the heads.
    bins: bins whose probabilities a head gives; 0: it gives the mean, and its uncertainty is the same everywhere.
    members: networks that begin with different values and learn side by side; their outputs are averaged.

    Raises:
        InputError: a size is out of range.
    """

    kind: str = "convolution"
    length: int = 110
    units: tuple[str, ...] = ("expression",)
    hidden: int = 64
    kernel: int = 11
    dropout: float = 0.1
    bins: int = 33
    members: int = 1

    def __post_init__(self) -> None:
        _set_tuple(self, "units")
        if self.kind not in KINDS:
            raise InputError(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        if not all(isinstance(unit, str) and unit.isprintable() for unit in self.units):
            raise InputError(f"units must be printable names, got {self.units!r}")
        if not self.units or len(set(self.units)) < len(self.units):
            raise InputError(f"units must have names of their own, got {', '.join(self.units) or 'none'}")
        check_whole("hidden", self.hidden, 4, MAX_HIDDEN)
        check_whole("length", self.length, 4, MAX_REACH)
        check_odd("kernel", self.kernel, MAX_KERNEL)
        check_whole("bins", self.bins, 0, MAX_BINS)
        check_whole("members", self.members, 1, MAX_MEMBERS)
        if self.bins == 1:
            raise InputError("bins must be 0 or at least 2, got 1")
        _check_dropout(self.dropout)

    def describe(self) -> dict[str, Any]:
        """The sizes by name, as JSON has them."""
        return {**dataclasses.asdict(self), "units": list(self.units)}

    @property
    def sizes(self) -> tuple[str, int, int, int, int]:
        """Sizes that the shapes of the trunk's tensors depend on."""
        return self.kind, self.length, self.hidden, self.kernel, self.members


def _set_tuple(architecture: Architecture | ExpressionArchitecture, name: str) -> None:
    """Make the field a tuple, as JSON knows only lists."""
    value = getattr(architecture, name)
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{name} must be a list, not {value!r}")
    if len(value) > MAX_PARTS:
        raise InputError(f"{name} must have at most {MAX_PARTS} entries, not {len(value)}")
    object.__setattr__(architecture, name, tuple(value))


def _check_dropout(dropout: float) -> None:
    check_number("dropout", dropout, 0, 1)
    if dropout == 1:
        raise InputError("dropout must lie in [0, 1), got 1")
