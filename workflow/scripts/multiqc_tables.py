"""Tables of a workflow as custom content of MultiQC: genomes and hits, classes of hits, recall."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promscan.io.summaries import multiqc_content, multiqc_row

RATES = ("10", "50", "100")
"""False positives per Mb at which recall is shown."""


def genome_row(paths: Sequence[str]) -> dict[str, Any]:
    """One genome: what all of its shards read, found and took."""
    return multiqc_row(json.loads(Path(path).read_text(encoding="utf-8")) for path in paths)


def class_counts(path: str) -> dict[str, int]:
    """Hits of each class in an output of `promscan annotate`."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)  # a quote is a letter of a name
        return dict(Counter(row["class"] for row in rows))


def recall_row(path: str) -> dict[str, Any]:
    """Recall at each rate in the metrics of `promscan evaluate`."""
    metrics = json.loads(Path(path).read_text(encoding="utf-8"))
    at_rates = metrics["at_fp_per_mb"]
    return {"tss": metrics["tss"], **{f"recall_{rate}": at_rates[rate]["recall"] for rate in RATES if rate in at_rates}}


def classes_content(counts: Mapping[str, dict[str, int]]) -> dict[str, Any]:
    """The bars of classes of hits."""
    return {
        "id": "promscan_classes",
        "section_name": "promscan: classes of hits",
        "description": "Place of each hit in or near genes, as promscan annotate gives it.",
        "plot_type": "bargraph",
        "pconfig": {"id": "promscan_classes_plot", "title": "promscan: classes of hits", "ylab": "Hits"},
        "data": dict(counts),
    }


def recall_content(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The table of recall."""
    rates = {f"recall_{rate}": {"title": f"Recall at {rate} FP/Mb", "format": "{:,.3f}"} for rate in RATES}
    return {
        "id": "promscan_recall",
        "section_name": "promscan: recall",
        "description": "Known TSSs that were found, at rates of false positives per Mb.",
        "plot_type": "table",
        "pconfig": {"id": "promscan_recall_table", "title": "promscan: recall"},
        "headers": {"tss": {"title": "TSSs", "format": "{:,.0f}"}, **rates},
        "data": dict(rows),
    }


def write_tables(
    folder: Path, summaries: Mapping[str, Sequence[str]], annotated: Sequence[str], evaluations: Sequence[str]
) -> None:
    """Write one file for each table that has rows."""
    contents = {
        "genomes": multiqc_content({name: genome_row(paths) for name, paths in summaries.items()}),
        "classes": classes_content({Path(path).stem: class_counts(path) for path in annotated}),
        "recall": recall_content({Path(path).stem: recall_row(path) for path in evaluations}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if content["data"]:
            text = json.dumps(content, indent=1) + "\n"
            (folder / f"promscan_{name}_mqc.json").write_text(text, encoding="utf-8")


if "snakemake" in globals():
    job: Any = globals()["snakemake"]
    with open(job.log[0], "w", encoding="utf-8"):
        write_tables(Path(job.output[0]), job.params.summaries, job.input.annotated, job.input.evaluations)
