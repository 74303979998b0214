"""The file of a journal: opened without following links, only ever appended to, every line with a checksum.

Each line is a JSON object that ends in `checksum`, which covers its text and the checksum of the line before it. So a
line that was edited, removed, doubled or moved is found. The first line begins with the version of the format:

    {"promscan_journal": 4, ..., "checksum": "0c4f1ff2b1fe4a86"}

A line without its newline was cut short when the scan was killed. It does not count, and the next line replaces it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, BinaryIO

from promscan.errors import RunError
from promscan.io.files import write_errors

JOURNAL = "journal.jsonl"
"""The file in the folder."""
SPOOLS = ("plus.track", "minus.track")
"""Other files in it: the tracks so far, if the scan writes some."""
FORMAT_VERSION = 4
VERSION_KEY = "promscan_journal"

_START = f'{{"{VERSION_KEY}": '.encode()
_OLD_START = b'{"scan": {"promscan"'
"""Beginning of the journals of format version 1, which had no checksums."""
_CHECKSUM = b', "checksum": "'
_END = b'"}\n'
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK


class JournalFile:
    """The journal in a folder, which is made if need be; nobody else can open it so until it is closed.

    Raises:
        RunError: the folder or the file is a link or no journal of this version, another scan has it open, or it cannot
            be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with write_errors(str(folder)):
            with suppress(FileExistsError):
                folder.mkdir(0o700)  # the hits may be for the eyes of their owner only
            self._file = open_inside(folder, JOURNAL, os.O_CREAT)
        try:
            self._lock()
            _require_own(self._file, folder)
        except BaseException:
            self._file.close()
            raise
        self._checksum, self._size = "", 0

    def close(self) -> None:
        """Let another scan open the file."""
        with suppress(OSError):  # `append` has said so if a full disk did not take a line
            self._file.close()

    def lines(self) -> Iterator[dict[str, Any]]:
        """The complete lines; after them, `append` writes behind the last one.

        Raises:
            RunError: a line is not as a scan wrote it.
        """
        self._checksum, self._size = "", 0
        self._file.seek(0)
        for number, text in enumerate(self._file, start=1):
            if not text.endswith(b"\n"):
                return
            body, _, checksum = text.removesuffix(_END).rpartition(_CHECKSUM)
            if checksum.decode("latin-1") != _checksum(self._checksum, body):
                raise self.changed(number)
            self._checksum, self._size = checksum.decode(), self._size + len(text)
            yield json.loads(body + b"}")

    def changed(self, number: int | None = None) -> RunError:
        """The error for a line, or any of them, that is not as a scan wrote it."""
        place = "" if number is None else f", line {number}"
        return RunError(
            f"{self.folder / JOURNAL}{place}: was changed after a scan wrote it; remove the folder, and start the scan "
            "anew"
        )

    def append(self, line: Mapping[str, Any]) -> None:
        """Write a line after the last complete one; all of `lines` must have been read.

        Raises:
            RunError: the file cannot be written.
        """
        body = json.dumps(line).encode().removesuffix(b"}")
        checksum = _checksum(self._checksum, body)
        text = body + _CHECKSUM + checksum.encode() + _END
        with write_errors(str(self.folder)):
            self._file.truncate(self._size)
            self._file.write(text)
            self._file.flush()
        self._checksum, self._size = checksum, self._size + len(text)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(
                f"{self.folder}: a scan that runs writes there; let it end, or name another output"
            ) from error


def remove_journal(folder: Path) -> None:
    """Remove the journal of a folder, and the folder if nothing else is in it; what is not ours stays."""
    try:
        file = open_inside(folder, JOURNAL)
    except (OSError, RunError):
        return
    with closing(file), write_errors(str(folder)):
        if _start_of(file).startswith(_START):
            for spool in SPOOLS:
                with suppress(OSError, RunError):
                    open_inside(folder, spool).close()
                    (folder / spool).unlink()
            (folder / JOURNAL).unlink()
    with suppress(OSError):  # files of others are in it, or the folder is a link
        folder.rmdir()


def open_inside(folder: Path, name: str, flags: int = 0) -> BinaryIO:
    """A file of the folder of a journal; neither of them may be a link, and no other name may lead to the file."""
    try:
        inside = os.open(folder, _FOLDER_FLAGS)
    except NotADirectoryError as error:  # a link is none either
        raise RunError(f"{folder}: is a link or a file, and no folder; move it, or name another output") from error
    try:
        handle = os.open(name, _FILE_FLAGS | flags, 0o666, dir_fd=inside)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _foreign(folder, name) from error
    finally:
        os.close(inside)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(handle)
        raise _foreign(folder, name)
    return os.fdopen(handle, "r+b")


def _require_own(file: BinaryIO, folder: Path) -> None:
    """Refuse a file that no scan of this format version wrote."""
    start = _start_of(file)
    cut_short = b"\n" not in start and _START.startswith(start)
    if cut_short or start.startswith(_START + str(FORMAT_VERSION).encode()):
        return
    if not start.startswith((_START, _OLD_START)):
        raise _foreign(folder, JOURNAL)
    raise RunError(
        f"{folder}: holds the journal of another version of promscan; finish that scan with that version, or remove "
        "the folder"
    )


def _start_of(file: BinaryIO) -> bytes:
    return os.pread(file.fileno(), len(_START) + len(str(FORMAT_VERSION)), 0)


def _foreign(folder: Path, name: str) -> RunError:
    return RunError(f"{folder / name}: is not a journal of a scan; move it, or name another output")


def _checksum(before: str, body: bytes) -> str:
    """Checksum of the text of a line and of all lines before it, by the checksum of the last of these."""
    return hashlib.sha256(before.encode() + body).hexdigest()[:16]
