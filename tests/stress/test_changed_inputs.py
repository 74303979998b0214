"""An input that another program changes while it is read is refused; one that was moved away is read to its end."""

from __future__ import annotations

import gzip
import os
from itertools import chain, islice
from pathlib import Path

import pysam
import pytest
from genomes import EVERY_WINDOW, TINY, random_bases, write_fasta

import promscan
from promscan.errors import InputError
from promscan.inference.windowed import WindowedEngine
from promscan.io.bed import read_bed
from promscan.io.genome import Genome
from promscan.io.sequences import read_sequences
from promscan.io.vcf import open_variants

CONTIGS = {"chr1": random_bases(2_000, 1), "chr2": random_bases(1_000, 2)}
MESSAGE = "the file was changed while it was read; run the command again when it is complete"


@pytest.fixture(autouse=True)
def little_at_a_time(monkeypatch):
    for block in ("fasta._BLOCK", "text._BLOCK", "text.HEAD_BYTES", "unpacking._PIECE"):
        monkeypatch.setattr(f"promscan.io.{block}", 64)
    monkeypatch.setattr(WindowedEngine, "chunk_step", 100)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 3 // 4)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(path.read_bytes()[-200:])


def overwrite(path: Path) -> None:
    """Write as many other bytes, a second later."""
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(len(content) // 2)
        file.write(content[len(content) // 4 :][: len(content) // 4])
    _later(path)


def replace(path: Path) -> None:
    """Put another file in its place."""
    other = path.with_name("other")
    other.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    other.replace(path)


def _later(path: Path) -> None:
    times = path.stat()
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1_000_000_000))


CHANGES = [truncate, append, overwrite]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("packing", ["plain", "gzip", "bgzip"])
def test_a_genome_that_changes_while_it_is_scanned_is_refused(tmp_path, change, packing):
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS, packing=packing)
    hits = iter(promscan.scan(genome, model=TINY, strength=None, device="cpu", threads=1, **EVERY_WINDOW))
    next(hits)
    change(genome)
    with pytest.raises(InputError) as refused:
        list(hits)
    assert MESSAGE in str(refused.value) or packing != "plain"  # what is packed may be found damaged first


def test_a_genome_in_whose_place_another_is_put_is_scanned_as_it_was(tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    options = {"model": TINY, "strength": None, "device": "cpu", "threads": 1, **EVERY_WINDOW}
    expected = list(promscan.scan(genome, **options))
    hits = iter(promscan.scan(genome, **options))
    first = next(hits)
    replace(genome)
    assert list(chain([first], hits)) == expected


@pytest.mark.parametrize("change", [*CHANGES, replace])
@pytest.mark.parametrize("packing", ["plain", "gzip"])
def test_a_genome_that_changes_between_two_readings_is_refused(tmp_path, change, packing):
    genome = Genome(write_fasta(tmp_path / "genome.fa", CONTIGS, packing=packing))
    assert genome.contigs()["chr2"] == 1_000
    change(tmp_path / "genome.fa")
    with pytest.raises(InputError):
        list(genome.read_chunks(100, {"chr1": [(0, 500)]}))


@pytest.mark.parametrize("change", CHANGES)
def test_a_genome_that_changes_while_it_is_read_by_its_index_is_refused(tmp_path, change):
    path = write_fasta(tmp_path / "genome.fa", CONTIGS)
    pysam.faidx(str(path))
    chunks = Genome(path).read_chunks(100, {"chr1": [(0, 500)], "chr2": [(0, 100)]})
    next(chunks)
    change(path)
    with pytest.raises(InputError, match=r"changed while it was read|the index does not match"):
        list(chunks)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_table_or_list_that_changes_while_it_is_read_is_refused(tmp_path, change, pack, monkeypatch):
    table, bed = tmp_path / "table.csv", tmp_path / "list.bed"
    table.write_bytes(pack(("sequence,name\n" + "".join(f"ACGTACGT,s{i}\n" for i in range(500))).encode()))
    bed.write_bytes(pack("".join(f"chr1\t{i}\t{i + 5}\n" for i in range(0, 5_000, 10)).encode()))
    rows = read_sequences(str(table))
    next(rows)
    change(table)
    with pytest.raises(InputError):
        list(rows)
    monkeypatch.setattr("promscan.io.bed.interval_of", _changing(bed, change))
    with pytest.raises(InputError):
        read_bed(bed)


def _changing(path, change):
    from promscan.io.bed import interval_of

    seen = []

    def run(fields, where):
        seen.append(where)
        if len(seen) == 3:
            change(path)
        return interval_of(fields, where)

    return run


@pytest.mark.parametrize("change", CHANGES)
def test_a_vcf_that_changes_while_it_is_read_is_refused(tmp_path, change):
    path = tmp_path / "variants.vcf"
    rows = "".join(f"chr1\t{i}\t.\tA\tC\t.\t.\t.\n" for i in range(1, 20_000))
    path.write_text(f"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n{rows}")
    with open_variants(path) as variants:
        records = iter(variants)
        list(islice(records, 3))
        change(path)
        with pytest.raises(InputError, match=r"changed while it was read|is damaged or cut short"):
            list(records)
