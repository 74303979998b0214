"""Which strength model is meant, and which of its units. Free of torch."""

from __future__ import annotations

from promscan.errors import ModelError
from promscan.networks.card import DEFAULT_STRENGTH, OWN_STRENGTH, Card, read_card, strength_of
from promscan.networks.model_files import bundled_models, find_model


def unit_of(card: Card, unit: str | None) -> str:
    """The unit of a strength model that is asked for; None: that of its scores.

    Raises:
        ModelError: the model has no scores of strength, or no such unit.
    """
    default, known = strength_of(card).unit, card.architecture.get("units", [])
    if unit is None or unit in known:
        return unit or default
    raise ModelError(f"{card.name}: no unit {unit!r}; give one of {', '.join(known)}")


def strength_model_of(card: Card) -> str:
    """The bundled strength model for the hits of a model.

    Raises:
        ModelError: the card names a model that is not bundled.
    """
    name = card.strength_model or DEFAULT_STRENGTH
    if name not in bundled_models():
        raise ModelError(
            f"{card.name}: its card names the strength model {name!r}, which is not bundled: name another one, or none"
        )
    return name


def strength_models(model: str, strength: str | None) -> list[str]:
    """The strength model of a command, if it has one: the one that is named, or that of the card of its model.

    Raises:
        ModelError: there is no such model, or its card names a strength model that is not bundled.
    """
    if strength == OWN_STRENGTH:
        return [strength_model_of(read_card(find_model(model)))]
    return [] if strength is None else [strength]
