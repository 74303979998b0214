"""The columns of the files of hits."""

from __future__ import annotations

BED_COLUMNS = (
    "chrom", "start", "end", "name", "score", "strand",
    "tss", "logit", "probability", "fp_per_mb", "strength", "strength_sd", "type",
)  # fmt: skip
FULL, BED6 = BED_COLUMN_SETS = ("full", "bed6")
"""What the rows of BED hold: everything, after lines with settings and names; or the six standard columns alone."""
GRADES = BED_COLUMNS[7:12]
ABOUT_STRENGTH = ("strength_unit", "strength_domain", "strength_insert")
"""The words of the header that GFF3 repeats with each strength."""
TYPE = "promoter"
"""What a hit is (SO:0000167). In BED it is a thirteenth column: bedtools would take twelve for BED12."""
OVER_ORIGIN = "promoter_over_origin"
"""Type of a row of BED that holds only the part with the tss of a window over the origin of a circle."""
LANDMARK = "region"
"""Type of the row of GFF3 that says how long a circle is."""
IS_CIRCULAR = "Is_circular"
"""The attribute of GFF3 of circles, and of hits over their origin."""
NOTHING_SCORED = "#no window could be scored"
"""Comment after the first lines of a file without rows, if the scan of a part of a genome scored no window."""
