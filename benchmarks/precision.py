"""How far `--precision bfloat16` moves the logits and the hits of a scanning model, on its dev contigs.

python benchmarks/precision.py MODEL --data DATA -o RESULT.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import promscan
from promscan.inference.engine import open_engine
from promscan.inference.settings import EngineSettings
from promscan.io.genome import Genome
from promscan.networks.device import resolve_devices
from promscan.networks.weights import load_model
from promscan.seq.records import Chunk
from promscan.seq.regions import matching_contigs

DEV = {
    "Homo sapiens": ("human/hg38_contigs.fa", ("chr9", "chr17")),
    "Saccharomyces cerevisiae": ("yeast/R64-1-1_without_IV_XI.fa", ("chrII", "chrXVI")),
}
"""File of the data and dev contigs, by species of the model."""
BASES = 200_000
"""Of the contigs, from the first on."""
FP_PER_MB = 100
NEAR = 10
"""Bases that a hit may move by and be the same promoter still."""


def dev_chunks(genome: Path, contigs: Sequence[str]) -> list[Chunk]:
    """Whole dev contigs, in the order of the file, until there are enough bases."""
    wanted = set(matching_contigs(contigs, Genome(genome).contigs()))
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
    card = load_model(arguments.model)[1]
    file, contigs = DEV[card.species]
    genome = arguments.data / file
    sequence = dev_chunks(genome, contigs)
    exact, fast = (logits(arguments.model, sequence, arguments.device, name) for name in ("float32", "bfloat16"))
    moved = np.abs(fast - exact)[np.isfinite(exact)]
    called = [hits(arguments.model, genome, sequence, arguments.device, name) for name in ("float32", "bfloat16")]
    result: dict[str, Any] = {
        "model": card.name,
        "sha256": card.sha256,
        "device": arguments.device,
        "bases": sum(len(chunk.codes) for chunk in sequence),
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
            "near": sum(
                any((chrom, start + moved_by, strand) in called[1] for moved_by in range(-NEAR, NEAR + 1))
                for chrom, start, strand in called[0]
            ),
        },
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.output.read_text())


if __name__ == "__main__":
    main()
