"""Time and memory of commands on large inputs, at two sizes: python tests/stress/growth.py [CASE ...]

Without a case, each one is measured, one after the other, at a tenth of its size and at its whole size. Inputs are
written to a temporary folder, and removed.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice, repeat
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from genomes import TINY, demo_contigs, random_bases, tiny_streaming  # noqa: E402 - found by the line above

ROOT = Path(__file__).parents[2]
LINE = "N" * 100 + "\n"
MEGABASE = 1_000_000
SCAN = ["--strength", "none", "--device", "cpu", "--threads", "1", "--quiet"]


class Case(NamedTuple):
    """A kind of large input.

    what: it in words; `{}` is its size.
    size: the largest that is measured.
    make: writes the input of a size into a folder; returns the arguments of promscan.
    """

    what: str
    size: int
    make: Callable[[Path, int], list[object]]


class Cost(NamedTuple):
    """What a command took: seconds of a processor, and bytes of memory."""

    seconds: float
    memory: int


def contigs(folder: Path, count: int) -> list[object]:
    path, bases = folder / "genome.fa", random_bases(100_000, 1)
    with path.open("w") as file:
        for number in range(count):
            at = number * 7 % 99_900
            file.write(f">contig_{number}\n{bases[at : at + 75]}\n")
    return ["scan", path, "-o", folder / "hits.bed.gz", "--model", tiny_streaming(), *SCAN]


def indexed_contigs(folder: Path, count: int) -> list[object]:
    import pysam

    line = contigs(folder, count)
    pysam.faidx(str(folder / "genome.fa"))
    return [*line, "--shard", "2/3"]


def unknown(folder: Path, megabases: int) -> list[object]:
    path = _packed(
        folder, [*_n(megabases * MEGABASE // 2), *_lines(demo_contigs()["demo2"]), *_n(megabases * MEGABASE // 2)]
    )
    return ["scan", path, "-o", folder / "hits.bed", "--model", tiny_streaming(), *SCAN]


def one_contig(folder: Path, megabases: int) -> list[object]:
    """Write promoters at both ends of a contig; the last ones are beyond the reach of a .tbi index."""
    demo = [*_lines(demo_contigs()["demo2"])]
    path = _packed(folder, [*demo, *_n(megabases * MEGABASE), *demo])
    return ["scan", path, "-o", folder / "hits.bed.gz", "--model", TINY, *SCAN]


def regions(folder: Path, count: int) -> list[object]:
    path = _packed(folder, [*_lines(demo_contigs()["demo2"]), *_n(count * 200)])
    bed = folder / "regions.bed"
    bed.write_text("".join(f"chr1\t{at}\t{at + 100}\n" for at in range(0, count * 200, 200)))
    return ["scan", path, "-o", folder / "hits.bed", "--model", tiny_streaming(), "--bed", bed, *SCAN]


def excluded(folder: Path, count: int) -> list[object]:
    line = regions(folder, count)
    line[line.index("--bed")] = "--exclude"
    return line


def gtf(folder: Path, lines: int) -> list[object]:
    genes, hits = folder / "genes.gtf", folder / "hits.bed"
    with genes.open("w") as file:
        file.writelines(islice(_gtf_lines(), lines))
    return ["annotate", _hits(hits, lines), genes, "-o", folder / "annotated.tsv", "--quiet"]


def gff3(folder: Path, lines: int) -> list[object]:
    genes, hits = folder / "genes.gff3", folder / "hits.bed"
    with genes.open("w") as file:
        file.write("##gff-version 3\n")
        file.writelines(islice(_gff3_lines(), lines))
    return ["annotate", _hits(hits, lines), genes, "-o", folder / "annotated.tsv", "--quiet"]


def _hits(path: Path, lines: int) -> Path:
    """Write a hit for every 100 lines of an annotation."""
    rows = (f"chr{i % 20}\t{i * 900}\t{i * 900 + 70}\th{i}\t0\t{'+-'[i % 2]}\n" for i in range(lines // 100))
    path.write_text("".join(rows))
    return path


def _gtf_lines() -> Iterator[str]:
    """Genes of two transcripts of six exons each: 27 lines."""
    number = 0
    while True:
        number += 1
        place, begin, strand = f"chr{number % 20}\tX", number * 1000, "+-"[number % 2]
        gene = f'gene_id "G{number}"; gene_name "n{number}"; gene_type "protein_coding";'
        yield f"{place}\tgene\t{begin}\t{begin + 900}\t.\t{strand}\t.\t{gene}\n"
        for version in (1, 2):
            transcript = f'{gene} transcript_id "T{number}.{version}"; tag "basic";'
            yield f"{place}\ttranscript\t{begin}\t{begin + 900}\t.\t{strand}\t.\t{transcript}\n"
            for exon in range(6):
                span = f"{begin + 150 * exon}\t{begin + 150 * exon + 100}\t.\t{strand}"
                yield f"{place}\texon\t{span}\t.\t{transcript} exon_number {exon};\n"
                yield f"{place}\tCDS\t{span}\t0\t{transcript} exon_number {exon};\n"


def _gff3_lines() -> Iterator[str]:
    """The same genes as GFF3."""
    number = 0
    while True:
        number += 1
        place, begin, strand = f"chr{number % 20}\tX", number * 1000, "+-"[number % 2]
        yield f"{place}\tgene\t{begin}\t{begin + 900}\t.\t{strand}\t.\tID=G{number};Name=n{number}\n"
        for version in (1, 2):
            name = f"T{number}.{version}"
            yield f"{place}\tmRNA\t{begin}\t{begin + 900}\t.\t{strand}\t.\tID={name};Parent=G{number}\n"
            for exon in range(6):
                span = f"{begin + 150 * exon}\t{begin + 150 * exon + 100}\t.\t{strand}"
                yield f"{place}\texon\t{span}\t.\tID=E{name}.{exon};Parent={name}\n"
                yield f"{place}\tCDS\t{span}\t0\tID=P{name};Parent={name}\n"


def _n(bases: int) -> Iterator[str]:
    block = LINE * 10_000
    yield from repeat(block, bases // MEGABASE)
    yield LINE * (bases % MEGABASE // 100)


def _lines(bases: str) -> Iterator[str]:
    return (f"{bases[at : at + 100]}\n" for at in range(0, len(bases) // 100 * 100, 100))


def _packed(folder: Path, text: list[str]) -> Path:
    path = folder / "genome.fa.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write(">chr1\n")
        file.writelines(text)
    return path


CASES = {
    "contigs": Case("{:,} contigs of 75 bp", 200_000, contigs),
    "indexed contigs": Case("a third of {:,} contigs with an index", 200_000, indexed_contigs),
    "unknown": Case("{:,} Mb of N", 5_000, unknown),
    "one contig": Case("one contig of {:,} Mb, mostly N, with a .csi index", 600, one_contig),
    "regions": Case("{:,} regions", 100_000, regions),
    "excluded": Case("{:,} excluded intervals", 100_000, excluded),
    "gtf": Case("annotation: {:,} lines of GTF", 3_000_000, gtf),
    "gff3": Case("annotation: {:,} lines of GFF3", 3_000_000, gff3),
}


def cost(case: Case, size: int, folder: Path) -> Cost:
    """Time and memory of promscan alone on an input of this size."""
    line = case.make(folder, size)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "promscan", *map(str, line)], env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss << 10)


def main() -> None:
    """Run the script."""
    for name in sys.argv[1:] or CASES:
        case, costs = CASES[name], []
        for size in (case.size // 10, case.size):
            with tempfile.TemporaryDirectory(prefix="promscan-growth-") as folder:
                costs.append(cost(case, size, Path(folder)))
        tenth, whole = costs
        sys.stdout.write(
            f"| {case.what.format(case.size)} | {tenth.seconds:.0f} s | {whole.seconds:.0f} s | "
            f"{tenth.memory / 1e6:,.0f} MB | {whole.memory / 1e6:,.0f} MB |\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
