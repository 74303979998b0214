"""Genomes in several FASTA files or in a folder, and the names of what is made of each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from promscan.errors import InputError, RunError

SUFFIXES = (".fa", ".fasta", ".fna", ".fas")
"""Ends of the names of FASTA files in a folder, maybe before that of a compression. Genes (.ffn) have others."""
PACKED = (".gz", ".bgz", ".bz2", ".xz", ".zst")


def fasta_files(inputs: Iterable[str | os.PathLike[str]]) -> list[str]:
    """The files of the inputs, in order; a folder stands for its FASTA files, sorted by name.

    Folders in it, and files whose name begins with a dot, are passed over.

    Raises:
        InputError: a folder holds no FASTA file, or cannot be read.
    """
    files = list[str]()
    for path in [os.fspath(given) for given in inputs]:
        files += _in_folder(path) if path != "-" and os.path.isdir(path) else [path]
    return files


def _in_folder(folder: str) -> list[str]:
    try:
        found = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}; check your permissions") from error
    names = [name for name in found if _suffix_of(name) and not name.startswith(".")]
    if not names:
        raise InputError(f"{folder}: no file in it ends in {', '.join(SUFFIXES)} (or these with .gz); name the files")
    return [os.path.join(folder, name) for name in names]


def _suffix_of(name: str) -> str:
    """The suffix of a FASTA file with that of its compression; empty if the name has none."""
    lower = name.lower()
    packed = next((suffix for suffix in PACKED if lower.endswith(suffix)), "")
    plain = next((suffix for suffix in SUFFIXES if lower.removesuffix(packed).endswith(suffix)), "")
    return plain + packed if plain else ""


def outputs_in(folder: str, genomes: Sequence[str], suffix: str) -> list[str]:
    """One name in `folder` for each genome: that of its file, with `suffix` in the place of `.fa`, `.fna.gz`, ...

    Raises:
        RunError: a genome has no name, or two have the same.
    """
    taken = dict[str, str]()
    for genome in genomes:
        name = Path(genome).name
        if genome == "-":
            raise RunError(f"{folder}: is a folder, and standard input has no name for a file in it; name a file")
        stem = name[: len(name) - len(_suffix_of(name))] or name
        target = os.path.join(folder, stem + suffix)
        if target in taken:
            raise RunError(f"{genome} and {taken[target]} would both be written to {target}; rename one")
        taken[target] = genome
    return list(taken)
