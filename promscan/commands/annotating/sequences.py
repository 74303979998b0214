"""Sequences of hits, by random access through pyfaidx."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pyfaidx

from promscan.errors import InputError
from promscan.io.fasta_index import FastaIndex, index_rows
from promscan.io.files import is_special, write_errors
from promscan.io.formats import HEAD_BYTES, text_format
from promscan.io.listed_rows import Row
from promscan.io.text import BYTE_ORDER_MARK, opened, sniff, source_name
from promscan.log import counted, logger
from promscan.seq.circles import rounds
from promscan.seq.regions import unknown_contig

_HEAD = 1 << 16
"""Bytes in which the first line of a FASTA file ends."""
_PACKED_NAMES = (".gz", ".bgz", ".bz2", ".zip")
"""pyfaidx takes a file for compressed by its name."""
_COMPLEMENT = str.maketrans("ACGTUNRYSWKMBDHVXacgtunryswkmbdhvx", "TGCAANYRSWMKVHDBXtgcaanyrswmkvhdbx")


class HitSequence(NamedTuple):
    """The bases of a hit with its flanks, 5' to 3' on its strand, as the genome writes them."""

    name: str
    chrom: str
    start: int
    end: int
    strand: str
    sequence: str

    @property
    def header(self) -> str:
        """Header in FASTA, without `>`: the name, and the 0-based interval as bedtools writes it."""
        return f"{self.name} {self.chrom}:{self.start}-{self.end}({self.strand})"


def read_hit_sequences(
    rows: Sequence[Row], genome: str, source: str, flank_up: int, flank_down: int
) -> Iterator[HitSequence]:
    """Read the sequence of each hit, as `opened_sequences` does, which is called with the first one."""
    with opened_sequences(rows, genome, source, flank_up, flank_down) as sequences:
        yield from sequences


@contextmanager
def opened_sequences(
    rows: Sequence[Row], genome: str, source: str, flank_up: int, flank_down: int
) -> Iterator[Iterator[HitSequence]]:
    """Open a genome, see that all hits lie on it, and yield the sequence of each hit, read when it is asked for.

    Flanks end with the contig. A hit without a name of its own is called by its interval.

    Args:
        rows: the hits.
        genome: FASTA file, plain or compressed, or `-` for standard input; no index of it is written.
        source: what messages call the hits.
        flank_up: bases before the hit, on its strand.
        flank_down: bases after it.

    Raises:
        InputError: the genome cannot be read, or a hit does not lie on it.
    """
    with _opened_genome(genome) as (fasta, lengths):
        for row in rows:
            _check_place(row, lengths)
        yield _sequences(rows, fasta, lengths, source, flank_up, flank_down)


def _check_place(row: Row, lengths: dict[str, int]) -> None:
    if row.chrom not in lengths:
        raise InputError(f"{row.where}: {unknown_contig(row.chrom, lengths)}")
    length = lengths[row.chrom]
    if row.end > length != row.circle:
        raise InputError(f"{row.where}: reaches past the end of {row.chrom} at {length}; is it for this genome?")


def _sequences(
    rows: Sequence[Row], fasta: pyfaidx.Faidx, lengths: dict[str, int], source: str, flank_up: int, flank_down: int
) -> Iterator[HitSequence]:
    names, clipped = Counter(row.name for row in rows), 0
    numbers = {chrom: str(number) for number, chrom in enumerate(lengths)}
    for row in rows:
        length = lengths[row.chrom]
        before, after = (flank_up, flank_down) if row.strand == "+" else (flank_down, flank_up)
        start, end = row.start - before, row.end + after
        if row.circle is None:
            start, end = max(0, start), min(length, end)
        clipped += end - start < row.end - row.start + before + after
        letters = "".join(
            str(fasta.fetch(numbers[row.chrom], first + 1, last)) for first, last in rounds(start, end, length)
        )
        if row.strand == "-":
            letters = letters.translate(_COMPLEMENT)[::-1]
        is_named = row.name not in ("", ".") and names[row.name] == 1
        name = _one_word(row.name) if is_named else f"{row.chrom}:{start}-{end}({row.strand})"
        yield HitSequence(name, row.chrom, start, end, row.strand, letters)
    if clipped:
        logger.info("%s: the flanks of %s end with the contig", source, counted(clipped, "hit"))


def _one_word(name: str) -> str:
    return "".join(letter if letter.isprintable() and letter != " " else f"%{ord(letter):02X}" for letter in name)


@contextmanager
def _opened_genome(path: str) -> Iterator[tuple[pyfaidx.Faidx, dict[str, int]]]:
    """Open a genome by its own index, if that is there and true, or by the places of its lines.

    pyfaidx ends names at every blank of Unicode, and reads them in the encoding of the locale. So it gets numbers.

    Yields:
        The contigs by number, and the length of each by name, in the order of the numbers.
    """
    with TemporaryDirectory(prefix="promscan-") as folder:
        file, index = path, None
        if _may_be_read_in_place(path):
            index = FastaIndex.next_to(path, bgzip=False)
        else:
            file = _unpacked(path, Path(folder, "genome.fa"))
        rows = index_rows(file, source_name(path)) if index is None else index.rows
        fai = Path(folder, "genome.fai")
        with write_errors(f"the index of the genome in {folder}"), fai.open("w", encoding="ascii") as lines:
            lines.writelines(
                f"{number}\t{row.length}\t{row.offset}\t{row.bases}\t{row.width}\n"
                for number, row in enumerate(rows.values())
            )
        fasta = pyfaidx.Faidx(file, indexname=str(fai), as_raw=True, rebuild=False, build_index=False)
        try:
            yield fasta, {chrom: row.length for chrom, row in rows.items()}
        finally:
            fasta.close()


def _may_be_read_in_place(path: str) -> bool:
    """Whether pyfaidx can read a file as it is: plain text with LF or CRLF and without a byte order mark."""
    if path == "-" or is_special(path) or path.lower().endswith(_PACKED_NAMES) or sniff(path) != "plain":
        return False
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    _check_format(path, head)
    return b"\n" in head and not head.startswith(BYTE_ORDER_MARK)


def _check_format(path: str, head: bytes) -> None:
    if (foreign := text_format(head[:HEAD_BYTES])) is not None:
        raise InputError(f"{source_name(path)}: this is {foreign}; give a FASTA file")


def _unpacked(path: str, target: Path) -> str:
    """Copy a genome as plain text to a temporary file."""
    with opened(path) as stream:
        _check_format(path, stream.peek())
        with write_errors(f"the unpacked genome in {target.parent}"), target.open("wb") as file:
            shutil.copyfileobj(stream, file)
    return str(target)
