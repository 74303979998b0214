"""Read lists of transcription starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from promscan.errors import InputError
from promscan.io.bed import bed_rows, interval_of
from promscan.seq.records import Strand
from promscan.seq.tss import KnownStarts, Site


def read_starts(path: str | Path, contigs: Mapping[str, int]) -> KnownStarts:
    """Transcription starts from BED: the start of each interval, which is 0-based, on the strand in column 6.

    Args:
        path: BED file, plain or gzipped.
        contigs: contig to bases.

    Raises:
        InputError: the file cannot be read, a row has no strand, names an unknown contig or lies past its end.
    """
    sites = []
    for fields, where in bed_rows(str(path)):
        chrom, tss, _ = interval_of(fields, where)
        if len(fields) < 6 or fields[5] not in ("+", "-"):
            raise InputError(f"{where}: there is no strand, + or -, in column 6; give a BED file of six columns")
        if chrom not in contigs:
            raise InputError(f"{where}: the genome has no contig {chrom!r}; use the genome's names")
        if tss >= contigs[chrom]:
            raise InputError(f"{where}: {tss} lies past the end of {chrom} at {contigs[chrom]}; is it for this genome?")
        sites.append(Site(chrom, tss, cast(Strand, fields[5])))
    if not sites:
        raise InputError(f"{path}: there are no transcription starts in it; give a BED file of at least one")
    return KnownStarts(sites)
