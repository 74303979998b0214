"""Small genomes for the tests: drawn by hypothesis, written as FASTA, scanned with the tiny model."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pysam
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

import promscan
from promscan.records import Hit
from promscan.writers import open_writer

DATA = Path(__file__).parent / "data"
DEMO = DATA / "demo.fa"
TINY = DATA / "tiny.safetensors"

Contigs = Mapping[str, str]
Logits = dict[tuple[str, int, str], float]
"""By contig, start and strand of a window."""

EVERY_WINDOW = {"threshold": 1e-30, "min_distance": 1}
"""Options under which every scored window is a hit."""

a_few = settings(
    max_examples=10,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""For properties whose every example runs the network: few of them, and none is shrunk, which would take minutes."""

REPEATS = {"chr1": "CG" * 60 + "N" * 9 + "TATAAA" * 20, "chr2": "G" * 140}
"""Many windows with the same score."""


@cache
def demo_contigs() -> dict[str, str]:
    records = [record.split("\n") for record in DEMO.read_text().split(">")[1:]]
    return {header.split()[0]: "".join(lines) for header, *lines in records}


@cache
def promoter_of_the_demo(row: int, length: int) -> str:
    """Bases around one of its planted promoters."""
    chrom, tss, *_ = (DATA / "demo_tss.bed").read_text().splitlines()[row].split("\t")
    start = int(tss) - length // 2
    return demo_contigs()[chrom][start : start + length]


def random_bases(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def contigs_of(min_length: int = 0) -> st.SearchStrategy[str]:
    """Up to 400 bp of promoters, random and repeated bases, unknown ones among them, in either case."""
    pieces = st.one_of(
        st.builds(promoter_of_the_demo, st.integers(0, 19), st.integers(40, 200)),
        st.builds(random_bases, st.integers(30, 250), st.integers(0, 2**32 - 1)),
        st.builds(str.__mul__, st.sampled_from(["A", "CG", "TATAAA"]), st.integers(1, 60)),
        st.builds(str.__mul__, st.sampled_from("NRYKx-"), st.integers(1, 90)),
    )
    either_case = st.builds(lambda piece, lower: piece.lower() if lower else piece, pieces, st.booleans())
    filler = "ACGT" * 100
    lengths = st.sampled_from([max(min_length, n) for n in (0, 69, 70, 71, 400)]) | st.integers(min_length, 400)
    return st.builds(
        lambda parts, length: ("".join(parts) + filler)[:length], st.lists(either_case, min_size=1, max_size=5), lengths
    )


def genomes(min_length: int = 0, max_size: int = 3) -> st.SearchStrategy[dict[str, str]]:
    contigs = st.lists(contigs_of(min_length), min_size=1, max_size=max_size)
    return contigs.map(lambda sequences: {f"chr{number}": bases for number, bases in enumerate(sequences, start=1)})


def write_fasta(path: Path, contigs: Contigs, *, width: int = 60, packing: str = "plain") -> Path:
    text = "".join(f">{name}\n" + "".join(f"{line}\n" for line in _lines(contigs[name], width)) for name in contigs)
    path.write_bytes(gzip.compress(text.encode()) if packing == "gzip" else text.encode())
    if packing == "bgzip":
        pysam.tabix_compress(str(path), f"{path}.bgz")
        Path(f"{path}.bgz").replace(path)
    return path


def _lines(bases: str, width: int) -> list[str]:
    return [bases[at : at + width] for at in range(0, len(bases), width)]


def scan(contigs: Contigs, *, index: bool = False, **options: Any) -> list[Hit]:
    """The hits in a genome of these contigs; `index` lays a .fai beside it."""
    with TemporaryDirectory() as folder:
        path = write_fasta(Path(folder) / "genome.fa", contigs)
        if index:
            pysam.faidx(str(path))
        return list(promscan.scan(path, model=TINY, **{"device": "cpu", **options}))


def scan_to_bed(genome: Path, **options: Any) -> bytes:
    """The bytes of the BED file that a scan makes."""
    job = promscan.scan(genome, model=TINY, **{"device": "cpu", **options})
    with TemporaryDirectory() as folder:
        target = Path(folder) / "hits.bed"
        with open_writer(str(target), None, job.settings) as writer:
            for hit in job:
                writer.write(hit)
        return target.read_bytes()


def logits_of(hits: list[Hit]) -> Logits:
    return {(hit.chrom, hit.start, hit.strand): hit.logit for hit in hits}
