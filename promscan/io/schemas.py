"""The columns of the files of hits."""

from __future__ import annotations

BED_COLUMNS = (
    "chrom", "start", "end", "name", "score", "strand",
    "tss", "logit", "probability", "fp_per_mb", "strength", "strength_sd", "type",
)  # fmt: skip
GRADES = BED_COLUMNS[7:12]
ABOUT_STRENGTH = ("strength_unit", "strength_domain", "strength_insert")
"""The words of the header that GFF3 repeats with each strength."""
TYPE = "promoter"
"""What a hit is (SO:0000167). In BED it is a thirteenth column: bedtools would take twelve for BED12."""
NOTHING_SCORED = "#no window could be scored"
"""Comment after the first lines of a file without rows, if the scan of a part of a genome scored no window."""
