"""What decides the hits of a scan, resolved from what the user asks for and from the card of the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from promscan.calling.screening import Needs, screening_floor
from promscan.errors import InputError, ModelError
from promscan.networks.calling_rule import NEAR, OTHER, SAME, WIDE_ESTIMATES, WIDE_LOGITS, CallingRule
from promscan.networks.card import MIN_DISTANCE, Card
from promscan.seq.bounds import MAX_BP, MAX_SMOOTHING, check_odd, check_whole, shown
from promscan.seq.records import ESTIMATE_STEP, STRANDS, Strand

LOWEST = 1e-6
"""Hits below this probability are not ranked: nobody calls there."""
SPARE = 70
"""bp of exact logits on each side, more than grades read."""


@dataclass(frozen=True, kw_only=True)
class CallSettings:
    """Settings that decide which windows are hits.

    threshold: calling score; a hit has at least this logit, or with a rule this grade.
    min_distance: least distance in bp between the starts of two hits of a strand.
    smoothing: odd width in bp over which the logits of neighbouring windows are averaged (1: not at all).
    stride: only windows whose start is divisible by this are scored.
    strands: strands of the hits.
    floor: estimate of a screening below which a window cannot be a hit; None: every window is scored exactly.
    rule: how hits are placed and graded; None: by their logits alone.

    Raises:
        ValueError: a setting is out of range.
    """

    threshold: float
    min_distance: int = MIN_DISTANCE
    smoothing: int = 1
    stride: int = 1
    strands: tuple[Strand, ...] = STRANDS
    floor: float | None = None
    rule: CallingRule | None = None

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

    @property
    def candidates(self) -> float:
        """Lowest logit of a window that can be a hit, or keep its neighbours from being one."""
        return self.threshold if self.rule is None else self.rule.candidates

    @property
    def scored_strands(self) -> tuple[Strand, ...]:
        """Strands that are scored: those of the hits, or both if it takes both to grade a hit."""
        return self.strands if self.rule is None or not self.rule.of_both_strands else STRANDS

    @property
    def of_estimates(self) -> bool:
        """Whether grades read what a screening network estimates."""
        return self.rule is not None and bool(self.rule.select(WIDE_ESTIMATES))

    @property
    def gc_reach(self) -> int | None:
        """How far bases are counted that grades read; None: they read none."""
        return None if self.rule is None else self.rule.gc_reach

    @property
    def near_other(self) -> bool:
        """Whether the logits near a candidate decide on the other strand, too."""
        return self.rule is not None and bool(self.rule.select(OTHER))

    @property
    def near(self) -> int:
        """How far from a candidate, in bp, exact logits decide about it."""
        return max(self.min_distance - 1, 0 if self.rule is None else self.rule.reach(*NEAR))

    @property
    def exact_reach(self) -> int:
        """How far from a window that a screening finds, in bp, logits must be exact.

        The grade of a candidate reads all logits near it, so a bit more saves a candidate that its own estimate misses
        and that of a neighbour does not.
        """
        return self.near if self.rule is None or not self.rule.select(*NEAR) else self.near + SPARE

    @property
    def needs(self) -> Needs:
        """What the score of a hit reads."""
        if self.rule is None:
            return Needs()
        return Needs(self.rule.reach(SAME), self.rule.reach(OTHER) if self.near_other else None)

    @property
    def reach_of_logits(self) -> int:
        """How far from a window, in bp, logits decide whether it is a hit, and with which grade."""
        return max(self.near, 0 if self.rule is None else self.rule.reach(WIDE_LOGITS))

    @property
    def reach(self) -> int:
        """How far from a window, in bp, it is decided whether it is a hit, and with which grade."""
        of_estimates = 0 if self.rule is None else self.rule.reach(WIDE_ESTIMATES)
        return max(self.reach_of_logits, of_estimates and of_estimates + ESTIMATE_STEP)


def resolve_calling(
    card: Card,
    *,
    threshold: float | None = None,
    fp_per_mb: float | None = None,
    to_rank: bool = False,
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
        to_rank: call everything that is worth ranking.
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
    logit = lowest_score(card) if to_rank else calling_logit(card, threshold, fp_per_mb)
    smoothing = card.smoothing if smoothing is None else smoothing
    rule = card.calling
    return CallSettings(
        threshold=logit,
        min_distance=card.min_distance if min_distance is None else min_distance,
        smoothing=smoothing,
        stride=stride,
        strands=STRANDS if strand == "both" else (strand,),
        floor=(None if exhaustive or not _can_be_screened(card) else screening_floor(card, logit, stride, smoothing)),
        rule=rule,
    )


def _can_be_screened(card: Card) -> bool:
    """Whether a screening leaves out no window that grades read: they read those near a candidate at most.

    A model of single windows is screened by logits, which say nothing about grades.
    """
    return card.calling is None or (card.engine != "windowed" and not card.calling.select(WIDE_LOGITS))


def lowest_score(card: Card) -> float:
    """The score to call at if all hits are to be ranked: below it, nobody calls."""
    return -math.inf if card.calling is not None else log_odds(LOWEST)


def calling_logit(card: Card, threshold: float | None, fp_per_mb: float | None) -> float:
    """The calling score to call at, from what the user asks for or else from the card.

    Raises:
        ModelError: the card does not say it.
        InputError: the threshold is no probability, or the scores of the model are none.
    """
    of_odds = card.calling is None or card.calling.log_odds
    if threshold is not None:
        if not 0 < threshold < 1:
            raise InputError(f"threshold {shown(threshold)} is not a probability between 0 and 1")
        if not of_odds:
            raise InputError(
                f"model {card.name} grades hits by their surroundings, not as probabilities: use --fp-per-mb"
            )
        return log_odds(threshold)
    if card.calibration:
        return card.calibration.logit_at(card.scale.fp_per_mb if fp_per_mb is None else fp_per_mb)
    if not of_odds and (fp_per_mb is not None or card.default_threshold is None):
        raise ModelError(f"model {card.name} is not calibrated to false positives per Mb: calibrate it")
    if fp_per_mb is not None:
        raise ModelError(
            f"model {card.name} is not calibrated to false positives per Mb: use --threshold, or calibrate it"
        )
    if card.default_threshold is None:
        raise ModelError(f"model {card.name} names no default threshold: use --threshold")
    return card.default_threshold


def log_odds(probability: float) -> float:
    """Logarithm of the odds of a probability."""
    return math.log(probability) - math.log1p(-probability)
