"""The columns of the files of hits."""

from __future__ import annotations

BED_COLUMNS = (
    "chrom", "start", "end", "name", "score", "strand",
    "tss", "logit", "probability", "fp_per_mb", "strength", "strength_sd", "type",
)  # fmt: skip
GRADES = BED_COLUMNS[7:12]
ABOUT_STRENGTH = ("strength_unit", "strength_domain", "strength_insert")
"""Entries of the header that GFF3 repeats in each row with a strength."""
TYPE = "promoter"
"""The type of every hit (SO:0000167). In BED it is a thirteenth column: bedtools takes twelve columns for BED12."""
