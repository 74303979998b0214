"""Write every N-th row of a table: labels for a small model that has seen little of what another one has seen.

python -m recipes.steps.thin_table LABELS.tsv.gz --every 11 --first 4 -o eleventh.tsv.gz
"""

from __future__ import annotations

import gzip
from itertools import islice

from benchmarks.common import parser_of
from promscan.io.files import atomic_path


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("table", help="Gzipped table with a header.")
    parser.add_argument("--every", type=int, required=True, help="Distance between two rows.")
    parser.add_argument("--first", type=int, default=1, help="Number of the first row, from 1 on.  [default: 1]")
    arguments = parser.parse_args()
    with gzip.open(arguments.table, "rb") as table:
        rows = [next(table), *islice(table, arguments.first - 1, None, arguments.every)]
    with atomic_path(arguments.output) as temporary:
        temporary.write_bytes(gzip.compress(b"".join(rows), mtime=0))


if __name__ == "__main__":
    main()
