"""What the variants of a VCF do to promoters: scores without and with each allele, and what happens to hits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from promscan.commands.variation.fields import (
    OWN_FIELDS,
    fields_of,
    fields_with,
    haplotype_field,
    header_lines,
    names_of_fields,
)
from promscan.commands.variation.job import ScoredRecord, VariantEffects
from promscan.io.memory_genome import GenomeInput
from promscan.io.vcf import Record, header_with, open_variant_writer, open_variants
from promscan.log import progress
from promscan.networks.card import DEFAULT_MODEL, OWN_STRENGTH

if TYPE_CHECKING:
    from promscan.commands.variation.effects import Effect


class Variant(NamedTuple):
    """One alternative allele.

    chrom, position: contig, and 0-based position of the first base of `reference`.
    reference, alternative: alleles, as bases.
    """

    chrom: str
    position: int
    reference: str
    alternative: str


class VariantEffect(NamedTuple):
    """A variant and what it does; `effect` is None if it was not scored."""

    variant: Variant
    effect: Effect | None


def variants(
    vcf: str | os.PathLike[str] | Iterable[tuple[str, int, str, str]],
    genome: GenomeInput,
    *,
    model: str | Path = DEFAULT_MODEL,
    threshold: float | None = None,
    fp_per_mb: float | None = None,
    min_distance: int | None = None,
    smoothing: int | None = None,
    strand: Literal["both", "+", "-"] = "both",
    skip_masked: bool = False,
    skip_mismatch: bool = False,
    strength: str | Path | None = OWN_STRENGTH,
    device: str = "auto",
    batch_size: int | None = None,
    threads: int | None = None,
    precision: str = "auto",
) -> Iterator[VariantEffect]:
    """Yield what each alternative allele does to the scores and hits around it, in order, in constant memory.

    Args:
        vcf: path of a VCF or BCF, `-` for standard input, or variants as (contig, 0-based position, reference allele,
            alternative allele).
        genome: FASTA file that the variants were called on, or a mapping of name to sequence.
        model: bundled name or weights file.
        threshold: probability to call hits at.
        fp_per_mb: false positives per Mb to call hits at (default: as a scan).
        min_distance: least distance in bp between two hits of a strand (default: the model's).
        smoothing: odd width in bp over which logits are averaged (default: the model's).
        strand: `both`, `+` or `-`.
        skip_masked: read lower-case bases of the genome as unknown.
        skip_mismatch: leave out variants whose reference allele is not that of the genome, or whose contig it lacks.
        strength: bundled name or weights file of a strength model; None: effects have no strengths (default: the
            strength model that the card of the model names).
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all`.
        batch_size: windows in flight at most.
        threads: CPU threads (None: as many as the process may use).
        precision: `auto`, `float32` or `bfloat16`.

    Raises:
        InputError: the variants or the genome cannot be used, or they do not fit together.
        ModelError: no such model, or it cannot do what is asked for.
        DeviceError: no such device, or too little memory.
    """
    job = VariantEffects(
        genome, model=model, threshold=threshold, fp_per_mb=fp_per_mb, min_distance=min_distance, smoothing=smoothing,
        strand=strand, skip_masked=skip_masked, skip_mismatch=skip_mismatch, strength=strength, device=device,
        batch_size=batch_size, threads=threads, precision=precision,
    )  # fmt: skip
    return _effects(job, vcf)


def _effects(
    job: VariantEffects, vcf: str | os.PathLike[str] | Iterable[tuple[str, int, str, str]]
) -> Iterator[VariantEffect]:
    if isinstance(vcf, str | os.PathLike):
        with open_variants(vcf) as reader:
            yield from _by_allele(job.of(reader))
        return
    records = (
        Record(chrom, position, reference, (alternative,), "", number)
        for number, (chrom, position, reference, alternative) in enumerate(vcf, start=1)
    )
    yield from _by_allele(job.of(records))


def _by_allele(found: Iterator[ScoredRecord]) -> Iterator[VariantEffect]:
    for record, effects, _ in found:
        for alternative, effect in zip(record.alternatives, effects, strict=True):
            yield VariantEffect(Variant(record.chrom, record.position, record.reference, alternative), effect)


def annotate_variants(job: VariantEffects, vcf: str, output: str) -> None:
    """Write the records of a VCF with the effects of their alleles in INFO.

    Args:
        job: computes the effects, and has the counts afterwards.
        vcf: VCF or BCF, plain or compressed; `-` is standard input.
        output: VCF; with `.gz` at its end, bgzipped and indexed; `-` is standard output.

    Raises:
        InputError: the variants cannot be used, or do not fit the genome.
        RunError: `output` cannot be written.
    """
    with (
        open_variants(vcf) as reader,
        open_variant_writer(output) as writer,
        progress(None, "variants", "records") as bar,
    ):
        lines = header_with(reader.header, header_lines(job.card, job.strength_card), names_of_fields())
        fields = fields_with(job.strength_card)
        begun = False
        for record, effects, haplotypes in job.of(reader):
            if not begun:  # a failure before the first record leaves nothing on standard output
                begun = True
                for line in lines:
                    writer.write_line(line)
            writer.write_record(
                record, record.with_info(fields_of(effects, fields) | haplotype_field(haplotypes), OWN_FIELDS)
            )
            bar.advance(1)
        for line in () if begun else lines:
            writer.write_line(line)
