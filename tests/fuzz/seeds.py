"""Good files for fuzzing: those of the corpus, and those that promscan and samtools write as they do today."""

from __future__ import annotations

import json
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pysam
from genomes import TINY, demo_contigs, write_hits

import promscan
from promscan.commands.scanning.journal_file import JOURNAL
from promscan.inference.windowed import WindowedEngine

CORPUS = Path(__file__).parent / "corpus"
CARDS = Path(__file__).parents[1] / "data" / "cards"
CONTIGS = {"chr1": demo_contigs()["demo2"][3_400:4_000], "chr2": demo_contigs()["demo1"][:300]}
LOGIT, DISTANCE = -2.0, 30
OPTIONS = {
    "model": TINY, "strength": None, "device": "cpu", "threshold": 1 / (1 + np.exp(-LOGIT)), "min_distance": DISTANCE,
}  # fmt: skip


def files_in(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@cache
def genome_text() -> bytes:
    """A genome with lines of two widths, an empty contig and lower case."""
    letters = "".join(np.random.default_rng(7).choice(list("ACGTacgtN"), 1300))
    lines = [letters[at : at + 60] for at in range(0, 1000, 60)]
    more = [letters[at : at + 50] for at in range(1000, 1300, 50)]
    return "\n".join([">chr1 first", *lines, ">empty", ">chr2", *more, ">chrM", letters[:70], ""]).encode()


@cache
def packed_genome() -> dict[str, bytes]:
    """The genome as bgzip of small blocks, and its two indexes, by suffix."""
    with TemporaryDirectory() as folder:
        genome, text = Path(folder) / "genome.fa", genome_text()
        with pysam.BGZFile(f"{genome}.gz", "wb") as file:
            for at in range(0, len(text), 250):
                file.write(text[at : at + 250])
                file.flush()  # which ends a block
        pysam.faidx(f"{genome}.gz")
        return {suffix: Path(f"{genome}.gz{suffix}").read_bytes() for suffix in ("", ".fai", ".gzi")}


@cache
def journal() -> bytes:
    """A journal of a scan that was stopped after a few hits."""
    with (
        TemporaryDirectory() as folder,
        mock.patch("promscan.commands.scanning.journal.INTERVAL", 0),
        mock.patch.object(WindowedEngine, "chunk_step", 50),
    ):
        running = iter(promscan.scan(CONTIGS, resume=Path(folder) / "hits.resume", **OPTIONS))
        list(islice(running, 4))
        running.close()
        return (Path(folder) / "hits.resume" / JOURNAL).read_bytes()


def scan_of_the_journal() -> dict[str, str]:
    """What its first line says of the scan."""
    scan: dict[str, str] = json.loads(journal().split(b"\n")[0])["scan"]
    return scan


@cache
def shards() -> dict[str, bytes]:
    """The first of two shards in each format, and the second as BED."""
    with TemporaryDirectory() as folder:
        for suffix in ("bed", "gff3", "narrowPeak"):
            write_hits(promscan.scan(CONTIGS, shard=(1, 2), **OPTIONS), Path(folder) / f"part1.{suffix}")
        write_hits(promscan.scan(CONTIGS, shard=(2, 2), **OPTIONS), Path(folder) / "part2.bed")
        return files_in(Path(folder))
