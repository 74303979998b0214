"""Divide a BED list of summits by its score, column 5: strong ones to learn from, and weak ones, which may not be real.

python -m recipes.steps.strong_summits rampage_tss.bed --rpm 8 -o strong.bed --weak weak.bed
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.common import parser_of
from promscan.io.files import atomic_path


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("summits", type=Path, help="BED file of summits.")
    parser.add_argument("--rpm", type=float, required=True, help="Lowest score of a strong summit.")
    parser.add_argument("--weak", type=Path, required=True, help="BED file to write the other summits to.")
    arguments = parser.parse_args()
    rows = arguments.summits.read_text().splitlines(keepends=True)
    strong = [float(row.split("\t")[4]) >= arguments.rpm for row in rows]
    for path, wanted in ((arguments.output, True), (arguments.weak, False)):
        chosen = "".join(row for row, is_strong in zip(rows, strong, strict=True) if is_strong is wanted)
        with atomic_path(path) as temporary:
            temporary.write_text(chosen)


if __name__ == "__main__":
    main()
