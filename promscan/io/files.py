"""Files that appear whole or not at all, and what is told of those that cannot be written."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from promscan.errors import RunError


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `target`, moved onto it when the block ends well and removed when it does not.

    A symbolic link stays one: the file it points to is replaced. A pipe or a device (`/dev/null`, `>(command)`) must
    never be replaced; it is its own temporary path and is written straight.

    Raises:
        RunError: `target` is a folder, or its own folder is missing or cannot be written to.
    """
    if is_special(target):
        yield Path(target)
        return
    temporary = _temporary_beside(target)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, os.path.realpath(target))
    finally:
        temporary.unlink(missing_ok=True)


def check_outputs(
    outputs: Iterable[str | os.PathLike[str] | None], inputs: Iterable[str | os.PathLike[str] | None]
) -> None:
    """Find out before the work what would come out after it; None was not asked for.

    Raises:
        RunError: an output cannot be written, or would replace an input or another output.
    """
    taken = {os.path.realpath(path): "is read by this command" for path in inputs if path is not None}
    for path in outputs:
        if path is None or (path != "-" and is_special(path)):
            continue
        final = "-" if path == "-" else os.path.realpath(path)
        if final in taken:
            raise RunError(f"{path}: {taken[final]}; name another file to write to")
        taken[final] = "is named for two outputs"
        if path != "-":
            _temporary_beside(path).unlink()


@contextmanager
def open_text_output(target: str) -> Iterator[TextIO]:
    """A text file that appears at `target` when the block ends well; `-` is standard output.

    Raises:
        RunError: on entry, `target` cannot be created; later, it cannot take what is written.
    """
    if target == "-":
        with telling("standard output"):
            file = standard_output()
            yield file
            file.flush()
        return
    with (
        atomic_path(target) as path,
        telling(target),
        path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as file,
    ):
        yield file


def standard_output() -> TextIO:
    """`sys.stdout`.

    Raises:
        RunError: it was closed when the program started (`>&-`), so Python has none.
    """
    if sys.stdout is None:
        raise RunError("standard output: cannot be written: it is closed; open it, or send it to a file")
    return sys.stdout


@contextmanager
def telling(target: str) -> Iterator[None]:
    """Name the file when the system refuses it; a broken pipe is not a refusal."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"{target}: cannot be written: {reason}; check the space left and your permissions") from error


def is_special(target: str | os.PathLike[str]) -> bool:
    """Whether `target` is a pipe or a device, which is written to and never replaced."""
    path = Path(target)
    return path.is_fifo() or path.is_char_device() or path.is_block_device() or path.is_socket()


def _temporary_beside(target: str | os.PathLike[str]) -> Path:
    """An empty file in the folder of `target`, or of what a symbolic link points to."""
    final = Path(os.path.realpath(target))
    if final.is_dir():
        raise RunError(f"{target}: is a folder; name a file in it")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{final.name}.", suffix=".tmp", dir=final.parent)
    except OSError as error:
        raise RunError(f"{target}: cannot be written: {error.strerror}; choose another place") from error
    os.close(handle)
    return Path(name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
