"""The INFO fields that say what an allele does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from promscan.commands.scanning.hit_strengths import settings_of
from promscan.io.hit_writers import header_line
from promscan.networks.card import Card

if TYPE_CHECKING:
    from promscan.commands.variation.effects import Effect, HitChange
    from promscan.commands.variation.job import ScoredHaplotype

MISSING = "."
NONE = "none"
"""There is no hit near an allele."""


class Field(NamedTuple):
    """An INFO field with a value for each alternative allele.

    kind, meaning: type and description, as the header has them.
    text: the value of an effect.
    """

    kind: str
    meaning: str
    text: Callable[[Effect], str]


def _number(value: float) -> str:
    return f"{value:z.4f}"


def _strength(strength: float | None) -> str:
    return MISSING if strength is None else _number(strength)


def _position(position: int | None) -> str:
    return MISSING if position is None else str(position + 1)


def _hits(effect: Effect) -> str:
    return "&".join(map(_hit, effect.hits)) or MISSING


def _hit(change: HitChange) -> str:
    scores = (MISSING if score is None else _number(score) for score in change[4:])
    return "|".join([change.change, change.strand, _position(change.reference), _position(change.alternative), *scores])


FIELDS = {
    "PROM_REF": Field(
        "Float",
        "Mean score within 100 bp of the highest score within 200 bp of the variant, on the reference",
        lambda effect: _number(effect.reference),
    ),
    "PROM_ALT": Field(
        "Float", "Mean score of the same positions with the allele", lambda effect: _number(effect.alternative)
    ),
    "PROM_DIFF": Field("Float", "PROM_ALT minus PROM_REF", lambda effect: _number(effect.difference)),
    "PROM_STRAND": Field(
        "String",
        "Strand of these scores, which is the one with the highest score near the variant",
        lambda effect: effect.strand,
    ),
    "PROM_POS": Field(
        "Integer",
        "Position, counted from 1, of the TSS whose score changes most on that strand",
        lambda effect: _position(effect.position),
    ),
    "PROM_MAX": Field("Float", "Change of the score there", lambda effect: _number(effect.change)),
    "PROM_HIT": Field(
        "String",
        "What happens to hits within 250 bp, on both strands: created, lost, moved, stronger, weaker, same or none",
        lambda effect: effect.hits[0].change if effect.hits else NONE,
    ),
    "PROM_HITS": Field(
        "String",
        "Each of these hits: change|strand|TSS on the reference|TSS with the allele, in positions of the reference|"
        "score on the reference|score with the allele; & stands between hits",
        _hits,
    ),
}

STRENGTH_FIELDS = {
    "PROM_STRENGTH_REF": Field(
        "Float",
        "Predicted strength of the insert upstream of that highest score, on the reference",
        lambda effect: _strength(effect.reference_strength),
    ),
    "PROM_STRENGTH_ALT": Field(
        "Float", "The same with the allele", lambda effect: _strength(effect.alternative_strength)
    ),
}
"""Fields of a run with a strength model."""

HAPLOTYPES = "PROM_HAPS"
HAPLOTYPES_MEANING = (
    "Phased alleles within 200 bp, this one among them, scored together: POS:ALT of each with + between them|"
    "chromosomes that carry them|PROM_REF|PROM_ALT|PROM_DIFF|PROM_STRAND|PROM_HIT"
)

OWN_FIELDS = frozenset([*FIELDS, *STRENGTH_FIELDS, HAPLOTYPES])
"""Names of all fields that a run may write."""


def fields_with(strength_card: Card | None) -> Mapping[str, Field]:
    """The fields of a run with this strength model; None: it has none."""
    return FIELDS if strength_card is None else FIELDS | STRENGTH_FIELDS


def header_lines(card: Card, strength_card: Card | None) -> Iterator[str]:
    """The lines of a header that describe the fields, and say what made them."""
    for name, field in fields_with(strength_card).items():
        yield f'##INFO=<ID={name},Number=A,Type={field.kind},Description="{field.meaning}">'
    yield f'##INFO=<ID={HAPLOTYPES},Number=.,Type=String,Description="{HAPLOTYPES_MEANING}">'
    strength = {} if strength_card is None else settings_of(strength_card)
    words = {"model": card.name, "sha256": card.sha256, **strength}
    yield f"##promscan_variants={header_line(words).removeprefix('#')}"


def names_of_fields() -> list[str]:
    """How lines of a header begin that an earlier run of this command wrote."""
    return [*(f"##INFO=<ID={name}," for name in OWN_FIELDS), "##promscan_variants="]


def fields_of(effects: Sequence[Effect | None], fields: Mapping[str, Field]) -> dict[str, str]:
    """These fields of a record, whose values stand in the order of its alternative alleles; none if none was scored."""
    if all(effect is None for effect in effects):
        return {}
    return {
        name: ",".join(MISSING if effect is None else field.text(effect) for effect in effects)
        for name, field in fields.items()
    }


def haplotype_field(haplotypes: Sequence[ScoredHaplotype]) -> dict[str, str]:
    """The field of the haplotypes of a record; none if there is none."""
    return {HAPLOTYPES: ",".join(map(_haplotype, haplotypes))} if haplotypes else {}


def _haplotype(scored: ScoredHaplotype) -> str:
    group, haplotype, effect = scored
    alleles = "+".join(
        f"{group[number].position + 1}:{group[number].alternatives[allele]}" for number, allele in haplotype.alleles
    )
    shown = ("PROM_REF", "PROM_ALT", "PROM_DIFF", "PROM_STRAND", "PROM_HIT")
    return "|".join([alleles, str(haplotype.carriers), *(FIELDS[name].text(effect) for name in shown)])
