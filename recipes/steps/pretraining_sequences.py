"""Write the sequences that `promoter-rnn` and `core70` are pretrained on, as a table of one column.

Human promoters of 300 bp, and 300-bp tiles of the human contigs that are composed like CpG islands (GC at least 0.55,
CpG observed/expected at least 0.6; Gardiner-Garden & Frommer 1987), without the dev and test contigs and without
sequences that share a 25-mer with a dev or test window of the core promoter benchmark.

    python -m recipes.steps.pretraining_sequences --data DATA -o pretraining.tsv
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.common import HUMAN, parser_of
from promscan.io.genome import Genome
from promscan.io.tables import read_table
from promscan.seq import dna
from promscan.train.data.labelled_windows import read_windows
from promscan.train.pretrain import share_no_kmer

TILE = 300


def promoters(path: Path) -> Iterator[dna.Codes]:
    """The promoters of a table."""
    for row, _ in read_table(str(path), required=("sequence",)):
        yield dna.encode(row["sequence"])


def island_tiles(path: Path) -> Iterator[dna.Codes]:
    """Tiles of the training contigs that are composed like CpG islands."""
    g_code, c_code = dna.encode("GC").tolist()
    for chunk in Genome(path).read_chunks(step=100 * TILE):
        if chunk.chrom.split(":")[0] in (*HUMAN.dev, *HUMAN.test):
            continue
        codes = chunk.codes[: min(len(chunk.codes), 100 * TILE) // TILE * TILE]
        for tile in codes.reshape(-1, TILE):
            g, c = (tile == g_code).sum(), (tile == c_code).sum()
            cpg = ((tile[:-1] == c_code) & (tile[1:] == g_code)).sum()
            if g + c >= 0.55 * TILE and cpg * TILE >= 0.6 * g * c:
                yield tile


def main() -> None:
    arguments = parser_of(__doc__, "data", "output").parse_args()
    data = arguments.data
    benchmark = [read_windows(str(data / f"gue/prom_core_all/{split}.csv")).codes for split in ("dev", "test")]
    held_out = np.concatenate(benchmark)
    natural = share_no_kmer(list(promoters(data / "human/promoters_300bp.tsv")), held_out)
    tiles = share_no_kmer(list(island_tiles(data / HUMAN.genome)), held_out)
    arguments.output.write_text("sequence\n" + "".join(dna.decode(codes) + "\n" for codes in [*natural, *tiles]))
    print(f"{len(natural)} promoters, {len(tiles)} island tiles")


if __name__ == "__main__":
    main()
