"""Pictures of `bacteria`, drawn from its results: recall by false positives per Mb, and logos of what is called.

Promotech was measured with the same rules, but on the second half of E. coli, which this project does not train or test
on; it had learned from E. coli.

python -m benchmarks.accuracy.bacteria_pictures docs/images
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.common import find_result, parser_of, read_result, save_picture
from benchmarks.tables.genomes import SHOWN_BACTERIA
from promscan import log
from promscan.plots.logo import draw_letters

PROMOTECH = {10: 0.10, 50: 0.21, 100: 0.29, 200: 0.39}
"""Recall of Promotech by false positives per Mb, on 1,312 starts of the other half of E. coli."""
ECOLI = SHOWN_BACTERIA[0]
Species = Mapping[str, Mapping[str, Any]]


def short(name: str) -> str:
    """`E. coli` for a species with its strain."""
    genus, epithet, *_ = name.split()
    return f"{genus[0]}. {epithet}"


def recall_picture(result: Mapping[str, Any]) -> Figure:
    """Recall by false positives per Mb: the shown species with Promotech, and the others."""
    species: Species = result["species"]
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for name, found in species.items():
        axes = panels[0 if name in SHOWN_BACTERIA else 1]
        points = {float(rate): point["recall"] for rate, point in found["model"].items()}
        label = f"{short(found['species'])} {found['species'].split()[-1]}" if name not in SHOWN_BACTERIA else None
        axes.plot(*zip(*points.items(), strict=True), marker=".", label=label or short(found["species"]))
    matrix = species.get(ECOLI, {}).get("matrix", {})
    if matrix:
        points = [(float(rate), point["recall"]) for rate, point in matrix.items()]
        panels[0].plot(*zip(*points, strict=True), "k:", label="-35/-10 matrix, E. coli")
    panels[0].plot(*zip(*PROMOTECH.items(), strict=True), "kx", label="Promotech, other half of E. coli")
    for axes in panels:
        axes.set(xscale="log", ylim=(0, 1), xlabel="FP/Mb: every hit that is not at a listed start")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="upper left")
    panels[0].set_ylabel("recall within 20 bp, same strand")
    return figure


def bits_of(counts: Sequence[Sequence[int]]) -> np.ndarray:
    """Heights of A, C, G and T at each position in bits, with the usual correction for few sequences."""
    numbers = np.array(counts, dtype=float)
    totals = np.maximum(numbers.sum(axis=1, keepdims=True), 1)
    shares = numbers / totals
    entropy = -np.sum(shares * np.log2(np.maximum(shares, 1e-12)), axis=1, keepdims=True)
    heights: np.ndarray = shares * np.maximum(2 - entropy - 3 / (2 * np.log(2) * totals), 0)
    return heights


def draw_logo(axes: Any, heights: np.ndarray, first: int) -> None:
    """Draw a logo, the largest letter on top."""
    bottom = np.zeros(len(heights))
    for rank in range(4):
        order = np.argsort(heights, axis=1, kind="stable")[:, rank]
        chosen = heights[np.arange(len(heights)), order]
        draw_letters(axes, "".join("ACGT"[index] for index in order), first, chosen, bottom)
        bottom = bottom + chosen
    axes.set(xlim=(first - 0.5, first + len(heights) - 0.5))


def logo_picture(result: Mapping[str, Any]) -> Figure:
    """Logos of the listed starts and of the hits, a row a species."""
    species: Species = result["species"]
    shown = [name for name in SHOWN_BACTERIA if name in species]
    figure = Figure(figsize=(12, 1.5 * len(shown) + 0.6), layout="constrained")
    for row, name in zip(figure.subplots(len(shown), 2, squeeze=False), shown, strict=True):
        logos = {words: species[name]["logos"][kind] for words, kind in (("listed", "listed"), ("called", "called"))}
        heights = {words: bits_of(logo["counts"]) for words, logo in logos.items()}
        top = max(0.1, *(float(each.sum(axis=1).max()) for each in heights.values()))
        for axes, (words, logo) in zip(row, logos.items(), strict=True):
            draw_logo(axes, heights[words], result["first"])
            axes.set_ylim(0, 1.05 * top)
            axes.set_title(f"{short(species[name]['species'])}: {logo['number']:,} {words}", fontsize=9)
            axes.set_xticks([-35, -10, 0], ["-35", "-10", "TSS"])
        row[0].set_ylabel("bits")
    return figure


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("folder", type=Path, help="Folder for bacteria_recall.png and bacteria_logos.png.")
    folder = parser.parse_args().folder
    pictures = {"recall": ("bacteria", recall_picture), "logos": ("bacteria_background", logo_picture)}
    for name, (script, picture) in pictures.items():
        path = find_result(f"{script}.bacteria.json")
        if path is None:
            log.logger.warning("no %s: there is no result of benchmarks.accuracy.%s", f"bacteria_{name}.png", script)
            continue
        result = read_result(path)
        save_picture(picture(result), folder / f"bacteria_{name}.png", result["origin"]["models"])


if __name__ == "__main__":
    main()
