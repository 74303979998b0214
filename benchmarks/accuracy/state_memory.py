r"""Reach of the states of a network: changes of a logit by the bases before and behind its lane.

Windows in the middle of lanes of human dev sequence (chr9, chr17) are scored with warm-ups of growing length on both
sides, and compared with the logit after the longest one. A warm-up is long enough where nothing changes any more.

    python -m benchmarks.accuracy.state_memory human --data DATA \
        -o benchmarks/results/0.1.0/state_memory.human.json --plot docs/images/state_memory.png
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from benchmarks.common import HUMAN, models_of, parser_of, save_picture, save_result
from promscan.inference.lanes import LaneNetwork
from promscan.io.genome import Genome
from promscan.networks.weights import load_model
from promscan.seq import dna
from promscan.seq.windows import WINDOW

LANES = 64
LONGEST = 20 * WINDOW
WARM_UPS = [blocks * WINDOW for blocks in (0, 1, 2, 3, 4, 5, 6, 8, 10, 14)]


def sample_lanes(genome: Path) -> dna.Codes:
    """Stretches (positions, 64) of dev contigs, one a column, at equal distances."""
    length = 2 * LONGEST + 2 * WINDOW
    stretches = [
        chunk.codes[i : i + length]
        for chunk in Genome(genome).read_chunks(step=1 << 30)
        if chunk.chrom.split(":")[0] in HUMAN.dev
        for i in range(0, len(chunk.codes) - length, 50_000)
    ]
    return np.stack(stretches[:: len(stretches) // LANES][:LANES], axis=1)


def logits_after(network: LaneNetwork, lanes: dna.Codes, warm_up: int) -> np.ndarray:
    """Logits (70, 64) of the windows in the middle, after this warm-up."""
    with torch.inference_mode():
        return network.logits(torch.from_numpy(lanes), LONGEST, warm_up).numpy()


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "output")
    parser.add_argument("--plot", type=Path, help="PNG file of the curve.")
    arguments = parser.parse_args()
    model, card = load_model(arguments.model)
    network, lanes = LaneNetwork(model, torch.device("cpu")), sample_lanes(arguments.data / HUMAN.genome)
    settled = logits_after(network, lanes, LONGEST)
    moved = {warm_up: np.abs(logits_after(network, lanes, warm_up) - settled) for warm_up in WARM_UPS}
    result: dict[str, Any] = {
        "engine": card.engine,
        "windows": settled.size,
        "longest": LONGEST,
        "logit_change": {
            str(warm_up): {"median": float(np.median(change)), "largest": float(change.max())}
            for warm_up, change in moved.items()
        },
    }
    save_result(arguments.output, result, card)
    if arguments.plot is not None:
        save_picture(draw(result["logit_change"], card.name), arguments.plot, models_of(card))


def draw(logit_change: Mapping[str, Mapping[str, float]], name: str) -> Figure:
    """The changes of the logits by warm-up, as a result lists them."""
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot(xlabel="warm-up (bp)", ylabel="change of the logit", title=name, yscale="log")
    for label in ("largest", "median"):
        axes.plot(list(map(int, logit_change)), [change[label] for change in logit_change.values()], "o-", label=label)
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
