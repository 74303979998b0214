"""Share of promoters for which a classifier prefers the strand that the promoter is on.

For each promoter of the dev split of the core promoter benchmark (GUE `prom_core_all`): is the logit of the window
higher than that of its reverse complement? A coin has 0.5. The interval is 95 % of 1,000 bootstrap draws.

A window has 33 bases before its transcription start and 36 after it, so in its reverse complement the start is at
index 36. In a scan it is at index 33 on either strand: the window of the other strand begins 3 bp further upstream,
where the benchmark has no bases. So this is only approximately the situation of a scan.

    python -m benchmarks.accuracy.strand core70 --data DATA -o benchmarks/results/0.1.0/strand.core70.json
"""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.common import interval95, parser_of, save_result
from promscan.inference.settings import EngineSettings
from promscan.inference.windowed import WindowedEngine
from promscan.networks.weights import load_model
from promscan.seq import dna
from promscan.train.data.labelled_windows import read_windows

DRAWS = 1000


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "output")
    arguments = parser.parse_args()
    network, card = load_model(arguments.model)
    dev = read_windows(str(arguments.data / "gue/prom_core_all/dev.csv"))
    promoters = dev.codes[dev.promoters]
    with WindowedEngine(network, [torch.device("cpu")], EngineSettings()) as engine:
        right = engine.score_windows(promoters) > engine.score_windows(dna.reverse_complement(promoters))
    drawn = np.random.default_rng(1).choice(right, (DRAWS, len(right))).mean(axis=1)
    result = {
        "split": "dev",
        "promoters": len(right),
        "right_strand": round(float(right.mean()), 4),
        "interval95": interval95(drawn),
    }
    save_result(arguments.output, result, card)


if __name__ == "__main__":
    main()
