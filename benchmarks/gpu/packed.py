"""Sequence in two bits a base, in one file without links, pickles or names of other files.

An `.npz` file holds the names and lengths of the contigs, four bases a byte, and the stretches of unknown bases.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from promscan.seq import dna
from promscan.seq.dna import UNKNOWN, Codes

LINE = 60
"""Bases a line of FASTA."""


def write_packed(path: Path, contigs: Mapping[str, Codes]) -> None:
    """Write contigs, codes (length,) uint8 each."""
    codes = np.concatenate(list(contigs.values()))
    unknown = codes == UNKNOWN
    edges = np.flatnonzero(np.diff(unknown, prepend=False, append=False)).reshape(-1, 2)
    known = np.pad(np.where(unknown, 0, codes).astype(np.uint8), (0, -len(codes) % 4)).reshape(-1, 4)
    with path.open("wb") as file:
        np.savez(
            file,
            names=np.array(list(contigs)),
            lengths=np.array([len(contig) for contig in contigs.values()]),
            bases=known[:, 0] | known[:, 1] << 2 | known[:, 2] << 4 | known[:, 3] << 6,
            unknown=edges,
        )


def read_packed(path: Path) -> dict[str, Codes]:
    """The contigs that `write_packed` wrote."""
    with np.load(path, allow_pickle=False) as file:
        lengths, four = file["lengths"], file["bases"]
        codes = np.stack([four >> shift & 3 for shift in (0, 2, 4, 6)], axis=1).reshape(-1)[: lengths.sum()]
        for begin, end in file["unknown"].tolist():
            codes[begin:end] = UNKNOWN
        pieces = np.split(codes, np.cumsum(lengths)[:-1])
        return dict(zip(file["names"].tolist(), pieces, strict=True))


def write_fasta(path: Path, contigs: Mapping[str, Codes]) -> None:
    """Write contigs as FASTA, in lines as most genomes have them."""
    with path.open("wb") as file:
        for name, codes in contigs.items():
            letters = np.frombuffer(dna.decode(codes).encode(), dtype=np.uint8)
            whole = len(letters) // LINE * LINE
            lines = np.full((whole // LINE, LINE + 1), ord("\n"), dtype=np.uint8)
            lines[:, :LINE] = letters[:whole].reshape(-1, LINE)
            file.write(f">{name}\n".encode() + lines.tobytes())
            if whole < len(letters):
                file.write(letters[whole:].tobytes() + b"\n")


def first_bases(contigs: Mapping[str, Codes], bases: int) -> dict[str, Codes]:
    """Contigs in their order, up to a number of bases; the last one may be cut."""
    taken = dict[str, Codes]()
    for name, codes in contigs.items():
        if bases > 0:
            taken[name] = codes[:bases]
            bases -= len(codes)
    return taken


def random_contigs(contigs: int, length: int, seed: int = 1) -> dict[str, Codes]:
    """Contigs of random bases."""
    rng = np.random.default_rng(seed)
    return {f"random{number}": rng.integers(0, UNKNOWN, length, dtype=np.uint8) for number in range(contigs)}
