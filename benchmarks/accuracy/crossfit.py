"""Cross-fitting over chromosomes: what is fitted on some of them is judged on the others, so that all of them judge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Fitted = TypeVar("Fitted")
Judged = TypeVar("Judged")


def chromosome_of(contig: str) -> str:
    """The chromosome that a contig is a part of: its name before the first colon."""
    return contig.partition(":")[0]


def chromosome_folds(contigs: Mapping[str, int], count: int = 2) -> list[list[str]]:
    """Divide contigs into `count` groups of about as many bases; the contigs of a chromosome stay together.

    Args:
        contigs: contig to bases.
        count: how many groups, at most as many as there are chromosomes.

    Raises:
        ValueError: there are fewer chromosomes than groups.
    """
    parts = defaultdict[str, list[str]](list)
    for contig in contigs:
        parts[chromosome_of(contig)].append(contig)
    if not 1 <= count <= len(parts):
        raise ValueError(f"{len(parts)} chromosomes cannot be divided into {count} groups")
    bases = {chromosome: sum(contigs[contig] for contig in names) for chromosome, names in parts.items()}
    folds, sizes = [list[str]() for _ in range(count)], [0] * count
    for chromosome in sorted(parts, key=lambda name: (-bases[name], name)):
        smallest = sizes.index(min(sizes))
        folds[smallest] += parts[chromosome]
        sizes[smallest] += bases[chromosome]
    return folds


def cross_fit(
    folds: Sequence[Sequence[str]],
    fit: Callable[[list[str]], Fitted],
    judge: Callable[[Fitted, list[str]], Judged],
) -> list[Judged]:
    """Fit on the contigs of all folds but one, judge on that one, for each fold; returns what was judged, by fold."""
    judged = list[Judged]()
    for fold in folds:
        others = [contig for other in folds if other is not fold for contig in other]
        judged.append(judge(fit(others), list(fold)))
    return judged
