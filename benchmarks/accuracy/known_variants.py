r"""Known variants of human promoters: what the literature found, and what the model says of them.

The promoters stand in the public data: those of TERT, LDLR and F9 in their surroundings, that of HBB as a lone
sequence of 300 bp. Each variant is placed by the sequence next to it, and its reference base is checked. All
substitutions from 150 bp before the transcription start to 50 bp after it are scored, too, so that a difference can be
compared with theirs.

    python -m benchmarks.accuracy.known_variants human --data DATA \
        -o benchmarks/results/0.1.0/known_variants.human.json
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.accuracy.variants import MEASURED, bases_of, key_of, measured
from benchmarks.common import HUMAN, parser_of, save_result
from promscan.commands.variation.job import VariantEffects
from promscan.io.vcf import Record
from promscan.seq import dna

LONE_PROMOTERS = "human/promoters_300bp.tsv"
BEFORE, AFTER = 150, 50
"""bp around the transcription start whose substitutions are scored."""


class Place(NamedTuple):
    """Where a promoter stands.

    contig: its contig; None: a lone sequence.
    strand: of the gene.
    anchor: bases, read on the strand, that begin at the base that literature counts from.
    tss: the transcription start, counted from the first base of the anchor.
    """

    contig: str | None
    strand: str
    anchor: str
    tss: int


class Known(NamedTuple):
    """A known variant.

    gene, name: promoter, and the variant as literature writes it.
    offset: its base, counted from the first base of the anchor of its promoter.
    reference, alternative: bases on the strand of the gene.
    raises: whether it raises expression.
    source: who described it.
    """

    gene: str
    name: str
    offset: int
    reference: str
    alternative: str
    raises: bool
    source: str


PLACES = {
    # counted from the first base of the protein
    "TERT": Place("chr5:1251166-1300047", "-", "ATGCCGCGCGCTCCCCGCTGCCGAGCCGTG", -57),
    "LDLR": Place("chr19:11084380-11135830", "+", "ATGGGGCCCTGGGGCTGGAAATTGCGCTGG", -93),
    # counted from the transcription start
    "HBB": Place(None, "+", "ACATTTGCTTCTGACACAACTGTGTTCACTAGC", 0),
    "F9": Place("chrX:139525735-139565458", "+", "ACCACTTTCACAATCTGCTAGCAAAGGTTATG", 0),
}
"""The transcription starts of TERT and LDLR are about right: they say which substitutions are scored."""

VARIANTS = (
    Known("TERT", "-124C>T", -124, "C", "T", True, "Huang et al. 2013, Science 339:957"),
    Known("TERT", "-146C>T", -146, "C", "T", True, "Huang et al. 2013, Science 339:957"),
    Known("TERT", "-57A>C", -57, "A", "C", True, "Horn et al. 2013, Science 339:959"),
    Known("LDLR", "-217C>T", -217, "C", "T", True, "Khamis et al. 2015, Eur. J. Hum. Genet. 23:790"),
    Known("LDLR", "-142C>T", -142, "C", "T", False, "Mozas et al. 2002, J. Lipid Res. 43:13 (-49C>T)"),
    Known("LDLR", "-136C>T", -136, "C", "T", False, "Koivisto et al. 1994, PNAS 91:10526 (-43C>T)"),
    Known("HBB", "-101C>T", -101, "C", "T", False, "Gonzalez-Redondo et al. 1989, Blood 73:1705"),
    Known("HBB", "-31A>G", -31, "A", "G", False, "Takihara et al. 1986, Blood 67:547"),
    Known("HBB", "-29A>G", -29, "A", "G", False, "Antonarakis et al. 1984, PNAS 81:1154"),
    Known("HBB", "-28A>G", -28, "A", "G", False, "Orkin et al. 1983, J. Biol. Chem. 258:7249"),
    Known("F9", "-26G>C", -26, "G", "C", False, "Crossley et al. 1992, Science 257:377"),
    Known("F9", "-20T>A", -20, "T", "A", False, "Reitsma et al. 1988, Blood 72:1074 (Leyden)"),
    Known("F9", "-6G>A", -6, "G", "A", False, "Crossley et al. 1989, Lancet 333:960"),
    Known("F9", "+13A>G", 12, "A", "G", False, "Reitsma et al. 1989, Blood 73:743"),
)


class Promoter:
    """A promoter in its sequence; positions count from the first base of its anchor, on the strand of the gene."""

    def __init__(self, gene: str, contigs: dict[str, str]) -> None:
        self.place = PLACES[gene]
        self.chrom = self.place.contig or gene
        self.bases = contigs[self.chrom]
        self._forward = self.place.strand == "+"
        oriented = self.bases if self._forward else complement(self.bases)
        self._anchor = oriented.find(self.place.anchor)
        if self._anchor < 0 or oriented.find(self.place.anchor, self._anchor + 1) >= 0:
            raise SystemExit(f"{gene}: {self.place.anchor} does not stand once in {self.chrom}")

    def record(self, offset: int, reference: str, alternative: str) -> Record:
        """A substitution as a record of a VCF."""
        at = self._anchor + offset
        if not self._forward:
            at, reference, alternative = len(self.bases) - 1 - at, complement(reference), complement(alternative)
        if self.bases[at] != reference:
            raise SystemExit(f"{self.chrom}:{at + 1} is {self.bases[at]}, not {reference}")
        return Record(self.chrom, at, reference, (alternative,), "", 0)

    def substitutions(self) -> list[Record]:
        """All substitutions around the transcription start that the sequence has."""
        found = []
        oriented = self.bases if self._forward else complement(self.bases)
        for offset in range(self.place.tss - BEFORE, self.place.tss + AFTER):
            base = oriented[self._anchor + offset]
            found += [self.record(offset, base, other) for other in "ACGT" if other != base]
        return found


def complement(bases: str) -> str:
    return dna.decode(dna.reverse_complement(dna.encode(bases)))


def lone_promoter(path: Path, anchor: str) -> str:
    """The sequence of 300 bp in which an anchor stands."""
    with path.open(encoding="utf-8") as file:
        return next(row["sequence"] for row in csv.DictReader(file, delimiter="\t") if anchor in row["sequence"])


def main() -> None:
    parser = parser_of(__doc__, "model", "data", "threads", "output")
    arguments = parser.parse_args()
    contigs = bases_of(arguments.data / HUMAN.genome, {place.contig for place in PLACES.values() if place.contig})
    contigs["HBB"] = lone_promoter(arguments.data / LONE_PROMOTERS, PLACES["HBB"].anchor)
    promoters = {gene: Promoter(gene, contigs) for gene in PLACES}
    rows = list(measured(arguments.data / MEASURED))
    job = VariantEffects(contigs, model=arguments.model, threads=arguments.threads)
    result: dict[str, Any] = {"variants": [], "substitutions": {}}
    for gene, promoter in promoters.items():
        own = [known for known in VARIANTS if known.gene == gene]
        records = [promoter.record(known.offset, known.reference, known.alternative) for known in own]
        effects = [scored.effects[0] for scored in job.of(records + promoter.substitutions())]
        others = np.array([effect.difference for effect in effects[len(own) :] if effect is not None])
        result["substitutions"][gene] = len(others)
        for known, record, effect in zip(own, records, effects, strict=False):
            key = (record.chrom, record.position, record.reference, record.alternatives[0])
            log2 = [float(row["log2_effect"]) for row in rows if key_of(row) == key]
            assert effect is not None
            result["variants"].append({
                "gene": gene,
                "name": known.name,
                "place": f"{record.chrom}:{record.position + 1} {record.reference}>{record.alternatives[0]}",
                "source": known.source,
                "raises": known.raises,
                "measured_log2": None if not log2 else round(float(np.mean(log2)), 3),
                "difference": round(effect.difference, 4),
                "share_below": round(float((others < effect.difference).mean()), 3),
                "right": (effect.difference > 0) == known.raises and effect.difference != 0,
                "strength_difference": _strength_difference(effect),
                "hit": effect.hits[0].change if effect.hits else "none",
            })  # fmt: skip
    save_result(arguments.output, result, job.card)


def _strength_difference(effect: Any) -> float | None:
    pair = effect.reference_strength, effect.alternative_strength
    return None if None in pair else round(pair[1] - pair[0], 4)


if __name__ == "__main__":
    main()
