"""What an engine is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promscan.networks.device import check_precision
from promscan.seq.bounds import MAX_BP, MAX_SMOOTHING, check_machine, check_odd, check_whole
from promscan.seq.records import Strand


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Settings of an engine: the windows to score, and how.

    stride: only windows whose start is divisible by this are scored, on both strands.
    strands: which strands to score.
    threads: CPU threads (None: as many as the process may use).
    batch_size: windows in flight at most, rounded to whole units (None: by threads on CPU, by memory on CUDA).
    precision: `auto` is `float32`, whose weights kernels on CUDA multiply as two bfloat16 each: that moves logits of
        `human` by less than 0.00001. `bfloat16` can be faster, and changes scores a little.
    smoothing: odd width in bp over which the logits of neighbouring windows are averaged (1: not at all).
    floor: lowest estimate of a screening at which a window is scored; the others are -inf (None: all are scored).
    estimates: whether tracks carry the estimates of the screening network, if the model has one.
    exact_reach: with a floor, windows at most this far (bp) from one whose estimate reaches it are scored too.
    gc_reach: tracks carry the share of G and C of each window and of this many bases on each side (None: they do not).
    both_strands: whether a window whose estimate reaches the floor has its neighbours of the other strand scored too.

    Raises:
        ValueError: a number is out of range, `smoothing` is no odd width, or there is no such precision.
    """

    stride: int = 1
    strands: Sequence[Strand] = ("+", "-")
    threads: int | None = None
    batch_size: int | None = None
    precision: str = "auto"
    smoothing: int = 1
    floor: float | None = None
    estimates: bool = False
    exact_reach: int = 0
    both_strands: bool = False
    gc_reach: int | None = None

    def __post_init__(self) -> None:
        check_whole("stride", self.stride, 1, MAX_BP)
        check_machine(self.threads, self.batch_size)
        check_precision(self.precision)
        check_whole("exact_reach", self.exact_reach, 0, MAX_BP)
        if self.gc_reach is not None:
            check_whole("gc_reach", self.gc_reach, 0, MAX_BP)
        check_odd("smoothing", self.smoothing, MAX_SMOOTHING)
