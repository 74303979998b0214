"""How far the two ways of running a model of single windows lie apart, and what screening could save for it.

Both forms score every window of some dev sequence. The margin is how far the logit of the streaming form falls short of
the exact one, but for one window of a thousand, among the windows that reach a calling logit; it is the largest of
those for the calling logits that 100 to 10,000 windows per Mb and strand reach. `share` is how much would have to be
scored exactly at each of them. So few bases have too few hits for a margin of a card: `promscan calibrate` measures it.

    python benchmarks/screening.py MODEL --data DATA -o RESULT.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from precision import DEV, dev_chunks

from promscan.checkpoint import load_model
from promscan.predict.engine import open_engine
from promscan.predict.settings import EngineSettings
from promscan.screening import LOST

WINDOWS_PER_MB = (100, 300, 1_000, 3_000, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    network, card = load_model(arguments.model)
    file, contigs = DEV[card.species]
    chunks = dev_chunks(arguments.data / file, contigs)
    logits = []
    for name in ("windowed", "streaming"):
        with open_engine(name, network, [torch.device("cpu")], EngineSettings()) as engine:
            scored = [track.logits for tracks in engine.score(chunks) for track in tracks]
            logits.append(np.concatenate(scored))
    exact, quick = (values[np.isfinite(logits[0])] for values in logits)
    levels: dict[str, Any] = {}
    for rate in WINDOWS_PER_MB:
        called = exact >= np.sort(exact)[-int(rate * len(exact) / 1e6)]
        levels[str(rate)] = {
            "logit": float(exact[called].min()),
            "windows": int(called.sum()),
            "margin": max(0.0, float(np.quantile((exact - quick)[called], 1 - LOST))),
        }
    margin = max(level["margin"] for level in levels.values())
    for level in levels.values():
        level["share"] = float((quick >= level["logit"] - margin).mean())
    screening = {"margin": margin, "lowest": min(level["logit"] for level in levels.values())}
    result = {
        "model": card.name,
        "sha256": card.sha256,
        "windows": len(exact),
        "contigs": ",".join(contigs),
        "correlation": float(np.corrcoef(exact, quick)[0, 1]),
        "lost": LOST,
        "levels": levels,
        "screening": screening,
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.output.read_text())


if __name__ == "__main__":
    main()
