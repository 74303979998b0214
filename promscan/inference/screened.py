"""The screened engine: exact scores, for the windows that could be hits alone.

A streaming pass, at one step a base, estimates the logit of every window. Those that it puts near the calling
threshold are scored by the windowed engine, to the same bits as without screening; so what is reported is exact, and
only a hit whose logits differ by more than the margin can be lost, and one that it would have beaten appear.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import torch

from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.inference.windowed import WindowedEngine
from promscan.networks.classifier import BiGRUAttention
from promscan.seq.dna import Codes
from promscan.seq.records import Chunk, Logits, ScoreTrack


class ScreenedEngine:
    """Scores the windows of chunks. Use it as a context manager: it owns threads.

    Args:
        model: the network, in evaluation mode.
        devices: where it runs, of one kind.
        settings: as for every engine.
        floor: lowest logit of the streaming pass at which a window is scored.
    """

    def __init__(
        self, model: BiGRUAttention, devices: Sequence[torch.device], settings: EngineSettings, floor: float
    ) -> None:
        self.floor, settings = floor, dataclasses.replace(settings, floor=None)
        self._screen = StreamingEngine(model, devices, settings)
        self._exact = WindowedEngine(model, devices, settings)

    def __enter__(self) -> ScreenedEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self._screen.__exit__(*error)
        self._exact.__exit__(*error)

    @property
    def grid(self) -> int:
        """Chunks are made of whole lanes."""
        return self._screen.grid

    @property
    def margin(self) -> int:
        """Bases that a chunk needs on each side of its windows."""
        return self._screen.margin

    @property
    def chunk_step(self) -> int:
        """Window starts a chunk should own, in bp."""
        return self._screen.chunk_step

    @property
    def batch_windows(self) -> int:
        """How many loose windows to score in one call."""
        return self._exact.batch_windows

    @property
    def by_kernels(self) -> bool:
        """Whether the kernels for CUDA run the network."""
        return self._screen.by_kernels and self._exact.by_kernels

    def score(self, chunks: Iterable[Chunk]) -> Iterator[list[ScoreTrack]]:
        """The tracks of each chunk with windows, one a strand.

        -inf: windows below the floor. NaN: windows with more than 7 unknown bases or a blocked one.
        """
        for batch in self._batches(chunks):
            # The screening ends before the scoring begins: together they would run too many threads, or share a GPU.
            screened = list(self._screen.score(batch))
            for chunk, tracks in zip(batch, screened, strict=True):
                yield self._exact.score_where(chunk, [track.logits >= self.floor for track in tracks])

    def _batches(self, chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
        """The chunks with windows, in batches with a unit of lanes for each thread: short contigs share units."""
        batch, windows = list[Chunk](), 0
        for chunk in chunks:
            if not chunk.windows_on(self._exact.stride):
                continue
            batch.append(chunk)
            windows += chunk.windows
            if windows >= self._screen.chunk_step * self._screen.at_once:
                yield batch
                batch, windows = [], 0
        yield batch

    def score_windows(self, codes: Codes) -> Logits:
        """Logits (n,) of loose windows (n, 70), read 5' to 3'; NaN where more than 7 bases are unknown."""
        return self._exact.score_windows(codes)
