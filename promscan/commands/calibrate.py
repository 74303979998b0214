"""Measure what a model's logits mean on the user's background, and write that into its card."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from promscan.commands.scan import Scan
from promscan.errors import InputError, RunError
from promscan.inference.background import Background, measure_screening, screen_streaming
from promscan.inference.engine import Engine, open_engine
from promscan.io.files import check_outputs
from promscan.io.genome import Genome
from promscan.io.memory_genome import GenomeInput, GenomeSource, open_genome
from promscan.io.tss import read_known_promoters
from promscan.metrics.calibration import Calibration
from promscan.networks.card import Card, read_card
from promscan.networks.card_parts import Screening
from promscan.networks.model_files import find_model, model_files
from promscan.networks.screening import ScreeningNetwork
from promscan.networks.weights import save_model
from promscan.seq.records import Chunk
from promscan.seq.regions import named_regions, plain_names, region_name


def calibrate(
    model: str | Path,
    genome: GenomeInput,
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
    """Write `model` to the weights file `out`, with a table from logits to false positives per Mb in its card.

    The card also says how to screen a scan, if that saves enough; a streaming model gets a screening network for that.
    A model that is graded by the estimates of a network keeps that network.

    Args:
        model: bundled name or weights file.
        genome: as for `Scan`: a path, a mapping of name to sequence, or one sequence.
        exclude: BED, GFF3 or GTF file of the known promoters (see `promscan.io.tss.read_known_promoters`); background
            lies at least the clearance of the card (1,000 bp) from each of them.
        out: weights file to write, `.safetensors`.
        contigs: only on these contigs and regions (`II:1-900,000`); `X` also means contigs named `X:...`; none: on all.
        min_distance: least distance in bp between two hits of a strand, written into the card (None: as it is there).
        smoothing: width in bp over which logits are averaged before calling, also written into the card.
        device: see `Scan`, as for the next three.
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
    source = open_genome(genome)
    files = [source.path] if isinstance(source, Genome) else []
    check_outputs([out, out.with_suffix(".json")], [*model_files(str(model)), *files, exclude])
    lengths = source.contigs()
    regions = [region_name(region) for region in named_regions(contigs, lengths)]
    known = read_known_promoters(exclude, lengths)
    clearance = read_card(find_model(str(model))).scale.clearance
    scan = Scan(
        genome, model=model, to_rank=True, regions=regions,
        exclude=known.widened(clearance, lengths), min_distance=min_distance,
        smoothing=smoothing, exhaustive=True, strength=None,
        device=device, batch_size=batch_size, threads=threads, precision=precision,
    )  # fmt: skip
    where = _place(source, plain_names(contigs, lengths)) + f", {clearance} bp and more from {Path(exclude).name}"
    background = Background.collect(scan, lengths, lambda: _megabases(scan), where)
    if not background.megabases:
        raise InputError(
            f"{source.source}: no background is left {clearance} bp and more from {exclude}; give more sequence"
        )
    table = background.table()
    screening, network = _screening(scan, background, table)
    card = dataclasses.replace(scan.card, name=out.stem, calibration=table, screening=screening)
    card = dataclasses.replace(card, min_distance=scan.calling.min_distance, smoothing=scan.calling.smoothing)
    return save_model(out, scan.network, card, network)


def _place(source: GenomeSource, contigs: Sequence[str]) -> str:
    """Name of the genome, with its contigs and regions if only these are used."""
    name = Path(source.source).name
    return f"{', '.join(contigs)} of {name}" if contigs else name


def _megabases(scan: Scan) -> float:
    """How much was scanned, sequence counted once."""
    return scan.statistics.windows / len(scan.calling.strands) / 1e6


def _screening(
    scan: Scan, background: Background, table: Calibration
) -> tuple[Screening | None, ScreeningNetwork | None]:
    """How to screen scans with the model, and the network for it if it is a streaming one."""
    usual = scan.card.scale.fp_per_mb

    def chunks(engine: Engine) -> Iterator[Chunk]:
        return scan.chunks(engine, engine.chunk_step)

    if scan.card.engine == "windowed":
        settings = scan.engine_settings
        return measure_screening(
            background, table, usual, lambda: open_engine("streaming", scan.network, scan.devices, settings), chunks
        ), None
    network = scan.screening if scan.calling.of_estimates else None
    found = screen_streaming(
        background, table, usual, scan.network, scan.calling.needs, scan.open_screened, chunks, network
    )
    if found is None and network is not None:
        return Screening(0.0, 0.0, "estimates for grades alone", network.sizes), network
    return (None, None) if found is None else found
