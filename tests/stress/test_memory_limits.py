"""Too little memory costs one line: never an abort, a hang or a traceback, at any limit."""

from __future__ import annotations

import pytest
from jobs import fresh, job_of, made, reference
from processes import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SIZES = 10


@pytest.mark.parametrize("name", ["scan to packed GFF3", "annotate", "calibrate", "train windows", "train genome"])
def test_a_limit_of_memory_is_one_line_at_every_size(name, tmp_path):
    job, most = job_of(name), reference(name).memory
    statuses = []
    for number in range(SIZES):
        folder = fresh(tmp_path / "work")
        limit = int(most * (0.04 + 1.06 * number / (SIZES - 1)))
        end = run(job.line, folder, most_memory=limit)
        statuses.append(end.status)
        if end.status == 0:
            assert end.messages == ""
            assert made(folder / "out", job) == reference(name).files
        else:
            assert end.status == 1, (limit, end)
            assert end.messages.startswith("promscan: error: "), (limit, end.messages)
            assert end.messages.count("\n") == 1, (limit, end.messages)
            assert "memory" in end.messages
            assert not [path for path in folder.rglob("*") if path.name.endswith(".tmp")]
    assert statuses[0] == 1
    assert statuses[-1] == 0
