"""What reads a file, for fuzzing: a result or a `PromscanError`, and nothing else."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from seeds import (
    CARDS,
    CORPUS,
    DISTANCE,
    LOGIT,
    files_in,
    genome_text,
    journal,
    packed_genome,
    scan_of_the_journal,
    shards,
)  # fmt: skip

from promscan.calling.callers import open_caller
from promscan.calling.settings import CallSettings
from promscan.commands.merge import merge
from promscan.commands.scanning.journal import Journal
from promscan.commands.scanning.journal_file import JOURNAL
from promscan.errors import LONGEST_MESSAGE, PromscanError
from promscan.io.bed import read_bed
from promscan.io.gene_readers import read_genes
from promscan.io.genome import Genome
from promscan.io.hit_lines import read_hit_lines
from promscan.io.hits import read_hits
from promscan.io.sequences import read_sequences
from promscan.io.tables import number_at, read_table
from promscan.io.tss import read_known_promoters, read_starts
from promscan.io.vcf import open_variants
from promscan.networks.card import read_card

CONTIGS = {"chr1": 1500, "chr2": 900, "chrM": 200, "1": 10**9}
"""Contigs of the genome that lists are read for."""
STEP = 64
"""Window starts of a chunk."""
Bases = list[tuple[str, int, bytes]]


class Target(NamedTuple):
    """A reader.

    read: reads a file.
    seeds: good files by name.
    file: name that the file gets.
    packed: whether the reader takes compressed files.
    """

    read: Callable[[Path], object]
    seeds: Callable[[], dict[str, bytes]]
    file: str
    packed: bool = True


def _bases(chunks: Iterable) -> Bases:
    return [(chunk.chrom, chunk.start, chunk.codes.tobytes()) for chunk in chunks]


def read_fasta(path: Path) -> Bases:
    genome = Genome(path)
    bases = _bases(genome.read_chunks(STEP))
    contigs = genome.contigs()
    assert list(contigs) == list(dict.fromkeys(chrom for chrom, _, _ in bases))
    assert bases == _bases(genome.read_chunks(STEP, {chrom: [(0, 10**9)] for chrom in contigs}))
    return bases


def read_by_index(path: Path) -> Bases:
    """Read parts of a genome by a damaged index: refused, or what they are without an index."""
    damaged, genome = path.read_bytes(), path.with_suffix("")
    genome.write_bytes(genome_text())
    path.write_bytes(damaged)  # newer than its genome
    return _as_without_index(genome)


def read_by_block_index(path: Path) -> Bases:
    damaged, genome = path.read_bytes(), path.with_suffix("")
    for suffix, content in {**packed_genome(), ".gzi": damaged}.items():
        Path(f"{genome}{suffix}").write_bytes(content)
    return _as_without_index(genome)


def _as_without_index(genome: Path) -> Bases:
    spans = {"chr1": [(100, 300), (700, 800)], "chr2": [(0, 200)]}
    found = _bases(Genome(genome).read_chunks(STEP, spans))
    plain = genome.with_name("plain.fa")
    shutil.copy(genome, plain)
    assert found == _bases(Genome(plain).read_chunks(STEP, spans))
    return found


def read_tables(path: Path) -> int:
    """Read a table in each way that commands do."""
    return _in_each_way(
        lambda: sum(
            number_at(row["label"], "label", place) for row, place in read_table(str(path), ("sequence", "label"))
        ),
        lambda: sum(1 for _ in read_table(str(path), ())),
        lambda: sum(1 for _ in read_sequences(str(path))),
    )


def _in_each_way(*ways: Callable[[], object]) -> int:
    """In how many ways a file can be read.

    Raises:
        PromscanError: in none.
    """
    refused = list[PromscanError]()
    for way in ways:
        try:
            way()
        except PromscanError as error:
            check_message(error)
            refused.append(error)
    if len(refused) == len(ways):
        raise refused[-1]
    return len(ways) - len(refused)


def read_lists(path: Path) -> int:
    """Read a list of transcription starts or of hits in each way that commands do."""
    return _in_each_way(
        lambda: read_starts(path, CONTIGS),
        lambda: read_starts(path, CONTIGS, "5prime"),
        lambda: read_starts(path, CONTIGS, "gene"),
        lambda: read_known_promoters(path, CONTIGS),
        lambda: read_hits(path, CONTIGS),
        lambda: read_hit_lines(path),
    )


def read_vcf(path: Path) -> int:
    with open_variants(path) as variants:
        lines = list(variants.header)
        for record in variants:
            lines.append(record.line)
    return len(lines)


def read_model_card(path: Path) -> str:
    card = read_card(path.with_suffix(".safetensors"))
    path.write_text(card.to_json(), encoding="utf-8")
    assert read_card(path.with_suffix(".safetensors")).to_json() == card.to_json()
    return card.name


def read_journal(path: Path) -> int:
    """Go on from a journal; one whose checksums are made right again gets deeper into the reader."""
    return _replayed(path.read_bytes(), path.parent)


def read_sealed_journal(path: Path) -> int:
    return _replayed(sealed(path.read_bytes()), path.parent)


def sealed(text: bytes) -> bytes:
    """A journal with the checksums that its lines ask for."""
    lines, checksum = [], ""
    for line in text.split(b"\n")[: text.count(b"\n")]:
        body = re.sub(rb', "checksum": "[^"]*"}$', b"", line)
        checksum = hashlib.sha256(checksum.encode() + body).hexdigest()[:16]
        lines.append(body + b', "checksum": "' + checksum.encode() + b'"}\n')
    return b"".join(lines)


def _replayed(text: bytes, folder: Path) -> int:
    resume = folder / "hits.bed.resume"
    resume.mkdir(exist_ok=True)
    (resume / JOURNAL).write_bytes(text)
    with Journal(resume, scan_of_the_journal(), 50) as begun:
        caller = open_caller(CallSettings(threshold=LOGIT, min_distance=DISTANCE))
        hits = list(begun.replay(caller))
        caller.state()
        return len(hits)


def read_shards(path: Path) -> int:
    """Merge a shard with itself, and with a good other half."""
    other, out = path.with_name("other.bed"), path.with_name("merged.bed")
    other.write_bytes(shards()["part2.bed"])
    return _in_each_way(lambda: merge([path], out), lambda: merge([path, other], out))


def check_message(error: PromscanError) -> None:
    """A message is one line that fits on a screen."""
    text = str(error)
    assert text
    assert not set("\r\n") & set(text), f"not one line: {text[:500]!r}"
    assert len(text) <= LONGEST_MESSAGE + 10, f"a message of {len(text)} letters: {text[:500]!r}"


def _corpus(name: str) -> Callable[[], dict[str, bytes]]:
    return partial(files_in, CORPUS / name)


TARGETS = {
    "fasta": Target(read_fasta, _corpus("fasta"), "genome.fa"),
    "fai": Target(read_by_index, lambda: {"fai": packed_genome()[".fai"]}, "genome.fa.fai", packed=False),
    "gzi": Target(read_by_block_index, lambda: {"gzi": packed_genome()[".gzi"]}, "genome.fa.gzi", packed=False),
    "bed": Target(lambda path: read_bed(path).total_bases, _corpus("lists"), "list.bed"),
    "gff": Target(lambda path: len(read_genes(path)), _corpus("genes"), "genes.gff"),
    "lists": Target(read_lists, _corpus("lists"), "list.bed"),
    "tables": Target(read_tables, _corpus("tables"), "table.csv"),
    "vcf": Target(read_vcf, _corpus("vcf"), "variants.vcf"),
    "cards": Target(read_model_card, partial(files_in, CARDS), "model.json", packed=False),
    "journals": Target(read_journal, lambda: {"journal": journal()}, "journal.jsonl", packed=False),
    "sealed-journals": Target(read_sealed_journal, lambda: {"journal": journal()}, "journal.jsonl", packed=False),
    "shards": Target(read_shards, shards, "part.bed"),
}
"""Every reader, by name."""


def try_file(target: Target, text: bytes, folder: Path) -> bool:
    """Read a file with this content; whether it could be read.

    Raises:
        Exception: anything but a result or a `PromscanError` of one line.
    """
    path = folder / target.file
    path.write_bytes(text)
    try:
        target.read(path)
    except PromscanError as error:
        check_message(error)
        return False
    return True
