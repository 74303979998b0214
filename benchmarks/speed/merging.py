"""What it costs to merge the shards of a human genome: 1,000 of them, and a tenth.

The hits are made up: as many per Mb as a default scan with `human` found in gene-rich contigs, on both strands, with
strengths. Processor seconds of `promscan merge`, with its start-up.

    python -m benchmarks.speed.merging -o benchmarks/results/0.1.0/merging.json
"""

from __future__ import annotations

import tempfile
from itertools import cycle
from pathlib import Path
from typing import Any

import promscan
from benchmarks.common import ROOT, parser_of, save_result
from benchmarks.speed.shards import seconds_of
from promscan.calling.peaks import probability_of
from promscan.io.hit_writers import open_writer
from promscan.networks.card import read_card
from promscan.seq.records import Hit, Strand
from promscan.seq.windows import tss_of

SHARDS = 1000
BASES = 3_100_000
"""Bases of a shard."""
HITS = 258
"""Hits of a shard: 83 per Mb."""
CONTIG = 50
"""Shards of a contig."""
STRANDS: tuple[Strand, Strand] = ("+", "-")
TINY = ROOT / "tests" / "data" / "tiny.safetensors"
GENOME = ROOT / "tests" / "data" / "demo.fa"
"""Its shards lend the first lines."""


def hits_of(index: int) -> list[Hit]:
    """Made-up hits of shard `index`, the first of which is 1."""
    contig, place = divmod(index - 1, CONTIG)
    starts = [place * BASES + number * (BASES // HITS) for number in range(HITS)]
    return [
        Hit(f"chr{contig + 1}", start, strand, tss_of(start, strand), 5.0, probability_of(5.0), 10.0, 12.0, 1.0)
        for start, strand in zip(starts, cycle(STRANDS), strict=False)
    ]


def merge(folder: Path, count: int) -> dict[str, Any]:
    """Cost of merging this many shards."""
    paths, hits = [], 0
    for index in range(1, count + 1):
        settings = promscan.scan(GENOME, model=TINY, strength=None, device="cpu", shard=(index, count)).settings
        paths.append(folder / f"{index}-of-{count}.bed")
        with open_writer(str(paths[-1]), "bed", settings) as writer:
            for hit in hits_of(index):
                writer.write(hit)
                hits += 1
    seconds = seconds_of("-m", "promscan", "merge", *paths, "-o", folder / "merged.bed.gz")
    return {"shards": count, "hits": hits, "seconds": seconds}


def main() -> None:
    arguments = parser_of(__doc__, "output").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        merges = [merge(Path(folder), count) for count in (SHARDS // 10, SHARDS)]
    save_result(arguments.output, {"merges": merges}, read_card(TINY))


if __name__ == "__main__":
    main()
