"""FASTA files for the tests of reading: every layout of them, and the chunks that they must become."""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pysam

from promscan.io.genome import Genome
from promscan.seq.dna import encode
from promscan.seq.windows import WINDOW

Rows = list[tuple[str, int, bytes]]


@dataclass
class Layout:
    """How sequences are laid out in a file."""

    width: int = 60
    newline: bytes = b"\n"
    last_newline: bool = True
    blank_lines: bool = False
    compression: str = "plain"

    def text(self, contigs: Mapping[str, str]) -> bytes:
        lines = []
        for name, sequence in contigs.items():
            lines.append(f">{name} and a description > of it".encode())
            lines += [sequence[i : i + self.width].encode() for i in range(0, len(sequence), self.width)]
            lines += [b"", b" \t"] if self.blank_lines else []
        text = self.newline.join(lines)
        return text + self.newline if self.last_newline else text

    def write(self, folder: Path, contigs: Mapping[str, str]) -> Path:
        path = folder / "genome.fa"
        path.write_bytes(gzip.compress(self.text(contigs)) if self.compression == "gzip" else self.text(contigs))
        if self.compression == "bgzip":
            pysam.tabix_compress(str(path), str(path) + ".bgz")
            os.replace(str(path) + ".bgz", path)
        return path


def drawn_sequence(length: int, seed: int) -> str:
    letters = np.frombuffer(b"ACGTACGTACGTacgtNnRyU-", dtype=np.uint8)
    return letters[np.random.default_rng(seed).integers(0, len(letters), length)].tobytes().decode()


def expected_rows(
    contigs: Mapping[str, str], step: int, spans: Mapping[str, Sequence[tuple[int, int]]] | None = None
) -> Rows:
    """The slow oracle: go through every cell of the grid."""
    rows = []
    for chrom, sequence in contigs.items():
        if spans is not None and chrom not in spans:
            continue
        codes, windows = encode(sequence).tobytes(), len(sequence) - WINDOW + 1
        if windows <= 0:
            rows.append((chrom, 0, codes))
        for cell in range(0, windows, step):
            for lo, hi in [(0, windows)] if spans is None else spans[chrom]:
                start, end = max(lo, cell), min(hi, cell + step, windows)
                if start < end:
                    rows.append((chrom, start, codes[start : end + WINDOW - 1]))
    return rows


def rows_of(genome: Genome, step: int, spans: Mapping[str, Sequence[tuple[int, int]]] | None = None) -> Rows:
    return [(chunk.chrom, chunk.start, chunk.codes.tobytes()) for chunk in genome.read_chunks(step, spans)]
