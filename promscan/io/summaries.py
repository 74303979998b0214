"""The summary of a scan in three files: JSON, a table of contigs, and custom content for MultiQC.

MultiQC takes a file for its custom content if the name ends in `_mqc.json`. Files with one `id` become one table, so
the scans of a folder stand below each other in its report.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from promscan.io.files import PACKED_SUFFIXES, is_special, open_text_output
from promscan.io.hit_writers import write_summary

MULTIQC_COLUMNS = {
    "model": {"title": "Model", "description": "Model of the scan"},
    "hits": {"title": "Hits", "description": "Promoters that were called", "format": "{:,.0f}"},
    "scored_bases": {"title": "Bases", "description": "Bases in scored windows", "format": "{:,.0f}"},
    "hits_per_mb": {"title": "Hits per Mb", "description": "Hits per million bases", "format": "{:,.2f}"},
    "minutes": {"title": "Minutes", "description": "Time of the scan, of all shards", "format": "{:,.1f}"},
    "peak_memory": {"title": "Memory (MB)", "description": "Largest memory of a process", "format": "{:,.0f}"},
}


class ContigRow(NamedTuple):
    """One contig: bases that were read, those that lie in a scored window, hits, and its highest logit."""

    contig: str
    bases: int
    scored: int
    hits: int
    best_logit: float | None


def summary_paths(target: str) -> list[str]:
    """The summary `run.json`, and with it `run.contigs.tsv` and `run_mqc.json`; a pipe gets the JSON alone."""
    if target == "-" or is_special(target):
        return [target]
    return [target, f"{_stem(target)}.contigs.tsv", f"{_stem(target)}_mqc.json"]


def write_summaries(target: str, summary: Mapping[str, Any], contigs: Iterable[ContigRow]) -> None:
    """Write the summary of a scan to the files of `summary_paths`.

    Raises:
        RunError: a file cannot be written.
    """
    with open_text_output(target) as file:
        write_summary(file, summary)
    if len(paths := summary_paths(target)) == 1:
        return
    with open_text_output(paths[1]) as file:
        file.write("\t".join(ContigRow._fields) + "\n")
        for row in contigs:
            best = "." if row.best_logit is None else f"{row.best_logit:z.4f}"
            file.write("\t".join([*map(str, row[:-1]), best]) + "\n")
    sample = os.path.basename(_stem(target))
    with open_text_output(paths[2]) as file:
        file.write(json.dumps(multiqc_content({sample: multiqc_row([summary])}), indent=1) + "\n")


def multiqc_row(summaries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The row of one genome: what its scan, or all of its shards together, read, found and took."""
    parts = list(summaries)
    bases, hits = (sum(part[key] for part in parts) for key in ("scored_bases", "hits"))
    return {
        "model": parts[0]["settings"]["model"],
        "hits": hits,
        "scored_bases": bases,
        "hits_per_mb": 1e6 * hits / bases if bases else None,
        "minutes": sum(part["total_seconds"] for part in parts) / 60,
        "peak_memory": max(part["peak_memory_bytes"] for part in parts) / 1e6,
    }


def multiqc_content(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Custom content of MultiQC: a table with a row for each genome."""
    return {
        "id": "promscan_scan",
        "section_name": "promscan scan",
        "description": "Promoters of each genome, and what its scan took.",
        "plot_type": "table",
        "pconfig": {"id": "promscan_scan_table", "title": "promscan scan"},
        "headers": MULTIQC_COLUMNS,
        "data": dict(rows),
    }


def _stem(target: str) -> str:
    """A name without `.gz` and `.json` at its end."""
    stem = next((target[: -len(packed)] for packed in PACKED_SUFFIXES if target.lower().endswith(packed)), target)
    return stem[: -len(".json")] if stem.lower().endswith(".json") else stem
