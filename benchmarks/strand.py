"""How often a classifier prefers the strand that a promoter is on, as JSON.

For each promoter of the dev split of the core promoter benchmark (GUE `prom_core_all`): is the logit of the window
higher than that of its reverse complement? Half is a coin. The interval is 95 % of 1,000 bootstrap draws.

A window has 33 bases before its transcription start and 36 after it, so in its reverse complement the start stands at
index 36. In a scan it stands at index 33 on either strand: the window of the other strand begins 3 bp further upstream,
where the benchmark has no bases. So this is only approximately what a scan meets.

    python benchmarks/strand.py MODEL --data DATA -o benchmarks/results/strand.MODEL.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import promscan
from promscan.inference.settings import EngineSettings
from promscan.inference.windowed import WindowedEngine
from promscan.networks.weights import load_model
from promscan.seq import dna
from promscan.train.data.labelled_windows import read_windows

DRAWS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    network, card = load_model(arguments.model)
    dev = read_windows(str(arguments.data / "gue/prom_core_all/dev.csv"))
    promoters = dev.codes[dev.promoters]
    with WindowedEngine(network, [torch.device("cpu")], EngineSettings()) as engine:
        right = engine.score_windows(promoters) > engine.score_windows(dna.reverse_complement(promoters))
    drawn = np.random.default_rng(1).choice(right, (DRAWS, len(right))).mean(axis=1)
    result = {
        "promscan": promscan.__version__,
        "model": card.name,
        "sha256": card.sha256,
        "split": "dev",
        "promoters": len(right),
        "right_strand": round(float(right.mean()), 4),
        "interval95": [round(float(bound), 4) for bound in np.quantile(drawn, [0.025, 0.975])],
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
