"""The windowed engine: every window by itself, its states starting from zero, exactly as the network is defined.

Matrix products round differently in different shapes, so the unit of computation has one fixed shape: `UNIT` windows,
padded with unknown bases, run by one thread. A window's numbers depend neither on its row nor on the other windows,
so a unit takes the windows in the order in which they come: on one kind of device a window's logit is the same
bits for every batch size, thread count, chunk and region.

    chunk   ssss.sssss...ssssssssss.....sss           s: windows to score, of one strand
    units   |ssssssssss|sssssssssss|sss....|          .: rows of unknown bases
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from promscan.errors import ModelError
from promscan.inference.lanes import networks_on
from promscan.inference.settings import EngineSettings
from promscan.inference.work_units import UnitRunner, check_finite
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.device import fetch, send
from promscan.seq import dna
from promscan.seq.dna import UNKNOWN, Codes, Mask
from promscan.seq.records import Chunk, Logits, ScoreTrack, Strand
from promscan.seq.windows import MAX_UNKNOWN, WINDOW, scorable

UNIT = {"cpu": 128, "cuda": 4096, "mps": 1024}
"""Windows in a unit, by kind of device."""
NOTHING: tuple[Codes, Strand] = (np.empty((0, WINDOW), dtype=np.uint8), "+")
"""A unit of unknown bases."""


class WindowedEngine:
    """Scores the windows of chunks. Use it as a context manager: it owns threads.

    Args: see `promscan.inference.engine.open_engine`.
    """

    grid = 1

    def __init__(self, model: BiGRUAttention, devices: Sequence[torch.device], settings: EngineSettings) -> None:
        if settings.smoothing != 1:
            raise ModelError("windows scored by themselves have no neighbours to smooth over: smoothing must be 1")
        self._networks = networks_on(devices, model, settings.precision)
        self.stride, self.strands = settings.stride, tuple(settings.strands)
        self._gc_reach = settings.gc_reach
        self.unit = UNIT[devices[0].type]
        self._runner = UnitRunner(
            self._run_unit,
            devices,
            unit_windows=self.unit,
            threads=settings.threads,
            batch_size=settings.batch_size,
            sample=lambda: NOTHING,
        )

    def __enter__(self) -> WindowedEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    @property
    def margin(self) -> int:
        """Bases of context on each side of a chunk."""
        return self._gc_reach or 0

    @property
    def chunk_step(self) -> int:
        """Window starts a chunk should own, in bp: enough units to keep every thread busy."""
        return self.stride * self.batch_windows

    @property
    def batch_windows(self) -> int:
        """How many loose windows to score in one call."""
        return self.unit * max(32, 4 * self._runner.at_once)

    @property
    def by_kernels(self) -> bool:
        """Whether the kernels for CUDA run the network."""
        return all(network.by_kernels for network in self._networks.values())

    def score(self, chunks: Iterable[Chunk]) -> Iterator[list[ScoreTrack]]:
        """The tracks of each chunk with windows, one a strand.

        NaN: windows with more than 7 unknown bases or a blocked one.
        """
        for chunk in chunks:
            if windows := chunk.windows_on(self.stride):
                yield self.score_where(chunk, [np.ones(windows, dtype=np.bool_) for _ in self.strands])

    def score_where(self, chunk: Chunk, wanted: Sequence[Mask]) -> list[ScoreTrack]:
        """The tracks of a chunk with windows, one a strand, scored only where they are wanted.

        -inf: windows that are not. NaN: windows with more than 7 unknown bases or a blocked one.

        Args:
            chunk: a chunk.
            wanted: for each strand, which of its windows on the stride.
        """
        first = -chunk.start % self.stride
        codes = chunk.codes[chunk.own][first:]
        blocked = None if chunk.blocked is None else chunk.blocked[chunk.own][first:]
        allowed = scorable(codes, self.stride, blocked=blocked)
        windows = sliding_window_view(codes, WINDOW)[:: self.stride]
        logits = self._score(windows, allowed & np.stack(wanted), self.strands)
        logits[:, ~allowed] = np.nan
        gc = chunk.gc_around(self._gc_reach, self.stride)
        return [
            ScoreTrack(chunk.chrom, strand, chunk.start + first, self.stride, values, gc=gc)
            for strand, values in zip(self.strands, logits, strict=True)
        ]

    def score_windows(self, codes: Codes) -> Logits:
        """Logits (n,) of loose windows (n, 70), read 5' to 3'; NaN where more than 7 bases are unknown."""
        allowed = (codes == UNKNOWN).sum(axis=1) <= MAX_UNKNOWN
        logits: Logits = self._score(codes, allowed[np.newaxis], ("+",))[0]
        logits[~allowed] = np.nan
        return logits

    def _score(self, windows: Codes, scored: Mask, strands: Sequence[Strand]) -> Logits:
        """Logits (strands, n) of `windows` (n, 70) where they are to be `scored` (strands, n), elsewhere -inf."""
        logits = np.full(scored.shape, -np.inf, dtype=np.float32)
        units = [
            (row, places[begin : begin + self.unit])
            for row, places in enumerate(map(np.flatnonzero, scored))
            for begin in range(0, len(places), self.unit)
        ]
        tasks = ((windows[places], strands[row]) for row, places in units)
        for (row, places), values in zip(units, self._runner.map(tasks), strict=True):
            check_finite(values[: len(places)])
            logits[row, places] = values[: len(places)]
        return logits

    def _run_unit(self, task: tuple[Codes, Strand], device: torch.device) -> Logits:
        codes, strand = task
        rows = np.full((self.unit, WINDOW), UNKNOWN, dtype=np.uint8)
        rows[: len(codes)] = codes if strand == "+" else dna.reverse_complement(codes)
        return fetch(self._networks[device].window_logits(send(rows, device).T.contiguous()))
