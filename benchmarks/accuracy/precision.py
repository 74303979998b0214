"""Changes of logits and hits of a scanning model by `--precision bfloat16`, on its dev contigs.

python -m benchmarks.accuracy.precision human --data DATA -o benchmarks/results/0.1.0/precision.human.json
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import promscan
from benchmarks.common import HUMAN, YEAST, parser_of, save_result
from promscan.inference.engine import open_engine
from promscan.inference.settings import EngineSettings
from promscan.io.genome import Genome
from promscan.networks.device import resolve_devices
from promscan.networks.weights import load_model
from promscan.seq.records import Chunk
from promscan.seq.regions import matching_contigs

GENOMES = {"Homo sapiens": HUMAN, "Saccharomyces cerevisiae": YEAST}
BASES = 200_000
FP_PER_MB = 100
NEAR = 10
"""A hit that moves by at most this many bp is still at the same promoter."""


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
    """The logits of all windows of both strands."""
    network, card = load_model(model)
    settings = EngineSettings(precision=precision, smoothing=card.smoothing)
    with open_engine(card.engine, network, resolve_devices(device), settings) as engine:
        return np.concatenate([track.logits for tracks in engine.score(sequence) for track in tracks])


def hits(model: str, genome: Path, sequence: list[Chunk], device: str, precision: str) -> set[tuple[str, int, str]]:
    """The hits of a scan of these contigs."""
    scan = promscan.scan(
        genome, model=model, fp_per_mb=FP_PER_MB, regions=[chunk.chrom for chunk in sequence], strength=None,
        device=device, precision=precision,
    )  # fmt: skip
    return {(hit.chrom, hit.start, hit.strand) for hit in scan}


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "device", "output")
    arguments = parser.parse_args()
    card = load_model(arguments.model)[1]
    species = GENOMES[card.species]
    genome = arguments.data / species.genome
    sequence = dev_chunks(genome, species.dev)
    exact, fast = (logits(arguments.model, sequence, arguments.device, name) for name in ("float32", "bfloat16"))
    moved = np.abs(fast - exact)[np.isfinite(exact)]
    called = [hits(arguments.model, genome, sequence, arguments.device, name) for name in ("float32", "bfloat16")]
    result: dict[str, Any] = {
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
    save_result(arguments.output, result, card)


if __name__ == "__main__":
    main()
