"""What a scan of real sequence costs with each bundled model that knows a genome: speed, memory, start-up.

Default scans with strengths, of 5 Mb of dev contigs of human, of yeast, and of the half of *E. coli* that is public.
The faster of two runs counts, on an idle machine.

    python -m benchmarks.speed.species --data DATA -o benchmarks/results/0.1.0/species_speed.json
"""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.common import HUMAN, YEAST, parser_of, save_result
from benchmarks.speed.scan_command import run_scan, write_fasta
from promscan.io.genome import Genome
from promscan.networks.card import read_card
from promscan.networks.device import available_threads
from promscan.networks.model_files import find_model
from promscan.seq.dna import Codes

BASES = 5_000_000
E_COLI = "NC_000913"
TURNS = 2


def contigs_of(path: Path, names: tuple[str, ...], bases: int) -> dict[str, Codes]:
    """The contigs whose names begin with one of these, under new names, up to this many bases together."""
    genome, found, left = Genome(path), dict[str, Codes](), bases
    lengths = {name: length for name, length in genome.contigs().items() if name.startswith(names)}
    for chunk in genome.read_chunks(1 << 40, {name: [(0, length)] for name, length in lengths.items()}):
        if left > 0:
            found[f"contig{len(found) + 1}"] = chunk.codes[:left]
            left -= len(chunk.codes)
    return found


def measured(folder: Path, contigs: dict[str, Codes], model: str, threads: int) -> dict[str, Any]:
    """The faster of the scans of these contigs."""
    genome = write_fasta(folder / f"{model}.fa", contigs)
    runs = [run_scan(genome, "--model", model, "--threads", str(threads)) for _ in range(TURNS)]
    best = min(runs, key=lambda run: float(run["process_seconds"]))
    seconds = float(best["process_seconds"])
    return {
        "bases": best["bases"], "hits": best["hits"], "seconds": seconds,
        "kb_per_second": best["bases"] / 1000 / seconds, "peak_memory_bytes": best["peak_memory_bytes"],
    }  # fmt: skip


def main() -> None:
    parser = parser_of(__doc__, "data", "threads", "output")
    arguments = parser.parse_args()
    threads, data = arguments.threads or available_threads(), arguments.data
    sources = {
        "human": (data / HUMAN.genome, tuple(HUMAN.dev)),
        "yeast": (data / YEAST.genome, ("chr",)),
        "bacteria": (data / "bacteria/genomes.fa.gz", (E_COLI,)),
    }
    with tempfile.TemporaryDirectory() as name:
        scans = {
            model: measured(Path(name), contigs_of(path, names, BASES), model, threads)
            for model, (path, names) in sources.items()
        }
        # One window: what every scan takes.
        window = {"window": next(islice(contigs_of(*sources["human"], BASES).values(), 1))[1000:1070]}
        start = measured(Path(name), window, "human", threads)["seconds"]
    cards = [read_card(find_model(model)) for model in sources]
    save_result(arguments.output, {"threads": threads, "start_seconds": start, "scans": scans}, *cards)


if __name__ == "__main__":
    main()
