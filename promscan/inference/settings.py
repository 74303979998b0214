"""What an engine is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promscan.networks.device import check_precision
from promscan.seq.records import Strand


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """What an engine scores, and how.

    stride: only windows whose start is divisible by this are scored, on both strands.
    strands: which strands to score.
    threads: CPU threads (None: as many as the process may use).
    batch_size: windows in flight at most, rounded to whole units (None: by threads on CPU, by memory on CUDA).
    precision: `auto` is `float32`, whose weights kernels on CUDA multiply as two bfloat16 each: that moves logits of
        `human` by less than 0.00001. `bfloat16` is faster on some devices, and moves scores.
    smoothing: odd width in bp over which the logits of neighbouring windows are averaged (1: not at all).

    Raises:
        ValueError: a number is too small, `smoothing` is no odd width, or there is no such precision.
    """

    stride: int = 1
    strands: Sequence[Strand] = ("+", "-")
    threads: int | None = None
    batch_size: int | None = None
    precision: str = "auto"
    smoothing: int = 1

    def __post_init__(self) -> None:
        for name in ("stride", "threads", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        check_precision(self.precision)
        if self.smoothing < 1 or self.smoothing % 2 == 0:
            raise ValueError(f"smoothing must be odd and positive, got {self.smoothing}")
