"""What a model's logits mean, measured on background: sequence without promoters, where every hit is false.

Two measurements: the table from logits to false positives per Mb, and how a scan can be screened. A model of single
windows is screened by a streaming pass, and a streaming model by a small network, which learns from one part of the
background and is measured on the other. All need all hits on the background that are worth ranking.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from promscan.calling.screening import (
    ENOUGH,
    FEWEST,
    LOST,
    RATES,
    STEP,
    STILL_WORTH,
    WORTH,
    Needs,
    Shortfalls,
    floors_of,
    least_margin,
    lowest_logit,
)
from promscan.errors import ModelError
from promscan.inference.engine import Engine
from promscan.inference.estimates import Estimator
from promscan.inference.floors import measure_floors
from promscan.inference.screening_fit import collect, fit, new_network
from promscan.inference.streaming import StreamingEngine
from promscan.log import counted, logger
from promscan.metrics.calibration import Calibration
from promscan.networks.card_parts import Screening, ScreeningSizes
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.screening import ScreeningNetwork
from promscan.seq.records import ESTIMATE_STEP, Chunk, Hit

SEED = 1
LEARNED_MEGABASES = 4.0
"""Sequence that a screening network learns from, at most, and half of the background."""
LEAST_MEGABASES = 1.0
"""Background that it takes to learn and to measure."""
HIT = np.dtype([("place", np.int64), ("strand", "U1"), ("logit", np.float64)])
"""A hit on the background; places count on from contig to contig."""


@dataclass(frozen=True)
class Background:
    """The hits on a background, or on any other sequence.

    hits: shape (n,), of dtype `HIT`, in the order of the genome.
    begins: place of the first base of each contig.
    megabases: how much was scanned, sequence counted once.
    description: what was scanned, in words.
    """

    hits: npt.NDArray[Any]
    begins: Mapping[str, int]
    megabases: float
    description: str

    @classmethod
    def collect(
        cls, hits: Iterable[Hit], lengths: Mapping[str, int], megabases: Callable[[], float], description: str
    ) -> Background:
        """The hits of a scan of contigs of these lengths; `megabases` is asked when the scan has ended."""
        begins = dict(zip(lengths, accumulate(lengths.values(), initial=0), strict=False))
        collected = np.fromiter(((begins[hit.chrom] + hit.start, hit.strand, hit.logit) for hit in hits), HIT)
        return cls(collected, begins, megabases(), description)

    def table(self) -> Calibration:
        """The table from logits to false positives per Mb.

        Raises:
            ModelError: there was no hit.
        """
        table = Calibration.measure(self.hits["logit"], self.megabases, self.description)
        logger.info(
            "%s on %.3g Mb of background; --fp-per-mb can be %s (95 %%: %.3g to %.3g) to %s",
            counted(len(self.hits), "hit"), self.megabases, table.lowest_rate, *table.interval(table.least),
            table.highest_rate,
        )  # fmt: skip
        return table


def measure_screening(
    background: Background,
    table: Calibration,
    usual_fp_per_mb: float,
    open_streaming: Callable[[], Engine],
    read_chunks: Callable[[Engine], Iterable[Chunk]],
) -> Screening | None:
    """How to screen a scan; None where that cannot be measured or saves too little. Logs the result.

    Args:
        background: hits of the model.
        table: their table.
        usual_fp_per_mb: false positives per Mb that scans call at by default.
        open_streaming: opens an engine that runs the network as a streaming pass.
        read_chunks: the background, as an engine reads it.
    """
    lowest = lowest_logit(table)
    if lowest is None:
        logger.info("no screening: it takes %d hits to measure how many would be lost", ENOUGH)
        return None
    usual = max(lowest, table.logit_at(max(table.least, usual_fp_per_mb)))
    called, all_windows = background.hits[background.hits["logit"] >= lowest], Shortfalls(usual)
    try:
        with open_streaming() as engine:
            streaming = _streaming_logits(engine, read_chunks(engine), background.begins, called, all_windows)
    except ModelError as error:
        logger.info("no screening: %s", error)
        return None
    margin = least_margin(called["logit"], streaming)
    share = all_windows.share_within(margin)
    rate = table.fp_per_mb(usual)
    logger.info(
        "%s: with a margin of %.2f, %.3g %% of the windows are scored exactly at %.3g false positives per Mb",
        "screening" if share <= WORTH else "no screening", margin, 100 * share, rate,
    )  # fmt: skip
    basis = f"loses at most {LOST:.1%} of {len(called)} hits on {table.background}; scores {share:.1%} of the windows"
    return Screening(margin, lowest, f"{basis} at {rate:.3g} false positives per Mb") if share <= WORTH else None


def _streaming_logits(
    engine: Engine,
    chunks: Iterable[Chunk],
    begins: Mapping[str, int],
    hits: npt.NDArray[Any],
    all_windows: Shortfalls,
) -> npt.NDArray[np.float32]:
    """Logits of the windows of `hits`, (n,), in a streaming pass, which counts all windows on the way."""
    logits = np.empty(len(hits), dtype=np.float32)
    for track in chain.from_iterable(engine.score(chunks)):
        all_windows.add(track.logits)
        begin = begins[track.chrom] + track.start
        first, end = np.searchsorted(hits["place"], [begin, begin + len(track.logits)])
        own = first + np.flatnonzero(hits["strand"][first:end] == track.strand)
        logits[own] = track.logits[hits["place"][own] - begin]
    return logits


class OpenScreened(Protocol):
    """Opens the streaming engine of a model with a screening network."""

    def __call__(self, network: ScreeningNetwork, floor: float | None) -> StreamingEngine:
        """Tracks carry estimates; lanes below the floor are not run (None: all are)."""


def learn_screening(
    model: BiGRUAttention, open_screened: OpenScreened, read_chunks: Callable[[Engine], Iterable[Chunk]], usual: float
) -> ScreeningNetwork:
    """A screening network of a streaming model, from exact scores of chunks; on one kind of CPU, always the same.

    Args:
        model: the model, on the CPU.
        open_screened: opens its engine.
        read_chunks: what to learn from, as an engine reads it.
        usual: logit that scans call at by default.
    """
    columns = model.architecture.screened_columns
    network = new_network(lambda: ScreeningNetwork(ScreeningSizes(), columns), SEED)
    estimator = Estimator(model, network, torch.device("cpu"))
    with open_screened(network, None) as engine:  # its estimates mean nothing yet, but it reads what they need
        examples = collect(engine, estimator, read_chunks(engine))
    logger.info("a screening network learns from %.3g Mb", sum(len(e.best) for e in examples) * ESTIMATE_STEP / 2e6)
    fit(network, estimator.margin, examples, usual, SEED)
    return network


def measure_network(
    network: ScreeningNetwork,
    background: Background,
    levels: Sequence[float],
    usual: float,
    needs: Needs,
    open_screened: OpenScreened,
    read_chunks: Callable[[Engine], Iterable[Chunk]],
    *,
    all_of_it: bool = False,
) -> Screening | None:
    """What a scan can leave out by the estimates of a network; None where that saves too little. Logs the result.

    Args:
        network: the network.
        background: hits of the model, on sequence that the network has not learned from and perhaps on more.
        levels: calling logits to measure at, from the lowest up.
        usual: the logit that scans call at by default.
        needs: what the score of a hit reads.
        open_screened: opens the engine of the model.
        read_chunks: the sequence to measure on, as an engine reads it.
        all_of_it: whether that is the whole background.
    """
    called = background.hits[background.hits["logit"] >= levels[0]]
    with open_screened(network, math.inf) as engine:
        measured = measure_floors(engine, read_chunks(engine), background.begins, called, needs)
    known = np.isfinite(measured.of_hits)
    floors = tuple(
        (logit, floor)
        for logit, floor in floors_of(called["logit"][known], measured.of_hits[known], levels)
        if measured.share(floor) <= STILL_WORTH
    )
    found = Screening(0.0, levels[0], "", network.sizes, floors)
    if not floors or (floor := found.floor(max(usual, floors[0][0]))) is None or measured.share(floor) > WORTH:
        logger.info("no screening: it takes %d hits, and a network that separates them from most sequence", FEWEST)
        return None
    apart = "" if all_of_it else ", apart from what the network learned from"
    basis = (
        f"loses at most {LOST:.1%} of {int(known.sum())} hits on {background.description}{apart}; "
        f"lanes take {measured.share(floor):.1%} of their time at the logit {usual:.2f}"
    )
    logger.info("screening %s", basis)
    widest = max(0.0, *(logit - floor for logit, floor in floors))
    return Screening(round(widest, 2), floors[0][0], basis, network.sizes, floors)


def screen_streaming(
    background: Background,
    table: Calibration,
    usual_fp_per_mb: float,
    model: BiGRUAttention,
    needs: Needs,
    open_screened: OpenScreened,
    read_chunks: Callable[[Engine], Iterable[Chunk]],
    given: ScreeningNetwork | None = None,
) -> tuple[Screening, ScreeningNetwork] | None:
    """How to screen scans with a streaming model, from its background; None where that saves too little.

    Args: see `measure_screening` and `measure_network`. `given` is a network that grades depend on, so that no other
        one may learn; it is measured on all of the background.
    """
    if background.megabases < LEAST_MEGABASES or table.hits[-1] < 2 * FEWEST:
        logger.info("no screening: it takes %g Mb of background and %d hits on it", LEAST_MEGABASES, 2 * FEWEST)
        return None
    usual, levels = _logit_at(table, usual_fp_per_mb), screening_levels(table, usual_fp_per_mb)
    if given is not None:
        found = measure_network(given, background, levels, usual, needs, open_screened, read_chunks, all_of_it=True)
        return None if found is None else (found, given)
    every = max(2, math.ceil(background.megabases / LEARNED_MEGABASES))

    def part(engine: Engine, *, learned: bool) -> Iterator[Chunk]:
        return (chunk for n, chunk in enumerate(read_chunks(engine)) if (n % every == 0) == learned)

    network = learn_screening(model, open_screened, lambda engine: part(engine, learned=True), usual)
    screening = measure_network(
        network, background, levels, usual, needs, open_screened, lambda engine: part(engine, learned=False)
    )
    return None if screening is None else (screening, network)


def screening_levels(table: Calibration, usual_fp_per_mb: float) -> list[float]:
    """The calling logits to measure a screening network at, from the lowest up."""
    rates = [rate for rate in RATES if table.least <= rate <= table.most]
    return sorted({_logit_at(table, rate) for rate in (usual_fp_per_mb, *rates)})


def _logit_at(table: Calibration, fp_per_mb: float) -> float:
    """The logit of a rate, rounded down, so that the card's rounded table never calls below it."""
    return math.floor(table.logit_at(min(max(fp_per_mb, table.least), table.most)) / STEP) * STEP
