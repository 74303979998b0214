"""The number of processors that a process may use, from made-up files of control groups."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from promscan.networks import device
from promscan.networks.cpu_quota import cpu_quota
from promscan.networks.device import available_threads

VERSION_2 = "30 23 0:26 {mounted} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
VERSION_1 = "32 31 0:29 {mounted} /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct"
MEMORY = "33 31 0:30 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory"


@pytest.fixture(autouse=True)
def sixteen_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: pytest.fail("the load of the machine must not count"))


@pytest.fixture
def threads_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], int]:
    """`available_threads` on a machine whose files lie below a folder."""

    def count(root: Path) -> int:
        monkeypatch.setattr(device, "cpu_quota", lambda: cpu_quota(root))
        return available_threads()

    return count


def machine(root: Path, group: str, mounts: str, **files: str) -> Path:
    """Write the group of the process, the mounts, and files by path below /sys/fs/cgroup; returns the root."""
    contents = {"proc/self/cgroup": group, "proc/self/mountinfo": f"malformed\n{mounts}\n{MEMORY}\n"}
    contents |= {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def version_1(folder: str, quota: int, period: int = 100_000) -> dict[str, str]:
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


@pytest.mark.parametrize(
    ("maximum", "expected"),
    [
        ("max 100000", 16),
        ("200000 100000", 2),
        ("250000 100000", 3),
        ("1000 100000", 1),
        ("0 100000", 1),
        ("9900000 100000", 16),
    ],
)
def test_a_quota_of_version_2_is_rounded_up_and_bounded_by_the_mask(
    threads_of, tmp_path: Path, maximum: str, expected: int
):
    files = {"cpu.max": f"{maximum}\n"}
    assert threads_of(machine(tmp_path, "0::/\n", VERSION_2.format(mounted="/"), **files)) == expected


def test_the_smallest_quota_of_all_groups_above_counts(threads_of, tmp_path: Path) -> None:
    files = {"cpu.max": "900000 100000", "job/cpu.max": "300000 100000", "job/step/cpu.max": "max 100000"}
    assert threads_of(machine(tmp_path, "0::/job/step\n", VERSION_2.format(mounted="/"), **files)) == 3


@pytest.mark.parametrize(("quota", "expected"), [(-1, 16), (150_000, 2), (400_000, 4)])
def test_a_quota_of_version_1(threads_of, tmp_path: Path, quota: int, expected: int) -> None:
    group = "5:memory:/slurm/job7\n4:cpu,cpuacct:/slurm/job7\n0::/other\n"
    files = version_1("cpu,cpuacct/slurm/job7", quota) | version_1("cpu,cpuacct", -1)
    assert threads_of(machine(tmp_path, group, VERSION_1.format(mounted="/"), **files)) == expected


@pytest.mark.parametrize("mounted", ["/docker/abc", "/../.."])
def test_a_container_sees_its_own_group_at_the_mount_point(threads_of, tmp_path: Path, mounted: str) -> None:
    group, files = "4:cpu,cpuacct:/docker/abc\n", version_1("cpu,cpuacct", 200_000)
    assert threads_of(machine(tmp_path, group, VERSION_1.format(mounted=mounted), **files)) == 2


def test_a_path_that_leaves_the_hierarchy_is_the_mount_point(threads_of, tmp_path: Path) -> None:
    files = {"cpu.max": "200000 100000", "../cpu.max": "100000 100000"}
    assert threads_of(machine(tmp_path, "0::/../../x\n", VERSION_2.format(mounted="/"), **files)) == 2


@pytest.mark.parametrize("maximum", ["", "max", "200000", "a b", "200000 0", "1 2 3"])
def test_a_file_that_says_nothing_sets_no_quota(threads_of, tmp_path: Path, maximum: str) -> None:
    files = {"cpu.max": maximum}
    assert threads_of(machine(tmp_path, "0::/\n", VERSION_2.format(mounted="/"), **files)) == 16


def test_without_control_groups_the_mask_counts(threads_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads_of(tmp_path) == 16
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert threads_of(tmp_path) == 1
