"""Measure what a model's logits mean on a background: false hits per Mb; and how far off a quicker pass is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.calling.screening import ENOUGH, LOST, WORTH, Shortfalls, least_margin, lowest_logit
from promscan.calling.settings import CLEARANCE, DEFAULT_FP_PER_MB
from promscan.commands.scan import Scan
from promscan.errors import InputError, ModelError, RunError
from promscan.inference.engine import open_engine
from promscan.io.files import check_outputs
from promscan.io.genome import Genome
from promscan.io.tss import read_known_promoters
from promscan.log import logger
from promscan.metrics.calibration import Calibration
from promscan.networks.card import Card, model_files
from promscan.networks.weights import save_model
from promscan.seq.regions import matching_contigs

LOWEST = 1e-6
"""Hits below this probability are not ranked: nobody calls there."""
HIT = np.dtype([("place", np.int64), ("strand", "U1"), ("logit", np.float64)])
"""A hit of the background; places count on from contig to contig."""


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

    The card of a model of single windows also says how to screen a scan, if that spares enough.

    Args:
        model: bundled name or weights file.
        genome: FASTA file.
        exclude: BED, GFF3 or GTF file of the known promoters (see `promscan.io.tss.read_known_promoters`); background
            is what lies 1,000 bp and more from each of them.
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
        RunError: `out` has another suffix, is read here, or cannot be written.
        DeviceError: no such device.
    """
    if out.suffix != ".safetensors":
        raise RunError(f"{out}: no model would be found there; end it in .safetensors")
    check_outputs([out, out.with_suffix(".json")], [*model_files(str(model)), genome, exclude])
    lengths = Genome(genome).contigs()
    regions = matching_contigs(contigs, lengths) if contigs else []
    known = read_known_promoters(exclude, lengths)
    scan = Scan(
        genome, model=model, threshold=LOWEST, regions=regions,
        exclude=known.widened(CLEARANCE, lengths), min_distance=min_distance,
        smoothing=smoothing, exhaustive=True, strength=None,
        device=device, batch_size=batch_size, threads=threads, precision=precision,
    )  # fmt: skip
    begins = dict(zip(lengths, accumulate(lengths.values(), initial=0), strict=False))
    hits = np.fromiter(((begins[hit.chrom] + hit.start, hit.strand, hit.logit) for hit in scan), HIT)
    megabases = scan.statistics.windows / len(scan.engine_settings.strands) / 1e6
    if not megabases:
        raise InputError(f"{genome}: no background is left {CLEARANCE} bp and more from {exclude}; give more sequence")
    where = f"{', '.join(contigs)} of {Path(genome).name}" if contigs else Path(genome).name
    table = Calibration.measure(hits["logit"], megabases, f"{where}, {CLEARANCE} bp and more from {Path(exclude).name}")
    card = dataclasses.replace(
        scan.card,
        name=out.stem,
        calibration=table.describe(),
        min_distance=scan.min_distance,
        smoothing=scan.engine_settings.smoothing,
        screening=_screening(scan, begins, hits, table) if scan.card.engine == "windowed" else {},
    )
    card = save_model(out, scan.network, card)
    logger.info(
        "%d hits on %.3g Mb of background; %.3g (95 %%: %.3g to %.3g) to %.3g per Mb can be asked for",
        len(hits), megabases, table.least, *table.interval(table.least), table.most,
    )  # fmt: skip
    return card


def _screening(scan: Scan, begins: Mapping[str, int], hits: npt.NDArray[Any], table: Calibration) -> dict[str, Any]:
    """What the card says of screening: nothing, where that cannot be told or spares too little. Logs what was found."""
    lowest = lowest_logit(table)
    if lowest is None:
        logger.info("no screening: it takes %d hits to tell how many would be lost", ENOUGH)
        return {}
    usual = max(lowest, table.logit_at(max(table.least, DEFAULT_FP_PER_MB)))
    called, all_windows = hits[hits["logit"] >= lowest], Shortfalls(usual)
    try:
        streaming = _streaming_logits(scan, begins, called, all_windows)
    except ModelError as error:
        logger.info("no screening: %s", error)
        return {}
    margin = least_margin(called["logit"], streaming)
    share = all_windows.share_within(margin)
    worth = share <= WORTH
    rate = table.fp_per_mb(usual)
    basis = f"loses at most {LOST:.1%} of {len(called)} hits on {table.background}; scores {share:.1%} of the windows"
    basis += f" at {rate:.3g} false hits per Mb"
    logger.info(
        "%s: with a margin of %.2f, %.3g %% of the windows are scored exactly at %.3g false hits per Mb",
        "screening" if worth else "no screening", margin, 100 * share, rate,
    )  # fmt: skip
    return {"margin": margin, "lowest": lowest, "basis": basis} if worth else {}


def _streaming_logits(
    scan: Scan, begins: Mapping[str, int], hits: npt.NDArray[Any], all_windows: Shortfalls
) -> npt.NDArray[np.float32]:
    """What a streaming pass over the background says of the windows of `hits`, (n,), and of all windows on the way.

    Raises:
        ModelError: the network cannot be streamed.
    """
    logits = np.empty(len(hits), dtype=np.float32)
    with open_engine("streaming", scan.network, scan.devices, scan.engine_settings) as engine:
        for track in chain.from_iterable(engine.score(scan.chunks(engine, engine.chunk_step))):
            all_windows.add(track.logits)
            begin = begins[track.chrom] + track.start
            first, end = np.searchsorted(hits["place"], [begin, begin + len(track.logits)])
            own = first + np.flatnonzero(hits["strand"][first:end] == track.strand)
            logits[own] = track.logits[hits["place"][own] - begin]
    return logits
