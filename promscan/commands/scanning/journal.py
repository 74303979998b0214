"""The journal of a scan: what is done and found so far, so that a killed scan goes on where it stopped.

A text file of JSON in a folder of its own, there from the start of the scan and only ever appended to (`JournalFile`).
The first line says which scan it is, and each further one how far that has come and what it found since:

    {"promscan_journal": 4, "scan": {"promscan": "0.1.0", "model": "core70", ...}, "chunk_step": 4096, ...}
    {"place": {"chrom": "chr1", "end": 358400, "crc": 2774914}, "scored": {...}, "hits": [...], "caller": ..., ...}

`end` is that of the last chunk that is done, and `crc` a checksum of all chunks up to it. An engine has several chunks
in flight: one is done when its tracks have come out and the caller has them. A scan that writes tracks has them in
files of the same folder (`TrackSpool`); the sizes of these in a line are those after its last chunk.
"""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from promscan.calling.callers import Caller
from promscan.commands.scanning.journal_file import FORMAT_VERSION, VERSION_KEY, JournalFile, remove_journal
from promscan.commands.scanning.statistics import Scored, ScoredContig
from promscan.errors import InputError, PromscanError, RunError
from promscan.io.hit_writers import first_difference
from promscan.log import logger
from promscan.seq.from_json import is_whole, record_of
from promscan.seq.records import Chunk, Hit, ScoreTrack

if TYPE_CHECKING:
    from promscan.commands.scanning.track_spool import TrackSpool

INTERVAL = 5.0
"""Seconds of scanning between two lines."""


class _Place(NamedTuple):
    """A chunk, by its contig and the end of its windows, and the checksum of all chunks up to it."""

    chrom: str
    end: int
    crc: int


class Journal:
    """Keeps the journal of one scan, and goes on from the one that is there.

    As a context manager it removes the folder if the input turns out to be bad before there is anything to lose.

    Args:
        folder: holds the journal, and is made if it is missing; None: no journal.
        scan: what decides the hits, by name.
        chunk_step: window starts of a chunk, in bp.

    Attributes:
        chunk_step: that of the scan that began the journal, for it counts whole chunks.
        scored: the windows that are scored already, and the bases that they cover.
        done: contig and end of the last chunk that is scored already, if there is one.

    Raises:
        RunError: the journal that is there is of another scan, was changed, or is written by a scan that runs; or none
            can be written.
    """

    def __init__(self, folder: Path | None, scan: Mapping[str, str], chunk_step: int) -> None:
        self.folder, self.chunk_step, self.scored = folder, chunk_step, Scored()
        self.done: tuple[str, int] | None = None
        self._last: dict[str, Any] | None = None
        self._bare = True
        """Whether the journal holds nothing but its first line."""
        self._due = time.monotonic() + INTERVAL
        self._read = deque[_Place]()
        """The chunks that are read and not done."""
        self._hits = list[Hit]()
        """What was found since the last line."""
        self._spool: TrackSpool | None = None
        self._file = None if folder is None else JournalFile(folder)
        if self._file is not None:
            try:
                with _as_written(self._file):
                    self._begin(self._file, scan)
            except BaseException:
                self._file.close()
                raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        # The input may be an incomplete copy: keep the journal, so that a repaired input can go on from it.
        if self.folder is not None and self._bare and kind is not None and issubclass(kind, InputError):
            remove_journal(self.folder)

    def _begin(self, file: JournalFile, scan: Mapping[str, str]) -> None:
        """Read the lines that are there; an empty file gets its first line."""
        lines = file.lines()
        first: dict[str, Any] = {VERSION_KEY: FORMAT_VERSION, "scan": scan, "chunk_step": self.chunk_step}
        head = next(lines, None)
        if head is None:
            file.append(first)
            return
        if not all(isinstance(value, str) for value in head["scan"].values()):
            raise file.changed()
        if (difference := first_difference(head["scan"], scan)) is not None:
            raise RunError(
                f"{file.folder}: {difference} in this scan; go on with the options and the kind of machine that it was "
                "begun with, or remove this folder"
            )
        self.chunk_step = head["chunk_step"]
        if not is_whole(self.chunk_step) or not self.chunk_step:
            raise file.changed()
        contigs = dict[str, ScoredContig]()
        for line in lines:
            self._last, self._bare = line, False
            contigs |= {contig: record_of(ScoredContig, scored) for contig, scored in line["contigs"].items()}
        if self._last is not None:
            self.scored = record_of(Scored, self._last["scored"] | {"contigs": contigs})
            self.done = record_of(_Place, self._last["place"])[:2]
            logger.info("%s: going on at %s:%d", file.folder, *self.done)

    def replay(self, caller: Caller) -> Iterator[Hit]:
        """Bring the caller to where the journal ends, and yield the hits that it holds."""
        if self._file is None or self._last is None:
            return
        with _as_written(self._file):
            caller.restore(self._last["caller"])
        for line in islice(self._file.lines(), 1, None):
            with _as_written(self._file):
                hits = [record_of(Hit, fields) for fields in line["hits"]]
            yield from hits

    def keep(self, spool: TrackSpool) -> None:
        """Bring the tracks to where the journal ends, and note their sizes from now on."""
        if self._file is not None and self._last is not None:
            with _as_written(self._file):
                spool.cut(self._last["tracks"])
        else:
            spool.cut({})
        self._spool = spool

    def remaining(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Pass on the chunks that are not done.

        Raises:
            RunError: those that are done are not those that the journal was begun with.
        """
        if self._file is None:
            yield from chunks
            return
        placed = _placed(chunks)
        if self._last is not None:
            with _as_written(self._file):
                done = record_of(_Place, self._last["place"])
            if next((place for _, place in placed if place[:2] == done[:2]), None) != done:
                raise RunError(
                    f"{self.folder}: the genome differs from the one that the scan began with; give that one, or "
                    "remove this folder"
                )
        for chunk, place in placed:
            self._read.append(place)
            yield chunk

    def note(self, track: ScoreTrack, hits: Sequence[Hit], caller: Caller, scored: Scored) -> None:
        """Note that a chunk is done; its line is written once `INTERVAL` has passed since the last one.

        Args:
            track: one of the tracks of the chunk; the caller has all of them.
            hits: what the caller found since the chunk before.
            caller: as it is now.
            scored: what is scored, from the start of the genome.

        Raises:
            RunError: the file cannot be written.
        """
        if self._file is None:
            return
        place = self._read.popleft()
        while place.chrom != track.chrom or place.end <= track.start:  # a chunk without tracks
            place = self._read.popleft()
        self._hits += hits
        if time.monotonic() < self._due:
            return
        self._file.append(
            {
                "place": place._asdict(),
                "scored": scored.totals(),
                "contigs": {contig: own._asdict() for contig, own in scored.take_changed().items()},
                "tracks": {} if self._spool is None else self._spool.sizes(),
                "hits": [asdict(hit) for hit in self._hits],
                "caller": caller.state(),
            }
        )
        self._bare = False
        self._hits.clear()
        self._due = time.monotonic() + INTERVAL


@contextmanager
def _as_written(file: JournalFile) -> Iterator[None]:
    """Say in one line that the lines are not those of a scan, whatever of them cannot be used."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, zlib.error) as error:
        if isinstance(error, PromscanError):
            raise
        raise file.changed() from error


def _placed(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, _Place]]:
    crc = 0
    for chunk in chunks:
        crc = zlib.crc32(chunk.codes.data, zlib.crc32(f"{chunk.chrom}\t{chunk.start}\n".encode(), crc))
        yield chunk, _Place(chunk.chrom, chunk.start + chunk.windows, crc)
