"""What every engine offers to a scan, and which one a network is run by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import torch

from promscan.errors import ModelError
from promscan.inference.screened import ScreenedEngine
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.inference.windowed import WindowedEngine
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.screening import ScreeningNetwork
from promscan.seq.dna import Codes
from promscan.seq.records import Chunk, Logits, ScoreTrack

ENGINES = ("windowed", "streaming")


class Engine(AbstractContextManager["Engine"], Protocol):
    """Scores chunks of a genome; owns threads until it is left.

    The windows of a chunk must begin and end at multiples of `grid` (or end with the contig), and have at least
    `margin` bases of context on each side, as far as the contig reaches.
    """

    @property
    def grid(self) -> int:
        """Where chunks may begin and end, in bp."""

    @property
    def margin(self) -> int:
        """Bases of context on each side of a chunk."""

    @property
    def chunk_step(self) -> int:
        """Window starts of a chunk, in bp; divisible by `grid`."""

    @property
    def batch_windows(self) -> int:
        """How many loose windows to score in one call."""

    @property
    def by_kernels(self) -> bool:
        """Whether the kernels for CUDA run the network; they round differently."""

    def score(self, chunks: Iterable[Chunk]) -> Iterator[list[ScoreTrack]]:
        """The tracks of each chunk with windows, one a strand, in order."""

    def score_windows(self, codes: Codes) -> Logits:
        """Logits (n,) of loose windows (n, 70), read 5' to 3'; NaN where more than 7 bases are unknown."""


def open_engine(
    name: str,
    model: BiGRUAttention,
    devices: Sequence[torch.device],
    settings: EngineSettings | None = None,
    screening: ScreeningNetwork | None = None,
) -> Engine:
    """The engine of this name, as a model card gives it.

    Args:
        name: `windowed` or `streaming`.
        model: the network, in evaluation mode.
        devices: where it runs, of one kind; each computes its share of the units.
        settings: what it scores, and how (None: everything, as it is).
        screening: the screening network of a streaming model, if it has one.

    Raises:
        ModelError: there is no such engine, or it cannot do what is asked for.
    """
    if name not in ENGINES:
        raise ModelError(f"there is no engine {name!r}, only {', '.join(ENGINES)}; is this promscan too old for it?")
    settings = settings or EngineSettings()
    if name == "streaming":
        return StreamingEngine(model, devices, settings, screening)
    if settings.floor is None:
        return WindowedEngine(model, devices, settings)
    return ScreenedEngine(model, devices, settings, settings.floor)
