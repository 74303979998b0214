"""Model cards: what a weights file is, where it is found, and what it may be used for.

`NAME.safetensors` holds the tensors and `NAME.json` beside it the card. Reading cards does not load the network.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promscan
from promscan.errors import ModelError
from promscan.io.files import atomic_path
from promscan.seq import dna
from promscan.seq.windows import TSS_INDEX, WINDOW

FORMAT_VERSION = 1
STRENGTH = "strength"
"""The task of models that tell expression; all others are classifiers."""
DEFAULT_MODEL = "human"
"""Of a scan."""
DEFAULT_CLASSIFIER = "core70"
"""Of single windows, which a model that reads along a genome knows less of."""
DEFAULT_STRENGTH = "yeast-strength"
"""Of the hits of a scan, and of the design of inserts."""


@dataclass(frozen=True)
class Card:
    """What a weights file is, how it came to be, and what it may be used for.

    task: `promoter` (logit of a 70-bp window) or `strength` (expression of an insert in a reporter).
    engine: the way of running that the weights were trained for: `windowed` or `streaming`, `whole` for strength.
    default_threshold: calling logit when none is asked for, and `threshold_basis`, how it was chosen.
    calibration: the table from logits to false hits per Mb (`Calibration.describe`); takes the place of
        `default_threshold`.
    min_distance, smoothing: in bp, how hits are called: how far apart, and on logits averaged over how much.
    screening: of a model of single windows, how a scan with it is screened: by how much (`margin`) the logit of a
        streaming pass may fall short of the calling logit, which must be at least `lowest`; and how that was measured.
    strength: of a strength model, the `unit` of its scores and the `reporter` (flanks, insert length) they are about.
    window: width of a window in bp, or of the insert of a strength model, which has no `tss_index`.
    strand_trusted: whether the strand of a call can be relied on.
    training, splits, metrics: data with counts and sha256, how it was divided, figures with the data behind them.
    headline: the few figures that `promscan models` shows.
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
    calibration: Mapping[str, Any] = field(default_factory=dict)
    min_distance: int | None = None
    smoothing: int = 1
    screening: Mapping[str, Any] = field(default_factory=dict)
    strength: Mapping[str, Any] = field(default_factory=dict)
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
        """Card from its JSON text.

        Raises:
            ModelError: not a card, of another format version, or made for another window; `source` is named.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ModelError(f"{source}: not a model card: {error}") from error
        names = {f.name for f in dataclasses.fields(cls)}
        required = {f.name for f in dataclasses.fields(cls) if _is_required(f)}
        if not isinstance(values, dict) or not required <= values.keys():
            raise ModelError(f"{source}: not a model card: it needs {', '.join(sorted(required))}")
        if values.get("format_version") != FORMAT_VERSION or not values.keys() <= names:
            raise ModelError(f"{source}: card of another format version; this promscan reads version {FORMAT_VERSION}")
        card = cls(**values)
        if not isinstance(card.smoothing, int) or card.smoothing < 1 or card.smoothing % 2 == 0:
            raise ModelError(f"{source}: smoothing must be an odd width in bp, not {card.smoothing!r}")
        geometry = (card.window, card.tss_index, card.alphabet)
        if card.task == STRENGTH and card.alphabet == dna.ALPHABET:
            return card
        if geometry != (WINDOW, TSS_INDEX, dna.ALPHABET):
            raise ModelError(f"{source}: made for window, TSS index and alphabet {geometry}, which this promscan lacks")
        return card

    def to_json(self) -> str:
        """The card as JSON text, fields in a fixed order."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"


def _is_required(f: dataclasses.Field[Any]) -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def weights_folder() -> Path:
    """The folder of the bundled weights: inside an installed package, at the top of a checkout."""
    here = Path(promscan.__file__).resolve().parent
    installed = here / "weights"
    return installed if installed.is_dir() else here.parent / "weights"


def bundled_models() -> list[str]:
    """Names of the bundled models, sorted."""
    return sorted(path.stem for path in weights_folder().glob("*.safetensors"))


def find_model(name: str) -> Path:
    """A bundled name, or the path of a weights file, to the path of the weights file.

    Raises:
        ModelError: there is no such model.
    """
    if name in bundled_models():
        return weights_folder() / f"{name}.safetensors"
    path = Path(name)
    if path.suffix == ".json":
        path = path.with_suffix(".safetensors")
    if not path.is_file():
        known = ", ".join(bundled_models()) or "none"
        raise ModelError(f"no model {name!r}: give a weights file (.safetensors) or a bundled name ({known})")
    return path


def model_files(name: str) -> list[Path]:
    """The files of a model, which no output may replace.

    Raises:
        ModelError: there is no such model.
    """
    weights = find_model(name)
    return [weights, weights.with_suffix(".json")]


def read_card(path: Path) -> Card:
    """The card beside the weights file `path`.

    Raises:
        ModelError: it is missing or unreadable.
    """
    card_path = path.with_suffix(".json")
    try:
        text = card_path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot read its card {card_path.name}: {error}; keep the two together") from error
    return Card.parse(text, str(card_path))


def write_card(path: Path, card: Card) -> None:
    """Write the card of the weights file `path`."""
    with atomic_path(path.with_suffix(".json")) as temporary:
        temporary.write_text(card.to_json(), encoding="utf-8")
