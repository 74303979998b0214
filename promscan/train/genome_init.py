"""Weights that a training on a genome may start from: weights that have not learned from its held-out contigs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promscan.errors import ModelError
from promscan.networks.card import Card
from promscan.train.loop.run import UNKNOWN_SPECIES

MAY_HAVE_SEEN = "init_may_have_seen_held_out"
"""Key in the training of a card: the weights that it started from may have learned from its dev or left-out contigs."""
_PLACELESS = {"data", "sequences", MAY_HAVE_SEEN}
"""Keys of a training on single windows or sequences, and of one whose start is in doubt."""


def is_unseen(start: Card, species: str, held_out: Iterable[str], allow_seen: bool) -> bool:
    """Whether the card of the weights to start from shows that they have not learned from the held-out contigs.

    Raises:
        ModelError: it does not show it, and `allow_seen` is off.
    """
    try:
        require_unseen(start, species, held_out)
    except ModelError:
        if not allow_seen:
            raise
        return False
    return True


def require_unseen(start: Card, species: str, held_out: Iterable[str]) -> None:
    """Check that the card of `start` shows that its weights have not learned from the held-out contigs.

    It shows this if the weights come from another species, or if the dev and left-out contigs of their training include
    all contigs of `held_out`. A card with training on single windows does not say where these windows lie.

    Args:
        start: card of the weights to start from.
        species: species of the genome.
        held_out: names of the dev and left-out contigs.

    Raises:
        ModelError: the card does not show it.
    """
    named = {_plain(start.species), _plain(species)}
    if len(named) == 2 and not named & {"", UNKNOWN_SPECIES}:
        return
    cure = "start from other weights, or accept this by --allow-seen"
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


def _plain(species: str) -> str:
    return " ".join(species.casefold().split())


def _trainings(training: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A training, the trainings that it started from, and those whose mean it is."""
    yield training
    parts = [training.get("init"), *(training.get("mean_of") or ())]
    for part in parts:
        if isinstance(part, Mapping) and isinstance(part.get("training"), Mapping):
            yield from _trainings(part["training"])


def _names(split: object) -> list[str]:
    """Names of the contigs of a split."""
    names = split.get("names") if isinstance(split, Mapping) else None
    return [str(name) for name in names] if isinstance(names, list | tuple) else []
