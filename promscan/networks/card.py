"""Model cards: what a weights file is, and what it may be used for.

`NAME.safetensors` holds the tensors, and `NAME.json` in the same folder the card. Reading a card does not load
the network.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from promscan.errors import InputError, ModelError
from promscan.metrics.calibration import Calibration
from promscan.networks.architecture import Architecture, ExpressionArchitecture
from promscan.networks.calling_rule import WIDE_ESTIMATES, CallingRule
from promscan.networks.card_fields import MAX_CARD, MAX_WHOLE, Fields, finite, read_json
from promscan.networks.card_parts import Scale, Screening, StrengthPart
from promscan.seq import dna
from promscan.seq.bounds import MAX_BP, MAX_SMOOTHING
from promscan.seq.windows import TSS_INDEX, WINDOW

Part = TypeVar("Part")

FORMAT_VERSION = 1
PROMOTER = "promoter"
"""Task of models that find promoters: classifiers of 70-bp windows."""
STRENGTH = "strength"
"""Task of models that predict expression."""
DEFAULT_MODEL = "human"
"""Model of a scan."""
DEFAULT_CLASSIFIER = "core70"
"""Model of single windows, of which a model that reads along a genome knows less."""
DEFAULT_STRENGTH = "yeast-strength"
"""Model of the strength of hits where the card of a model names no other, and of the design of inserts."""
UNFIT = {
    PROMOTER: "a strength model, which finds no promoters; it is for 'promscan score'",
    STRENGTH: "a classifier, which knows nothing of strength; give a model of that task",
}
"""Why a model of the other task is not fit for a task."""
OWN_STRENGTH = "auto"
"""Name that stands for a strength model: the one that the card of the scan's model names."""
MIN_DISTANCE = 500
"""Least distance in bp between two hits of a strand, where a card does not say it."""


