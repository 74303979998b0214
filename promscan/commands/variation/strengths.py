"""The strength of the promoter next to a variant, without and with an allele.

As for a hit of a scan, strength is that of the insert upstream of a transcription start: of the summit whose scores are
compared. Equal inserts are predicted once, so an allele outside of the insert changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np

from promscan.commands.scanning.hit_strengths import MOST_UNKNOWN
from promscan.commands.variation.alleles import Edit
from promscan.commands.variation.effects import Effect
from promscan.seq.dna import UNKNOWN, Codes, reverse_complement

if TYPE_CHECKING:
    from promscan.inference.strength import StrengthPredictor


class Edited(Protocol):
    """What effects belong to.

    codes: bases of the contig.
    all_edits: the edit of each effect; None: an allele that was not scored.
    """

    @property
    def codes(self) -> Codes: ...

    @property
    def all_edits(self) -> Sequence[Edit | None]: ...


Item = TypeVar("Item", bound=Edited)


class _Inserts(NamedTuple):
    """Inserts of an effect, without and with the allele."""

    reference: Codes
    alternative: Codes


def add_strengths(
    found: Iterable[tuple[Item, list[Effect | None]]], predictor: StrengthPredictor
) -> Iterator[tuple[Item, list[Effect | None]]]:
    """The items in order, and their effects with strengths; an insert with many unknown bases has none."""
    waiting = list[tuple[Item, list[Effect | None], list[_Inserts | None]]]()
    wanted = dict[bytes, Codes]()
    for item, effects in found:
        pairs = [
            None if edit is None or effect is None else _inserts(item.codes, edit, effect, predictor)
            for edit, effect in zip(item.all_edits, effects, strict=True)
        ]
        waiting.append((item, effects, pairs))
        wanted |= {insert.tobytes(): insert for pair in pairs if pair is not None for insert in pair}
        if len(wanted) >= predictor.batch_inserts:
            yield from _with_strengths(waiting, wanted, predictor)
            waiting.clear()
            wanted.clear()
    yield from _with_strengths(waiting, wanted, predictor)


def _with_strengths(
    waiting: Iterable[tuple[Item, list[Effect | None], list[_Inserts | None]]],
    wanted: dict[bytes, Codes],
    predictor: StrengthPredictor,
) -> Iterator[tuple[Item, list[Effect | None]]]:
    strengths = dict[bytes, float]()
    if known := {key: insert for key, insert in wanted.items() if (insert == UNKNOWN).mean() <= MOST_UNKNOWN}:
        inserts, _ = predictor.reporter.fit(list(known.values()))
        strengths = dict(zip(known, predictor.predict(inserts)[0].tolist(), strict=True))
    for item, effects, pairs in waiting:
        yield (
            item,
            [
                effect
                if effect is None or pair is None
                else effect._replace(
                    reference_strength=strengths.get(pair.reference.tobytes()),
                    alternative_strength=strengths.get(pair.alternative.tobytes()),
                )
                for effect, pair in zip(effects, pairs, strict=True)
            ],
        )


def _inserts(codes: Codes, edit: Edit, effect: Effect, predictor: StrengthPredictor) -> _Inserts:
    interval = predictor.reporter.interval
    reference = _cut(codes, None, *interval(effect.summit, effect.strand))
    alternative = _cut(codes, edit, *interval(edit.in_allele(effect.summit), effect.strand))
    if effect.strand == "-":
        return _Inserts(reverse_complement(reference), reverse_complement(alternative))
    return _Inserts(reference, alternative)


def _cut(codes: Codes, edit: Edit | None, start: int, end: int) -> Codes:
    """The bases from `start` to `end` of a contig, or of the contig with an edit; unknown where it has none."""
    shift = 0 if edit is None else edit.shift
    first, last = max(0, start), min(len(codes) + shift, end)
    if edit is None:
        known = codes[first : max(first, last)]
    else:
        begin, stop = min(first, edit.start), max(last, edit.start + len(edit.bases))
        known = edit.piece(codes, begin, stop)[first - begin : max(first, last) - begin]
    return np.pad(
        known, (min(first - start, end - start), end - start - len(known) - (first - start)), constant_values=UNKNOWN
    )
