"""Write the sequences that `core70` is pretrained on, as a one-column table.

Human promoters of 300 bp, and 300-bp tiles of the human contigs that are composed like CpG islands (GC at least 0.55,
CpG observed/expected at least 0.6; Gardiner-Garden & Frommer 1987), dev and test contigs left out. Those that share a
25-mer with a dev or test window of the core promoter benchmark are dropped here already.

    python benchmarks/pretraining_sequences.py ../shared/data pretraining.tsv
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from promscan.io.genome import Genome
from promscan.seq import dna
from promscan.train.data.labelled_windows import read_windows
from promscan.train.pretrain import share_no_kmer

TILE = 300
DEV_AND_TEST = ("chr9", "chr17", "chr10", "chr16")


def promoters(path: Path) -> Iterator[dna.Codes]:
    with path.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield dna.encode(row["sequence"])


def island_tiles(path: Path) -> Iterator[dna.Codes]:
    for chunk in Genome(path).read_chunks(step=100 * TILE):
        if chunk.chrom.split(":")[0] in DEV_AND_TEST:
            continue
        codes = chunk.codes[: min(len(chunk.codes), 100 * TILE) // TILE * TILE]
        for tile in codes.reshape(-1, TILE):
            g, c = (tile == 2).sum(), (tile == 3).sum()
            cpg = ((tile[:-1] == 3) & (tile[1:] == 2)).sum()
            if g + c >= 0.55 * TILE and cpg * TILE >= 0.6 * g * c:
                yield tile


def main() -> None:
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    held_out = np.concatenate(
        [read_windows(str(data / f"gue/prom_core_all/{split}.csv")).codes for split in ("dev", "test")]
    )
    kept = share_no_kmer(list(promoters(data / "human/promoters_300bp.tsv")), held_out)
    tiles = share_no_kmer(list(island_tiles(data / "human/hg38_contigs.fa")), held_out)
    print(f"{len(kept)} promoters, {len(tiles)} island tiles")
    out.write_text("sequence\n" + "".join(dna.decode(codes) + "\n" for codes in [*kept, *tiles]))


if __name__ == "__main__":
    main()
