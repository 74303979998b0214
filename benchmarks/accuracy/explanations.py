r"""What drives scores at listed human starts: in-silico mutagenesis by position, and whether attention agrees with it.

Main starts (named GENE_1) of the dev contigs are explained as `promscan explain` does it.

    python -m benchmarks.accuracy.explanations human --data DATA \
        -o benchmarks/results/0.1.0/explanations.human.json
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.common import HUMAN, parser_of, save_result
from promscan.commands.explain import explain
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq.windows import TSS_INDEX


def main_starts(path: Path, most: int) -> list[str]:
    """The first rows of a BED file that list main starts of dev contigs."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    chosen = [row[:6] for row in rows if row[0].split(":")[0] in HUMAN.dev and row[3].endswith("_1")]
    return ["\t".join(row) for row in chosen[:most]]


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "threads", "output")
    parser.add_argument("--starts", type=int, default=30, help="How many starts.  [default: 30]")
    arguments = parser.parse_args()
    rows = main_starts(arguments.data / HUMAN.starts, arguments.starts)
    with TemporaryDirectory() as folder:
        listed = Path(folder) / "starts.bed"
        listed.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        genome = arguments.data / HUMAN.genome
        found = list(explain(listed, genome, model=arguments.model, threads=arguments.threads))
    means = np.mean([each.importance for each in found], axis=0)
    result = {
        "starts": len(found),
        "rank_correlation_of_attention": {
            "median": median(each.agreement for each in found),
            "lowest": min(each.agreement for each in found),
            "highest": max(each.agreement for each in found),
        },
        "mean_importance": {str(index - TSS_INDEX): round(float(mean), 4) for index, mean in enumerate(means)},
    }
    save_result(arguments.output, result, read_card(find_model(arguments.model)))


if __name__ == "__main__":
    main()
