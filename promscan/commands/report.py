"""Show the hits of scans in one HTML file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promscan.commands.evaluate import evaluate
from promscan.commands.reporting.genome_browser import embedded, igv_script
from promscan.commands.reporting.motifs import INSTANCES, MotifInstance, read_instances
from promscan.commands.reporting.page import make_page
from promscan.commands.reporting.rows import Details, table_rows
from promscan.commands.reporting.sample import Sample, read_samples
from promscan.commands.reporting.sections import sections
from promscan.commands.reporting.surroundings import SearchedElement, Surroundings, elements_for, surroundings_of
from promscan.commands.reporting.tracks import Scoring, tracks_around
from promscan.errors import InputError, ModelError
from promscan.io.files import check_outputs, is_special, open_text_output
from promscan.io.genome import Genome
from promscan.io.text import source_name
from promscan.log import logger
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq.bounds import MAX_DETAILS, check_whole

MOST_SAMPLES = 8


def report(
    hits: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    genome: str | Path,
    output: str | Path,
    *,
    tss: str | Path | Sequence[str | Path] = (),
    tss_from: str | None = None,
    model: str | Path | None = None,
    details: int = MAX_DETAILS,
    bacteria: bool = False,
    motifs: str | Path | None = None,
    igv: bool = False,
    genes: str | Path | None = None,
    score_column: int | None = None,
    title: str = "Promoters",
    command: str = "",
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Write a report of hits: one HTML file that works offline.

    Args:
        hits: file of promscan (BED, GFF3, narrowPeak), also annotated, or of any other tool (BED, GFF3), with strands;
            or several, which are compared.
        genome: FASTA file that the hits were called on.
        output: the HTML file; `-` is standard output.
        tss: BED, GFF3 or GTF file of known TSSs, or several: recall and precision are shown.
        tss_from: which base of their intervals is the TSS; see `promscan.evaluate`.
        model: bundled name or weights file for the scores around the best hits (default: the model that the hits name,
            if it is bundled).
        details: show the scores and the sequence around this many of the best hits, over all samples.
        bacteria: look for -10 and -35 elements instead of TATA boxes and initiators; so too for models of bacteria.
        motifs: folder that `promscan explain` made with `--motifs`: motifs are shown in the details of their hits.
        igv: embed the genome browser igv.js with the genome, if that has at most 5 Mb.
        genes: GFF3, GTF or BED file of genes that the genome browser shows.
        score_column: column of the files to rank by, counted from 1; see `promscan.evaluate`.
        title: heading of the report.
        command: command line that the report shows.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all`, where scores are computed.
        threads: CPU threads (None: as many as the process may use).

    Raises:
        DependencyError: igv.js is asked for, and this installation lacks it.
        InputError: a file cannot be used, or they do not fit.
        ModelError: no such model, or it has other weights than the one that made the hits.
        RunError: the output cannot be written.
    """
    paths = [hits] if isinstance(hits, str | os.PathLike) else list(hits)
    lists = [tss] if isinstance(tss, str | os.PathLike) else list(tss)
    check_whole("details", details, 0, MAX_DETAILS)
    further = [path for path in (genes, None if motifs is None else Path(motifs) / INSTANCES) if path is not None]
    _check_files(paths, [genome, *lists, *further], output)
    script = igv_script() if igv else ""
    contigs = Genome(genome).contigs()
    samples = read_samples(paths, contigs, score_column)
    instances = read_instances(motifs)
    scorings = [_scoring(sample, model, details, device, threads) for sample in samples]
    elements = elements_for([sample.card for sample in samples], bacteria=bacteria)
    surroundings = [surroundings_of(sample.sites, genome, sample.circles_among(contigs)) for sample in samples]
    parts = zip(samples, surroundings, scorings, strict=True)
    best = [_details(*part, elements, instances, details // len(samples), genome, contigs) for part in parts]
    judged = [evaluate(path, lists, genome, tss_from=tss_from, score_column=score_column) for path in paths if lists]
    context = sections(samples, surroundings, elements, genome, contigs, judged)
    context |= {"title": title, "command": command, "counts_of_details": [len(each.indices) for each in best]}
    context["data"]["igv"] = embedded(genome, contigs, genes) if igv else None
    context["igv"] = script if context["data"]["igv"] else ""
    _write(context, samples, best, os.fspath(output))


def _write(context: Mapping[str, Any], samples: Sequence[Sample], best: Sequence[Details], output: str) -> None:
    """Write the page, with as many rows of its table as it has room for."""
    rows = max(map(len, samples))
    page, most = make_page(context, lambda most: table_rows(samples, best, most), rows)
    if most < rows:
        logger.warning("%s: a report has at most 10 MB, so the table has the best %s hits of a sample", output, most)
    with open_text_output(output) as file:
        file.write(page)


def _check_files(
    paths: Sequence[str | os.PathLike[str]], others: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str]
) -> None:
    """Refuse what a report cannot be made of, before the work."""
    if not 1 <= len(paths) <= MOST_SAMPLES:
        raise InputError(f"a report compares 1 to {MOST_SAMPLES} files of hits, not {len(paths)}; leave some out")
    for path in (*paths, *others):
        if os.fspath(path) == "-" or is_special(path):
            raise InputError(f"{source_name(os.fspath(path))}: a report reads a file more than once; save it to a file")
    check_outputs([output], [*paths, *others])


def _scoring(
    sample: Sample, model: str | Path | None, details: int, device: str, threads: int | None
) -> Scoring | None:
    """What scores the surroundings of hits; None if that cannot be known."""
    if not details or not len(sample):
        return None
    made_by = sample.settings.get("sha256")
    if model is not None:
        if made_by is not None and read_card(find_model(str(model))).sha256 != made_by:
            raise ModelError(
                f"{model}: not the model of the hits of {sample.label}, {sample.settings.get('model')!r}, or another "
                "version of it; name theirs, or leave --model out"
            )
        return Scoring(model=str(model), device=device, threads=threads)
    if sample.card is None:
        logger.info("%s: no scores around the hits, as their model is not bundled; name it by --model", sample.label)
        return None
    return Scoring(model=sample.card.name, device=device, threads=threads)


def _details(
    sample: Sample,
    around: Surroundings,
    scoring: Scoring | None,
    elements: Sequence[SearchedElement],
    instances: Mapping[str, Sequence[MotifInstance]],
    most: int,
    genome: str | Path,
    contigs: Mapping[str, int],
) -> Details:
    """Read and score what is shown of the best hits of a sample."""
    indices = sample.best_first[:most]
    sites = [sample.sites[index] for index in indices.tolist()]
    tracks = [] if scoring is None else tracks_around(sites, str(genome), contigs, sample.settings, scoring)
    found = [instances.get(f"{chrom}_{tss}_{strand}", ()) for chrom, tss, strand in sites] if instances else []
    return Details(indices, around.around[indices], elements, tracks, found)
