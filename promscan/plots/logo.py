"""Logos: letters whose heights are numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.plots.figure import new_figure, save_figure
from promscan.seq.dna import LETTERS

COLOURS = {"A": "#109648", "C": "#255C99", "G": "#F7B32B", "T": "#D62839"}
OTHER = "0.6"

Array = npt.NDArray[np.float32]


def plot_explanation(
    name: str,
    bases: str,
    first: int,
    letters: Mapping[str, Array],
    changes: Array | None,
    attention: Array,
    path: Path,
) -> None:
    """Draw a window: its bases by what they are worth, the change with each substitution, and attention weights.

    Args:
        name: title.
        bases: letters of the window, 5' to 3'.
        first: position of the first one relative to the TSS.
        letters: heights of the letters, (n,), by what they mean; each is a row.
        changes: change of the score with A, C, G, T, (n, 4); None: they are not drawn.
        attention: weights, (n,).
        path: a file; its suffix is the format.
    """
    rows = len(letters) + (changes is not None) + 1
    figure, axes = new_figure(1, rows)
    figure.set_size_inches(0.16 * len(bases) + 1.5, 2 * rows)
    ends = first - 0.5, first + len(bases) - 0.5
    for row, (meaning, heights) in zip(axes, letters.items(), strict=False):
        draw_letters(row, bases, first, heights)
        row.set(xlim=ends, ylabel=meaning)
    axes[0].set_title(name, parse_math=False)
    if changes is not None:
        largest = max(float(np.abs(changes).max()), 1e-6)
        image = axes[-2].imshow(
            changes.T, aspect="auto", cmap="RdBu_r", vmin=-largest, vmax=largest, extent=(*ends, 3.5, -0.5),
            interpolation="nearest",
        )  # fmt: skip
        axes[-2].set_yticks(range(4), LETTERS)
        figure.colorbar(image, ax=axes[-2], label="change of the score")
    axes[-1].bar(range(first, first + len(bases)), attention, width=1, color=OTHER)
    axes[-1].set(xlim=ends, xlabel="position relative to the TSS (bp)", ylabel="attention")
    save_figure(figure, path)


def plot_logo(title: str, heights: Array, first: int, path: Path) -> None:
    """Draw a sequence logo.

    Args:
        title: what it is.
        heights: of A, C, G and T at each position, (n, 4), not negative.
        first: position of the first one.
        path: a file; its suffix is the format.
    """
    figure, (axes,) = new_figure(1)
    figure.set_size_inches(0.3 * len(heights) + 1.2, 2)
    bottom = np.zeros(len(heights), dtype=np.float32)
    for rank in range(4):
        order = np.argsort(heights, axis=1, kind="stable")[:, rank]
        chosen = heights[np.arange(len(heights)), order]
        draw_letters(axes, "".join(LETTERS[index] for index in order), first, chosen, bottom)
        bottom = bottom + chosen
    axes.set(xlim=(first - 0.5, first + len(heights) - 0.5), ylim=(0, max(2.0, float(bottom.max()))), ylabel="bits")
    axes.set_xlabel("position relative to the TSS (bp)")
    axes.set_title(title, parse_math=False, fontsize=9)
    save_figure(figure, path)


def draw_letters(
    axes: Any, bases: str, first: int, heights: Sequence[float] | Array, bottom: Sequence[float] | Array | None = None
) -> None:
    """Draw letters one unit wide and as high as their numbers; those below zero hang down.

    Args:
        axes: where they are drawn.
        bases: the letters.
        first: position of the first one.
        heights: their numbers, (n,).
        bottom: where they stand, (n,); None: at zero.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    font = FontProperties(family="DejaVu Sans", weight="bold")
    places = np.zeros(len(bases)) if bottom is None else bottom
    for index, (base, height, below) in enumerate(zip(bases, heights, places, strict=True)):
        shape = TextPath((0, 0), base, size=1, prop=font)
        box = shape.get_extents()
        if not height:
            continue
        place = Affine2D().translate(-box.x0, -box.y0).scale(0.9 / box.width, float(height) / box.height)
        place.translate(first + index - 0.45, float(below))
        axes.add_patch(PathPatch(place.transform_path(shape), color=COLOURS.get(base, OTHER), linewidth=0))
    low, high = min(0.0, float(np.min(heights))), max(0.0, float(np.max(heights)))
    room = 0.05 * max(high - low, 1e-6)
    axes.set_ylim(low - room, high + room)
    axes.axhline(0, color="0.5", linewidth=0.5)
