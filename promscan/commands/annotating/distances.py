"""The distances by which a hit belongs to a gene: the one place where they are decided.

| distance | default | where it comes from |
| --- | --- | --- |
| `core_promoter` | 100 bp | `tolerance` of the card: a TSS counts as found by a hit this near |
| `upstream` | 1,000 bp | `clearance` of the card: background lies farther than this from every TSS |
| `operon_gap` | 50 bp | a choice: genes of one operon lie close together (Salgado et al. 2000, PNAS 97:6652) |

The first two are those of the model that made the hits, if the header says them or names a bundled one; an option goes
first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from promscan.commands.model_of_hits import scale_of_hits
from promscan.seq.bounds import MAX_BP, check_whole

OPERON_GAP = 50


@dataclass(frozen=True)
class Distances:
    """Distances in bp that decide classes and operons.

    core_promoter: a hit at most this far from the 5' end of a gene, either way, is in its core promoter.
    upstream: a hit at most this far before the 5' end of a gene is upstream of it.
    operon_gap: a gene at most this far after another one of its strand is in the same operon.

    Raises:
        InputError: a distance is out of range.
    """

    core_promoter: int
    upstream: int
    operon_gap: int = OPERON_GAP

    def __post_init__(self) -> None:
        for name in ("core_promoter", "upstream", "operon_gap"):
            check_whole(name, getattr(self, name), 0, MAX_BP)


def distances_of(
    settings: Mapping[str, str], core_promoter: int | None, upstream: int | None, operon_gap: int
) -> Distances:
    """Distances for hits whose header has these settings; None: that of the model.

    Raises:
        InputError: a distance is out of range, or a word of the header is none.
    """
    scale, _ = scale_of_hits(settings)
    return Distances(
        scale.tolerance if core_promoter is None else core_promoter,
        scale.clearance if upstream is None else upstream,
        operon_gap,
    )
