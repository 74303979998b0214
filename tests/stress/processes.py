"""Processes of promscan under stress: started, stopped, short of memory or disk, and what they leave."""

from __future__ import annotations

import atexit
import json
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
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
ZYGOTE = Path(__file__).with_name("zygote.py")
TICK = os.sysconf("SC_CLK_TCK")
LONGEST = 240.0
"""Seconds that a process may take on a busy machine."""


class Ended(NamedTuple):
    """How a process ended."""

    status: int
    messages: str


class Disk(NamedTuple):
    """A small file system.

    folder: where it is mounted, for one command.
    size: in bytes.
    before: what is in it at the start.
    after: where its content is copied at the end.
    writable: whether it can be written to.
    """

    folder: Path
    size: int
    before: Path
    after: Path
    writable: bool = True


@cache
def _zygote() -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ZYGOTE)]
    zygote = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(zygote.communicate)  # which closes its input, and so ends it
    return zygote


def _ask(task: dict[str, Any]) -> int | None:
    zygote = _zygote()
    assert zygote.stdin is not None
    assert zygote.stdout is not None
    zygote.stdin.write(f"{json.dumps(task)}\n")
    zygote.stdin.flush()
    answer: int | None = json.loads(zygote.stdout.readline())
    return answer


class Running:
    """A command that runs, forked from a process that has loaded what it needs.

    Args:
        line: its arguments.
        folder: where it runs. Temporary files go to `folder/tmp`.
        disk: a file system for it alone.
        clock_goes_back: whether its clock does, an hour at each look.
    """

    def __init__(
        self, line: Sequence[object], folder: Path, disk: Disk | None = None, *, clock_goes_back: bool = False
    ) -> None:
        (folder / "tmp").mkdir(exist_ok=True)
        self._messages = folder / f"messages-{time.monotonic_ns()}"
        of_disk = None if disk is None else [value if isinstance(value, int) else str(value) for value in disk]
        number = _ask(
            {
                "line": list(map(str, line)),
                "folder": str(folder),
                "messages": str(self._messages),
                "disk": of_disk,
                "clock_goes_back": clock_goes_back,
            }
        )
        assert number is not None
        self.number = number

    def has_ended(self) -> bool:
        """Whether it has ended; its status waits for `end`."""
        return self._of_proc("stat").rpartition(")")[2].split()[:1] in ([], ["Z"])

    def handles(self, number: int) -> bool:
        """Whether it has a handler for a signal."""
        match = re.search(r"^SigCgt:\s*([0-9a-f]+)$", self._of_proc("status"), re.MULTILINE)
        return match is not None and bool(int(match[1], 16) >> (number - 1) & 1)

    def seconds(self) -> float:
        """Processor time so far; a busy machine does not change what it has done by then."""
        fields = self._of_proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK if fields else 0.0

    def wait_until(self, condition: Callable[[], bool]) -> bool:
        """Wait for a condition; False if it ends before that holds."""
        until = time.monotonic() + LONGEST
        while not condition():
            if self.has_ended():
                return False
            assert time.monotonic() < until, "waited for too long"
            time.sleep(0.002)
        return True

    def stop(self, number: int, after: float) -> Ended:
        """Send a signal once the command has taken this much processor time; then wait for its end."""
        if self.wait_until(lambda: self.handles(signal.SIGTERM)):
            self.wait_until(lambda: self.seconds() >= after)
        os.kill(self.number, number)
        return self.end()

    def end(self) -> Ended:
        """Wait for its end; one that hangs is killed, with all that it started, and fails the test."""
        status = _ask({"wait": self.number, "seconds": LONGEST})
        messages = self._messages.read_text()
        self._messages.unlink()
        assert status is not None, f"it hangs: {messages}"
        return Ended(status, messages)

    def _of_proc(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.number}/{name}").read_text()
        except OSError:
            return ""


def run(line: Sequence[object], folder: Path, disk: Disk | None = None) -> Ended:
    """Run a command to its end."""
    return Running(line, folder, disk).end()


def run_alone(
    line: Sequence[object], folder: Path, *, most_memory: int | None = None, code: str | None = None
) -> Ended:
    """Run promscan as a program of its own.

    Args:
        line: its arguments.
        folder: where it runs.
        most_memory: bytes of its address space (RLIMIT_AS).
        code: Python that runs instead of `python -m promscan`, with the same arguments.
    """

    def prepare() -> None:
        if most_memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (most_memory, most_memory))

    (folder / "tmp").mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *(["-m", "promscan"] if code is None else ["-c", code]), *map(str, line)]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, preexec_fn=prepare, timeout=LONGEST, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stderr)


@cache
def can_mount() -> bool:
    """Whether a process may have file systems of its own here."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
