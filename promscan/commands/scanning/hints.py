"""What a scan points out about its genome: hints, never guesses that change a hit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from promscan.log import counted, first_of
from promscan.networks.card import DEFAULT_MODEL, STRENGTH, Card, read_card
from promscan.networks.model_files import bundled_models, find_model
from promscan.seq.dna import UNKNOWN, Codes, encode

SPECIES, CIRCLES = "species", "circles"
"""Kinds of hints."""
MOST_BASES = 100_000_000
"""Composition is counted up to this many bases; a genome that has more may be one of many."""
FEWEST_BASES = 500_000
LEAST_CPG = 0.55
"""Share of the expected CpG from which on a genome is none of a vertebrate, which methylates and so loses it.

In 1 Mb of human sequence it is at most 0.30, and 0.49 in the 130 kb that have most; in bacteria it is 0.61 to 1.19, in
yeasts 0.80 to 0.89.
"""

_CYTOSINE, _GUANINE = encode("CG")


@dataclass
class Composition:
    """Counts of what tells genomes apart.

    bases: known bases that were counted; more than `MOST_BASES` where the genome has more.
    """

    bases: int = 0
    cytosines: int = 0
    guanines: int = 0
    cpg: int = 0

    def add(self, codes: Codes, before: Codes) -> None:
        """Count the bases of a stretch; `before` is the base in front of it, or empty."""
        if self.bases > MOST_BASES:
            return
        self.bases += int(np.count_nonzero(codes != UNKNOWN))
        is_c, is_g = codes == _CYTOSINE, codes == _GUANINE
        self.cytosines += int(np.count_nonzero(is_c))
        self.guanines += int(np.count_nonzero(is_g))
        self.cpg += int(np.count_nonzero(is_c[:-1] & is_g[1:]))
        self.cpg += int(np.any(before == _CYTOSINE) and is_g[:1].any())

    @property
    def cpg_share(self) -> float:
        """CpG as a share of what as many C and G in any order would have."""
        return self.cpg * self.bases / max(1, self.cytosines * self.guanines)


def species_hint(card: Card, source: str, composition: Composition) -> str | None:
    """Say which models there are if a genome is not one of the species of the default model, which a scan uses.

    Args:
        card: model of the scan.
        source: name of the genome in messages.
        composition: of the whole genome.
    """
    if card.name != DEFAULT_MODEL or not FEWEST_BASES <= composition.bases <= MOST_BASES:
        return None
    if composition.cpg_share < LEAST_CPG:
        return None
    others = (read_card(find_model(name)) for name in bundled_models())
    models = ", ".join(
        f"--model {other.name} for {other.species}"
        for other in others
        if other.task != STRENGTH and other.species != card.species
    )
    return (
        f"{source}: {composition.bases / 1e6:.1f} Mb with {composition.cpg_share:.0%} of the CpG that chance makes "
        f"is no genome of {card.species}, for which model {card.name} was made; there is {models}"
    )


def circle_hint(source: str, contigs: Sequence[str]) -> str:
    """Point out contigs whose header says that they are complete or circular."""
    return (
        f"{source}: {counted(len(contigs), 'contig')} may be circular by the header ({first_of(contigs)}); if so, "
        f"--circular {contigs[0] if len(contigs) == 1 else 'NAME'} scans the origin, too"
    )
