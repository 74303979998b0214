"""How far `--precision bfloat16` moves the logits and the hits of a scanning model, on its dev contigs.

python benchmarks/precision.py MODEL --data DATA -o RESULT.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import promscan
from promscan.checkpoint import load_model
from promscan.device import resolve_devices
from promscan.genome import Genome, matching_contigs
from promscan.predict.engine import open_engine
from promscan.predict.settings import EngineSettings
from promscan.records import Chunk

CONTIGS = ("chr9", "chr17")
BASES = 200_000
"""Of the contigs, from the first on."""
FP_PER_MB = 100


def dev_chunks(genome: Path) -> list[Chunk]:
    """Whole dev contigs, in the order of the file, until there are enough bases."""
    wanted = set(matching_contigs(CONTIGS, Genome(genome).contigs()))
    taken, left = [], BASES
    for chunk in Genome(genome).read_chunks(sys.maxsize):
        if chunk.chrom in wanted and left > 0:
            taken.append(chunk)
            left -= len(chunk.codes)
    return taken


def logits(model: str, sequence: list[Chunk], device: str, precision: str) -> np.ndarray:
    network, card = load_model(model)
    settings = EngineSettings(precision=precision, smoothing=card.smoothing)
    with open_engine(card.engine, network, resolve_devices(device), settings) as engine:
        return np.concatenate([track.logits for tracks in engine.score(sequence) for track in tracks])


def hits(model: str, genome: Path, sequence: list[Chunk], device: str, precision: str) -> set[tuple[str, int, str]]:
    scan = promscan.scan(
        genome, model=model, fp_per_mb=FP_PER_MB, regions=[chunk.chrom for chunk in sequence], strength=None,
        device=device, precision=precision,
    )  # fmt: skip
    return {(hit.chrom, hit.start, hit.strand) for hit in scan}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    genome = arguments.data / "human/hg38_contigs.fa"
    sequence = dev_chunks(genome)
    exact, fast = (logits(arguments.model, sequence, arguments.device, name) for name in ("float32", "bfloat16"))
    moved = np.abs(fast - exact)[np.isfinite(exact)]
    called = [hits(arguments.model, genome, sequence, arguments.device, name) for name in ("float32", "bfloat16")]
    card = load_model(arguments.model)[1]
    result: dict[str, Any] = {
        "model": card.name,
        "sha256": card.sha256,
        "device": arguments.device,
        "windows": len(moved),
        "logit_moved_by": {
            "mean": float(moved.mean()),
            "99.9 %": float(np.quantile(moved, 0.999)),
            "most": float(moved.max()),
        },
        "hits": {
            "fp_per_mb": FP_PER_MB,
            "float32": len(called[0]),
            "bfloat16": len(called[1]),
            "same": len(called[0] & called[1]),
        },
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.output.read_text())


if __name__ == "__main__":
    main()
