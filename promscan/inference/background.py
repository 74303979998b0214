"""What a model's logits mean, measured on background: sequence without promoters, where every hit is false.

Two measurements: the table from logits to false positives per Mb, and how a scan with a model of single windows can be
screened by a quicker streaming pass. Both need all hits on the background that are worth ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.calling.screening import ENOUGH, LOST, WORTH, Shortfalls, least_margin, lowest_logit
from promscan.errors import ModelError
from promscan.inference.engine import Engine
from promscan.log import logger
from promscan.metrics.calibration import Calibration
from promscan.networks.card_parts import Screening
from promscan.seq.records import Chunk, Hit

HIT = np.dtype([("place", np.int64), ("strand", "U1"), ("logit", np.float64)])
"""A hit on the background; places count on from contig to contig."""


@dataclass(frozen=True)
class Background:
    """The hits on a background.

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
            "%d hits on %.3g Mb of background; --fp-per-mb can be %s (95 %%: %.3g to %.3g) to %s",
            len(self.hits), self.megabases, table.lowest_rate, *table.interval(table.least), table.highest_rate,
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
