"""The genome browser igv.js in a report: its script, and the sequence and genes that it shows."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from promscan.errors import DependencyError
from promscan.io.gene_readers import read_genes
from promscan.io.genome import Genome
from promscan.log import logger
from promscan.seq.dna import decode

MOST_BASES = 5_000_000
"""Bases of a genome that is embedded."""
MOST_GENES = 50_000
_CHUNK = 1 << 20
"""Window starts that are read at a time."""
_PACKAGE = "promscan.commands.reporting"


def igv_script() -> str:
    """The script of igv.js, with its licence before it.

    Raises:
        DependencyError: this installation has none.
    """
    folder = resources.files(_PACKAGE) / "vendor"
    try:
        licence = (folder / "igv.LICENSE").read_text(encoding="utf-8")
        script = (folder / "igv.min.js").read_text(encoding="utf-8")
    except OSError as error:
        raise DependencyError(
            "--igv needs igv.js, which this installation lacks: run python packaging/vendor_igv.py in the checkout, "
            "and install it again"
        ) from error
    return f"/*! igv.js\n{licence.replace('*/', '* /')}*/\n{script}"


def embedded(genome: str | Path, contigs: Mapping[str, int], genes: str | Path | None) -> dict[str, Any] | None:
    """What igv.js shows of a genome; None if that is too large, which is said.

    Raises:
        InputError: the genome or the genes cannot be read.
    """
    bases = sum(contigs.values())
    if bases > MOST_BASES:
        logger.warning(
            "%s: the genome browser is left out: a report embeds at most %s bases, and this genome has %s",
            genome, f"{MOST_BASES:,}", f"{bases:,}",
        )  # fmt: skip
        return None
    fasta = "".join(f">{plain(chrom)}\n{sequence}\n" for chrom, sequence in _sequences(genome))
    return {
        "fasta": base64.b64encode(fasta.encode("utf-8", "replace")).decode("ascii"),
        "contigs": [plain(chrom) for chrom in contigs],
        "genes": [] if genes is None else _genes(genes, contigs),
    }


def plain(name: str) -> str:
    """A name without letters that mean something in HTML, for igv.js writes names as HTML in some places."""
    return name.translate({ord("<"): "‹", ord(">"): "›", ord("&"): "+", ord('"'): "'"})  # noqa: RUF001 - angle quotes


def _sequences(genome: str | Path) -> list[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    for chunk in Genome(genome).read_chunks(_CHUNK):
        seen = sum(map(len, found.setdefault(chunk.chrom, [])))
        found[chunk.chrom].append(decode(chunk.codes[seen - chunk.first_base :]))
    return [(chrom, "".join(parts)) for chrom, parts in found.items()]


def _genes(path: str | Path, contigs: Mapping[str, int]) -> list[list[Any]]:
    """Contig, start, end, strand and name of each gene on the contigs; the first ones, if there are too many."""
    genes, order = read_genes(path), {chrom: number for number, chrom in enumerate(contigs)}
    known = np.array([order.get(chrom, -1) for chrom in genes.chroms], dtype=np.int64)
    rows = []
    for index, contig in enumerate(known[genes.contig].tolist()):
        if contig >= 0:
            label = genes.labels[index]
            strand = "+" if genes.plus[index] else "-"
            rows.append([
                contig, int(genes.start[index]), int(genes.end[index]), strand, plain(label.name or label.id)
            ])  # fmt: skip
    if len(rows) > MOST_GENES:
        logger.warning("%s: the genome browser shows %s of %s genes", path, f"{MOST_GENES:,}", f"{len(rows):,}")
    return rows[:MOST_GENES]
