"""Judge the hits of one strand of a contig by its listed transcription starts: found, right, false."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from promscan.seq.intervals import Positions
from promscan.seq.records import Scores
from promscan.seq.tss import distances, offsets

Array = npt.NDArray[Any]


def finding_hits(listed: Array, tss: Array, scores: Array, tolerance: int) -> Positions:
    """Which hit of one strand of a contig finds each listed start: the best one near it.

    Of hits of equal score it is the nearest one, and then the one before the start.

    Args:
        listed: transcription starts, shape (m,).
        tss: those of the hits, shape (n,), in any order.
        scores: of the hits, shape (n,).
        tolerance: a start is found by a hit at most this far (bp) from it.

    Returns:
        their indices, shape (m,); -1 for a start that no hit finds.
    """
    order = np.argsort(tss, kind="stable")
    first = np.searchsorted(tss[order], listed - tolerance).tolist()
    last = np.searchsorted(tss[order], listed + tolerance, side="right").tolist()
    finders = np.full(len(listed), -1, dtype=np.int64)
    for i, start in enumerate(listed.tolist()):
        near = order[first[i] : last[i]]
        if len(near):
            finders[i] = near[np.lexsort([tss[near], np.abs(tss[near] - start), -scores[near]])[0]]
    return finders


def found_at(listed: Array, tss: Array, scores: Array, tolerance: int) -> Scores:
    """The score down to which one must call to find each listed start; two hits on one start find it once.

    Args:
        listed: transcription starts, shape (m,).
        tss: those of the hits, shape (n,), in any order.
        scores: of the hits, shape (n,).
        tolerance: a start is found by a hit at most this far (bp) from it.

    Returns:
        shape (m,); -inf for a start that no hit finds.
    """
    return np.append(scores, -np.inf).astype(np.float64)[finding_hits(listed, tss, scores, tolerance)]


def right_hits(tss: Array, scores: Array, listed: Array, tolerance: int, circle: int | None = None) -> Positions:
    """Which hits of one strand of a contig are right: each counts for the nearest start, and the best one for each.

    Of two hits of equal score the nearer one is the best, and then the one before the start.

    Args:
        tss: shape (n,).
        scores: shape (n,).
        listed: the listed starts there, sorted.
        tolerance: a right hit is at most this far (bp) from its start.
        circle: bp of a circle; `listed` then goes on for more than one round, and a start is the same in each.

    Returns:
        their indices, shape (r,), by position of their starts.
    """
    away = offsets(tss, listed)
    start = tss - away if circle is None else (tss - away) % circle
    near = np.flatnonzero(np.abs(away) <= tolerance)
    order = near[np.lexsort([away[near], np.abs(away[near]), -scores[near], start[near]])]
    _, best = np.unique(start[order], return_index=True)
    right: Positions = order[best]
    return right


def are_false(tss: Array, listed: Array, beyond: int) -> Array:
    """Which hits, shape (n,), of one strand of a contig are farther (bp) than `beyond` from every known TSS; bool (n,).

    Args:
        tss: of the hits.
        listed: known TSSs there, sorted.
        beyond: at least the distance at which a hit finds a TSS.
    """
    return distances(tss, listed) > beyond


def at_least(scores: Array, thresholds: Array) -> Positions:
    """How many of `scores`, in any order, reach each of `thresholds`, shape (k,)."""
    counts: Positions = len(scores) - np.searchsorted(np.sort(scores), thresholds)
    return counts


def recall_by_false_hits(found: Array, false: Array) -> Array:
    """Recall along the ranking of the hits.

    Args:
        found: of all contigs and strands, as from `found_at`, shape (m,), m at least 1.
        false: scores of all false hits, shape (n,).

    Returns:
        entry k: share of the listed starts found if at most k false hits may pass, shape (n + 1,), never falling.
    """
    limits = np.append(np.sort(false)[::-1].astype(np.float64), -np.inf)
    return at_least(found, np.nextafter(limits, np.inf)) / len(found)


def lowest_threshold(false: Array, allowed: int) -> float:
    """The lowest threshold that at most `allowed` false hits, of these scores, reach; -inf if all of them may."""
    ranked = np.sort(false)[::-1].astype(np.float64)
    return float(np.nextafter(ranked[allowed], np.inf)) if allowed < len(ranked) else -np.inf
