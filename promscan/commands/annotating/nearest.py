"""Nearest features by `bedtools closest`, through pybedtools.

bedtools takes lines whose contig is called `track`, `browser` or `chr` for headers, and it compares the styles of
names. So contigs go to it as numbers of one length, and every query must come back.
"""

from __future__ import annotations

import io
import random
import shutil
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pybedtools

from promscan.errors import DependencyError, RunError
from promscan.io.files import write_errors
from promscan.io.genes import NOWHERE, Flags, Whole

_FIRST_NUMBER = 10**9
"""Numbers of contigs begin here, so that all have ten digits and sort alike as text and as numbers."""
_QUERY, _TARGET, _LAST = 3, 9, 11
"""Columns, counted from 0, of the output: the two numbers of a pair, and the last one."""


class Spans(NamedTuple):
    """Stranded intervals; the contig is a number."""

    contig: Whole
    start: Whole
    end: Whole
    plus: Flags

    def __len__(self) -> int:
        return len(self.contig)


class Pairs(NamedTuple):
    """Queries and their nearest targets, by index; a query has a row for each of several that are equally near."""

    query: Whole
    target: Whole

    def where(self, chosen: Flags) -> Pairs:
        """Leave only some rows."""
        return Pairs(self.query[chosen], self.target[chosen])

    def best(self, count: int, *ranks: Whole) -> Whole:
        """The target of each of `count` queries with the lowest ranks, the first of them first; -1 without any."""
        order = np.lexsort((self.target, *reversed(ranks), self.query))
        queries, first = np.unique(self.query[order], return_index=True)
        found = np.full(count, NOWHERE)
        found[queries] = self.target[order][first]
        return found


def check_bedtools() -> None:
    """Find out whether bedtools is there.

    Raises:
        DependencyError: it is not.
    """
    if shutil.which("bedtools") is None:
        raise DependencyError("bedtools is not installed; install it: apt-get install bedtools, or conda")


def closest(queries: Spans, targets: Spans, folder: Path, **options: Any) -> Pairs:
    """Find the targets that are nearest to each query on its contig; a target that overlaps it is at 0 bp.

    Args:
        queries: at least one interval.
        targets: may be empty.
        folder: for temporary files.
        options: those of `bedtools closest`, such as `s=True`.

    Raises:
        RunError: bedtools does not start, fails, or does not answer for every query.
    """
    nothing = np.empty(0, dtype=np.int64)
    if not len(targets):
        return Pairs(nothing, nothing)
    files = [folder / name for name in ("queries.bed", "targets.bed", "pairs.tsv")]
    for path, spans in zip(files, (queries, targets), strict=False):
        _write(spans, path)
    numbers = random.getstate()  # pybedtools draws names, and the numbers are the caller's
    try:
        with redirect_stdout(io.StringIO()):  # where pybedtools says why bedtools did not start
            pybedtools.BedTool(str(files[0])).closest(
                str(files[1]), t="all", nonamecheck=True, output=str(files[2]), **options
            )
    except (OSError, KeyError) as error:  # KeyError: a reason that pybedtools does not know
        raise RunError(f"bedtools does not start: {error.__context__}; install it anew") from error
    except pybedtools.helpers.BEDToolsError as error:
        raise RunError(f"bedtools closest: {' '.join(str(error).split())[-200:]}; is it 2.27 or newer?") from error
    finally:
        random.setstate(numbers)
    pairs = _read(files[2])
    if len(found := np.unique(pairs.query)) != len(queries):
        raise RunError(
            f"bedtools closest: {len(queries) - len(found):,} of {len(queries):,} hits did not come back; install "
            "another version of bedtools"
        )
    return pairs.where(pairs.target != NOWHERE)


def _write(spans: Spans, path: Path) -> None:
    with write_errors(str(path)), path.open("w", encoding="ascii") as file:
        for index in np.lexsort((spans.end, spans.start, spans.contig)).tolist():
            place = f"{_FIRST_NUMBER + spans.contig[index]}\t{spans.start[index]}\t{spans.end[index]}"
            file.write(f"{place}\t{index}\t0\t{'+' if spans.plus[index] else '-'}\n")


def _read(path: Path) -> Pairs:
    """Read the pairs; a query without a target has -1."""
    queries, targets = list[int](), list[int]()
    with path.open(encoding="ascii") as file:
        for line in file:
            fields = line.split("\t")
            if len(fields) <= _LAST or not line.endswith("\n"):
                raise RunError(
                    f"bedtools closest: its answer is cut short; check the space left in {path.parent.parent}"
                )
            queries.append(int(fields[_QUERY]))
            targets.append(NOWHERE if fields[_TARGET] == "." else int(fields[_TARGET]))
    return Pairs(np.array(queries, dtype=np.int64), np.array(targets, dtype=np.int64))
