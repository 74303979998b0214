"""Folder of a training run: configuration, metrics, weights, and the state to resume from.

config.json            recipe, number of threads, checksums of the data, version; written first, never changed
metrics.tsv            a row for each epoch
best.safetensors/json  weights of the best epoch and their card
last.safetensors/json  weights of the last epoch and their card
state.safetensors      state after the last epoch, with the metrics so far; `--resume` goes on from here
*.png                  plots
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from promscan.errors import RunError
from promscan.io.files import write_whole
from promscan.networks.weights import load_tensors, save_tensors

_UNFINISHED = re.compile(r"\.(config|metrics|best|last|state|[a-z_]+_curves)\..*\.[0-9a-f]{8}\.tmp")
"""Temporary files of a run that was killed while it wrote them."""


class RunFolder:
    """Files of one training run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_path = path / "state.safetensors"
        self._config_path = path / "config.json"

    def recorded_threads(self) -> int | None:
        """Number of CPU threads of the run that is there; None if there is no run, or if it names no number."""
        config = _read_config(self._config_path)
        threads = config.get("threads") if isinstance(config, dict) else None
        return threads if type(threads) is int and threads > 0 else None

    def begin(self, config: Mapping[str, Any], *, resume: bool) -> bool:
        """Begin a new run, or find the run to resume.

        Returns:
            whether there is a state to resume from.

        Raises:
            RunError: the folder is in use and `resume` is off, or it holds a run with another configuration.
        """
        self._remove_unfinished()
        if resume and self._config_path.is_file():
            if _read_config(self._config_path) != json.loads(json.dumps(config)):  # JSON has no tuples
                raise RunError(
                    f"{self._config_path}: another recipe, data or version; resume with the same, or train anew"
                )
            return self.state_path.is_file()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            used = any(self.path.iterdir())
        except OSError as error:
            raise RunError(f"{self.path}: cannot be a run folder: {error.strerror}") from error
        if used:
            raise RunError(f"{self.path}: not empty; choose another folder, or --resume the run in it")
        write_whole(self._config_path, json.dumps(config, indent=2) + "\n")
        return False

    def _remove_unfinished(self) -> None:
        with suppress(OSError):
            for path in self.path.iterdir():
                if _UNFINISHED.fullmatch(path.name):
                    path.unlink()

    def save_state(
        self, groups: Mapping[str, Mapping[str, torch.Tensor]], history: Sequence[Mapping[str, float]]
    ) -> None:
        """Write named groups of tensors and the metrics so far, atomically."""
        tensors = {f"{group}/{name}": t.contiguous() for group, values in groups.items() for name, t in values.items()}
        save_tensors(self.state_path, tensors, {"history": list(history)})

    def load_state(self) -> tuple[dict[str, dict[str, torch.Tensor]], list[dict[str, float]]]:
        """Read what `save_state` has written."""
        tensors, notes = load_tensors(self.state_path)
        groups: dict[str, dict[str, torch.Tensor]] = {}
        for key, tensor in tensors.items():
            group, _, name = key.partition("/")
            groups.setdefault(group, {})[name] = tensor
        return groups, notes["history"]

    def write_metrics(self, history: Sequence[Mapping[str, float]]) -> None:
        """Write `metrics.tsv` anew after each epoch, so that it always agrees with the state."""
        rows = ["\t".join(history[0])]
        rows += ["\t".join(f"{value:.6g}" for value in row.values()) for row in history]
        write_whole(self.path / "metrics.tsv", "\n".join(rows) + "\n")


def _read_config(path: Path) -> Any:
    """Configuration of a run; None if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
