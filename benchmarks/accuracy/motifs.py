r"""Motifs that recur in what drives scores at listed starts, as `promscan explain --motifs` finds them.

Starts of the dev contigs (of human, main starts, named GENE_1) are explained by integrated gradients, with the bases
around their windows; with --method place, what decides about the base that the start is at.

    python -m benchmarks.accuracy.motifs human --data DATA -o benchmarks/results/0.1.0/motifs.human.json
"""

from __future__ import annotations

import random
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.common import BACTERIA, HUMAN, YEAST, PublicGenome, parser_of, save_result
from promscan.attribution.elements import consensus_of
from promscan.commands.explain import explain
from promscan.commands.explaining.motifs import find_motifs
from promscan.io.genome import Genome
from promscan.io.text import opened
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq.regions import named_regions

GENOMES = {"human": HUMAN, "yeast": YEAST, "bacteria": BACTERIA}
SEED = 1


def dev_starts(data: Path, genome: PublicGenome, most: int) -> list[str]:
    """Rows of a BED file that list starts of dev, drawn at random; of human, main ones."""
    regions = named_regions(genome.dev, Genome(data / genome.genome).contigs())
    with opened(str(data / genome.starts), "a BED file") as file:
        rows = [line.decode().split("\t")[:6] for line in file.read().splitlines()]
    inside = [
        row for row in rows if any(row[0] == part.chrom and part.start <= int(row[1]) < part.end for part in regions)
    ]
    chosen = [row for row in inside if genome is not HUMAN or row[3].endswith("_1")]
    random.Random(SEED).shuffle(chosen)
    return ["\t".join(row) for row in chosen[:most]]


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "threads", "output")
    parser.add_argument("--starts", type=int, default=200, help="How many starts.  [default: 200]")
    parser.add_argument("--flank", type=int, default=70, help="Bases around windows.  [default: 70]")
    parser.add_argument("--genome", choices=sorted(GENOMES), default="human", help="Whose starts.  [default: human]")
    parser.add_argument(
        "--method", choices=["gradients", "place"], default="gradients", help="What is explained.  [default: gradients]"
    )
    arguments = parser.parse_args()
    genome = GENOMES[arguments.genome]
    rows = dev_starts(arguments.data, genome, arguments.starts)
    with TemporaryDirectory() as folder:
        listed = Path(folder) / "starts.bed"
        listed.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        found = list(
            explain(
                listed, arguments.data / genome.genome, model=arguments.model, method=arguments.method,
                flank=arguments.flank, threads=arguments.threads,
            )
        )  # fmt: skip
    means = np.mean([each.contributions for each in found], axis=0)
    motifs = [
        {
            "element": motif.element,
            "consensus": consensus_of(motif.matrix),
            "hits": motif.hits,
            "offset": motif.usual_offset,
            "element_offset": None if motif.match is None else motif.usual_offset + motif.match.start,
            "from": int(np.quantile(motif.offsets, 0.1).round()),
            "to": int(np.quantile(motif.offsets, 0.9).round()),
            "similarity": None if motif.match is None else round(motif.match.similarity, 3),
            "chance": None if motif.match is None else round(motif.match.chance, 4),
            "most_like": None if motif.match is None else motif.match.element.name,
        }
        for motif in find_motifs(found)
    ]
    result = {
        "starts": len(found),
        "method": arguments.method,
        "flank": arguments.flank,
        "rank_correlation_of_attention": round(median(each.agreement for each in found), 3),
        "largest_error": round(max(each.error for each in found), 5),
        "motifs": motifs,
        "mean_contribution": {str(found[0].first + i): round(float(mean), 4) for i, mean in enumerate(means)},
    }
    save_result(arguments.output, result, read_card(find_model(arguments.model)))


if __name__ == "__main__":
    main()
