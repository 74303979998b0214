"""CPU quota of this process: how many processors its control groups let it use.

A container or a batch job often sees all processors of its node and may use the time of only a few. More threads than
that wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def cpu_quota(root: Path = Path("/")) -> int | None:
    """Smallest quota of the control groups of this process, in processors, rounded up; None if there is no quota.

    Args:
        root: folder that holds `proc` and the file systems of the control groups.
    """
    return min(_quotas(root), default=None)


def _quotas(root: Path) -> Iterator[int]:
    """CPU quotas, in whole processors, of the control groups of this process and of all groups above them."""
    paths = _group_paths(_lines(root / "proc/self/cgroup"))
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        mount, options = before.split(), after.split()
        if len(mount) < 5 or len(options) < 3:
            continue
        version = {"cgroup2": 2, "cgroup": 1}.get(options[0])
        path = paths.get(version)
        if version is None or path is None or (version == 1 and "cpu" not in options[2].split(",")):
            continue
        for folder in _folders(root / mount[4].lstrip("/"), mount[3], path):
            quota = _quota_of_version_2(folder) if version == 2 else _quota_of_version_1(folder)
            if quota is not None:
                yield quota


def _group_paths(lines: list[str]) -> dict[int | None, str]:
    """Path of the control group of this process, by version; of version 1 the group of the controller `cpu`."""
    found: dict[int | None, str] = {}
    for number, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if number == "0" and not controllers:
            found[2] = path
        elif "cpu" in controllers.split(","):
            found[1] = path
    return found


def _folders(mount: Path, mounted: str, path: str) -> Iterator[Path]:
    """Folder of a control group and those above it, up to the mount point.

    Inside a container the mount may show only the part of the hierarchy below `mounted`. A path outside of that part
    belongs to another view of the hierarchy; then the mount point itself is the group.
    """
    group = PurePosixPath(path)
    inside = group.relative_to(mounted) if group.is_relative_to(mounted) else PurePosixPath()
    parts = inside.parts if ".." not in inside.parts else ()
    for count in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:count])


def _quota_of_version_2(folder: Path) -> int | None:
    """`cpu.max` holds a quota and a period in microseconds; the quota may be `max`."""
    words = " ".join(_lines(folder / "cpu.max")).split()
    return _whole_processors(*words) if len(words) == 2 else None


def _quota_of_version_1(folder: Path) -> int | None:
    """`cpu.cfs_quota_us` holds microseconds in each `cpu.cfs_period_us`; the quota is -1 if there is none."""
    return _whole_processors(*(" ".join(_lines(folder / f"cpu.cfs_{name}_us")) for name in ("quota", "period")))


def _whole_processors(quota: str, period: str) -> int | None:
    if not (quota.isdecimal() and period.isdecimal()) or int(period) == 0:
        return None
    return -(-int(quota) // int(period))


def _lines(path: Path) -> list[str]:
    """Lines of a small text file; none if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
