r"""Join contigs of several genomes, and their listed starts, to one genome to calibrate on.

    python -m recipes.steps.background --part hg38_contigs.fa hg38_tss.bed chr9,chr17 \
        --part extra_contigs.fa extra_tss.bed all -o background.fa --tss background.bed
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from benchmarks.common import parser_of
from promscan.io.files import atomic_path
from promscan.io.genome import Genome
from promscan.seq.regions import matching_contigs


def contigs_of(fasta: Path, contigs: Collection[str]) -> str:
    """The records of these contigs, as they stand in a FASTA file."""
    records = fasta.read_text(encoding="ascii").split(">")[1:]
    return "".join(f">{record}" for record in records if record.split(maxsplit=1)[0] in contigs)


def starts_of(bed: Path, contigs: Collection[str]) -> str:
    """The rows on these contigs, as they stand in a BED file."""
    rows = bed.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(row for row in rows if row.split("\t")[0] in contigs)


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument(
        "--part", nargs=3, action="append", required=True, metavar=("FASTA", "TSS", "CONTIGS"),
        help="A FASTA file, a BED file of its starts, and chromosomes or contigs of it, or `all`; may be repeated.",
    )  # fmt: skip
    parser.add_argument("--tss", type=Path, required=True, help="BED file to write the starts to.")
    arguments = parser.parse_args()
    bases, rows = "", ""
    for fasta, tss, chosen in arguments.part:
        lengths = Genome(fasta).contigs()
        contigs = set(lengths if chosen == "all" else matching_contigs(chosen.split(","), lengths))
        bases += contigs_of(Path(fasta), contigs)
        rows += starts_of(Path(tss), contigs)
    for path, text in ((arguments.output, bases), (arguments.tss, rows)):
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
