"""Twice as large an input takes at most about twice the time, and no more memory than it must."""

from __future__ import annotations

import pysam
import pytest
from growth import CASES, cost, one_contig
from processes import run_alone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PART = 60
"""The tests measure a part of the sizes of the table."""
MOST_TIME, MOST_MEMORY = 2.6, 2.2
"""Most that twice the size may cost: start-up makes a ratio smaller, a busy machine makes it larger."""


@pytest.mark.parametrize("name", [name for name in CASES if name != "one contig"])
def test_cost_grows_no_faster_than_the_input(name, tmp_path):
    case = CASES[name]
    size = case.size // PART
    costs = []
    for times in (1, 2, 4):
        (folder := tmp_path / str(times)).mkdir()
        costs.append(cost(case, times * size, folder))
    # Without what it takes to start.
    once, twice = costs[1].seconds - costs[0].seconds, costs[2].seconds - costs[1].seconds
    assert twice <= MOST_TIME * once + 1
    assert costs[2].memory <= MOST_MEMORY * costs[1].memory


def test_a_contig_beyond_the_reach_of_a_tbi_index_gets_a_csi_index(tmp_path):
    """With a short one, this is tested quickly; here the contig is as long as it says."""
    line = one_contig(tmp_path, 540)
    assert run_alone(line, tmp_path).status == 0
    hits = tmp_path / "hits.bed.gz"
    assert not (tmp_path / "hits.bed.gz.tbi").exists()
    assert (tmp_path / "hits.bed.gz.csi").exists()
    rows = list(pysam.TabixFile(str(hits), index=f"{hits}.csi").fetch("chr1", 2**29, 2**30))
    assert rows
    assert all(int(row.split("\t")[1]) > 540_000_000 for row in rows)
