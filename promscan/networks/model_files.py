"""Where models are: bundled ones by their name, others by the path of their weights."""

from __future__ import annotations

from pathlib import Path

import promscan
from promscan.errors import ModelError
from promscan.networks.card import UNFIT, Card, read_card


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
    if path.is_file():
        return path
    if name and path.is_dir():
        raise ModelError(f"{name}: is a folder; give a weights file in it, such as {path / 'best.safetensors'}")
    if name and path.exists():
        raise ModelError(f"{name}: is no regular file; save the weights to one, with their card next to it")
    if "/" in name or path.suffix == ".safetensors":
        raise ModelError(f"{path}: there is no such file; give a weights file (.safetensors) or the name of a model")
    known = ", ".join(bundled_models()) or "none"
    raise ModelError(f"no model {name!r}: give a weights file (.safetensors) or a bundled name ({known})")


def model_files(name: str) -> list[Path]:
    """The files of a model, which no output may replace.

    Raises:
        ModelError: there is no such model.
    """
    weights = find_model(name)
    return [weights, weights.with_suffix(".json")]


def card_for(task: str, model: str | Path) -> Card:
    """The card of a model for this task, by its bundled name or weights file.

    Raises:
        ModelError: there is no such model, its card is unreadable, or it is for the other task.
    """
    card = read_card(find_model(str(model)))
    if card.task != task:
        raise ModelError(f"{model}: {UNFIT[task]}")
    return card
