"""Fuzz a reader: python tests/fuzz/run.py TARGET [--seconds 600] [--seed 1] [--save FOLDER]

Reads damaged files for a number of CPU seconds. A file that gives another exception than a `PromscanError`, takes
longer than `SLOWEST` CPU seconds or more than `MOST_MEMORY` bytes ends the run with status 1 and is saved. A crash of
the process leaves the file in the folder, too.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import NoReturn

sys.path[:0] = [str(Path(__file__).parents[up]) for up in range(3)]

from mutator import Mutator  # noqa: E402 - found by the line above
from targets import TARGETS, try_file  # noqa: E402

SLOWEST = 10.0
MOST_MEMORY = 512 << 20
"""Bytes of address space that reading a file may add to the process."""


class Hang(BaseException):
    """A file takes too long."""


def main() -> int:
    """Run the script; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, default=Path(tempfile.gettempdir()) / "promscan-fuzz")
    options = parser.parse_args()
    options.save.mkdir(parents=True, exist_ok=True)
    return fuzz(options.target, options.seconds, options.seed, options.save)


def fuzz(name: str, seconds: float, seed: int, save: Path) -> int:
    target = TARGETS[name]
    mutator = Mutator(list(target.seeds().values()), seed, packed=target.packed)
    signal.signal(signal.SIGVTALRM, _too_slow)
    began, count, read = time.process_time(), 0, 0
    with tempfile.TemporaryDirectory(prefix="promscan-fuzz-") as folder:
        while time.process_time() - began < seconds:
            limit_memory()
            text = mutator.next()
            last = save / f"{name}.running"
            last.write_bytes(text)
            signal.setitimer(signal.ITIMER_VIRTUAL, SLOWEST)
            try:
                read += try_file(target, text, Path(folder))
            except (Exception, Hang):  # noqa: BLE001 - what it looks for
                found = save / f"{name}-{hashlib.sha256(text).hexdigest()[:12]}"
                last.replace(found)
                sys.stderr.write(f"{traceback.format_exc(limit=-6)}\nfile {count + 1} of seed {seed}: {found}\n")
                return 1
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            count += 1
        last.unlink(missing_ok=True)
    sys.stdout.write(
        f"{name}: {count:,} files, {read:,} of them readable, {time.process_time() - began:.0f} CPU seconds, "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB at most\n"
    )
    return 0


def limit_memory() -> None:
    """Let the process grow by `MOST_MEMORY` at most, from now on: the process has read other files before."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def _too_slow(number: int, frame: FrameType | None) -> NoReturn:
    raise Hang(f"more than {SLOWEST:g} CPU seconds")


if __name__ == "__main__":
    sys.exit(main())
