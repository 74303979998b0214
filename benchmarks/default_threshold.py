"""The logit that 100 hits per Mb of promoter-free human background exceed: the default threshold of `core70`.

Background: 1 Mb of the dev contigs (chr9, chr17, in the order of the file), stretches within 1 kb of a listed TSS left
out. Hits are called as `promscan scan` calls them, on both strands, at stride 1.

    python benchmarks/default_threshold.py MODEL --data DATA -o benchmarks/results/default_threshold.core70.json
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import promscan
from promscan.calling.peaks import probability_of
from promscan.io.genome import Genome
from promscan.seq import dna
from promscan.seq.windows import WINDOW

DEV = ("chr9", "chr17")
MARGIN = 1000
BASES = 1_000_000
HITS_PER_MB = 100
LOW = 0.0
"""Logit far below any sensible threshold, to rank enough hits."""


def tss_by_contig(path: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for line in path.read_text().splitlines():
        chrom, start, *_ = line.split("\t")
        found.setdefault(chrom, []).append(int(start))
    return found


def write_background(data: Path, out: Path) -> int:
    """Write TSS-free stretches until there is 1 Mb of them; returns the bases written."""
    listed = tss_by_contig(data / "human/hg38_tss.bed")
    written = 0
    with out.open("w") as file:
        for chunk in Genome(data / "human/hg38_contigs.fa").read_chunks(step=1 << 30):
            if chunk.chrom.split(":")[0] not in DEV:
                continue
            edges = [0]
            for tss in sorted(listed.get(chunk.chrom, [])):
                edges += [max(edges[-1], tss - MARGIN), max(edges[-1], tss + MARGIN + 1)]
            edges.append(max(edges[-1], len(chunk.codes)))
            for start, end in zip(edges[::2], edges[1::2], strict=True):
                end = min(end, start + BASES - written)
                if end - start >= WINDOW:
                    file.write(f">{chunk.chrom}_{start}_{end}\n{dna.decode(chunk.codes[start:end])}\n")
                    written += end - start
            if BASES - written < WINDOW:
                break
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        background = Path(folder) / "background.fa"
        bases = write_background(arguments.data, background)
        scan = promscan.scan(
            background, model=arguments.model, threshold=probability_of(LOW), exhaustive=True, strength=None
        )
        logits = sorted((hit.logit for hit in scan), reverse=True)
    wanted = round(HITS_PER_MB * bases / 1e6)
    threshold = (logits[wanted - 1] + logits[wanted]) / 2
    result = {
        "promscan": promscan.__version__,
        "sha256": scan.card.sha256,
        "background": "human dev contigs (chr9, chr17), at least 1 kb from any listed TSS",
        "bases": bases,
        "hits_ranked": len(logits),
        "hits_per_mb": HITS_PER_MB,
        "default_threshold": round(threshold, 4),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
