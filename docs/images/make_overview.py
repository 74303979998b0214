"""Draw docs/images/overview.png from real output: a scan of the demo genome, and the network that made it.

    python docs/images/make_overview.py                                       with the default model
    python docs/images/make_overview.py tests/data/tiny.safetensors -o x.png  with another one

It needs matplotlib (`pip install 'promscan[plot]'`) and takes as long as a scan of 30 kb. The picture names its weights
in the PNG text `Weights`: a test fails when the bundled weights are others, and then this script has to be run again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from promscan.calling.callers import open_caller
from promscan.calling.settings import resolve_calling
from promscan.inference.engine import open_engine
from promscan.inference.settings import EngineSettings
from promscan.io.genome import Genome
from promscan.networks.card import DEFAULT_MODEL, Card
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.device import resolve_device
from promscan.networks.weights import load_model
from promscan.seq import dna
from promscan.seq.records import Hit, Logits, Strand
from promscan.seq.windows import TSS_INDEX, WINDOW, tss_of

Array = npt.NDArray[Any]

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "tests" / "data"
CONTIG = "demo1"
FP_PER_MB = 50
STRANDS: tuple[Strand, Strand] = ("+", "-")
NEAR = 100
"""bp between a hit and a planted promoter that count as one place, as in docs/results.md."""

INK, PALE, PAPER = "#22303a", "#8a979f", "#ffffff"
COLOUR = {"+": "#12827c", "-": "#c8641b"}
TINT = {"+": "#dcefed", "-": "#fae7d8"}
BASES = {"A": "#3a9b5c", "C": "#3572b8", "G": "#d99a1c", "T": "#cc4a45", "N": PALE}
BIN = 20
"""bp that the overview draws as one point, their maximum."""


class Result(NamedTuple):
    """A scan of one contig: logits by strand (one a window start), hits, and the lowest logit of one.

    A model that grades hits by what lies around them has no such logit.
    """

    logits: dict[Strand, Logits]
    hits: list[Hit]
    threshold: float | None
    codes: dna.Codes


def scan(network: BiGRUAttention, card: Card) -> Result:
    """Score and call every window of the contig, as `promscan scan` does."""
    calling = resolve_calling(card, fp_per_mb=FP_PER_MB if card.calibration else None)
    settings = EngineSettings(smoothing=calling.smoothing, gc_reach=calling.gc_reach)
    engine = open_engine(card.engine, network, [resolve_device("auto")], settings)
    (chunk,) = (chunk for chunk in Genome(DATA / "demo.fa").read_chunks(1 << 20) if chunk.chrom == CONTIG)
    with engine:
        tracks = next(engine.score([chunk]))
    caller = open_caller(calling)
    hits = caller.feed(tracks) + caller.flush()
    threshold = calling.threshold if calling.rule is None else None
    return Result({track.strand: track.logits for track in tracks}, hits, threshold, chunk.codes)


def planted() -> list[tuple[int, Strand]]:
    """The transcription starts that were planted in the contig."""
    rows = [line.split("\t") for line in (DATA / "demo_tss.bed").read_text(encoding="ascii").splitlines()]
    return [(int(row[1]), "+" if row[5] == "+" else "-") for row in rows if row[0] == CONTIG]


def is_near(hit: Hit, truth: list[tuple[int, Strand]]) -> bool:
    """Whether a planted promoter of the hit's strand stands close by."""
    return any(strand == hit.strand and abs(tss - hit.tss) <= NEAR for tss, strand in truth)


def sense(strand: str) -> int:
    """Up for the + strand, down for the - strand."""
    return 1 if strand == "+" else -1


