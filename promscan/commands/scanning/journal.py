"""The journal of a scan: what is done and found so far, so that a killed scan goes on where it stopped.

A text file of JSON in a folder of its own, there from the start of the scan and only ever appended to. The first line
says which scan it is, and each further one how far that has come and what it found since:

    {"scan": {"promscan": "0.1.0", "model": "core70", ...}, "chunk_step": 4096}
    {"place": {"chrom": "chr1", "end": 358400, "crc": 2774914}, "windows": 716662, "hits": [...], "callers": [...]}

`end` is that of the last chunk that is done, and `crc` a checksum of all chunks up to it. An engine has several chunks
in flight: one is done when its tracks have come out and the callers have them. A line that was cut short, because the
scan was killed while writing it, does not count.
"""

from __future__ import annotations

import fcntl
import json
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from promscan.calling.peaks import PeakCaller
from promscan.errors import InputError, RunError
from promscan.io.files import telling
from promscan.io.hit_writers import first_difference
from promscan.log import logger
from promscan.seq.records import Chunk, Hit, ScoreTrack

INTERVAL = 5.0
"""Seconds of scanning between two lines."""

JOURNAL = "journal.jsonl"
"""The file in the folder."""


class _Place(NamedTuple):
    """A chunk, by its contig and the end of its windows, and the checksum of all chunks up to it."""

    chrom: str
    end: int
    crc: int


class Journal:
    """Keeps the journal of one scan, and goes on from the one that is there.

    As a context manager it removes the folder if the input turns out to be bad before there is anything to lose.

    Args:
        folder: holds the journal, and is made if need be; None keeps no journal.
        scan: what decides the hits, by name.
        chunk_step: window starts of a chunk, in bp.

    Attributes:
        chunk_step: that of the scan that began the journal, for it counts whole chunks.
        windows: the windows that are scored already.
        done: contig and end of the last chunk that is scored already, if there is one.

    Raises:
        RunError: the journal that is there is of another scan, or written by one that runs, or none can be written.
    """

    def __init__(self, folder: Path | None, scan: Mapping[str, str], chunk_step: int) -> None:
        self.folder, self.chunk_step, self.windows = folder, chunk_step, 0
        self.done: tuple[str, int] | None = None
        self._last: dict[str, Any] | None = None
        self._file: BinaryIO | None = None
        self._bare = False
        """Whether the journal holds nothing but its first line."""
        self._due = time.monotonic() + INTERVAL
        self._read = deque[_Place]()
        """The chunks that are read and not done."""
        self._hits = list[Hit]()
        """What was found since the last line."""
        if folder is not None:
            self._file = _only_writer(folder)
            try:
                self._begin(folder, scan, self._file)
            except BaseException:
                self._file.close()
                raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        # Input may fail only for now, or be a copy that broke off: what is done is kept for when it is mended.
        if self.folder is not None and self._bare and kind is not None and issubclass(kind, InputError):
            remove_journal(self.folder)

    def _begin(self, folder: Path, scan: Mapping[str, str], file: BinaryIO) -> None:
        """Read the lines that are there, and get ready to write after the last complete one."""
        lines = _lines(folder)
        first: dict[str, Any] = {"scan": scan, "chunk_step": self.chunk_step}
        head, size = next(lines, (first, 0))
        if (difference := first_difference(head["scan"], scan)) is not None:
            raise RunError(
                f"{folder}: {difference} in this scan; go on with the options and the kind of machine that it was "
                "begun with, or remove this folder"
            )
        self.chunk_step = head["chunk_step"]
        for line, end in lines:
            self._last, size = line, end
        if self._last is not None:
            self.windows = self._last["windows"]
            self.done = (self._last["place"]["chrom"], self._last["place"]["end"])
            logger.info("%s: going on at %s:%d", folder, *self.done)
        with telling(str(folder)):
            file.truncate(size)
            if size == 0:
                self._write(head)
        self._bare = self._last is None

    def replay(self, callers: Sequence[PeakCaller]) -> Iterator[Hit]:
        """Bring the callers to where the journal ends, and yield the hits that it holds."""
        if self.folder is None or self._last is None:
            return
        for caller, state in zip(callers, self._last["callers"], strict=True):
            caller.restore(state)
        for line, _ in islice(_lines(self.folder), 1, None):
            for fields in line["hits"]:
                yield Hit(**fields)

    def remaining(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Pass on the chunks that are not done.

        Raises:
            RunError: those that are done are not those that the journal was begun with.
        """
        if self.folder is None:
            yield from chunks
            return
        placed = _placed(chunks)
        if self._last is not None:
            done = _Place(**self._last["place"])
            if next((place for _, place in placed if place[:2] == done[:2]), None) != done:
                raise RunError(
                    f"{self.folder}: the genome differs from the one that the scan began with; give that one, or "
                    "remove this folder"
                )
        for chunk, place in placed:
            self._read.append(place)
            yield chunk

    def note(self, track: ScoreTrack, hits: Sequence[Hit], callers: Sequence[PeakCaller], windows: int) -> None:
        """Note that a chunk is done; its line is written once `INTERVAL` has passed since the last one.

        Args:
            track: one of the tracks of the chunk; the callers have all of them.
            hits: what the callers found since the chunk before.
            callers: as they are now.
            windows: how many are scored, from the start of the genome.

        Raises:
            RunError: the file cannot be written.
        """
        if self.folder is None:
            return
        place = self._read.popleft()
        while place.chrom != track.chrom or place.end <= track.start:  # a chunk without tracks
            place = self._read.popleft()
        self._hits += hits
        if time.monotonic() < self._due:
            return
        line = {"place": place._asdict(), "windows": windows, "hits": [asdict(hit) for hit in self._hits]}
        line["callers"] = [caller.state() for caller in callers]
        with telling(str(self.folder)):
            self._write(line)
        self._bare = False
        self._hits.clear()
        self._due = time.monotonic() + INTERVAL

    def _write(self, line: Mapping[str, Any]) -> None:
        assert self._file is not None
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()


def _only_writer(folder: Path) -> BinaryIO:
    """The journal, opened at its end; nobody else can open it so until it is closed or the process ends.

    Raises:
        RunError: somebody else has opened it so, or it cannot be written.
    """
    with telling(str(folder)):
        folder.mkdir(exist_ok=True)
        file = (folder / JOURNAL).open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise RunError(f"{folder}: a scan that runs writes there; let it end, or name another output") from error
    return file


def remove_journal(folder: Path) -> None:
    """Remove the folder of a journal, if it is there."""
    (folder / JOURNAL).unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()


def _lines(folder: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """The complete lines of a journal, each with the position of its end; none if there is no journal."""
    if not (folder / JOURNAL).is_file():
        return
    end = 0
    with (folder / JOURNAL).open("rb") as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                return
            if not text.endswith(b"\n"):
                return
            end += len(text)
            yield line, end


def _placed(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, _Place]]:
    crc = 0
    for chunk in chunks:
        crc = zlib.crc32(chunk.codes.data, zlib.crc32(f"{chunk.chrom}\t{chunk.start}\n".encode(), crc))
        yield chunk, _Place(chunk.chrom, chunk.start + chunk.windows, crc)
