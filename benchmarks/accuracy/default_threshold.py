r"""The logit that 100 hits per Mb of promoter-free human background exceed: the default threshold of `core70`.

Background: 1 Mb of the dev contigs (chr9 and chr17, in the order of the file), 1 kb and more from each listed TSS. Hits
are called like those of `promscan scan`, on both strands, at stride 1.

    python -m benchmarks.accuracy.default_threshold core70 --data DATA \
        -o benchmarks/results/0.1.0/default_threshold.core70.json
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import promscan
from benchmarks.common import HUMAN, parser_of, save_result
from promscan.calling.peaks import probability_of
from promscan.seq import dna
from promscan.seq.records import STRANDS
from promscan.seq.windows import WINDOW
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome

MARGIN = 1000
BASES = 1_000_000
HITS_PER_MB = 100
LOW = 0.0
"""Logit far below any sensible threshold, so that enough hits are ranked."""


def background(genome: LabelledGenome, bases: int) -> Iterator[tuple[str, dna.Codes]]:
    """Names and codes of stretches without a listed TSS, `bases` in all or as many as there are."""
    for chrom, codes in genome.contigs.items():
        edges = [0]
        for tss in sorted({tss for strand in STRANDS for tss in genome.starts.on(chrom, strand).tolist()}):
            edges += [max(edges[-1], tss - MARGIN), max(edges[-1], tss + MARGIN + 1)]
        edges.append(max(edges[-1], len(codes)))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            end = min(end, start + bases)
            if end - start >= WINDOW:
                yield f"{chrom}_{start}_{end}", codes[start:end]
                bases -= end - start
        if bases < WINDOW:
            return


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "output")
    parser.add_argument("--bases", type=int, default=BASES, help="Bases of background.  [default: 1000000]")
    arguments = parser.parse_args()
    genome = read_labelled_genome(arguments.data / HUMAN.genome, arguments.data / HUMAN.starts).part(HUMAN.dev)
    stretches = list(background(genome, arguments.bases))
    bases = sum(len(codes) for _, codes in stretches)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "background.fa"
        path.write_text("".join(f">{name}\n{dna.decode(codes)}\n" for name, codes in stretches))
        scan = promscan.scan(
            path, model=arguments.model, threshold=probability_of(LOW), exhaustive=True, strength=None, device="cpu"
        )
        logits = sorted((hit.logit for hit in scan), reverse=True)
    wanted = round(HITS_PER_MB * bases / 1e6)
    if not 0 < wanted < len(logits):
        parser.error(
            f"{len(logits)} hits on {bases} bp of background are too few for a threshold; give more with --bases"
        )
    result = {
        "background": "human dev contigs (chr9, chr17), at least 1 kb from any listed TSS",
        "bases": bases,
        "hits_ranked": len(logits),
        "hits_per_mb": HITS_PER_MB,
        "default_threshold": round((logits[wanted - 1] + logits[wanted]) / 2, 4),
    }
    save_result(arguments.output, result, scan.card)


if __name__ == "__main__":
    main()
