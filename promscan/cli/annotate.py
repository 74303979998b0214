"""`promscan annotate`: hits and genes in, hits with their nearest genes out; or the sequences of the hits."""

from __future__ import annotations

from typing import Any

import click

from promscan import log
from promscan.cli.options import Count, quiet_option
from promscan.io.files import check_outputs
from promscan.seq.bounds import MAX_BP


@click.command()
@click.argument("hits", metavar="HITS")
@click.argument("genes", metavar="[GENES]", required=False)
@click.option(
    "-o", "--output", metavar="OUT",
    help="The hits with their genes: .bed, .gff3 or .tsv, .gz to compress; - is stdout.",
)  # fmt: skip
@click.option(
    "--format", type=click.Choice(["bed", "gff3", "tsv"], case_sensitive=False),
    help="Format of the output.  [default: by suffix; on stdout that of the hits]",
)  # fmt: skip
@click.option(
    "--core-promoter", type=Count(0, MAX_BP), metavar="BP",
    help="A hit at most this far from the 5' end of a gene, either way, is in its core promoter.  "
    "[default: tolerance of the model of the hits, else 100]",
)  # fmt: skip
@click.option(
    "--upstream", type=Count(0, MAX_BP), metavar="BP",
    help="A hit at most this far before the 5' end of a gene is upstream of it.  "
    "[default: clearance of the model of the hits, else 1000]",
)  # fmt: skip
@click.option(
    "--bacteria", is_flag=True,
    help="Add the distance to the start codon, and whether the gene is the first of its operon.",
)  # fmt: skip
@click.option(
    "--operon-gap", type=Count(0, MAX_BP), default=50, show_default=True, metavar="BP",
    help="A gene at most this far after another one of its strand is in the same operon.",
)  # fmt: skip
@click.option("--fasta", metavar="FILE", help="Write the sequences of the hits, each on its strand; - is stdout.")
@click.option("--genome", metavar="FILE", help="FASTA that the hits were called on, for --fasta.")
@click.option(
    "--flank-up", type=Count(0, MAX_BP), default=0, show_default=True, metavar="BP",
    help="Bases before each hit in --fasta, on its strand.",
)  # fmt: skip
@click.option(
    "--flank-down", type=Count(0, MAX_BP), default=0, show_default=True, metavar="BP",
    help="Bases after each hit in --fasta.",
)  # fmt: skip
@quiet_option
def annotate(hits: str, genes: str | None, quiet: bool, **options: Any) -> None:
    """Find the nearest gene on each strand for each hit, its distance, and where the hit lies in or near genes.

    HITS is BED, GFF3 or narrowPeak with strands, of promscan or any other tool. GENES is GFF3, GTF, or BED with
    strands. Either may be - for standard input. All columns of HITS stay as they are.

    With --fasta, the sequences of HITS are written; GENES is then not needed.

    \b
    promscan annotate hits.bed genes.gff3 -o annotated.tsv
    promscan annotate hits.bed --fasta hits.fa --genome genome.fa --flank-up 100
    """
    _check(hits, genes, options)
    log.configure(quiet=quiet)
    check_outputs([options["output"], options["fasta"]], [hits, genes, options["genome"]])
    from promscan.commands.annotate import AnnotateOptions, annotate_file

    annotate_file(hits, genes, options.pop("output"), AnnotateOptions(**options))


def _check(hits: str, genes: str | None, options: dict[str, Any]) -> None:
    """Refuse options that do not belong together."""
    for one, other, message in (
        (genes, options["output"], "GENES and -o OUT belong together; give both"),
        (options["fasta"], options["genome"], "--fasta and --genome belong together; give both"),
    ):
        if (one is None) != (other is None):
            raise click.UsageError(message)
    if genes is None and options["fasta"] is None:
        raise click.UsageError("nothing to do; give GENES and -o OUT, or --fasta and --genome")
    if [hits, genes, options["genome"]].count("-") > 1:
        raise click.UsageError("standard input can be read only once; name files")
