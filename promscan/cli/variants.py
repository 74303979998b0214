"""`promscan variants`: a VCF in, the same VCF with effects on promoters out."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from promscan import log
from promscan.cli.options import (
    OddCount,
    check_one_threshold,
    machine_options,
    model_option,
    quiet_option,
    skip_masked_option,
    strand_option,
    strength_option,
    threshold_options,
)
from promscan.io.files import check_outputs
from promscan.networks.card import DEFAULT_MODEL
from promscan.networks.model_files import model_files
from promscan.networks.strength_choice import strength_models
from promscan.seq.bounds import MAX_SMOOTHING

if TYPE_CHECKING:
    from promscan.commands.variation.job import VariantEffects


@click.command()
@click.argument("vcf", metavar="VCF")
@click.option("--genome", required=True, metavar="FILE", help="FASTA that the variants were called on.")
@click.option(
    "-o", "--output", required=True, metavar="OUT",
    help="VCF with the effects in INFO; with .gz, bgzipped and indexed; - is stdout.",
)  # fmt: skip
@model_option(DEFAULT_MODEL)
@threshold_options
@click.option(
    "--smoothing", type=OddCount(MAX_SMOOTHING), metavar="N",
    help="Average the logits of N neighbouring windows.  [default: the model's]",
)  # fmt: skip
@strand_option
@skip_masked_option
@click.option(
    "--skip-mismatch", is_flag=True, help="Do not score records whose REF or contig the genome lacks; count them."
)
@click.option("--phased", is_flag=True, help="Score phased alleles within 200 bp of one another together, too.")
@strength_option("Model that predicts the strength of promoters")
@machine_options
@quiet_option
def variants(vcf: str, genome: str, output: str, strength: str | None, quiet: bool, **options: Any) -> None:
    """Say what the variants of VCF do to promoters: scores without and with each allele, and what happens to hits.

    VCF is a VCF or BCF file, plain or compressed, or - for standard input. Its records come out in their order, with
    INFO fields whose names begin with PROM_. Symbolic alleles, breakends and * pass through.

    \b
    promscan variants calls.vcf.gz --genome genome.fa -o effects.vcf.gz
    bcftools view -r chr5 calls.bcf | promscan variants - --genome genome.fa -o -
    """
    check_one_threshold(options)
    log.configure(quiet=quiet)
    models = [options["model"], *strength_models(options["model"], strength)]
    check_outputs([output], [vcf, genome, *chain.from_iterable(map(model_files, models))])
    from promscan.commands.variants import annotate_variants
    from promscan.commands.variation.job import VariantEffects

    began = time.monotonic()
    job = VariantEffects(genome, strength=strength, **options)
    annotate_variants(job, vcf, output)
    log.logger.info("%s", _result(job, output, time.monotonic() - began))


def _result(job: VariantEffects, output: str, seconds: float) -> str:
    """One line that says what was found."""
    counts = job.counts
    about = [
        f"{log.counted(counts['scored'], 'allele')} of {log.counted(counts['records'], 'record')} scored with model "
        f"{job.card.name}",
        f"hits: {', '.join(f'{counts[name]:,} {name}' for name in ('created', 'lost', 'moved', 'stronger', 'weaker'))}",
    ]
    if counts["passed"]:
        about.append(f"{log.counted(counts['passed'], 'allele')} without bases, or too long, passed through")
    if counts["mismatches"]:
        skipped = log.counted(counts["mismatches"], "record")
        about.append(f"{skipped} with another REF than the genome, or on contigs that it lacks, passed through")
    if counts["unscored"]:
        about.append(f"{log.counted(counts['unscored'], 'allele')} among unknown bases not scored")
    name = "standard output" if output == "-" else output
    return f"{name}: {'; '.join(about)}; {seconds:.1f} s"