def draw_tss(ax: Any, tss: int, strand: str, *, lane: float, width: float) -> None:
    """The bent arrow by which this field marks a transcription start."""
    colour, up, right = COLOUR[strand], sense(strand), sense(strand)
    ax.plot([tss, tss], [0, up * lane * 0.72], color=colour, linewidth=1.5, solid_capstyle="butt", zorder=5)
    arrow = FancyArrowPatch(
        (tss, up * lane * 0.72), (tss + right * width, up * lane * 0.72),
        arrowstyle="-|>", mutation_scale=7, linewidth=1.5, color=colour, shrinkA=0, shrinkB=0, zorder=5,
    )  # fmt: skip
    ax.add_patch(arrow)


def draw_tracks(
    ax: Any,
    result: Result,
    truth: list[tuple[int, Strand]],
    *,
    view: tuple[int, int],
    bin_bp: int,
    arrow_share: float = 0.012,
) -> None:
    """Logits of a view of the contig, + upwards and - downwards, the planted starts between them, and the hits."""
    floor = float(np.nanmedian(np.concatenate(list(result.logits.values()))))
    top = max(float(np.nanmax(logits)) for logits in result.logits.values()) - floor
    lane = 0.2 * top
    ax.axhspan(-lane, lane, color="#f3f5f6", zorder=0)
    ax.axhline(0, color=INK, linewidth=1, zorder=4)
    for strand, logits in result.logits.items():
        starts, values = binned(logits, strand, view, bin_bp)
        heights = lane + np.clip(np.nan_to_num(values, nan=floor) - floor, 0, None)
        up, colour = sense(strand), COLOUR[strand]
        ax.fill_between(starts, up * lane, up * heights, color=TINT[strand], linewidth=0, zorder=1)
        ax.plot(starts, up * heights, color=colour, linewidth=0.8, zorder=2)
        if result.threshold is not None:
            ax.axhline(up * (lane + result.threshold - floor), color=PALE, lw=0.8, linestyle=(0, (4, 3)), zorder=1)
    for tss, strand in truth:
        if view[0] <= tss < view[1]:
            draw_tss(ax, tss, strand, lane=lane, width=arrow_share * (view[1] - view[0]))
    for hit in result.hits:
        if view[0] <= hit.tss < view[1]:
            right, logit = is_near(hit, truth), float(result.logits[hit.strand][hit.start])
            ax.plot(
                hit.tss, sense(hit.strand) * (lane + logit - floor), "o", markersize=6, zorder=6,
                markerfacecolor=COLOUR[hit.strand] if right else PAPER, markeredgecolor=COLOUR[hit.strand],
            )  # fmt: skip
    ax.set(xlim=view, ylim=(-1.12 * (lane + top), 1.12 * (lane + top)))
    highest = np.floor(floor + top)
    shown = [highest] if result.threshold is None else [result.threshold]
    if result.threshold is not None and highest - result.threshold > top / 8:  # else labels would overlap
        shown.append(highest)
    ax.set_yticks([sense(s) * (lane + value - floor) for s in STRANDS for value in shown])
    ax.set_yticklabels([f"{value:.3g}" for _ in STRANDS for value in shown])


