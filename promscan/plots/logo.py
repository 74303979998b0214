"""Logos: letters whose heights are numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.plots.figure import new_figure, save_figure

COLOURS = {"A": "#109648", "C": "#255C99", "G": "#F7B32B", "T": "#D62839"}
OTHER = "0.6"

Array = npt.NDArray[np.float32]


def plot_explanation(
    name: str, bases: str, first: int, importance: Array, changes: Array, attention: Array, path: Path
) -> None:
    """Draw a window: its bases by importance, the change of the score with each substitution, and attention weights.

    Args:
        name: title.
        bases: letters of the window, 5' to 3'.
        first: position of the first one relative to the TSS.
        importance: height of each letter, (n,).
        changes: change of the score with A, C, G, T, (n, 4).
        attention: weights, (n,).
        path: a file; its suffix is the format.
    """
    figure, (letters, heat, weights) = new_figure(1, 3)
    figure.set_size_inches(0.16 * len(bases) + 1.5, 6)
    ends = first - 0.5, first + len(bases) - 0.5
    draw_letters(letters, bases, first, importance)
    letters.set(xlim=ends, ylabel="importance")
    letters.set_title(name, parse_math=False)
    largest = max(float(np.abs(changes).max()), 1e-6)
    image = heat.imshow(
        changes.T, aspect="auto", cmap="RdBu_r", vmin=-largest, vmax=largest, extent=(*ends, 3.5, -0.5),
        interpolation="nearest",
    )  # fmt: skip
    heat.set_yticks(range(4), "ACGT")
    figure.colorbar(image, ax=heat, label="change of the score")
    weights.bar(range(first, first + len(bases)), attention, width=1, color=OTHER)
    weights.set(xlim=ends, xlabel="position relative to the TSS (bp)", ylabel="attention")
    save_figure(figure, path)


def draw_letters(axes: Any, bases: str, first: int, heights: Sequence[float] | Array) -> None:
    """Draw letters one unit wide and as high as their numbers; those below zero hang down."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    font = FontProperties(family="DejaVu Sans", weight="bold")
    for index, (base, height) in enumerate(zip(bases, heights, strict=True)):
        shape = TextPath((0, 0), base, size=1, prop=font)
        box = shape.get_extents()
        place = Affine2D().translate(-box.x0, -box.y0).scale(0.9 / box.width, float(height) / box.height)
        place.translate(first + index - 0.45, 0)
        axes.add_patch(PathPatch(place.transform_path(shape), color=COLOURS.get(base, OTHER), linewidth=0))
    low, high = min(0.0, float(np.min(heights))), max(0.0, float(np.max(heights)))
    room = 0.05 * max(high - low, 1e-6)
    axes.set_ylim(low - room, high + room)
    axes.axhline(0, color="0.5", linewidth=0.5)
