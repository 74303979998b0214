"""The journal of a scan: what is done and found so far, so that a killed scan goes on where it stopped.

A text file of JSON, only ever appended to. The first line says which scan it is, and each further one how far that has
come and what it found since:

    {"scan": {"promscan": "0.1.0", "model": "core70", ...}, "chunk_step": 4096}
    {"place": {"chrom": "chr1", "end": 358400, "crc": 2774914}, "windows": 716662, "hits": [...], "callers": [...]}

`end` is that of the last chunk that is done, and `crc` a checksum of all chunks up to it. An engine has several chunks
in flight: one is done when its tracks have come out and the callers have them. A line that was cut short, because the
scan was killed while writing it, does not count.
"""

from __future__ import annotations

import json
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from promscan.errors import InputError, RunError
from promscan.files import telling
from promscan.log import logger
from promscan.peaks import PeakCaller
from promscan.records import Chunk, Hit, ScoreTrack
from promscan.writers import first_difference

INTERVAL = 10.0
"""Seconds of scanning between two lines; a scan that takes less leaves no journal."""


class _Place(NamedTuple):
    """A chunk, by its contig and the end of its windows, and the checksum of all chunks up to it."""

    chrom: str
    end: int
    crc: int


class Journal:
    """Keeps the journal of one scan. As a context manager it removes the file if the input turns out to be bad.

    Args:
        path: the file; None keeps no journal.
        scan: what decides the hits, by name.
        chunk_step: window starts of a chunk, in bp.
        resume: go on from the journal that is there; else it is removed.

    Attributes:
        chunk_step: that of the scan that began the journal, for it counts whole chunks.
        windows: the windows that are scored already.

    Raises:
        RunError: the journal that is there is of another scan.
    """

    def __init__(self, path: Path | None, scan: Mapping[str, str], chunk_step: int, *, resume: bool) -> None:
        self.path, self.scan, self.chunk_step, self.windows = path, scan, chunk_step, 0
        self._last: dict[str, Any] | None = None
        self._size = 0
        """Bytes of the complete lines that are there."""
        self._file: BinaryIO | None = None
        self._due = time.monotonic() + INTERVAL
        self._read = deque[_Place]()
        """The chunks that are read and not done."""
        self._hits = list[Hit]()
        """What was found since the last line."""
        if path is not None:
            if resume:
                self._load(path)
            if self._last is None:
                path.unlink(missing_ok=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if self.path is not None and kind is not None and issubclass(kind, InputError):
            self.path.unlink(missing_ok=True)

    def _load(self, path: Path) -> None:
        lines = _lines(path)
        head, _ = next(lines, ({}, 0))
        for self._last, self._size in lines:
            pass
        if self._last is None:
            logger.info("%s: there is no journal to go on from; the scan begins at the start", path)
            return
        if (difference := first_difference(head["scan"], self.scan)) is not None:
            raise RunError(
                f"{path}: {difference} in this scan; give the options that it was begun with, or scan without --resume"
            )
        self.chunk_step, self.windows = head["chunk_step"], self._last["windows"]
        logger.info("%s: going on at %s:%d", path, self._last["place"]["chrom"], self._last["place"]["end"])

    def replay(self, callers: Sequence[PeakCaller]) -> Iterator[Hit]:
        """Bring the callers to where the journal ends, and yield the hits that it holds."""
        if self.path is None or self._last is None:
            return
        for caller, state in zip(callers, self._last["callers"], strict=True):
            caller.restore(state)
        for line, _ in islice(_lines(self.path), 1, None):
            for fields in line["hits"]:
                yield Hit(**fields)

    def remaining(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Pass on the chunks that are not done.

        Raises:
            RunError: those that are done are not those that the journal was begun with.
        """
        if self.path is None:
            yield from chunks
            return
        placed = _placed(chunks)
        if self._last is not None:
            done = _Place(**self._last["place"])
            if next((place for _, place in placed if place[:2] == done[:2]), None) != done:
                raise RunError(
                    f"{self.path}: the genome differs from the one that the scan began with; remove this file, or scan "
                    "without --resume"
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
        if self.path is None:
            return
        place = self._read.popleft()
        while place.chrom != track.chrom or place.end <= track.start:  # a chunk without tracks
            place = self._read.popleft()
        self._hits += hits
        if time.monotonic() < self._due:
            return
        line = {"place": place._asdict(), "windows": windows, "hits": [asdict(hit) for hit in self._hits]}
        line["callers"] = [caller.state() for caller in callers]
        with telling(str(self.path)):
            self._file = self._file or self._opened(self.path)
            self._file.write(_json_line(line))
            self._file.flush()
        self._hits.clear()
        self._due = time.monotonic() + INTERVAL

    def _opened(self, path: Path) -> BinaryIO:
        """The file, with the complete lines that are there, else with the first one."""
        file = path.open("ab")
        file.truncate(self._size)
        if self._last is None:
            file.write(_json_line({"scan": self.scan, "chunk_step": self.chunk_step}))
        return file


def _lines(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """The complete lines of a journal, each with the position of its end; none if there is no such file."""
    if not path.is_file():
        return
    end = 0
    with path.open("rb") as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                return
            if not text.endswith(b"\n"):
                return
            end += len(text)
            yield line, end


def _json_line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _placed(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, _Place]]:
    crc = 0
    for chunk in chunks:
        crc = zlib.crc32(chunk.codes.data, zlib.crc32(f"{chunk.chrom}\t{chunk.start}\n".encode(), crc))
        yield chunk, _Place(chunk.chrom, chunk.start + chunk.windows, crc)
