"""Small genomes for the tests: drawn by hypothesis, written as FASTA, scanned with the tiny model."""

from __future__ import annotations

import dataclasses
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
from promscan.commands.scan import Scan
from promscan.io.hit_writers import open_writer
from promscan.networks.weights import load_model, save_model
from promscan.seq.records import Hit

DATA = Path(__file__).parent / "data"
DEMO = DATA / "demo.fa"
TINY = DATA / "tiny.safetensors"
TINY_STRENGTH = DATA / "tiny-strength.safetensors"

_FOLDER = TemporaryDirectory()
"""For what lives as long as the test process."""

Contigs = Mapping[str, str]
Logits = dict[tuple[str, int, str], float]
"""A value by contig, start and strand of a window."""

EVERY_WINDOW = {"threshold": 1e-30, "min_distance": 1}
"""Options under which every scored window is a hit."""

a_few = settings(
    max_examples=min(10, settings.default.max_examples // 4),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""For properties whose every example runs the network: few of them, and none is shrunk, which would take minutes.

Five with the profile `dev` of hypothesis, ten with `ci`.
"""

REPEATS = {"chr1": "CG" * 60 + "N" * 9 + "TATAAA" * 20, "chr2": "G" * 140}
"""Many windows with the same score."""


@cache
def tiny_streaming() -> Path:
    """The tiny model with a card that says it runs on along the sequence."""
    network, card = load_model(str(TINY))
    path = Path(_FOLDER.name) / "tiny-streaming.safetensors"
    save_model(path, network, dataclasses.replace(card, name="tiny-streaming", engine="streaming"))
    return path


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


def drawn_contig(rng: np.random.Generator, min_length: int) -> str:
    """Up to 400 bp of promoters, random and repeated bases, unknown ones among them, in either case."""

    def piece() -> str:
        kinds = [
            promoter_of_the_demo(int(rng.integers(20)), int(rng.integers(40, 200))),
            random_bases(int(rng.integers(30, 250)), int(rng.integers(2**32))),
            rng.choice(["A", "CG", "TATAAA"]) * int(rng.integers(1, 60)),
            rng.choice(list("NRYKx-")) * int(rng.integers(1, 90)),
        ]
        bases = str(rng.choice(kinds, p=[0.4, 0.3, 0.1, 0.2]))
        return bases.lower() if rng.random() < 0.3 else bases

    bases = "".join(piece() for _ in range(rng.integers(1, 6)))
    edge, ordinary = rng.choice([0, 69, 70, 71]), rng.integers(100, 401)
    length = max(min_length, int(edge if rng.random() < 0.2 else ordinary))
    return (bases * (length // len(bases) + 1))[:length]


def contigs_of(min_length: int = 0) -> st.SearchStrategy[str]:
    return st.integers(0, 2**32 - 1).map(lambda seed: drawn_contig(np.random.default_rng(seed), min_length))


def genomes(min_length: int = 0) -> st.SearchStrategy[dict[str, str]]:
    contigs = st.lists(contigs_of(min_length), min_size=1, max_size=3)
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
        return list(promscan.scan(path, **{"model": TINY, "strength": None, "device": "cpu", **options}))


def scan_to_bed(genome: Path, **options: Any) -> bytes:
    """The bytes of the BED file that a scan makes."""
    job = promscan.scan(genome, **{"model": TINY, "strength": None, "device": "cpu", **options})
    with TemporaryDirectory() as folder:
        return write_hits(job, Path(folder) / "hits.bed").read_bytes()


def write_hits(job: Scan, target: Path) -> Path:
    """The file that the command line makes of a scan."""
    with open_writer(str(target), None, job.settings) as writer:
        for hit in job:
            writer.write(hit)
    return target


def logits_of(hits: list[Hit]) -> Logits:
    return {(hit.chrom, hit.start, hit.strand): hit.logit for hit in hits}
