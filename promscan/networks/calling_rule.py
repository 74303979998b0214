"""The part of a model card that says how hits are placed and graded. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from promscan.networks.card_fields import Fields
from promscan.seq.records import ESTIMATE_STEP

OWN = "own"
SAME = "same"
OTHER = "other"
GC = "gc"
WIDE_LOGITS = "wide_logits"
WIDE_ESTIMATES = "wide_estimates"
NEAR = (SAME, OTHER)
WIDE = (WIDE_LOGITS, WIDE_ESTIMATES)
FEATURES = (OWN, *NEAR, GC, *WIDE)
"""Kinds of `Feature`."""
MAX_REACH = 100_000
"""A scan reads at most this many bp around a hit to grade it."""
MAX_FEATURES = 100


@dataclass(frozen=True)
class Feature:
    """A number that is read off around a candidate, and its weight in the grade.

    kind: `own`: the logit of the candidate. `same`, `other`: logarithm of the mean odds (exp of the logit) of the
        windows on its own strand, or on the other one. `gc`: share of G and C among the bases of its window and of
        `reach` bases on each side. `wide_logits`, `wide_estimates`: mean of the logits, or of the
        estimates of the screening network, on both strands.
    reach: windows (or estimates, or bases) at most this far in bp from the candidate count, to both sides; 0 for `own`.
    weight: factor in the grade.
    """

    kind: str
    reach: int
    weight: float

    @classmethod
    def parse(cls, fields: Fields) -> Feature:
        """The feature from its part of a card."""
        kind = fields.choice("kind", FEATURES)
        least, most = {OWN: (0, 0), WIDE_ESTIMATES: (ESTIMATE_STEP, MAX_REACH)}.get(kind, (0, MAX_REACH))
        reach = fields.whole("reach", 0, least=least, most=most)
        feature = cls(kind, reach, fields.number("weight", least=-1e3, most=1e3))
        fields.finish()
        return feature


@dataclass(frozen=True)
class CallingRule:
    """How hits are placed and graded, in two steps.

    A candidate is a window with a logit of at least `candidates` that has the highest logit + place_weight * place of
    all such windows nearby; `place` is the second track of networks that have one. Its grade is
    bias + the sum of weight * feature. A hit is a candidate whose grade reaches the threshold.

    candidates: lowest logit of a candidate. It does not depend on the threshold, so neither do the candidates.
    features: what is read off around a candidate.
    bias: added to every grade.
    place_weight: how much the second track decides where a candidate lies.
    log_odds: whether a grade is the logarithm of odds, so that a probability can be a threshold.
    basis: how the numbers were found, in words.
    """

    candidates: float
    features: tuple[Feature, ...]
    bias: float = 0.0
    place_weight: float = 0.0
    log_odds: bool = False
    basis: str = ""

    @classmethod
    def parse(cls, fields: Fields) -> CallingRule:
        """The rule from its part of a card."""
        rule = cls(
            fields.number("candidates", least=-1e3, most=1e3),
            tuple(Feature.parse(each) for each in fields.parts("features", most=MAX_FEATURES)),
            fields.number("bias", 0.0, least=-1e3, most=1e3),
            fields.number("place_weight", 0.0, least=0, most=1e3),
            fields.flag("log_odds"),
            fields.text("basis", "", lines=True),
        )
        fields.finish()
        if len({feature.reach for feature in rule.select(GC)}) > 1:
            raise fields.refuse("features", f"must have one reach for {GC}")
        return rule

    def select(self, *kinds: str) -> tuple[Feature, ...]:
        """The features of these kinds."""
        return tuple(feature for feature in self.features if feature.kind in kinds)

    def reach(self, *kinds: str) -> int:
        """The largest reach in bp of the features of these kinds; 0 if there are none."""
        return max((feature.reach for feature in self.select(*kinds)), default=0)

    @property
    def gc_reach(self) -> int | None:
        """How far from a candidate bases count for its share of G and C; None: no feature reads it."""
        return self.reach(GC) if self.select(GC) else None

    @property
    def of_both_strands(self) -> bool:
        """Whether it takes the logits of both strands to grade a hit."""
        return bool(self.select(OTHER, *WIDE))

    @property
    def grade(self) -> str:
        """The grade as one word, such as `own+0.5*same:500-0.5*wide_logits:10000`."""
        terms = [_term(feature) for feature in self.features]
        return "".join([*terms, f"{self.bias:+.15g}" if self.bias else ""]).removeprefix("+")


def _term(feature: Feature) -> str:
    weight = "+" if feature.weight == 1 else f"{feature.weight:+.15g}*"
    return f"{weight}{feature.kind}" + (f":{feature.reach}" if feature.kind != OWN else "")
