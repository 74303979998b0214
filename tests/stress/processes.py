"""Processes of promscan under stress: started, stopped, short of memory or disk, and what they leave."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TICK = os.sysconf("SC_CLK_TCK")
LONGEST = 240.0
"""Seconds that a process may take on a busy machine."""
_TMPFS = """
set -e
folder=$1 size=$2 mode=$3 before=$4 after=$5
shift 5
mount -t tmpfs -o size="$size" tmpfs "$folder"
cp -a "$before/." "$folder/"
[ "$mode" = rw ] || mount -o remount,ro "$folder"
status=0
"$@" || status=$?
cp -a "$folder/." "$after/"
exit $status
"""


class Ended(NamedTuple):
    """How a process ended."""

    status: int
    messages: str


def start(
    arguments: Sequence[object],
    folder: Path,
    *,
    most_memory: int | None = None,
    prefix: Sequence[object] = (),
    code: str | None = None,
) -> subprocess.Popen[str]:
    """Start promscan in a folder.

    Args:
        arguments: of the command line.
        folder: where it runs. Temporary files go to `folder/tmp`.
        most_memory: bytes of its address space (RLIMIT_AS).
        prefix: a command that runs it.
        code: Python that runs instead of `python -m promscan`, with the same arguments.
    """

    def prepare() -> None:
        # A shell lets its background jobs ignore what stops them, and so does nohup.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if most_memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (most_memory, most_memory))

    (folder / "tmp").mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
    program = ["-m", "promscan"] if code is None else ["-c", code]
    command = [*prefix, sys.executable, *program, *arguments]
    return subprocess.Popen(
        list(map(str, command)), cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, preexec_fn=prepare, start_new_session=True,
    )  # fmt: skip


def end_of(process: subprocess.Popen[str]) -> Ended:
    """Wait for the end of a process; one that hangs is killed, with all that it started, and fails the test."""
    try:
        _, messages = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"it hangs: {process.communicate()[1]}") from error
    return Ended(process.returncode, messages)


def run(arguments: Sequence[object], folder: Path, **options) -> Ended:
    """Run promscan to its end; see `start`."""
    return end_of(start(arguments, folder, **options))


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> bool:
    """Wait for a condition; False if the process ends before it holds."""
    until = time.monotonic() + LONGEST
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < until, "waited for too long"
        time.sleep(0.002)
    return True


def handles(process: subprocess.Popen[str], number: int) -> bool:
    """Whether a process has a handler for a signal."""
    try:
        text = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return False
    match = re.search(r"^SigCgt:\s*([0-9a-f]+)$", text, re.MULTILINE)
    return match is not None and bool(int(match[1], 16) >> (number - 1) & 1)


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Processor time of a process so far; a busy machine does not change what it has done by then."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def measured(arguments: Sequence[object], folder: Path) -> tuple[Ended, float, int]:
    """Run promscan to its end; also its processor seconds and the most address space that it had, in bytes."""
    process, seconds, most = start(arguments, folder), 0.0, 0
    while process.poll() is None:
        seconds, most = max(seconds, cpu_seconds(process)), max(most, _address_space(process))
        time.sleep(0.005)
    return end_of(process), seconds, most


def _address_space(process: subprocess.Popen[str]) -> int:
    try:
        match = re.search(r"^VmPeak:\s*([0-9]+) kB$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return 0 if match is None else int(match[1]) << 10


def stop(process: subprocess.Popen[str], number: int, after: float) -> Ended:
    """Send a signal once the command line has begun and has taken this much processor time; then wait for the end."""
    if wait_until(lambda: handles(process, signal.SIGTERM), process):
        wait_until(lambda: cpu_seconds(process) >= after, process)
    if process.poll() is None:
        process.send_signal(number)
    return end_of(process)


@cache
def mounting() -> tuple[str, ...] | None:
    """A command whose children see mounts of their own; None: not allowed here."""
    for command in (("unshare", "--mount"), ("unshare", "--map-root-user", "--mount")):
        if shutil.which(command[0]) is None:
            return None
        probe = [*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return command
    return None


def on_small_disk(folder: Path, size: str, before: Path, after: Path, *, writable: bool = True) -> list[object]:
    """The prefix of a command for which `folder` is a file system of its own.

    Args:
        folder: where it is mounted.
        size: of the file system, as `mount -o size=` takes it.
        before: what is in it at the start.
        after: where its content is copied at the end.
        writable: whether it can be written to.
    """
    command = mounting()
    assert command is not None
    mode = "rw" if writable else "ro"
    return [*command, "sh", "-c", _TMPFS, "sh", folder, size, mode, before, after]


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
