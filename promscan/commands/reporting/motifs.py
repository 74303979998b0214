"""The motifs that `promscan explain` found in hits."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from promscan.errors import InputError
from promscan.io.tables import number_at, read_table

INSTANCES = "instances.tsv"
"""The file in the folder of `promscan explain --motifs`."""
_NONE = "."
_LONGEST = 100
"""Bases of an instance, at most."""


class MotifInstance(NamedTuple):
    """A motif in a hit.

    label: known element that it is like, else the name of the motif.
    offset: position of its first base relative to the transcription start.
    length: its bases.
    worth: contribution to the score of the hit.
    """

    label: str
    offset: int
    length: int
    worth: float


def read_instances(folder: str | Path | None) -> dict[str, list[MotifInstance]]:
    """The instances by the name of their hit, `chrom_tss_strand`; none without a folder.

    Raises:
        InputError: the folder has no such table, or it cannot be used.
    """
    found = defaultdict[str, list[MotifInstance]](list)
    if folder is None:
        return found
    path = Path(folder) / INSTANCES
    if not path.is_file():
        raise InputError(f"{folder}: there is no {INSTANCES} in it; give the folder of promscan explain --motifs")
    for row, place in read_table(str(path), ("name", "motif", "element", "offset", "sequence", "contribution")):
        label = row["motif"] if row["element"] == _NONE else row["element"]
        offset = number_at(row["offset"], "offset", place)
        if offset != int(offset) or len(row["sequence"]) > _LONGEST:
            raise InputError(f"{place}: no instance of a motif; give the folder of promscan explain --motifs")
        worth = number_at(row["contribution"], "contribution", place)
        found[row["name"]].append(MotifInstance(label, int(offset), len(row["sequence"]), worth))
    return found
