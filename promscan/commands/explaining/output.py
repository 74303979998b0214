"""Explanations to the files that a user asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from promscan.commands.explaining.explanation import Explanation
from promscan.commands.explaining.motifs import elements_with, find_motifs, write_folder
from promscan.commands.explaining.tables import columns_of, draw, write_arrays, write_rows
from promscan.commands.explaining.track import Track, write_tracks
from promscan.io.files import open_text_output


class Outputs(NamedTuple):
    """Where explanations go.

    table: a TSV file with a row for each base, `-` for standard output, or a `.npz` file.
    plots: folder for a picture of each; None: none are drawn.
    motifs: folder for recurrent motifs; None: they are not searched.
    meme: MEME file of motifs that they are compared with, together with the bundled elements.
    track: tracks of contributions; None: there are none.
    """

    table: str
    plots: Path | None = None
    motifs: Path | None = None
    meme: str | None = None
    track: Track | None = None


def write_explanations(found: Iterator[Explanation], outputs: Outputs) -> list[Explanation]:
    """Write explanations, and return them.

    Raises:
        InputError: the MEME file cannot be used.
        RunError: a file cannot be written.
    """
    elements = elements_with(outputs.meme)  # before the work
    if outputs.table.lower().endswith(".npz"):
        everything = list(found)
        write_arrays(everything, outputs.table)
    else:
        everything = _write_table(found, outputs.table)
    if outputs.plots is not None:
        draw(everything, outputs.plots)
    if outputs.motifs is not None:
        write_folder(find_motifs(everything, elements), everything, outputs.motifs)
    if outputs.track is not None:
        write_tracks(everything, outputs.track)
    return everything


def _write_table(found: Iterator[Explanation], output: str) -> list[Explanation]:
    everything = list[Explanation]()
    with open_text_output(output) as file:
        for explanation in found:
            if not everything:
                file.write("\t".join(columns_of(explanation)) + "\n")
            write_rows(explanation, file)
            everything.append(explanation)
        if not everything:
            file.write("\t".join(columns_of(None)) + "\n")
    return everything
