"""The insert that stands for a hit in a genome."""

from __future__ import annotations

INSERT_ENDS_BEFORE = 60
"""Bases of a genome between the end of the insert that stands for a promoter and its transcription start.

At this distance, strengths at listed starts of yeast differ most from those at random positions
(`benchmarks/accuracy/insert_position.py`).
"""


def insert_at(tss: int, strand: str, length: int, ends_before: int = INSERT_ENDS_BEFORE) -> tuple[int, int]:
    """Start and end in the contig of the insert of a promoter, 0-based and half-open; they may lie outside of it.

    Args:
        tss: its transcription start, 0-based.
        strand: the insert is read 5' to 3' on it, from the reverse complement on `-`.
        length: of the insert in bp.
        ends_before: bases between the end of the insert and the transcription start; -1: it ends with the start.
    """
    if strand == "+":
        return tss - ends_before - length, tss - ends_before
    return tss + 1 + ends_before, tss + 1 + ends_before + length
