"""Commands that are stopped at a random moment leave whole files or none, and go on to what they would have made."""

from __future__ import annotations

import os
import random
import signal

import pytest
from jobs import JOBS, fresh, job_of, made, reference
from processes import Running, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SEED = int(os.environ.get("PROMSCAN_STRESS_SEED", "1"))
"""Another one gives other moments."""
STOPS = int(os.environ.get("PROMSCAN_STRESS_STOPS", "1"))
"""Times that each command is stopped by each signal."""
POLITE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(params=JOBS)
def name(request):
    if not os.path.isdir("/proc/self"):
        pytest.skip("needs /proc")
    return request.param


def moments(name: str, number: int) -> list[float]:
    """Processor seconds after which a command is stopped."""
    draw = random.Random(f"{SEED} {name} {number}")
    return [draw.uniform(0, reference(name).seconds) for _ in range(STOPS)]


def whole_or_absent(folder, name):
    """Each file of a command that is no training has the bytes of a run without a stop."""
    if job_of(name).resumes and not name.startswith("scan"):
        return
    for file, content in made(folder, job_of(name)).items():
        if ".resume/" not in file and not file.endswith(".tmp"):
            assert content == reference(name).files[file]


@pytest.mark.parametrize("number", POLITE, ids=lambda number: number.name)
def test_a_command_that_is_stopped_ends_at_once_and_leaves_whole_files_or_none(name, number, tmp_path):
    job = job_of(name)
    for moment in moments(name, number):
        folder = fresh(tmp_path / "work")
        end = Running(job.line, folder).stop(number, moment)
        assert end.status in (0, 130), end.messages
        assert end.messages.splitlines()[-1:] == (["promscan: interrupted"] if end.status else [])
        assert len(end.messages.splitlines()) <= 2
        left = [path.name for path in folder.rglob("*") if path.name.endswith(".tmp")]
        assert left == []
        assert [path.name for path in (folder / "tmp").iterdir() if path.name.startswith("promscan")] == []
        whole_or_absent(folder / "out", name)
    assert run(again(job, folder), folder).status == 0
    assert made(folder / "out", job) == reference(name).files


def test_a_command_that_is_killed_can_be_given_again(name, tmp_path):
    job, folder = job_of(name), fresh(tmp_path / "work")
    for moment in sorted(moments(name, signal.SIGKILL) + moments(name, 0)):
        end = Running(again(job, folder), folder).stop(signal.SIGKILL, moment)
        assert end.status in (0, -signal.SIGKILL), end.messages
        assert end.messages == ""
        whole_or_absent(folder / "out", name)
    end = run(again(job, folder), folder)
    assert end.status == 0, end.messages
    files = made(folder / "out", job)
    assert {file: content for file, content in files.items() if not file.endswith(".tmp")} == reference(name).files


def again(job, folder):
    """The line by which a user goes on: a training needs `--resume`, if its folder is there."""
    begun = job.resumes and any((folder / "out").iterdir()) and "--resume" not in job.line
    return [*job.line, "--resume"] if begun else job.line


@pytest.mark.parametrize("name", [name for name in JOBS if name.startswith("train")])
def test_a_training_that_is_killed_while_it_begins_begins_again(name, tmp_path):
    """Right after the temporary file of its configuration was made: the folder is not empty, and holds no run."""
    job, folder = job_of(name), fresh(tmp_path / "work")
    run_folder = folder / "out" / "run"
    run_folder.mkdir()
    (run_folder / ".config.json.0123abcd.tmp").write_text("{")
    end = run([*job.line, "--resume"], folder)
    assert end.status == 0, end.messages
    assert made(folder / "out", job) == reference(name).files