def binned(logits: Logits, strand: str, view: tuple[int, int], bin_bp: int) -> tuple[Array, Array]:
    """Transcription starts of the middle of each bin, and the largest logit in it; NaN where none was scored."""
    first, end = view[0], min(view[1], len(logits))
    values = logits[first : first + (end - first) // bin_bp * bin_bp].reshape(-1, bin_bp)
    known = np.where(np.isnan(values), -np.inf, values).max(axis=1)
    middle = tss_of(first + bin_bp // 2, strand) + bin_bp * np.arange(len(values))
    return middle, np.where(np.isinf(known), np.nan, known)


def tidy(ax: Any, title: str, pad: float = 7) -> None:
    """Plain axes, and a title at the left."""
    ax.set_title(title, loc="left", fontsize=10.5, color=INK, pad=pad)
    ax.tick_params(colors=INK, labelsize=8.5, length=3)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(PALE)


def draw_overview(ax: Any, result: Result, truth: list[tuple[int, Strand]], model: str) -> None:
    """The whole contig."""
    length = len(result.codes)
    draw_tracks(ax, result, truth, view=(0, length), bin_bp=BIN)
    tidy(ax, f"promscan scan: {length // 1000} kb of the synthetic demo genome, both strands, model {model}", pad=26)
    ax.set_xticks(range(0, length + 1, 5000), [f"{x / 1000:g} kb" for x in range(0, length + 1, 5000)])
    ax.set_ylabel("logit   (- strand ↓   + strand ↑)", fontsize=9, color=INK)
    ax.plot([], [], "o", color=INK, markersize=6, label=f"hit within {NEAR} bp of a planted TSS of its strand")
    ax.plot([], [], "o", markerfacecolor=PAPER, markeredgecolor=INK, markersize=6, label="other hit")
    if result.threshold is not None:
        ax.plot([], [], color=PALE, linewidth=1, linestyle=(0, (4, 3)), label="threshold")
    ax.plot([], [], marker=r"$\mapsto$", color=INK, linestyle="none", markersize=11, label="planted TSS")
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.005, 0.985), ncols=4, frameon=False, fontsize=8.5, labelcolor=INK,
        handletextpad=0.4, columnspacing=1.4, borderaxespad=0.1,
    )  # fmt: skip


def draw_zoom(ax: Any, result: Result, truth: list[tuple[int, Strand]], hit: Hit) -> None:
    """One hit, base by base, with the window that was called."""
    view = (max(0, hit.tss - 600), min(len(result.codes), hit.tss + 600))
    draw_tracks(ax, result, truth, view=view, bin_bp=1, arrow_share=0.05)
    bottom, top = ax.get_ylim()
    ax.add_patch(Rectangle((hit.start, bottom), WINDOW, top - bottom, color=COLOUR[hit.strand], alpha=0.13, lw=0))
    tidy(ax, f"one hit, base by base: {hit.name}")
    ticks = [hit.tss - 500, hit.tss, hit.tss + 500]
    ax.set_xticks(ticks, ["-500 bp", "predicted TSS", "+500 bp"])


def attention_of(network: BiGRUAttention, codes: dna.Codes) -> Array:
    """The attention weights of one window, (70,)."""
    with torch.inference_mode():
        states = network.cpu().states(torch.from_numpy(codes.copy())[None])
        scores = network.attention_score(torch.tanh(network.attention(states)))
        return np.asarray(torch.softmax(scores, dim=1)[0, :, 0])


