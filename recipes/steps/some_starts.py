"""Draw starts from a BED list, as if no more of them were known; those of the held-out regions all stay.

The first 100 starts of a draw are also among its first 300: lists of one seed and different lengths are nested.

python -m recipes.steps.some_starts tss.bed --most 300 --held-out II:0-1800000 -o some.bed
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.common import parser_of
from promscan.io.files import atomic_path
from promscan.seq.records import Interval


def drawn(rows: list[str], most: int, held_out: list[Interval], seed: int) -> list[str]:
    """The rows in these regions and `most` others, in the order of the list."""
    inside = np.array([_is_inside(row, held_out) for row in rows])
    others = np.flatnonzero(~inside)
    chosen = np.random.default_rng(seed).permutation(others)[:most]
    return [rows[i] for i in sorted({*np.flatnonzero(inside).tolist(), *chosen.tolist()})]


def _is_inside(row: str, regions: list[Interval]) -> bool:
    chrom, start = row.split("\t")[:2]
    return any(chrom == region.chrom and region.start <= int(start) < region.end for region in regions)


def region_of(text: str) -> Interval:
    """A region from `CONTIG:START-END`, 0-based and half-open."""
    chrom, _, bounds = text.rpartition(":")
    start, _, end = bounds.partition("-")
    return Interval(chrom, int(start), int(end))


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("starts", type=Path, help="BED file of one-base intervals.")
    parser.add_argument("--most", type=int, required=True, help="Starts to draw outside of the held-out regions.")
    parser.add_argument("--held-out", type=region_of, action="append", default=[], metavar="CONTIG:START-END")
    parser.add_argument("--seed", type=int, default=1, help="Seed of the draw.  [default: 1]")
    arguments = parser.parse_args()
    rows = arguments.starts.read_text(encoding="utf-8").splitlines(keepends=True)
    chosen = drawn(rows, arguments.most, arguments.held_out, arguments.seed)
    with atomic_path(arguments.output) as temporary:
        temporary.write_text("".join(chosen), encoding="utf-8")


if __name__ == "__main__":
    main()
