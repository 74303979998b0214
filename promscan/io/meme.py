"""Motifs in the MEME format: matrices of letter probabilities.

Read are the motifs of DNA of a minimal MEME file (https://meme-suite.org/meme/doc/meme-format.html); everything else
in it is passed over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.errors import InputError
from promscan.io.files import write_whole
from promscan.io.lines import text_lines
from promscan.io.tables import finite
from promscan.io.text import source_name
from promscan.seq.dna import LETTERS

LONGEST = 100
"""Positions of a motif, at most."""
MOST_MOTIFS = 10_000
WANTED = "a MEME file"
_SUM = 0.05
"""How far the probabilities of a position may be from adding up to 1."""

Matrix = npt.NDArray[np.float64]


class Motif(NamedTuple):
    """A motif; `matrix` has the share of A, C, G and T at each position, (positions, 4)."""

    name: str
    matrix: Matrix


def read_motifs(path: str | os.PathLike[str]) -> list[Motif]:
    """Read the motifs of a MEME file.

    Raises:
        InputError: the file cannot be read, or is no MEME file of DNA.
    """
    source = source_name(os.fspath(path))
    found = list(_motifs(text_lines(os.fspath(path), WANTED, ()), source))
    if not found:
        raise InputError(f"{source}: there is no letter-probability matrix in it; give {WANTED}")
    return found


def _motifs(lines: Iterator[tuple[str, str]], source: str) -> Iterator[Motif]:
    name, count, begun = "", 0, False
    for line, where in lines:
        if line.startswith("MEME version"):
            begun = True
        elif line.startswith("ALPHABET=") and line.removeprefix("ALPHABET=").strip() != LETTERS:
            raise InputError(f"{where}: the alphabet is not {LETTERS}; give motifs of DNA")
        elif line.startswith("MOTIF"):
            name = " ".join(line.split()[1:]) or f"motif {count + 1}"
        elif line.startswith("letter-probability matrix"):
            if not begun:
                raise InputError(f"{where}: a motif without 'MEME version' before it; give {WANTED}")
            count += 1
            if count > MOST_MOTIFS:
                raise InputError(f"{source}: more than {MOST_MOTIFS:,} motifs; divide the file")
            yield Motif(name or f"motif {count}", _matrix(lines, source, _width(line, where)))


def _width(line: str, where: str) -> int:
    found = re.search(r"\bw=\s*([0-9]+)(?=\s|$)", line)
    width = int(found[1]) if found and len(found[1]) <= len(str(LONGEST)) else 0
    if not 1 <= width <= LONGEST:
        raise InputError(f"{where}: a motif needs its width (w=) from 1 to {LONGEST}; repair the line")
    return width


def _matrix(lines: Iterator[tuple[str, str]], source: str, width: int) -> Matrix:
    rows = list[list[float]]()
    for line, where in lines:
        rows.append(_row(line, where))
        if len(rows) == width:
            return np.array(rows)
    raise InputError(f"{source}: the last motif has {len(rows)} of {width} positions; the file is cut short")


def _row(line: str, where: str) -> list[float]:
    row = [finite(word) for word in line.split()]
    shares = [share for share in row if share is not None and share >= 0]
    if not len(shares) == len(row) == len(LETTERS) or abs(sum(shares) - 1) > _SUM:
        raise InputError(f"{where}: expected 4 probabilities that add up to 1, got {line[:40]!r}; repair the line")
    return shares


def write_motifs(path: Path, motifs: Iterable[tuple[Motif, int]], background: Sequence[float]) -> None:
    """Write motifs, each with the number of its sites, in the minimal MEME format.

    Raises:
        RunError: the file cannot be written.
    """
    shares = " ".join(f"{letter} {share:.4f}" for letter, share in zip(LETTERS, background, strict=True))
    lines = [
        "MEME version 4",
        "",
        f"ALPHABET= {LETTERS}",
        "",
        "strands: + -",
        "",
        "Background letter frequencies",
        shares,
    ]
    for motif, sites in motifs:
        lines += [
            "",
            f"MOTIF {motif.name}",
            f"letter-probability matrix: alength= 4 w= {len(motif.matrix)} nsites= {sites}",
        ]
        lines += [" ".join(f"{share:.6f}" for share in row) for row in motif.matrix]
    write_whole(path, "\n".join(lines) + "\n")
