"""Too little memory costs one line: never an abort, a hang or a traceback, at any limit."""

from __future__ import annotations

import pytest
from jobs import fresh, job_of, made, reference
from processes import run_alone

from promscan.cli import LEAST_MEMORY, LEAST_MEMORY_TO_TRAIN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SHARES = (0.25, 0.5, 0.8, 0.99)
"""Shares of the least memory that promscan begins with."""
STEPS = (1.0, 1.05, 1.1, 1.2, 1.5, 3.0)
"""Shares of the same, up to enough."""


@pytest.mark.parametrize("name", ["scan to packed GFF3", "annotate", "calibrate", "train windows", "train genome"])
def test_a_limit_of_memory_is_one_line_at_every_size(name, tmp_path):
    job, statuses = job_of(name), []
    least = LEAST_MEMORY_TO_TRAIN if name.startswith("train") else LEAST_MEMORY
    for limit in (int(share * least) for share in SHARES + STEPS):
        folder = fresh(tmp_path / "work")
        end = run_alone(job.line, folder, most_memory=limit)
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
    assert statuses[: len(SHARES)] == [1] * len(SHARES)
    assert statuses[-1] == 0
