"""Names of the base of a listed interval that is the transcription start, for the option `--tss-from`."""

from __future__ import annotations

TSS_FROM = {
    "start": "the lower end of the interval, on both strands",
    "5prime": "its 5' end on its strand",
    "thick": "5' end of the thick interval, columns 7 and 8 of BED",
    "summit": "start + column 10 of narrowPeak",
    "transcript": "5' end of each transcript",
    "gene": "5' end of each gene",
}
CHOICES = f"--tss-from {'|'.join(TSS_FROM)}"
"""What messages ask for."""
