"""Write the measured results into the tables of the pages that show them.

A table is between `<!-- TABLE NAME: from ... -->` and `<!-- END -->`; a dash stands for what was not measured yet.

    python -m benchmarks.write_results             write the tables
    python -m benchmarks.write_results --check     exit with 1 if a table does not show the newest results
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.common import ROOT, parser_of
from benchmarks.tables import clusters, genomes, species, speed, strength, variants, windows

BLOCK = re.compile(r"(<!-- TABLE (\w+): from [^>]*-->\n).*?(<!-- END -->)", re.DOTALL)
TABLES: dict[str, Callable[[], str]] = {
    "benchmark": windows.benchmark_table,
    "strand": windows.strand_table,
    "screening": windows.screening_table,
    "headline": genomes.headline_table,
    "promid": genomes.promid_table,
    "bacteria": genomes.bacteria_table,
    "bacteria_short": genomes.short_bacteria_table,
    "left_out_genera": genomes.left_out_table,
    "bacteria_background": species.background_table,
    "few_starts": species.few_starts_table,
    "mouse": species.mouse_table,
    "threshold": genomes.threshold_table,
    "recall": genomes.recall_table,
    "side_by_side": genomes.side_by_side_table,
    "yeast": genomes.yeast_table,
    "calibration": genomes.calibration_table,
    "distance": genomes.distance_table,
    "false_calls": genomes.false_calls_table,
    "calling": genomes.calling_table,
    "places": genomes.places_table,
    "strength": strength.strength_table,
    "ecoli_strength": strength.ecoli_table,
    "coverage": strength.coverage_table,
    "ecoli_coverage": partial(strength.coverage_table, "ecoli-strength"),
    "strength_rate": strength.strength_rate_table,
    "learning_rates": strength.learning_rate_table,
    "insert_position": strength.insert_position_table,
    "ecoli_insert_position": partial(strength.insert_position_table, "ecoli-strength", 10),
    "design_check": strength.design_table,
    "engines": speed.engine_table,
    "core_hours": clusters.core_hours_table,
    "divided": clusters.divided_table,
    "scaling": clusters.scaling_table,
    "cost": speed.cost_table,
    "targets": speed.targets_table,
    "floor": speed.floor_table,
    "precision": speed.precision_table,
    "genome": speed.genome_table,
    "time": speed.time_table,
    "commands": speed.commands,
    "known_variants": variants.known_variants_table,
    "variant_precision": variants.variant_precision_table,
    "motifs": variants.motifs_table,
}


def pages() -> list[Path]:
    """The pages that have tables of results."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if BLOCK.search(page.read_text(encoding="utf-8"))]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--check", action="store_true", help="Write nothing; exit with 1 if a table is not up to date.")
    arguments = parser.parse_args()
    for page in pages():
        text = page.read_text(encoding="utf-8")
        fresh = BLOCK.sub(lambda match: f"{match[1]}\n{TABLES[match[2]]()}\n{match[3]}", text)
        if arguments.check and fresh != text:
            raise SystemExit(f"{page.name}: its tables do not show the newest results; run benchmarks.write_results")
        if fresh != text:
            page.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
