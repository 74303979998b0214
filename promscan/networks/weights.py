"""Weights on disk: tensors in `NAME.safetensors`, each with its card (`promscan.networks.card`) in the same folder.

Loading reads tensors and text only; nothing in a weights file is ever executed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
import torch

import promscan
from promscan.errors import ModelError, is_lack_of_memory
from promscan.io.files import atomic_path, write_errors, write_whole
from promscan.networks.card import PROMOTER, STRENGTH, Card, read_card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.networks.model_files import card_for, find_model
from promscan.networks.screening import ScreeningNetwork

Network = TypeVar("Network", bound=torch.nn.Module)
SCREENING = "screening."
"""Names of the tensors of a screening network begin with this, in the file of the model that it was made for."""


def load_model(name: str) -> tuple[BiGRUAttention, Card]:
    """A classifier ready for prediction (evaluation mode, CPU, float32), and its card.

    Args:
        name: bundled name or path of a `.safetensors` file with its card in the same folder.

    Raises:
        ModelError: missing, damaged (sha256), a strength model, or tensors that do not fit the architecture in the
            card.
    """
    card = card_for(PROMOTER, name)
    return _load(find_model(name), card, lambda: BiGRUAttention(Architecture(**card.architecture))), card


def load_screening(name: str) -> ScreeningNetwork | None:
    """The screening network of a classifier (evaluation mode, CPU, float32); None: it has none.

    Args:
        name: bundled name or path of a `.safetensors` file with its card in the same folder.

    Raises:
        ModelError: missing, damaged (sha256), or tensors that do not fit the card.
    """
    path = find_model(name)
    card = read_card(path)
    if card.screening is None or (sizes := card.screening.network) is None:
        return None
    columns = Architecture(**card.architecture).screened_columns
    return _load(path, card, lambda: ScreeningNetwork(sizes, columns), SCREENING)


def load_strength(name: str) -> tuple[ExpressionNetwork, Card]:
    """A strength model ready for prediction (evaluation mode, CPU, float32), and its card.

    Args:
        name: bundled name or path of a `.safetensors` file with its card in the same folder.

    Raises:
        ModelError: missing, damaged (sha256), a classifier, or tensors that do not fit the architecture in the card.
    """
    card = card_for(STRENGTH, name)
    return _load(find_model(name), card, lambda: ExpressionNetwork(ExpressionArchitecture(**card.architecture))), card


def _load(path: Path, card: Card, build: Callable[[], Network], prefix: str = "") -> Network:
    """The network of a card, with the tensors of the file whose names begin with `prefix`, or are those of no other."""
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != card.sha256:
        raise ModelError(f"{path}: sha256 differs from its card's: the file is damaged or belongs to another card")
    try:
        tensors = {
            name.removeprefix(prefix): tensor
            for name, tensor in safetensors.torch.load(raw).items()
            if name.startswith(SCREENING) == bool(prefix)
        }
        with torch.random.fork_rng(devices=[]):  # new weights take random numbers, which are the caller's
            _check_shapes(build, tensors)
            model = build()
        model.load_state_dict(tensors)
    except (TypeError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        if is_lack_of_memory(error):
            raise
        reason = str(error).splitlines()[0]
        part = "screening network" if prefix else "architecture"
        raise ModelError(f"{path}: the weights do not fit the {part} in the card: {reason}") from error
    for name, tensor in model.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{path}: tensor {name} holds NaN or infinity: the weights are damaged; get them again")
    return model.eval()


def _check_shapes(build: Callable[[], Network], tensors: Mapping[str, torch.Tensor]) -> None:
    """Check that the tensors are those of the network, before memory is taken for as large a one as the card says.

    Raises:
        ValueError: a tensor has another shape, is missing or too many.
    """
    with torch.device("meta"):
        wanted = {name: tuple(tensor.shape) for name, tensor in build().state_dict().items()}
    for name in sorted(wanted.keys() | tensors.keys()):
        found = tuple(tensors[name].shape) if name in tensors else "none"
        if found != wanted.get(name, "none"):
            raise ValueError(f"tensor {name} has shape {found}, the network {wanted.get(name, 'none')}")


def save_model(
    path: Path, model: BiGRUAttention | ExpressionNetwork, card: Card, screening: ScreeningNetwork | None = None
) -> Card:
    """Write weights and card; returns the card with the sha256 and architecture of what was written.

    Args:
        path: weights file to write, `.safetensors`.
        model: the network.
        card: its card. Its screening stays only with the network that it was measured with.
        screening: the screening network of this model.
    """
    tensors = dict(model.state_dict())
    if screening is not None:
        tensors |= {SCREENING + name: tensor for name, tensor in screening.state_dict().items()}
    elif card.screening is not None and card.screening.network is not None:
        card = dataclasses.replace(card, screening=None)
    raw = safetensors.torch.save({name: t.detach().cpu().contiguous() for name, t in tensors.items()})
    card = dataclasses.replace(card, sha256=hashlib.sha256(raw).hexdigest(), architecture=model.architecture.describe())
    card_path = path.with_suffix(".json")
    # Both are written before either is moved, so that a full disk never parts weights from their card.
    with atomic_path(card_path) as of_card, atomic_path(path) as of_weights:
        with write_errors(str(path)):
            of_weights.write_bytes(raw)
        with write_errors(str(card_path)):
            of_card.write_text(card.to_json(), encoding="utf-8")
    return card


def save_tensors(path: Path, tensors: Mapping[str, torch.Tensor], notes: Mapping[str, Any]) -> None:
    """Write tensors with JSON notes in one file, atomically (the state of an unfinished training)."""
    raw = safetensors.torch.save(dict(tensors), metadata={"notes": json.dumps(notes)})
    write_whole(path, raw)


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors and notes of a file that `save_tensors` wrote.

    Raises:
        ModelError: the file is missing or damaged.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            notes = json.loads(file.metadata()["notes"])
            return {name: file.get_tensor(name) for name in file.keys()}, notes  # noqa: SIM118 - not a dict
    except (OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise ModelError(f"{path}: cannot read the training state: {error}") from error


def source_commit() -> str:
    """Commit of the checkout that this code runs from; empty for an installed package."""
    root = Path(promscan.__file__).resolve().parent.parent
    if not (root / ".git").exists() or (git := shutil.which("git")) is None:
        return ""
    result = subprocess.run([git, "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""
