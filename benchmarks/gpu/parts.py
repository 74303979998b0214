"""Parts of one command, each a process with a time limit of its own, whose result is written before the next begins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOG_OF_A_PART = 2**20
"""Bytes of the log of a part that come back: its end."""
POLL = 0.5
"""Seconds between two looks at a part that runs."""
GRACE = 10.0
"""Seconds that a part has to end by itself after its limit."""


def write_json(path: Path, values: object) -> None:
    """Write values so that the file is whole at every moment."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(values, indent=2) + "\n")
    new.replace(path)


@dataclass
class Parts:
    """Runs parts one after the other; a part that fails or runs out of time never stops the next.

    out: folder of the results: `summary.json` has a row a part, `log.txt` the end of what each has written.
    work: folder of everything else.
    deadline: `time.monotonic` by which the last part must have ended.
    environment: variables of all parts.
    """

    out: Path
    work: Path
    deadline: float
    environment: Mapping[str, str]
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self.deadline - time.monotonic())

    def run(
        self, name: str, command: Sequence[str | Path], limit: float, watch: Callable[[], object] | None = None
    ) -> bool:
        """Run one part for at most `limit` seconds; returns whether it succeeded.

        Args:
            name: of the part, for the summary.
            command: what to run.
            limit: seconds; less if fewer are left.
            watch: called again and again while the part runs, and once after it, to save what it has written so far.
        """
        began, limit = time.monotonic(), min(limit, self.left)
        log = self.work / "part.log"
        if limit < 1:
            self._add(name, "no time left", began)
            return False
        with log.open("wb") as output:
            process = subprocess.Popen(
                list(map(str, command)),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=dict(self.environment),
                start_new_session=True,
            )
            try:
                ended = _wait(process, began + limit, watch)
            finally:
                _end(process)
        if watch is not None:
            watch()
        state = "ok" if process.returncode == 0 else f"failed ({process.returncode})"
        self._add(name, state if ended else "stopped at its time limit", began)
        self._append(name, log)
        return ended and process.returncode == 0

    def note(self, name: str, state: str) -> None:
        """Add a row of something that is not a process."""
        self._add(name, state, time.monotonic())

    def _add(self, name: str, state: str, began: float) -> None:
        self.rows.append({"part": name, "state": state, "seconds": round(time.monotonic() - began, 1)})
        write_json(self.out / "summary.json", self.rows)
        print("{part:24} {seconds:7.1f} s  {state}".format(**self.rows[-1]), flush=True)

    def _append(self, name: str, log: Path) -> None:
        with (self.out / "log.txt").open("ab") as together, log.open("rb") as own:
            own.seek(max(0, log.stat().st_size - LOG_OF_A_PART))
            together.write(f"==> {name}\n".encode() + own.read() + b"\n")


def _wait(process: subprocess.Popen[bytes], until: float, watch: Callable[[], object] | None) -> bool:
    """Whether the process ended in time."""
    while process.poll() is None:
        if time.monotonic() > until:
            return False
        if watch is not None:
            watch()
        try:
            process.wait(POLL)
        except subprocess.TimeoutExpired:
            continue
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started; first as Ctrl-C does, so that pytest writes its report."""
    for kind, patience in ((signal.SIGINT, GRACE), (signal.SIGKILL, GRACE)):
        if process.poll() is not None and kind is signal.SIGINT:
            continue
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
