"""The windowed engine: every window by itself, its states starting from zero, exactly as the network is defined.

Matrix products round differently in different shapes, so the unit of computation has one fixed shape: `UNIT` windows,
padded with unknown bases, run by one thread. Units lie on a fixed grid of absolute contig coordinates, and a window
always has the same row of the same unit. Batch size, threads and chunks decide how many units run at once and never
what is in one: on one kind of device a window's logit is the same bits whatever they are.

    contig  |----unit 0----|----unit 1----|----unit 2----|--
    chunk              ssssssssssssssss               s: window starts that the chunk owns
    runs    |..........ssss|ssssssssssssss|...           .: rows of unknown bases, thrown away
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from promscan.device import autocast
from promscan.dna import MAX_UNKNOWN, UNKNOWN, WINDOW, Codes
from promscan.errors import ModelError
from promscan.model import BiGRUAttention
from promscan.predict.settings import EngineSettings
from promscan.predict.units import UnitRunner, copies, scorable
from promscan.records import Chunk, Logits, Mask, ScoreTrack, Strand

UNIT = {"cpu": 128, "cuda": 2048, "mps": 1024}
"""Windows in a unit, by kind of device."""
COMPLEMENT = torch.tensor([1, 0, 3, 2, 4], dtype=torch.uint8)


class WindowedEngine:
    """Scores the windows of chunks. Use it as a context manager: it owns threads.

    Args: see `promscan.predict.engine.open_engine`.
    """

    grid = 1
    margin = 0

    def __init__(self, model: BiGRUAttention, devices: Sequence[torch.device], settings: EngineSettings) -> None:
        if settings.smoothing != 1:
            raise ModelError("windows scored by themselves have no neighbours to smooth over: the card asks too much")
        self.models = copies(model, devices)
        self.precision = settings.precision
        self.stride, self.strands = settings.stride, tuple(settings.strands)
        self.unit = UNIT[devices[0].type]
        self._runner = UnitRunner(
            self._run_unit,
            devices,
            unit_windows=self.unit,
            threads=settings.threads,
            batch_size=settings.batch_size,
            sample=self._sample,
        )

    def __enter__(self) -> WindowedEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    @property
    def chunk_step(self) -> int:
        """Window starts a chunk should own, in bp: whole units, enough of them to keep every thread busy."""
        return self.stride * self.batch_windows

    @property
    def batch_windows(self) -> int:
        """How many loose windows to score in one call."""
        return self.unit * max(32, 4 * self._runner.at_once)

    def score(self, chunks: Iterable[Chunk]) -> Iterator[list[ScoreTrack]]:
        """The tracks of each chunk with windows, one a strand.

        NaN: windows with more than 7 unknown bases or a blocked one.
        """
        for chunk in chunks:
            windows = len(range(-chunk.start % self.stride, chunk.windows, self.stride))
            if windows:
                yield self.score_where(chunk, [np.ones(windows, dtype=np.bool_) for _ in self.strands])

    def score_where(self, chunk: Chunk, wanted: Sequence[Mask]) -> list[ScoreTrack]:
        """The tracks of a chunk with windows, one a strand, scored only where they are wanted.

        -inf: windows that are not. NaN: windows with more than 7 unknown bases or a blocked one.

        Args:
            chunk: a chunk.
            wanted: for each strand, which of its windows on the stride.
        """
        first, end = -(-chunk.start // self.stride), -(-(chunk.start + chunk.windows) // self.stride)
        unit_first, unit_end = first // self.unit, -(-end // self.unit)
        own = slice(first - unit_first * self.unit, end - unit_first * self.unit)
        padded = self._pad(chunk, unit_first, unit_end)
        allowed = scorable(padded, self.stride, blocked=self._pad_blocked(chunk, unit_first, unit_end))
        windows = torch.from_numpy(padded).unfold(0, WINDOW, self.stride)
        scored = np.zeros((len(self.strands), unit_end - unit_first, self.unit), dtype=np.bool_)
        by_strand = scored.reshape(len(self.strands), -1)
        by_strand[:, own] = allowed[own] & np.stack(wanted)
        logits = np.full(scored.shape, -np.inf, dtype=np.float32)
        units: Mask = np.logical_or.reduce(scored, axis=2)
        logits[units] = self._run(windows, units)
        logits[~scored] = -np.inf
        tracks = []
        for strand, values in zip(self.strands, logits.reshape(by_strand.shape), strict=True):
            values[~allowed] = np.nan
            tracks.append(ScoreTrack(chunk.chrom, strand, first * self.stride, self.stride, values[own]))
        return tracks

    def score_windows(self, codes: Codes) -> Logits:
        """Logits (n,) of loose windows (n, 70), read 5' to 3'; NaN where more than 7 bases are unknown."""
        units = -(-len(codes) // self.unit)
        padded = np.full((units * self.unit, WINDOW), UNKNOWN, dtype=np.uint8)
        padded[: len(codes)] = codes
        windows = torch.from_numpy(padded)
        logits = self._run(windows, np.ones((1, units), dtype=np.bool_), strands=("+",)).reshape(-1)[: len(codes)]
        logits[(codes == UNKNOWN).sum(axis=1) > MAX_UNKNOWN] = np.nan
        return logits

    def _sample(self) -> tuple[Tensor, Strand]:
        return torch.full((self.unit, WINDOW), UNKNOWN, dtype=torch.uint8), "+"

    def _pad(self, chunk: Chunk, unit_first: int, unit_end: int) -> Codes:
        return self._place(chunk, unit_first, unit_end, chunk.codes[chunk.own], UNKNOWN)

    def _pad_blocked(self, chunk: Chunk, unit_first: int, unit_end: int) -> Mask | None:
        if chunk.blocked is None:
            return None
        return self._place(chunk, unit_first, unit_end, chunk.blocked[chunk.own], False)

    def _place(
        self, chunk: Chunk, unit_first: int, unit_end: int, values: npt.NDArray[Any], fill: int | bool
    ) -> npt.NDArray[Any]:
        """`values` of the chunk's bases on the stretch of the contig that whole units cover."""
        begin, span = unit_first * self.unit * self.stride, self.unit * self.stride
        placed = np.full((unit_end - unit_first) * span - self.stride + WINDOW, fill, dtype=values.dtype)
        offset = chunk.start - begin
        kept = values[: len(placed) - offset]
        placed[offset : offset + len(kept)] = kept
        return placed

    def _run(self, windows: Tensor, units: Mask, strands: Sequence[Strand] | None = None) -> Logits:
        """Logits (n, UNIT) of the n chosen `units` (strands, m), strand by strand; `windows` is (m * UNIT, 70)."""
        strands = self.strands if strands is None else strands
        tasks = [
            (windows[u * self.unit : (u + 1) * self.unit], strand)
            for strand, chosen in zip(strands, units, strict=True)
            for u in np.flatnonzero(chosen).tolist()
        ]
        return np.array(list(self._runner.map(tasks)), dtype=np.float32).reshape(-1, self.unit)

    def _run_unit(self, task: tuple[Tensor, Strand], device: torch.device) -> Logits:
        windows, strand = task
        with autocast(device, self.precision):
            if strand == "-":
                windows = COMPLEMENT[windows.flip(1).int()]
            logits: Logits = self.models[device](windows.to(device)).float().cpu().numpy()
            return logits
