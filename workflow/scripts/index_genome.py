"""Unpack a FASTA file, with lines of one length, and index it: python index_genome.py GENOME OUT.fa."""

from __future__ import annotations

import sys
from typing import BinaryIO

import pysam

from promscan.errors import PromscanError
from promscan.io.text import opened

WIDTH = 80
BLOCK = 1 << 20


def rewrap(source: BinaryIO, copy: BinaryIO) -> None:
    """Copy a FASTA file; an index needs lines of one length, and not all files have them."""
    pending = b""
    for line in iter(lambda: source.readline(BLOCK), b""):
        if line.startswith(b">"):
            copy.write(pending + b"\n" if pending else b"")
            copy.write(line if line.endswith(b"\n") else line + b"\n")
            pending = b""
            continue
        pending += line.strip()
        whole = len(pending) // WIDTH * WIDTH
        copy.writelines(pending[at : at + WIDTH] + b"\n" for at in range(0, whole, WIDTH))
        pending = pending[whole:]
    copy.write(pending + b"\n" if pending else b"")


def main(genome: str, target: str) -> None:
    """Write the unpacked genome, and its index OUT.fa.fai."""
    try:
        with opened(genome) as source, open(target, "wb") as copy:
            rewrap(source, copy)
    except PromscanError as error:
        sys.exit(f"index_genome: error: {error}")
    pysam.faidx(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
