"""What decides the hits of a scan, resolved from what the user asks for and from the card of the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from promscan.calling.screening import screening_floor
from promscan.errors import InputError, ModelError
from promscan.networks.card import MIN_DISTANCE, Card
from promscan.seq.bounds import MAX_BP, MAX_SMOOTHING, check_odd, check_whole, shown
from promscan.seq.records import Strand


@dataclass(frozen=True, kw_only=True)
class CallSettings:
    """Settings that decide which windows are hits.

    threshold: calling logit; a hit has at least this logit.
    min_distance: least distance in bp between the starts of two hits of a strand.
    smoothing: odd width in bp over which the logits of neighbouring windows are averaged (1: not at all).
    stride: only windows whose start is divisible by this are scored.
    strands: strands that are scored.
    floor: estimate of a screening below which a window cannot be a hit; None: every window is scored exactly.

    Raises:
        ValueError: a setting is out of range.
    """

    threshold: float
    min_distance: int = MIN_DISTANCE
    smoothing: int = 1
    stride: int = 1
    strands: tuple[Strand, ...] = ("+", "-")
    floor: float | None = None

    def __post_init__(self) -> None:
        check_whole("min_distance", self.min_distance, 1, MAX_BP)
        check_whole("stride", self.stride, 1, MAX_BP)
        check_odd("smoothing", self.smoothing, MAX_SMOOTHING)
        if math.isnan(self.threshold):
            raise ValueError("threshold must be a number")

    @property
    def strand(self) -> str:
        """The strands in one word: `both`, `+` or `-`."""
        return "both" if len(self.strands) > 1 else self.strands[0]


def resolve_calling(
    card: Card,
    *,
    threshold: float | None = None,
    fp_per_mb: float | None = None,
    min_distance: int | None = None,
    smoothing: int | None = None,
    strand: Literal["both", "+", "-"] = "both",
    stride: int = 1,
    exhaustive: bool = False,
) -> CallSettings:
    """The settings of a scan: what the user asks for, and for the rest what the card says.

    Args:
        card: card of the model.
        threshold: probability to call at.
        fp_per_mb: false positives per Mb to call at, which needs a calibrated model.
        min_distance: least distance in bp between two hits of a strand (None: as the card says).
        smoothing: odd width in bp over which logits are averaged (None: as the card says).
        strand: strands to scan.
        stride: only windows whose start is divisible by this are scored.
        exhaustive: score every window exactly, even if the card says how to screen.

    Raises:
        ModelError: the card does not say what is needed.
        InputError: the threshold is no probability.
        ValueError: another setting is out of range.
    """
    if strand not in ("both", "+", "-"):
        raise ValueError(f"strand must be both, + or -, not {strand!r}")
    logit = calling_logit(card, threshold, fp_per_mb)
    smoothing = card.smoothing if smoothing is None else smoothing
    return CallSettings(
        threshold=logit,
        min_distance=card.min_distance if min_distance is None else min_distance,
        smoothing=smoothing,
        stride=stride,
        strands=("+", "-") if strand == "both" else (strand,),
        floor=None if exhaustive else screening_floor(card, logit, stride, smoothing),
    )


def calling_logit(card: Card, threshold: float | None, fp_per_mb: float | None) -> float:
    """The logit to call at, from what the user asks for or else from the card.

    Raises:
        ModelError: the card does not say it.
        InputError: the threshold is no probability.
    """
    if threshold is not None:
        if not 0 < threshold < 1:
            raise InputError(f"threshold {shown(threshold)} is not a probability between 0 and 1")
        return math.log(threshold) - math.log1p(-threshold)
    if card.calibration:
        return card.calibration.logit_at(card.scale.fp_per_mb if fp_per_mb is None else fp_per_mb)
    if fp_per_mb is not None:
        raise ModelError(f"model {card.name} is not calibrated to false hits per Mb: use --threshold, or calibrate it")
    if card.default_threshold is None:
        raise ModelError(f"model {card.name} names no default threshold: use --threshold")
    return card.default_threshold
