"""A process that has loaded what promscan needs, and forks for each command, which then starts at once.

It reads one JSON object a line. One with a `line` of arguments starts a command, and is answered with its process
number; `{"wait": NUMBER, "seconds": S}` waits for its end, and is answered with its exit status, or null if it hangs.
"""

from __future__ import annotations

import ctypes
import io
import itertools
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib.figure
import pysam  # noqa: F401 - loaded before a command is, as the others
import sklearn.metrics  # noqa: F401
import torch

import promscan.commands.annotate
import promscan.commands.calibrate
import promscan.commands.scan
import promscan.inference.strength
import promscan.train.genome
import promscan.train.pretrain
import promscan.train.strength
import promscan.train.windows  # noqa: F401
from promscan.cli import main

NEW_MOUNTS = 0x20000
READ_ONLY, REMOUNT, RECURSIVE, PRIVATE = 1, 32, 16384, 1 << 18
LIBC = ctypes.CDLL(None, use_errno=True)


def serve() -> None:
    torch.set_num_threads(1)
    figure = matplotlib.figure.Figure()
    figure.subplots().set_title("fonts are found once")
    figure.savefig(io.BytesIO())
    for text in sys.stdin:
        task = json.loads(text)
        answer: int | None
        if "wait" in task:
            answer = wait(task["wait"], task["seconds"])
        elif (answer := os.fork()) == 0:
            become(task)
            return
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


def wait(number: int, seconds: float) -> int | None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(number, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(number, signal.SIGKILL)
    os.waitpid(number, 0)
    return None


def become(task: dict[str, Any]) -> None:
    """Run a command in this process, as its own program would run."""
    os.setsid()
    folder = Path(task["folder"])
    os.chdir(folder)
    os.environ["TMPDIR"] = str(folder / "tmp")
    # A shell lets its background jobs ignore what stops them, and so does nohup.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    redirect(0, os.devnull, os.O_RDONLY)
    redirect(1, os.devnull, os.O_WRONLY)
    redirect(2, task["messages"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    if task["clock_goes_back"]:
        seconds, nanoseconds = itertools.count(2 * 10**9, -3600), itertools.count(2 * 10**18, -3600 * 10**9)
        time.time, time.time_ns = lambda: float(next(seconds)), lambda: next(nanoseconds)
    if task["disk"] is not None and (child := on_small_disk(*task["disk"])):
        _, status = os.waitpid(child, 0)
        shutil.copytree(task["disk"][0], task["disk"][3], dirs_exist_ok=True)
        os._exit(os.waitstatus_to_exitcode(status))
    try:
        main(task["line"])
    except SystemExit as stop:
        sys.stderr.flush()
        os._exit(int(stop.code or 0))  # unloading all libraries would take longer than most commands


def redirect(descriptor: int, path: str, flags: int) -> None:
    file = os.open(path, flags, 0o600)
    os.dup2(file, descriptor)
    os.close(file)


def on_small_disk(folder: str, size: int, before: str, _after: str, writable: bool) -> int:
    """Mount a file system for this process and its children alone, and fork; returns the child, or 0 in it."""
    check(LIBC.unshare(NEW_MOUNTS))
    mount("none", "/", None, RECURSIVE | PRIVATE, None)
    mount("tmpfs", folder, "tmpfs", 0, f"size={size}")
    shutil.copytree(before, folder, dirs_exist_ok=True)
    if not writable:
        mount("tmpfs", folder, "tmpfs", REMOUNT | READ_ONLY, None)
    return os.fork()


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
    words = [word if word is None else word.encode() for word in (source, target, kind, options)]
    check(LIBC.mount(words[0], words[1], words[2], flags, words[3]))


def check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    serve()
