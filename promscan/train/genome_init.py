"""Weights that a training on a genome may start from, or learn from: they have not seen its held-out contigs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promscan.errors import ModelError
from promscan.networks.card import Card
from promscan.train.loop.run import UNKNOWN_SPECIES

MAY_HAVE_SEEN = "init_may_have_seen_held_out"
"""Key in the training of a card: the weights that it started from, or its teachers, may have learned from its dev or
left-out contigs."""
_PLACELESS = {"data", "sequences", MAY_HAVE_SEEN}
"""Keys of a training on single windows or sequences, and of one whose start is in doubt."""


def are_unseen(cards: Iterable[Card], species: str, held_out: Iterable[str], allow_seen: bool) -> bool:
    """Whether the cards of the weights to start and learn from show that they have not seen the held-out contigs.

    Raises:
        ModelError: one of them does not show it, and `allow_seen` is off.
    """
    unseen, held_out = True, tuple(held_out)
    for card in cards:
        try:
            require_unseen(card, species, held_out)
        except ModelError:
            if not allow_seen:
                raise
            unseen = False
    return unseen


def require_unseen(start: Card, species: str, held_out: Iterable[str]) -> None:
    """Check that the card of `start` shows that its weights have not learned from the held-out contigs.

    It shows this if the weights, and those that they started from, come from other species, or if the dev and left-out
    contigs of their training include all contigs of `held_out`. A card with training on single windows does not say
    where these windows lie.

    Args:
        start: card of the weights to start from.
        species: species of the genome.
        held_out: names of the dev and left-out contigs.

    Raises:
        ModelError: the card does not show it.
    """
    if all(_is_another(each, species) for each in _species_of(start)):
        return
    cure = "give other weights, or accept this by --allow-seen"
    if len(species.split()) == 1:
        cure += ", or name another species in full, such as 'Mus musculus'"
    if any(part.keys() & _PLACELESS for part in _trainings(start.training)):
        raise ModelError(
            f"{start.name}: its card does not say which contigs its training windows come from, so it may have seen "
            f"the dev and left-out contigs; {cure}"
        )
    unseen = {name for part in start.splits.values() for name in _names(part)}
    seen = [name for name in held_out if not {name, name.split(":")[0]} & unseen]
    if seen:
        raise ModelError(
            f"{start.name}: by its card it may have been trained on {seen[0]!r}, which is dev or left out here; choose "
            f"dev and left-out contigs that it has not seen, {cure}"
        )


def _is_another(one: str, other: str) -> bool:
    """Whether two names are surely those of two species; a strain after the name of a species says nothing."""
    first, second = (tuple(name.casefold().split()[:2]) for name in (one, other))
    if not first or not second or UNKNOWN_SPECIES in (*first[:1], *second[:1]):
        return False
    if len(first) < 2 or len(second) < 2:  # `human` may be the one that has two words elsewhere
        return len(first) == len(second) and first != second
    genera = [genus.removesuffix(".") for genus in (first[0], second[0])]
    alike = genera[0].startswith(genera[1]) or genera[1].startswith(genera[0])  # H. sapiens
    return first[1] != second[1] or not alike


def _species_of(start: Card) -> Iterator[str]:
    """Species that the weights have learned from; an old card does not name those of the weights it started from."""
    yield start.species
    yield from (str(part["species"]) for part in _origins(start.training) if "species" in part)


def _trainings(training: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A training, the trainings that it started from, and those whose mean it is."""
    yield training
    yield from (part["training"] for part in _origins(training))


def _origins(training: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a card says of the weights that a training started from, of its teachers, of those it is the mean of, ...

    Weights of a larger network may be `grown` from those of a smaller one.
    """
    several = (part for key in ("mean_of", "teachers") for part in training.get(key) or ())
    for part in [training.get("init"), training.get("grown"), *several]:
        if isinstance(part, Mapping) and isinstance(part.get("training"), Mapping):
            yield part
            yield from _origins(part["training"])


def _names(split: object) -> list[str]:
    """Names of the contigs of a split."""
    names = split.get("names") if isinstance(split, Mapping) else None
    return [str(name) for name in names] if isinstance(names, list | tuple) else []
