"""Output files, which appear whole or not at all, and one clear line for those that cannot be written."""

from __future__ import annotations

import errno
import gzip
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Protocol, TextIO, cast

from promscan.errors import RunError

PACKED_SUFFIXES = (".gz", ".bgz")
"""An output with one of these at the end of its name is compressed."""
INDEX_SUFFIXES = (".fai", ".gzi", ".tbi", ".csi")
"""Suffixes by which programs find the index of a FASTA, BED or GFF file."""
_LIMITS = {
    errno.EFBIG: "check the space left and the limit of the size of a file (ulimit -f)",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}
_LONGEST_NAME = 50
"""Letters of the name of a file that its temporary one repeats: a name has at most 255 bytes."""


_LONGEST_STEM = 80
"""Letters of a file name that is made of the name of a hit or a motif."""


class SupportsClose(Protocol):
    """A file, or what is closed as one."""

    def close(self) -> object:
        """Write what is left, and close."""


def write_whole(target: str | os.PathLike[str], content: bytes | str) -> None:
    """Let a file with this content appear at `target`; a text is UTF-8.

    Raises:
        RunError: `target` cannot be written.
    """
    with atomic_path(target) as temporary, write_errors(os.fspath(target)):
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def atomic_path(target: str | os.PathLike[str], *, like: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """A temporary path in the folder of `target`, moved onto it when the block ends well and removed when it does not.

    A file that was there passes its permissions on. A symbolic link stays one: the file it points to is replaced. A
    pipe or a device (`/dev/null`, `>(command)`) is never replaced: it is its own temporary path.

    Args:
        target: where the file appears.
        like: the file whose permissions it has, if not those of `target`.

    Raises:
        RunError: `target` is a folder, or its own folder is missing or cannot be written to.
    """
    if is_special(target):
        yield Path(target)
        return
    with _temporary_beside(target) as temporary:
        yield temporary
        final = os.path.realpath(target)
        with write_errors(os.fspath(target)):
            os.chmod(temporary, _mode_of(os.path.realpath(like or target)))
            os.replace(temporary, final)


def check_outputs(
    outputs: Iterable[str | os.PathLike[str] | None], inputs: Iterable[str | os.PathLike[str] | None]
) -> None:
    """Find out before the work whether its outputs can be written; None was not asked for.

    Raises:
        RunError: an output has no name or that of an index, cannot be written, or would replace an input or another
            output; or standard input is named twice.
    """
    read = [os.fspath(path) for path in inputs if path is not None]
    if read.count("-") > 1:
        raise RunError("standard input (-) is named for two inputs, and can be read only once; save one to a file")
    taken = {os.path.realpath(path): "is read by this command" for path in read}
    for path in (os.fspath(path) for path in outputs if path is not None):
        if not path:
            raise RunError("the name of an output is empty; name a file, or - for standard output")
        if path != "-" and is_special(path):
            continue
        final = "-" if path == "-" else os.path.realpath(path)
        if final in taken:
            raise RunError(f"{path}: {taken[final]}; name another file to write to")
        if final.lower().endswith(INDEX_SUFFIXES):
            raise RunError(f"{path}: programs would take this for the index of a file; name another file to write to")
        for index in (f"{final}.tbi", f"{final}.csi"):
            if is_packed(path) and os.path.isdir(index):
                raise RunError(f"{index}: is a folder, and the index of {path} would have its name; move it")
        taken[final] = "is named for two outputs"
        if path != "-":
            with _temporary_beside(path):
                pass


@contextmanager
def open_text_output(target: str) -> Iterator[TextIO]:
    """A UTF-8 text file that appears at `target` when the block ends well; `-` is standard output.

    A name that ends in `.gz` or `.bgz` means gzip; standard output is never compressed.

    Raises:
        RunError: on entry, `target` cannot be created; later, it cannot take what is written.
    """
    if target == "-":
        with write_errors("standard output"):
            file = standard_output()
            yield file
            file.flush()
        return
    with atomic_path(target) as path, write_errors(target), path.open("wb") as plain, ExitStack() as stack:
        binary: BinaryIO = plain
        if is_packed(target):  # without a name and a time in it, the same text gives the same bytes
            packed = stack.enter_context(gzip.GzipFile("", "wb", fileobj=plain, mtime=0))
            binary = cast(BinaryIO, packed)
        yield stack.enter_context(TextIOWrapper(binary, encoding="utf-8", errors="surrogateescape", newline="\n"))


def standard_output() -> TextIO:
    """`sys.stdout`, which is UTF-8 in every locale, as files are.

    Raises:
        RunError: it was closed when the program started (`>&-`), so Python has none.
    """
    if sys.stdout is None:
        raise RunError("standard output: cannot be written: it is closed; open it, or send it to a file")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    return sys.stdout


@contextmanager
def write_errors(target: str) -> Iterator[None]:
    """Turn a refusal by the system inside the block into one line that names the output; a broken pipe passes.

    Raises:
        RunError: `target` cannot be written.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        # pysam does not say why
        reason, code = (error.strerror, error.errno) if error.strerror else ("not all of it was taken", errno.EFBIG)
        cure = cure_of(code) or "check the space left and your permissions"
        raise RunError(f"{target}: cannot be written: {reason}; {cure}") from error


def cure_of(code: int | None) -> str | None:
    """The cure for a refusal by the system with this `errno`, if it is a limit."""
    return _LIMITS.get(code) if code else None


@contextmanager
def closing_output(file: SupportsClose, target: str) -> Iterator[None]:
    """Close `file` at the end of the block. What it still holds is written then, and a full disk may refuse that.

    Raises:
        RunError: the block went well, and `target` cannot be written.
    """
    try:
        yield
    except BaseException:
        with suppress(OSError):  # the first failure is the one that is reported
            _close(file)
        raise
    with write_errors(target):
        _close(file)


def _close(file: SupportsClose) -> None:
    try:
        file.close()
    except OSError:
        with suppress(OSError):  # pysam leaves a file open that it cannot flush, and complains about it later
            file.close()
        raise


def safe_stem(name: str) -> str:
    """A file name without suffix for something whose name may hold anything: letters, digits, `+`, `-` and `_`."""
    return re.sub(r"[^A-Za-z0-9_+-]", "_", name)[:_LONGEST_STEM]


def is_packed(target: str) -> bool:
    """Whether the name of an output asks for compression."""
    return target.lower().endswith(PACKED_SUFFIXES)


def is_special(target: str | os.PathLike[str]) -> bool:
    """Whether `target` is a pipe or a device, which is written to and never replaced."""
    path = Path(target)
    return path.is_fifo() or path.is_char_device() or path.is_block_device() or path.is_socket()


@contextmanager
def _temporary_beside(target: str | os.PathLike[str]) -> Iterator[Path]:
    """An empty file in the folder of `target`, or of what a symbolic link points to; it is removed at the end."""
    final = Path(os.path.realpath(target))
    if final.is_dir():
        raise RunError(f"{target}: is a folder; name a file in it")
    temporary = final.with_name(f".{final.name[:_LONGEST_NAME]}.{secrets.token_hex(4)}.tmp")
    try:  # before the file is there, for a signal may come at any time
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            raise RunError(f"{target}: cannot be written: {error.strerror}; choose another place") from error
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink()


def _mode_of(path: str) -> int:
    """The permissions of a file, or those of a new one."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode) & 0o777
    except FileNotFoundError:
        return 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
