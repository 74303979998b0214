"""`promscan explain`: hits in, the reasons for their scores out."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import click

from promscan import log
from promscan.cli.options import Count, NamedPath, machine_options, model_option, quiet_option
from promscan.errors import RunError
from promscan.io.files import check_outputs
from promscan.networks.card import DEFAULT_MODEL, model_files
from promscan.seq.bounds import MAX_COLUMNS


@click.command()
@click.argument("hits", metavar="HITS|SEQS")
@click.option("--genome", metavar="FILE", help="FASTA that the hits were called on; without it, SEQS are explained.")
@click.option(
    "-o", "--output", default="-", metavar="OUT",
    help="Table with a row for each base, or arrays (.npz).  [default: standard output]",
)  # fmt: skip
@click.option("--plots", type=NamedPath(), metavar="FOLDER", help="Draw a logo of each hit (.svg).")
@click.option(
    "--top", type=Count(1, MAX_COLUMNS), metavar="N", help="Only the N hits with the best scores.  [default: all]"
)  # fmt: skip
@model_option(DEFAULT_MODEL)
@machine_options
@quiet_option
def explain(hits: str, genome: str | None, output: str, plots: Path | None, quiet: bool, **options: Any) -> None:
    """Say why each hit has its score: attention weights, and how each substitution in its window changes the score.

    HITS is BED, GFF3 or narrowPeak, and is read with --genome. SEQS are 70-bp sequences, as for 'promscan score'.

    \b
    promscan explain hits.bed --genome genome.fa -o why.tsv --plots logos
    promscan explain windows.fa --model core70 -o why.npz
    """
    log.configure(quiet=quiet)
    from promscan.plots.figure import require_matplotlib

    check_outputs([output], [hits, genome, *model_files(options["model"])])
    if plots is not None:
        require_matplotlib()
        if plots.exists() and not plots.is_dir():
            raise RunError(f"{plots}: is no folder; name one for the pictures")
    from promscan.commands.explain import explain as explanations
    from promscan.commands.explain import write_explanations

    agreement = write_explanations(explanations(hits, genome, **options), output, plots)
    what = log.counted(len(agreement), "window")
    name = "standard output" if output == "-" else output
    if not agreement:
        log.logger.info("%s: no window to explain", name)
        return
    middle = median(agreement)
    log.logger.info("%s: %s explained; rank correlation of attention with mutagenesis: median %.2f", name, what, middle)
