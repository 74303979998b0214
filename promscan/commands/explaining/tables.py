"""Explanations as a table, as arrays, and as pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from promscan.commands.explaining.explanation import Explanation
from promscan.io.files import atomic_path, safe_stem, write_errors
from promscan.seq.dna import LETTERS
from promscan.seq.windows import WINDOW

_PLACE = ("name", "offset", "base", "score", "attention")
_MUTAGENESIS = ("importance", *LETTERS)
_GRADIENTS = ("gradient",)


def columns_of(explanation: Explanation | None) -> tuple[str, ...]:
    """The columns of the table, which depend on what was computed; None: there is no explanation at all."""
    columns: tuple[str, ...] = _PLACE
    if explanation is None or explanation.importance is not None:
        columns += _MUTAGENESIS
    if explanation is not None and explanation.gradients is not None:
        columns += _GRADIENTS
    return columns


def write_rows(explanation: Explanation, file: TextIO) -> None:
    """Write a row for each base."""
    file.writelines("\t".join(row) + "\n" for row in _rows(explanation))


def _rows(explanation: Explanation) -> Iterator[list[str]]:
    columns = [_attention(explanation)]
    if explanation.importance is not None and explanation.changes is not None:
        columns += [explanation.importance, *explanation.changes.T]
    if explanation.gradients is not None:
        columns.append(explanation.gradients)
    for index, (base, *numbers) in enumerate(zip(explanation.bases, *columns, strict=True)):
        place = [explanation.name, str(explanation.first + index), base, f"{explanation.score:.4f}"]
        yield [*place, *(f"{number:z.4f}" for number in numbers)]


def _attention(explanation: Explanation) -> np.ndarray:
    """The attention of all bases, (n,): bases of the flanks have none."""
    return np.pad(explanation.attention, (len(explanation.bases) - WINDOW) // 2)


def write_arrays(found: Sequence[Explanation], output: str) -> None:
    """Write all explanations as arrays (.npz)."""
    width = len(found[0].bases) if found else WINDOW
    arrays = {
        "names": np.array([each.name for each in found], dtype=np.str_),
        "bases": np.array([each.bases for each in found], dtype=np.str_),
        "scores": np.array([each.score for each in found], dtype=np.float32),
        "attention": np.array([_attention(each) for each in found], dtype=np.float32).reshape(-1, width),
    }
    columns = columns_of(found[0] if found else None)
    if "importance" in columns:
        arrays["importance"] = np.array([each.importance for each in found], dtype=np.float32).reshape(-1, width)
        changes = np.array([each.changes for each in found], dtype=np.float32)
        arrays["changes"] = changes.reshape(-1, width, len(LETTERS))
    if "gradient" in columns:
        arrays["gradients"] = np.array([each.gradients for each in found], dtype=np.float32)
        arrays["baselines"] = np.array([each.baseline for each in found], dtype=np.float32)
    with atomic_path(output) as path, write_errors(output), path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def draw(found: Sequence[Explanation], folder: Path) -> None:
    """Draw a picture of each explanation (.svg)."""
    from promscan.plots.logo import plot_explanation

    with write_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(found, start=1):
        path = folder / f"{number:04d}_{safe_stem(each.name)}.svg"
        rows = {"importance": each.importance, "gradient": each.gradients}
        letters = {name: values for name, values in rows.items() if values is not None}
        plot_explanation(each.name, each.bases, each.first, letters, each.changes, _attention(each), path)
