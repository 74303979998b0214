"""The works of a command line: one for each genome, with the names of what it writes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from promscan.errors import RunError
from promscan.io.files import check_outputs, is_special, write_errors
from promscan.io.genome_files import fasta_files, outputs_in
from promscan.io.hit_layouts import layout_of
from promscan.io.schemas import FULL
from promscan.io.text import sniff

SUFFIXES = {"bed": ".bed", "gff3": ".gff3", "narrowpeak": ".narrowPeak"}
"""Ends of the names of outputs in a folder, by format."""


class Form(NamedTuple):
    """Format of the hits (None: by the suffix of their file) and columns, one of `BED_COLUMN_SETS`."""

    format: str | None
    columns: str = FULL


class Work(NamedTuple):
    """A scan: the files of its genome, and where the hits and the summary go."""

    genome: Sequence[str]
    output: str
    summary: str | None

    @property
    def journal(self) -> str:
        """Folder of the journal: next to the file that a symbolic link points to, where it can be written."""
        return f"{os.path.realpath(self.output)}.resume"


def works_of(genomes: Sequence[str], output: str, summary: str | None, form: Form) -> list[Work]:
    """One work for each genome if the output is a folder, which is made if its name ends in `/`; else one for all.

    Raises:
        InputError: a genome is a folder without FASTA files.
        RunError: there are no names for the outputs, or no folder can be made.
    """
    files = fasta_files(genomes)
    if not _is_folder(output):
        return [Work(files, output, summary)]
    outputs = outputs_in(output, files, SUFFIXES[form.format or "bed"])
    summaries: Sequence[str | None] = [None] * len(files)
    if summary is not None:
        if not _is_folder(summary):
            raise RunError(f"{summary}: is no folder, and {output} is one: name a folder for the summaries, too")
        summaries = outputs_in(summary, files, ".json")
    for folder in filter(None, (output, summary)):
        with write_errors(folder):
            os.makedirs(folder, exist_ok=True)
    return [Work([file], *names) for file, names in zip(files, zip(outputs, summaries, strict=True), strict=True)]


def _is_folder(path: str) -> bool:
    return path.endswith("/") or (path != "-" and os.path.isdir(path))


def check_works(works: Sequence[Work], files: Iterable[str | None], form: Form) -> None:
    """Refuse files that cannot be read or written before anything is loaded; `files` are read as well as the genomes.

    Raises:
        InputError: a genome cannot be read.
        RunError: see `check_outputs` and `layout_of`.
    """
    outputs = [path for work in works for path in (work.output, work.summary)]
    check_outputs(outputs, [*(path for work in works for path in work.genome), *files])
    layout_of(works[0].output, *form)
    for file in (file for work in works for file in work.genome):
        if file != "-" and not is_special(file):
            sniff(file)
