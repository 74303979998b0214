"""The share of the lines that all tests cover which the quick tests cover; it should be 95 % or more.

    COVERAGE_FILE=/tmp/quick.coverage .venv/bin/pytest -n 2 --cov=promscan --cov-report=
    COVERAGE_FILE=/tmp/slow.coverage .venv/bin/pytest -n 2 --cov=promscan --cov-report= --slow -m slow
    .venv/bin/python tests/covered_share.py /tmp/quick.coverage /tmp/slow.coverage

With one file it gives the share of all lines of the package, which is at most the other. pytest-cov removes files whose
names begin with COVERAGE_FILE and a dot.
"""

from __future__ import annotations

import sys
from pathlib import Path

from coverage import Coverage

PACKAGE = Path(__file__).resolve().parent.parent / "promscan"
LEAST = 0.95

Lines = set[tuple[str, int]]
"""File and number of each line."""


def lines_of(data: str) -> tuple[Lines, Lines]:
    """The lines that a run of the tests covered, and all lines that can be covered."""
    coverage = Coverage(data_file=data)
    coverage.load()
    covered, every = Lines(), Lines()
    for path in sorted(PACKAGE.rglob("*.py")):
        _, statements, _, missing, _ = coverage.analysis2(str(path))
        name = path.relative_to(PACKAGE).as_posix()
        every |= {(name, line) for line in statements}
        covered |= {(name, line) for line in {*statements} - {*missing}}
    return covered, every


def report(quick: Lines, every: Lines) -> float:
    """Print the share, and the files with the most lines that the quick tests leave out."""
    share = len(quick & every) / len(every)
    sys.stdout.write(f"{len(quick & every):,} of {len(every):,} lines: {share:.1%}\n")
    left_out = [name for name, _ in every - quick]
    for name in sorted(set(left_out), key=left_out.count, reverse=True)[:20]:
        sys.stdout.write(f"{left_out.count(name):6} {name}\n")
    return share


def main() -> None:
    quick, every = lines_of(sys.argv[1])
    if len(sys.argv) > 2:
        every = quick.union(*(lines_of(data)[0] for data in sys.argv[2:]))
    if report(quick, every) < LEAST:
        sys.exit(f"less than {LEAST:.0%}: give a quick test to what only slow ones cover")


if __name__ == "__main__":
    main()
