"""How far the states of a network remember: what a logit still owes to the bases before and behind its lane.

Windows in the middle of lanes of human dev sequence (chr9, chr17) are graded with warm-ups of growing length on both
sides, and compared with the grade after the longest one. A warm-up is long enough where nothing changes any more.

    python benchmarks/state_memory.py MODEL --data DATA -o benchmarks/results/state_memory.MODEL.json --plot CURVE.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from promscan.inference.lanes import LaneNetwork
from promscan.io.genome import Genome
from promscan.networks.weights import load_model
from promscan.seq import dna
from promscan.seq.windows import WINDOW

DEV = ("chr9", "chr17")
LANES = 64
LONGEST = 20 * WINDOW
WARM_UPS = [blocks * WINDOW for blocks in (0, 1, 2, 3, 4, 5, 6, 8, 10, 14)]


def sample_lanes(genome: Path) -> dna.Codes:
    """Stretches (positions, 64) of dev contigs, one a column, at equal distances."""
    length = 2 * LONGEST + 2 * WINDOW
    stretches = [
        chunk.codes[i : i + length]
        for chunk in Genome(genome).read_chunks(step=1 << 30)
        if chunk.chrom.split(":")[0] in DEV
        for i in range(0, len(chunk.codes) - length, 50_000)
    ]
    return np.stack(stretches[:: len(stretches) // LANES][:LANES], axis=1)


def grade(network: LaneNetwork, lanes: dna.Codes, warm_up: int) -> np.ndarray:
    """Logits (70, 64) of the windows in the middle, after this warm-up."""
    with torch.inference_mode():
        return network.logits(torch.from_numpy(lanes), LONGEST, warm_up).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    model, card = load_model(arguments.model)
    network, lanes = LaneNetwork(model, torch.device("cpu")), sample_lanes(arguments.data / "human/hg38_contigs.fa")
    settled = grade(network, lanes, LONGEST)
    moved = {warm_up: np.abs(grade(network, lanes, warm_up) - settled) for warm_up in WARM_UPS}
    result = {
        "model": card.name,
        "sha256": card.sha256,
        "engine": card.engine,
        "windows": settled.size,
        "longest": LONGEST,
        "logit_change": {
            str(warm_up): {"median": float(np.median(change)), "largest": float(change.max())}
            for warm_up, change in moved.items()
        },
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.output.read_text())
    if arguments.plot is not None:
        plot(moved, card.name, arguments.plot)


def plot(moved: dict[int, np.ndarray], name: str, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot(xlabel="warm-up (bp)", ylabel="change of the logit", title=name, yscale="log")
    for label, take in (("largest", np.max), ("median", np.median)):
        axes.plot(list(moved), [take(change) for change in moved.values()], "o-", label=label)
    axes.legend()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
