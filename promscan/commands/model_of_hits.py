"""The model that made hits, as far as the first line of their file says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from promscan.errors import InputError
from promscan.networks.card import Card, read_card
from promscan.networks.card_parts import DISTANCES, Scale
from promscan.networks.model_files import bundled_models, find_model
from promscan.seq.bounds import MAX_BP

_WHOLE = re.compile("[0-9]{1,12}")


def card_of_hits(settings: Mapping[str, str]) -> Card | None:
    """The card of the bundled model that a header names; None if it names none, another one, or other weights.

    Args:
        settings: the words of the header, as `promscan.io.scan_header.settings_in` reads them.
    """
    name = settings.get("model", "")
    if name not in bundled_models():
        return None
    card = read_card(find_model(name))
    return card if card.sha256 == settings.get("sha256") else None


def scale_of_hits(settings: Mapping[str, str]) -> tuple[Scale, str]:
    """The distances of the model that made hits, and where they come from, in words.

    They are those that a header names, else those of the bundled model that it names, else the defaults.

    Args:
        settings: the words of the header.

    Raises:
        InputError: a word of the header is no distance.
    """
    card = card_of_hits(settings)
    scale, source = (Scale(), "the defaults") if card is None else (card.scale, f"the card of {card.name}")
    words = {key: settings[key] for key in DISTANCES if key in settings}
    if not words:
        return scale, source
    return replace(scale, **{key: _distance(key, word) for key, word in words.items()}), "the header of the hits"


def _distance(name: str, word: str) -> int:
    """Read a distance from the header of hits."""
    if not _WHOLE.fullmatch(word) or int(word) > MAX_BP:
        raise InputError(
            f"the header of the hits says {name}={word}, which is no distance in bp; correct its first line"
        )
    return int(word)
