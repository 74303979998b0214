"""The strength of hits, from the bases around them.

A hit is called only after the chunk in which its window begins. So a chunk stays in memory until all of its windows are
decided. Then the inserts of its hits are cut out of it, and their strengths are predicted in units of one shape.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from promscan.networks.card import Card, strength_of
from promscan.seq import dna
from promscan.seq.dna import UNKNOWN, Codes
from promscan.seq.records import Chunk, Hit
from promscan.seq.windows import TSS_INDEX, WINDOW
from promscan.strength.reporter import Reporter

if TYPE_CHECKING:
    from promscan.inference.strength import StrengthPredictor

MOST_UNKNOWN = 0.1
"""Share of unknown bases up to which an insert has a strength; past the end of its contig all are."""


def reporter_of(card: Card) -> Reporter:
    """The reporter that the strengths of hits are about."""
    return Reporter.of(card, unit_of_hits(card))


def unit_of_hits(card: Card) -> str:
    """The unit of the strengths of hits."""
    part = strength_of(card)
    return part.hits or part.unit


def margin_of(reporter: Reporter) -> int:
    """Bases that the insert of a hit reaches past its window, on either strand."""
    before = reporter.tss_in_genome - TSS_INDEX
    behind = reporter.insert - reporter.tss_in_genome - (WINDOW - TSS_INDEX)
    return max(0, before, behind)


def settings_of(card: Card) -> dict[str, str]:
    """The words of the first line of the hits about their strengths.

    strength_insert: the first and the last base of the insert, counted from the transcription start, which is 0.
    """
    part, reporter = strength_of(card), reporter_of(card)
    first = -reporter.tss_in_genome
    return {
        "strength_model": card.name,
        "strength_sha256": card.sha256,
        "strength_unit": part.scale or unit_of_hits(card),
        "strength_domain": part.domain or f"relative expression in a reporter, {card.species}",
        "strength_insert": f"{first}..{first + reporter.insert - 1}",
    }


class HitStrengths:
    """Grades the hits of a scan by their strength. A context manager, for its predictor owns threads.

    Args:
        predictor: predicts the inserts.
        delay: how far behind the last window that was scored hits are called, in bp at most.
    """

    def __init__(self, predictor: StrengthPredictor, delay: int) -> None:
        self.predictor, self.delay = predictor, delay
        self._chunks = deque[Chunk]()

    def __enter__(self) -> HitStrengths:
        return self

    def __exit__(self, *_: object) -> None:
        self.predictor.__exit__()

    def keep(self, chunks: Iterable[Chunk], done: tuple[str, int] | None) -> Iterator[Chunk]:
        """Pass chunks on, and keep them for the hits to come.

        Args:
            chunks: of the whole scan; `margin_of` bases of context on each side.
            done: contig and end of the last chunk that is scored already, in a scan that goes on; else None.
        """
        for chunk in chunks:
            self._chunks.append(chunk)
            end = chunk.start + chunk.windows
            if done is not None:
                self.forget(chunk.chrom, end)
                done = None if (chunk.chrom, end) == done else done
            yield chunk

    def forget(self, chrom: str, end: int) -> None:
        """Let go of the chunks whose windows are all decided, when those of `chrom` before `end` have been scored."""
        while self._chunks[0].chrom != chrom or _end(self._chunks[0]) <= end - self.delay:
            self._chunks.popleft()

    def grade(self, hits: Sequence[Hit]) -> list[Hit]:
        """The hits, which must come in the order of the chunks, with strength and standard deviation.

        Neither where more than a tenth of the insert is unknown.
        """
        if not hits:
            return []
        cut = np.stack(list(self._cut(hits)))
        known = (cut == UNKNOWN).sum(axis=1) <= MOST_UNKNOWN * cut.shape[1]
        inserts, _ = self.predictor.reporter.fit(list(cut))
        strengths = zip(*(values.tolist() for values in self.predictor.predict(inserts)), strict=True)
        return [
            dataclasses.replace(hit, strength=strength, strength_sd=deviation) if is_known else hit
            for hit, is_known, (strength, deviation) in zip(hits, known.tolist(), strengths, strict=True)
        ]

    def _cut(self, hits: Sequence[Hit]) -> Iterator[Codes]:
        """The insert of each hit, (insert length,), read on its strand."""
        chunks = iter(self._chunks)
        chunk = next(chunks)
        for hit in hits:
            while chunk.chrom != hit.chrom or _end(chunk) <= hit.start:
                chunk = next(chunks)
            start, end = self.predictor.reporter.interval(hit.tss, hit.strand)
            known = chunk.codes[max(0, start - chunk.first_base) : max(0, end - chunk.first_base)]
            missing = max(0, chunk.first_base - start)
            codes = np.full(end - start, UNKNOWN, dtype=np.uint8)
            codes[missing : missing + len(known)] = known
            yield codes if hit.strand == "+" else dna.reverse_complement(codes)


def _end(chunk: Chunk) -> int:
    return chunk.start + chunk.windows
