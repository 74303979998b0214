"""`promscan explain`: hits in, the reasons for their scores out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from promscan import log
from promscan.cli.options import Count, NamedPath, complete_models, machine_options, quiet_option
from promscan.errors import RunError
from promscan.io.files import check_outputs
from promscan.networks.card import DEFAULT_MODEL
from promscan.networks.model_files import model_files
from promscan.seq.bounds import MAX_COUNT, MAX_FLANK

if TYPE_CHECKING:
    from promscan.commands.explaining.explanation import Explanation


@click.command()
@click.argument("hits", metavar="HITS|SEQS")
@click.option("--genome", metavar="FILE", help="FASTA that the hits were called on; without it, SEQS are explained.")
@click.option(
    "-o", "--output", default="-", metavar="OUT",
    help="Table with a row for each base, or arrays (.npz).  [default: standard output]",
)  # fmt: skip
@click.option("--plots", type=NamedPath(), metavar="FOLDER", help="Draw a logo of each hit (.svg).")
@click.option(
    "--motifs", type=NamedPath(), metavar="FOLDER",
    help="Find motifs that recur in the hits: tables, matrices and logos.",
)  # fmt: skip
@click.option(
    "--meme", metavar="FILE", help="With --motifs: compare them with these motifs (MEME format), too."
)  # fmt: skip
@click.option(
    "--track", metavar="PREFIX",
    help="Write the contributions of bases as bigWig: PREFIX.plus.bw and PREFIX.minus.bw; with --genome.",
)  # fmt: skip
@click.option(
    "--method", type=click.Choice(["mutagenesis", "gradients", "both", "place"]), default="mutagenesis",
    show_default=True,
    help="How to find the contribution of a base; gradients (integrated gradients) are faster; place: why the hit is "
    "at its base and not nearby.",
)  # fmt: skip
@click.option(
    "--flank", type=Count(0, MAX_FLANK), default=0, show_default=True, metavar="N",
    help="Explain N bases before and after each window, too.",
)  # fmt: skip
@click.option(
    "--top", type=Count(1, MAX_COUNT), metavar="N", help="Only the N hits with the best scores.  [default: all]"
)  # fmt: skip
@click.option(
    "--model", metavar="NAME|PATH", shell_complete=complete_models,
    help=f"Model to explain the scores of.  [default: the one that the hits name, else {DEFAULT_MODEL}]",
)  # fmt: skip
@machine_options
@quiet_option
def explain(
    hits: str,
    genome: str | None,
    output: str,
    plots: Path | None,
    motifs: Path | None,
    meme: str | None,
    track: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Say why each hit has its score: attention weights, and how each substitution in its window changes the score.

    HITS is BED, GFF3 or narrowPeak, and is read with --genome. SEQS are 70-bp sequences, as for 'promscan score'.

    \b
    promscan explain hits.bed --genome genome.fa -o why.tsv --plots logos
    promscan explain hits.bed --genome genome.fa -o why.npz --method gradients --flank 100 --motifs motifs
    promscan explain windows.fa --model core70 -o why.npz
    """
    if meme is not None and motifs is None:
        raise click.UsageError("--meme is for --motifs: name a folder for them")
    if track is not None and genome is None:
        raise click.UsageError("--track needs a genome: give --genome")
    log.configure(quiet=quiet)
    for folder in (plots, motifs):
        _check_folder(folder)
    from promscan.commands.explain import Explainer
    from promscan.commands.explaining.output import Outputs, write_explanations
    from promscan.commands.explaining.track import Track
    from promscan.commands.scanning.tracks import track_paths

    outputs = [output, *([] if track is None else track_paths(track, "both").values())]
    check_outputs(outputs, [hits, genome, meme])
    job = Explainer(hits, genome, **options)
    check_outputs(outputs, model_files(job.model))
    tracks = None
    if track is not None and genome is not None:
        made_by = {"model": job.card.name, "sha256": job.card.sha256, "method": options["method"]}
        tracks = Track(track, genome, made_by)
    found = write_explanations(iter(job), Outputs(output, plots, motifs, meme, tracks))
    log.logger.info("%s", _result("standard output" if output == "-" else output, found))


def _check_folder(folder: Path | None) -> None:
    """Refuse a folder for pictures that cannot be one, and pictures that cannot be drawn, before the work."""
    if folder is None:
        return
    from promscan.plots.figure import require_matplotlib

    require_matplotlib()
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder}: is no folder; name one for the pictures")


def _result(name: str, found: Sequence[Explanation]) -> str:
    """One line that says what was found."""
    if not found:
        return f"{name}: no window to explain"
    by = "gradients" if found[0].importance is None else "mutagenesis"
    agreement = median(each.agreement for each in found)
    about = [
        f"{name}: {log.counted(len(found), 'window')} explained",
        f"rank correlation of attention with {by}: median {agreement:.2f}",
    ]
    if found[0].gradients is not None:
        about.append(f"gradients add up to the scores within {max(each.error for each in found):.1g}")
    return "; ".join(about)
