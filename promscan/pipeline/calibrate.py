"""Measure what a model's logits mean on a background: false hits per Mb."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from promscan.calibration import CLEARANCE, Calibration
from promscan.card import Card
from promscan.checkpoint import save_model
from promscan.errors import InputError
from promscan.genome import Genome, matching_contigs
from promscan.intervals import read_bed
from promscan.log import logger
from promscan.pipeline.scan import Scan

LOWEST = 1e-6
"""Hits below this probability are not ranked: nobody calls there."""


def calibrate(
    model: str | Path,
    genome: str | Path,
    exclude: str | Path,
    out: Path,
    *,
    contigs: Sequence[str] = (),
    min_distance: int | None = None,
    smoothing: int | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    threads: int | None = None,
    precision: str = "auto",
) -> Card:
    """Write `model` to the weights file `out`, with a table from logits to false hits per Mb in its card.

    Args:
        model: bundled name or weights file.
        genome: FASTA file.
        exclude: BED file of the known promoters; background is what lies 1,000 bp and more from each of them.
        out: weights file to write, `.safetensors`.
        contigs: calibrate on these only (`X` also means contigs named `X:...`); none: on all.
        min_distance: least distance in bp between two hits of a strand, written into the card (None: as it is there).
        smoothing: width in bp over which logits are averaged before calling, likewise.
        device: see `Scan`, as for the others.
        batch_size: windows in flight.
        threads: CPU threads.
        precision: of the network.

    Raises:
        InputError: genome or BED file cannot be used, or no background is left.
        ModelError: no such model, or it calls nothing on the background.
        RunError: `out` cannot be written.
        DeviceError: no such device.
    """
    lengths, known = Genome(genome).contigs(), read_bed(exclude)
    # Promoters under other names than the genome's would all count as background.
    known.check_against(lengths, str(exclude))
    scan = Scan(
        genome, model=model, threshold=LOWEST, regions=matching_contigs(contigs, lengths) if contigs else (),
        exclude=known.widened(CLEARANCE, lengths), min_distance=min_distance,
        smoothing=smoothing, exhaustive=True, strength=None,
        device=device, batch_size=batch_size, threads=threads, precision=precision,
    )  # fmt: skip
    logits = np.array([hit.logit for hit in scan])
    megabases = scan.statistics.windows / len(scan.strands) / 1e6
    if not megabases:
        raise InputError(f"{genome}: no background is left {CLEARANCE} bp and more from {exclude}; give more sequence")
    where = f"{', '.join(contigs)} of {Path(genome).name}" if contigs else Path(genome).name
    table = Calibration.measure(logits, megabases, f"{where}, {CLEARANCE} bp and more from {Path(exclude).name}")
    card = dataclasses.replace(
        scan.card, name=out.stem, calibration=table.describe(), min_distance=scan.min_distance, smoothing=scan.smoothing
    )
    card = save_model(out, scan.network, card)
    logger.info(
        "%d hits on %.3g Mb of background; %.3g (95 %%: %.3g to %.3g) to %.3g per Mb can be asked for",
        len(logits), megabases, table.least, *table.interval(table.least), table.most,
    )  # fmt: skip
    return card
