"""Validation on a genome in memory: the hits of a network on pieces of it, compared with the listed starts.

Pieces are drawn at random, so that a training can validate on a few Mb of a large genome. Each is a whole number of
units of the streaming engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from promscan.calling.peaks import PeakCaller
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.metrics.ranking import are_false, found_at, lowest_threshold, recall_by_false_hits
from promscan.networks.card import MIN_DISTANCE
from promscan.networks.card_parts import Scale
from promscan.networks.classifier import BiGRUAttention
from promscan.seq.dna import Codes
from promscan.seq.records import STRANDS, Chunk, Hit, Interval, ScoreTrack
from promscan.seq.tss import KnownStarts, Site
from promscan.seq.windows import WINDOW

PIECE = 64 * StreamingEngine.lane
"""Windows of a piece."""
Curve = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GenomeValidation:
    """Hits of a scan without a threshold, compared with the listed starts.

    found: for each listed start, the highest threshold at which a hit finds it; -inf if none does.
    false: false hits.
    bases: scanned bases, counted once.
    """

    found: npt.NDArray[np.float64]
    false: list[Hit]
    bases: int

    @property
    def false_logits(self) -> npt.NDArray[np.float64]:
        """Logits of the false hits, in the same order."""
        return np.array([hit.logit for hit in self.false], dtype=np.float64)

    def curve(self) -> tuple[Curve, Curve]:
        """False positives per Mb, in rising order, and the recall at each of them."""
        recall = recall_by_false_hits(self.found, self.false_logits)
        return np.arange(len(recall)) * 1e6 / self.bases, recall

    def recall(self, fp_per_mb: float) -> float:
        """Share of the listed starts found at this many false positives per Mb or fewer."""
        rates, recall = self.curve()
        return float(recall[np.searchsorted(rates, fp_per_mb, side="right") - 1])

    def threshold(self, fp_per_mb: float) -> float:
        """Lowest logit with this many false positives per Mb or fewer; -inf if all logits have so few."""
        return lowest_threshold(self.false_logits, math.floor(fp_per_mb * self.bases / 1e6))

    def top_false_hits(self, count: int) -> list[Hit]:
        """The false hits with the highest logits, highest first."""
        return sorted(self.false, key=lambda hit: -hit.logit)[:count]


def draw_pieces(contigs: Mapping[str, Codes], bases: int, rng: np.random.Generator) -> list[Interval]:
    """Draw pieces of at most `bases` bases in total, but at least one piece; returns them in the order of contigs."""
    pieces = [piece for chrom, codes in contigs.items() for piece in _pieces_of(chrom, len(codes))]
    taken, left = list[int](), bases
    for i in rng.permutation(len(pieces)).tolist():
        size = pieces[i].end - pieces[i].start
        if size <= left or not taken:
            taken.append(i)
            left -= size
    return [pieces[i] for i in sorted(taken)]


def contains(piece: Interval, site: Site) -> bool:
    """Whether the site lies in the piece."""
    return piece.chrom == site.chrom and piece.start <= site.tss < piece.end


def scan_and_validate(
    model: BiGRUAttention,
    contigs: Mapping[str, Codes],
    pieces: Sequence[Interval],
    starts: KnownStarts,
    device: torch.device,
    threads: int | None,
    doubtful: KnownStarts | None = None,
    *,
    scale: Scale | None = None,
    min_distance: int = MIN_DISTANCE,
) -> GenomeValidation:
    """Scan pieces of the contigs on both strands and compare the hits with the listed starts."""
    hits = call_hits(score_pieces(model, contigs, pieces, device, threads), min_distance)
    return validate(hits, pieces, starts, scale, doubtful)


def score_pieces(
    model: BiGRUAttention,
    contigs: Mapping[str, Codes],
    pieces: Sequence[Interval],
    device: torch.device,
    threads: int | None,
) -> Iterator[list[ScoreTrack]]:
    """Score each piece of the contigs; yields lists of tracks, one track for each of `STRANDS`, as they are ready."""
    with StreamingEngine(model, [device], EngineSettings(strands=STRANDS, threads=threads)) as engine:
        yield from engine.score(_chunk(contigs[piece.chrom], piece, engine.margin) for piece in pieces)


def validate(
    hits: Iterable[Hit],
    pieces: Sequence[Interval],
    starts: KnownStarts,
    scale: Scale | None = None,
    doubtful: KnownStarts | None = None,
) -> GenomeValidation:
    """Compare the hits of a scan of `pieces` with `starts`, by the distances of `scale` (None: human).

    A hit near a doubtful start is not false.
    """
    scale = scale or Scale()
    beyond = max(scale.false_beyond, scale.tolerance)
    calls = {(piece.chrom, strand): list[Hit]() for piece in pieces for strand in STRANDS}
    for hit in hits:
        calls[hit.chrom, hit.strand].append(hit)
    found, false = list[npt.NDArray[np.float64]](), list[Hit]()
    for (chrom, strand), called in calls.items():
        listed = starts.on(chrom, strand)
        tss, logits = np.array([hit.tss for hit in called], dtype=np.int64), np.array([hit.logit for hit in called])
        scanned = [(listed >= piece.start) & (listed < piece.end) for piece in pieces if piece.chrom == chrom]
        found.append(found_at(listed[np.any(scanned, axis=0)], tss, logits, scale.tolerance))
        known = listed if doubtful is None else np.sort(np.append(listed, doubtful.on(chrom, strand)))
        false += [called[i] for i in np.flatnonzero(are_false(tss, known, beyond)).tolist()]
    return GenomeValidation(np.concatenate(found), false, sum(piece.end - piece.start for piece in pieces))


def call_hits(scored: Iterable[list[ScoreTrack]], min_distance: int = MIN_DISTANCE) -> Iterator[Hit]:
    """Call hits without a threshold from the tracks of pieces, in the order in which `score_pieces` yields them."""
    callers = [PeakCaller(strand, -math.inf, min_distance, 1) for strand in STRANDS]
    for tracks in scored:
        for caller, track in zip(callers, tracks, strict=True):
            yield from caller.feed(track)
    for caller in callers:
        yield from caller.flush()


def _pieces_of(chrom: str, length: int) -> Iterator[Interval]:
    """Pieces of whole lanes; the last one reaches to the end of the contig."""
    windows = length - WINDOW + 1
    for start in range(0, windows, PIECE):
        yield Interval(chrom, start, start + PIECE if start + PIECE < windows else length)


def _chunk(contig: Codes, piece: Interval, margin: int) -> Chunk:
    end = min(piece.end + WINDOW - 1, len(contig))
    before, after = min(margin, piece.start), min(margin, len(contig) - end)
    return Chunk(piece.chrom, piece.start, contig[piece.start - before : end + after], before=before, after=after)
