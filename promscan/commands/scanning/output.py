"""The hits of a scan, and its summary, to the files that a user asked for."""

from __future__ import annotations

import time
from itertools import chain, islice
from typing import TYPE_CHECKING

from promscan.commands.scanning.works import Form, Work
from promscan.io.hit_writers import open_writer
from promscan.io.schemas import FULL, NOTHING_SCORED
from promscan.io.summaries import write_summaries

if TYPE_CHECKING:
    from promscan.commands.scan import Scan


def write_scan(job: Scan, work: Work, form: Form, began: float) -> float:
    """Run a scan and write what it finds.

    Args:
        job: the scan.
        work: where its hits and its summary go.
        form: format of the hits.
        began: time of `time.monotonic` when the work began.

    Returns:
        seconds of the work, without those of the summary.

    Raises:
        InputError: the scan of a whole genome could not score a window; no file is written.
        RunError: a file cannot be written.
    """
    _write_hits(job, work.output, form)
    seconds = time.monotonic() - began
    if work.summary is not None:
        write_summaries(work.summary, {**job.summary(), "total_seconds": seconds}, job.statistics.contig_rows())
    return seconds


def _write_hits(job: Scan, output: str, form: Form) -> None:
    hits = iter(job)
    # What standard output has taken cannot be taken back, so its first lines wait for the first hit.
    first = list(islice(hits, 1))
    if not first:
        job.require_scored()
    with open_writer(output, form.format, job.settings, form.columns) as writer:
        for hit in chain(first, hits):
            writer.write(hit)
        if not job.require_scored() and form.columns == FULL:
            writer.write_row(NOTHING_SCORED, 0)
