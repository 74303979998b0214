"""The works of a command line: one for each genome, with the names of what it writes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from promscan.commands.scanning.tracks import track_paths
from promscan.errors import RunError
from promscan.io.files import check_outputs, is_special, write_errors
from promscan.io.genome_files import fasta_files, outputs_in
from promscan.io.hit_layouts import layout_of
from promscan.io.schemas import FULL
from promscan.io.summaries import summary_paths
from promscan.io.text import sniff

SUFFIXES = {"bed": ".bed", "gff3": ".gff3", "narrowpeak": ".narrowPeak"}
"""Ends of the names of outputs in a folder, by format."""


class Form(NamedTuple):
    """Format of the hits (None: by the suffix of their file) and columns, one of `BED_COLUMN_SETS`."""

    format: str | None
    columns: str = FULL


class Work(NamedTuple):
    """A scan: the files of its genome, where the hits and the summary go, and the prefix of its tracks."""

    genome: Sequence[str]
    output: str
    summary: str | None
    track: str | None

    @property
    def journal(self) -> str:
        """Folder of the journal: next to the file that a symbolic link points to, where it can be written."""
        return f"{os.path.realpath(self.output)}.resume"


def works_of(genomes: Sequence[str], output: str, form: Form, *, summary: str | None, track: str | None) -> list[Work]:
    """One work for each genome if the output is a folder, which is made if its name ends in `/`; else one for all.

    Raises:
        InputError: a genome is a folder without FASTA files.
        RunError: there are no names for the outputs, or no folder can be made.
    """
    files = fasta_files(genomes)
    if not _is_folder(output):
        if track is not None and not os.path.basename(track):
            raise RunError(f"{track}: a prefix of tracks ends in a name, as out/genome, for out/genome.plus.bw")
        return [Work(files, output, summary, track)]
    outputs = outputs_in(output, files, SUFFIXES[form.format or "bed"])
    for path, what in ((summary, "summaries"), (track, "tracks")):
        if path is not None and not _is_folder(path):
            raise RunError(f"{path}: is no folder, and {output} is one: name a folder for the {what}, too")
    for folder in filter(None, (output, summary, track)):
        with write_errors(folder):
            os.makedirs(folder, exist_ok=True)
    nowhere: Sequence[str | None] = [None] * len(files)
    summaries = nowhere if summary is None else outputs_in(summary, files, ".json")
    tracks = nowhere if track is None else outputs_in(track, files, "")
    names = zip(files, outputs, summaries, tracks, strict=True)
    return [Work([file], hits, summary_of, track_of) for file, hits, summary_of, track_of in names]


def _is_folder(path: str) -> bool:
    return path.endswith("/") or (path != "-" and os.path.isdir(path))


def check_files(works: Sequence[Work], files: Iterable[str | os.PathLike[str] | None], strand: str) -> None:
    """Refuse outputs that cannot be written, or would replace what is read: the genomes and `files`.

    Raises:
        RunError: see `check_outputs`.
    """
    outputs = [path for work in works for path in _outputs_of(work, strand)]
    check_outputs(outputs, [*(path for work in works for path in work.genome), *files])


def check_works(works: Sequence[Work], form: Form) -> None:
    """Refuse genomes that cannot be read and a format that no output has, before anything is loaded.

    Raises:
        InputError: a genome cannot be read.
        RunError: see `layout_of`.
    """
    layout_of(works[0].output, *form)
    for file in (file for work in works for file in work.genome):
        if file != "-" and not is_special(file):
            sniff(file)


def _outputs_of(work: Work, strand: str) -> list[str]:
    summaries = [] if work.summary is None else summary_paths(work.summary)
    tracks = [] if work.track is None else track_paths(work.track, strand).values()
    return [work.output, *summaries, *tracks]