@dataclass(frozen=True)
class Card:
    """The description of a weights file: how it was made, and what it may be used for.

    task: `promoter` (logit of a 70-bp window) or `strength` (expression of an insert in a reporter).
    engine: the way of running that the weights were trained for: `windowed` or `streaming`, `whole` for strength.
    architecture: sizes of the network, as `Architecture` or `ExpressionArchitecture` has them.
    default_threshold: calling logit when the user asks for none; `threshold_basis` says how it was chosen.
    calibration: table from logits to false positives per Mb; takes the place of `default_threshold`.
    min_distance, smoothing: how hits are called, in bp: their least distance, and the width over which logits are
        averaged.
    calling: how hits are placed and graded; None: by their logits alone.
    screening: how a scan with a model of single windows is screened.
    strength: for a strength model, what its scores mean.
    strength_model: bundled strength model for the hits of this model; empty: that of `DEFAULT_STRENGTH`.
    scale: distances on the genome, and the default rate of false positives.
    window: width in bp of a window, or of the insert of a strength model, which has no `tss_index`.
    strand_trusted: whether the strand of a hit is reliable.
    training, splits, metrics: data with counts and sha256, how it was divided, metrics with the data behind them.
    headline: the few metrics that `promscan models` shows.
    limits: what the model is not good for.
    """

    name: str
    task: str
    engine: str
    species: str
    architecture: Mapping[str, Any]
    sha256: str
    strand_trusted: bool
    description: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    splits: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    headline: Mapping[str, float] = field(default_factory=dict)
    default_threshold: float | None = None
    threshold_basis: str = ""
    calibration: Calibration | None = None
    min_distance: int = MIN_DISTANCE
    smoothing: int = 1
    calling: CallingRule | None = None
    screening: Screening | None = None
    strength: StrengthPart | None = None
    strength_model: str = ""
    scale: Scale = field(default_factory=Scale)
    limits: str = ""
    licence: str = "MIT"
    promscan_version: str = ""
    git_commit: str = ""
    window: int = WINDOW
    tss_index: int | None = TSS_INDEX
    alphabet: str = dna.ALPHABET
    format_version: int = FORMAT_VERSION

    @classmethod
    def parse(cls, text: str, source: str) -> Card:
        """The card from its JSON text.

        Raises:
            ModelError: a field is wrong, the card is of another format version, or the model is made for another
                window; the message names `source` and the field.
        """
        fields = read_json(text, source)
        _check_version(fields)
        parts: dict[str, Any] = {
            "calibration": _parse_calibration(fields),
            "calling": _parse_part(fields, "calling", CallingRule.parse),
            "screening": _parse_part(fields, "screening", Screening.parse),
            "strength": _parse_part(fields, "strength", StrengthPart.parse),
            "scale": _parse_part(fields, "scale", Scale.parse) or Scale(),
        }
        card = cls(**_parse_words(fields), **_parse_settings(fields), **parts)
        fields.finish()
        _check_geometry(card, fields)
        _check_estimates(card, fields)
        _check_architecture(card, fields)
        return card

    def to_json(self) -> str:
        """The card as JSON text, fields in a fixed order; numbers that are not finite become null."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values |= {
            "headline": {name: value for name, value in self.headline.items() if math.isfinite(value)},
            "calibration": self.calibration.describe() if self.calibration else {},
            "screening": self.screening.describe() if self.screening else {},
            "strength": self.strength.describe() if self.strength else {},
            "scale": dataclasses.asdict(self.scale),
        }
        if self.calling is None:  # as in the cards of earlier versions
            del values["calling"]
        else:
            values["calling"] = dataclasses.asdict(self.calling)
        if not self.strength_model:
            del values["strength_model"]
        return json.dumps(finite(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _check_version(fields: Fields) -> None:
    if fields.whole("format_version", least=0, most=MAX_WHOLE) != FORMAT_VERSION:
        raise fields.refuse(
            "format_version", f"is not {FORMAT_VERSION}: a card of another format version, for another promscan"
        )


def _parse_part(fields: Fields, name: str, parse: Callable[[Fields], Part]) -> Part | None:
    part = fields.part(name)
    return None if part is None else parse(part)


def _parse_calibration(fields: Fields) -> Calibration | None:
    part = fields.part("calibration")
    if part is None:
        return None
    values = (
        part.text("background", lines=True),
        part.number("megabases"),
        part.numbers("logits"),
        part.wholes("hits", least=1, most=MAX_WHOLE),
    )
    part.finish()
    try:
        return Calibration(*values)
    except InputError as error:
        raise fields.refuse("calibration", f"is no table: {error}") from error


def _parse_words(fields: Fields) -> dict[str, Any]:
    """The fields that describe the model and decide nothing."""
    words: dict[str, Any] = {name: fields.text(name) for name in ("name", "engine", "species")}
    words |= {"task": fields.choice("task", (PROMOTER, STRENGTH)), "sha256": fields.text("sha256")}
    words |= {name: fields.text(name, "", lines=True) for name in ("description", "threshold_basis", "limits")}
    words["strength_model"] = fields.text("strength_model", "")
    words |= {name: fields.text(name, getattr(Card, name)) for name in ("licence", "promscan_version", "git_commit")}
    words |= {name: fields.free(name) for name in ("training", "splits", "metrics")}
    if not words["name"]:
        raise fields.refuse("name", "must not be empty")
    if words["sha256"] and not re.fullmatch("[0-9a-f]{64}", words["sha256"]):
        raise fields.refuse("sha256", "must be 64 hexadecimal digits")
    return words | {"headline": fields.named_numbers("headline")}


def _parse_settings(fields: Fields) -> dict[str, Any]:
    """The fields that decide how the model runs and how hits are called."""
    return {
        "architecture": fields.free("architecture"),
        "strand_trusted": fields.flag("strand_trusted"),
        "default_threshold": fields.optional(
            "default_threshold", lambda name: fields.number(name, least=-1e3, most=1e3)
        ),
        "min_distance": fields.optional("min_distance", lambda name: fields.whole(name, least=1, most=MAX_BP))
        or MIN_DISTANCE,
        "smoothing": fields.odd("smoothing", 1, most=MAX_SMOOTHING),
        "window": fields.whole("window", WINDOW, least=1, most=MAX_BP),
        "tss_index": fields.optional("tss_index", lambda name: fields.whole(name, least=0, most=MAX_BP)),
        "alphabet": fields.text("alphabet", dna.ALPHABET),
        "format_version": FORMAT_VERSION,
    }


def _check_estimates(card: Card, fields: Fields) -> None:
    """Check that a rule that reads estimates comes with what estimates.

    Raises:
        ModelError: it does not.
    """
    reads = card.calling is not None and bool(card.calling.select(WIDE_ESTIMATES))
    if reads and (card.screening is None or card.screening.network is None):
        raise fields.refuse("calling", f"reads {WIDE_ESTIMATES}, which only a screening with a network gives")


def _check_geometry(card: Card, fields: Fields) -> None:
    """Check that this promscan has the windows of the model, and that a strength model says what it is about."""
    geometry, strength = (card.window, card.tss_index, card.alphabet), card.strength
    wanted: tuple[int, int | None, str] = (WINDOW, TSS_INDEX, dna.ALPHABET)
    if card.task == STRENGTH:
        if strength is None:
            raise fields.refuse("strength", "is missing: it says what the scores of a strength model mean")
        wanted = (strength.reporter.insert, None, dna.ALPHABET)
    if geometry != wanted:
        raise fields.refuse(
            "window", f"and tss_index, alphabet: made for window, TSS index and alphabet {geometry}, not {wanted}"
        )


def _check_architecture(card: Card, fields: Fields) -> None:
    """Check the sizes of the network."""
    kind = ExpressionArchitecture if card.task == STRENGTH else Architecture
    try:
        architecture = kind(**card.architecture)
    except (TypeError, InputError) as error:
        reason = str(error).removeprefix(f"{kind.__name__}.__init__() ")
        raise fields.refuse("architecture", f"does not fit: {reason}") from error
    if isinstance(architecture, ExpressionArchitecture) and card.strength is not None and card.architecture:
        _check_units(card.strength, architecture, fields)


def _check_units(strength: StrengthPart, architecture: ExpressionArchitecture, fields: Fields) -> None:
    """Check that the network knows each unit of the card, and reads the whole of the longest construct."""
    named = [("strength.unit", strength.unit), ("strength.hits", strength.hits or strength.unit)]
    for name, unit in [*named, *(("strength.reporters", unit) for unit in strength.reporters)]:
        if unit not in architecture.units:
            raise fields.refuse(name, f"must be one of architecture.units: {', '.join(architecture.units)}")
    name, longest = max(strength.constructs.items(), key=lambda each: each[1].read)
    if longest.read != architecture.length:
        raise fields.refuse(name, f"is {longest.read} bp long, the network {architecture.length}")


def strength_of(card: Card) -> StrengthPart:
    """The meaning of the scores of a strength model.

    Raises:
        ModelError: the model has no scores of strength.
    """
    if card.strength is None:
        raise ModelError(f"{card.name}: {UNFIT[STRENGTH]}")
    return card.strength


def read_card(path: Path) -> Card:
    """The card of the weights file `path`.

    Raises:
        ModelError: it is missing or unreadable.
    """
    card_path = path.with_suffix(".json")
    try:
        with card_path.open(encoding="utf-8-sig") as file:
            text = file.read(MAX_CARD + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ModelError(f"{path}: cannot read its card {card_path.name}: {reason}; keep the two together") from error
    if len(text) > MAX_CARD:
        raise ModelError(f"{card_path}: not a model card: it has more than {MAX_CARD:,} letters")
    return Card.parse(text, str(card_path))