def draw_network(ax: Any, network: BiGRUAttention, result: Result, hit: Hit) -> None:
    """The network around the window of the hit: its bases, its boxes, and its real attention weights."""
    codes = result.codes[hit.start : hit.end]
    codes = codes if hit.strand == "+" else dna.reverse_complement(codes)
    ax.set(xlim=(-1, WINDOW + 18), ylim=(0, 9))
    ax.axis("off")
    ax.set_title("the network, on the window of that hit", loc="left", fontsize=10.5, color=INK, pad=7)
    for index, letter in enumerate(dna.decode(codes)):
        ax.add_patch(Rectangle((index + 0.04, 0.9), 0.92, 0.95, color=BASES[letter], lw=0))
        ax.text(
            index + 0.5, 1.34, letter, ha="center", va="center", fontsize=5.2, color=PAPER, family="monospace",
            weight="bold",
        )  # fmt: skip
    ax.plot([TSS_INDEX + 0.5] * 2, [0.86, 0.5], color=INK, linewidth=1)
    ax.text(TSS_INDEX + 0.5, 0.42, "TSS, index 33", ha="center", va="top", fontsize=7.5, color=INK)
    size = network.architecture
    stem = f", {size.convolutions} x convolution ({size.kernel} bp)" if size.convolutions else ""
    box(ax, 2.35, 1.05, f"A, T, G, C → {size.hidden} numbers a base{stem}")
    box(ax, 3.95, 1.05, f"{size.layers} x bidirectional GRU, {size.hidden} units a direction", arrows=True)
    weights = attention_of(network, codes)
    ax.bar(
        np.arange(WINDOW) + 0.5, 2.3 * weights / weights.max(), bottom=5.75, width=0.78,
        color=COLOUR[hit.strand], linewidth=0,
    )  # fmt: skip
    ax.plot([0, WINDOW], [5.75, 5.75], color=PALE, linewidth=0.8)
    ax.text(0, 8.35, "attention: the weight of each position in the mean", fontsize=8.5, color=INK)
    for low, high in ((1.9, 2.32), (3.45, 3.92), (5.05, 5.6)):
        arrow(ax, (WINDOW / 2, low), (WINDOW / 2, high))
    arrow(ax, (WINDOW + 0.4, 6.6), (WINDOW + 4, 6.6))
    middle = WINDOW + 10.8
    ax.add_patch(FancyBboxPatch((WINDOW + 4.6, 5.75), 12.4, 1.7, boxstyle="round,pad=0.12", fc="#eef1f3", ec=PALE))
    ax.text(middle, 6.6, "3-layer\nhead", ha="center", va="center", fontsize=8.5, color=INK)
    arrow(ax, (middle, 5.55), (middle, 4.75))
    ax.text(middle, 4.55, f"score {hit.logit:.2f}", ha="center", va="top", fontsize=10, color=INK, weight="bold")
    ax.text(middle, 3.75, f"probability {hit.probability:.4f}", ha="center", va="top", fontsize=8, color=INK)


def box(ax: Any, bottom: float, height: float, text: str, *, arrows: bool = False) -> None:
    """A layer as wide as the window."""
    ax.add_patch(
        FancyBboxPatch(
            (0.2, bottom + 0.1), WINDOW - 0.4, height - 0.2, boxstyle="round,pad=0.12", fc="#eef1f3", ec=PALE
        )
    )
    ax.text(WINDOW / 2, bottom + height / 2, text, ha="center", va="center", fontsize=8.5, color=INK)
    if arrows:
        y = bottom + height / 2
        arrow(ax, (1.5, y + 0.22), (8, y + 0.22))
        arrow(ax, (8, y - 0.22), (1.5, y - 0.22))
        arrow(ax, (WINDOW - 8, y + 0.22), (WINDOW - 1.5, y + 0.22))
        arrow(ax, (WINDOW - 1.5, y - 0.22), (WINDOW - 8, y - 0.22))


def arrow(ax: Any, tail: tuple[float, float], head: tuple[float, float]) -> None:
    """A thin arrow."""
    ax.add_patch(
        FancyArrowPatch(tail, head, arrowstyle="-|>", mutation_scale=8, color=INK, linewidth=0.9, shrinkA=0, shrinkB=0)
    )


def main() -> None:
    """Read the command line, scan, draw."""
    parser = argparse.ArgumentParser(description="Draw docs/images/overview.png.")
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL, help="bundled name or weights file")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "overview.png")
    arguments = parser.parse_args()
    network, card = load_model(arguments.model)
    result, truth = scan(network, card), planted()
    figure = Figure(figsize=(12, 7), dpi=140, facecolor=PAPER, layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(1.25, 1), width_ratios=(1, 1.75), hspace=0.08, wspace=0.04)
    draw_overview(figure.add_subplot(grid[0, :]), result, truth, card.name)
    right = [hit for hit in result.hits if is_near(hit, truth)]
    best = max(right or result.hits, key=lambda hit: hit.logit)
    draw_zoom(figure.add_subplot(grid[1, 0]), result, truth, best)
    draw_network(figure.add_subplot(grid[1, 1]), network, result, best)
    figure.savefig(arguments.output, metadata={"Software": None, "Weights": f"{card.name} {card.sha256}"})


if __name__ == "__main__":
    main()
