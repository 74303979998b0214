"""The contributions of bases along a genome, as one bigWig file for each strand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from promscan.commands.explaining.explanation import Array, Explanation
from promscan.commands.scanning.tracks import STRAND_NAMES, track_paths
from promscan.io.bigwig import open_bigwig
from promscan.io.hit_writers import header_line
from promscan.io.memory_genome import open_genome
from promscan.seq.records import Strand
from promscan.seq.tss import Site


class Track(NamedTuple):
    """A track of each strand.

    prefix: of the files, PREFIX.plus.bw and PREFIX.minus.bw.
    genome: FASTA file that the hits were called on.
    settings: what made the explanations, which stays in the files.
    """

    prefix: str
    genome: str
    settings: Mapping[str, str]

    @property
    def paths(self) -> Mapping[Strand, str]:
        """The file of each strand."""
        return track_paths(self.prefix, "both")


def write_tracks(found: Sequence[Explanation], track: Track) -> None:
    """Write what each base is worth; where explanations of a strand overlap, that with the higher score counts.

    Raises:
        InputError: no bigWig can hold the contigs.
        RunError: a file cannot be written.
    """
    contigs = open_genome(track.genome).contigs()
    for strand, path in track.paths.items():
        comment = header_line({"track": f"contributions_{STRAND_NAMES[strand]}", **track.settings})
        by_contig = _by_contig(each for each in found if each.site is not None and each.site.strand == strand)
        with open_bigwig(path, contigs, comment) as writer:
            for chrom in contigs:
                for start, values in _runs(by_contig.get(chrom, {})):
                    writer.add(chrom, start, values)


def _by_contig(found: Iterable[Explanation]) -> dict[str, dict[int, float]]:
    """By contig and position, the contribution of the base there; unknown bases have none."""
    values = defaultdict[str, dict[int, float]](dict)
    for each in sorted(found, key=lambda explanation: explanation.score):
        assert each.site is not None
        for index, (base, worth) in enumerate(zip(each.bases, each.contributions.tolist(), strict=True)):
            if base != "N":
                values[each.site.chrom][_position(each.site, each.first + index)] = worth
    return values


def _position(site: Site, offset: int) -> int:
    return site.tss + offset if site.strand == "+" else site.tss - offset


def _runs(values: Mapping[int, float]) -> list[tuple[int, Array]]:
    """The values of neighbouring positions together, each with its first position, in order."""
    positions = np.array(sorted(values), dtype=np.int64)
    ordered = np.array([values[position] for position in positions.tolist()], dtype=np.float32)
    cuts = np.flatnonzero(np.diff(positions) != 1) + 1
    parts = zip(np.split(positions, cuts), np.split(ordered, cuts), strict=True)
    return [(int(place[0]), run) for place, run in parts if len(place)]
