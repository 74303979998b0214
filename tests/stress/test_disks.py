"""A disk that is full, or cannot be written to, costs one line, and never a file that was there."""

from __future__ import annotations

import re

import pytest
from jobs import JOBS, fresh, job_of, made, reference
from processes import Disk, can_mount, contents, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PAGE = 4096
"""A tmpfs grows by pages."""


@pytest.fixture(params=JOBS)
def name(request):
    if not can_mount():
        pytest.skip("file systems cannot be mounted here")
    return request.param


@pytest.fixture
def folders(tmp_path):
    """The folder where a command runs, and the contents of its disk before and after."""
    work, before, after = fresh(tmp_path / "work"), tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    return work, before, after


def sizes(name: str) -> list[int]:
    """Pages of disks that are too small for what a command makes: for hardly anything, and for nearly all."""
    needed = sum(-(-len(content) // PAGE) for content in reference(name).files.values())
    return sorted({1, max(1, needed - 1 - len(reference(name).files))})


def test_a_full_disk_is_one_line_and_earlier_results_survive(name, folders):
    work, before, after = folders
    job = job_of(name)
    if job.resumes and not name.startswith("scan"):
        (before / "notes.txt").write_text("x")
    else:
        for file in reference(name).files:
            (before / file).write_text("an earlier result\n")
    earlier = contents(before)
    for pages in sizes(name):
        taken = len(earlier)
        end = run(job.line, work, Disk(work / "out", (pages + taken) * PAGE, before, after))
        assert end.status == 1, (pages, end)
        assert one_line(end.messages)
        assert re.search(job.full, end.messages), end.messages
        found = contents(after)
        assert {file: found[file] for file in earlier} == earlier
        assert not [file for file in found if file.endswith(".tmp")]


def test_a_folder_that_cannot_be_written_to_is_one_line(name, folders):
    work, before, after = folders
    end = run(job_of(name).line, work, Disk(work / "out", 1 << 20, before, after, writable=False))
    assert end.status == 1
    assert one_line(end.messages)
    assert "Read-only file system" in end.messages
    assert contents(after) == {}


def test_a_full_folder_for_temporary_files_is_one_line(folders):
    if not can_mount():
        pytest.skip("file systems cannot be mounted here")
    work, before, after = folders
    (work / "tmp").mkdir()
    end = run(job_of("annotate").line, work, Disk(work / "tmp", 2 * PAGE, before, after))
    assert end.status == 1
    assert one_line(end.messages)
    assert made(work / "out", job_of("annotate")) == {}


def one_line(messages: str) -> bool:
    return messages.startswith("promscan: error: ") and messages.count("\n") == 1
