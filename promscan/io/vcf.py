"""VCF and BCF: records in, the same records with more INFO fields out.

pysam reads both, with and without contig lines, plain and compressed. A record is written from its text, so columns
that are not understood pass through.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import BinaryIO, NamedTuple

import pysam

from promscan.errors import InputError
from promscan.io.files import write_errors
from promscan.io.htslib import quiet_htslib
from promscan.io.row_files import Index, open_row_file
from promscan.io.text import opened, source_name

INFO_COLUMN = 7
WANTED = "VCF or BCF"
NOT_WANTED = f"this is not {WANTED}; give a file of one of these formats"
FIRST_BYTES = (b"##fileformat=VCF", b"BCF\2")
"""What htslib knows a VCF and a BCF by."""
_LEAVE_SECONDS = 2.0


class Record(NamedTuple):
    """A record of a VCF.

    chrom, position: contig, and 0-based position of the first base of `reference`.
    reference, alternatives: alleles, as they are written.
    line: all columns, without a newline.
    number: records are counted from 1.
    """

    chrom: str
    position: int
    reference: str
    alternatives: tuple[str, ...]
    line: str
    number: int

    def with_info(self, fields: Mapping[str, str], replaced: Collection[str]) -> str:
        """The line with more fields in INFO; `replaced` are names of fields from an earlier run, which are dropped."""
        columns = self.line.split("\t")
        present = [] if columns[INFO_COLUMN] == "." else columns[INFO_COLUMN].split(";")
        others = [field for field in present if field.partition("=")[0] not in replaced]
        columns[INFO_COLUMN] = ";".join([*others, *(f"{key}={value}" for key, value in fields.items())]) or "."
        return "\t".join(columns)


class _Feeder:
    """Hands a file on to htslib through a pipe, unpacked, in a thread; htslib itself ends the process at an .xz file.

    Only what begins like a VCF or BCF is handed on: pysam never closes a pipe with another format.

    pipe: what htslib reads.
    """

    def __init__(self, path: str) -> None:
        self._path, self._error, self._known = path, list[BaseException](), threading.Event()
        end, self._begin = os.pipe()
        self.pipe = os.fdopen(end, "rb")
        self._thread = threading.Thread(target=self._copy, name="promscan-variants", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait for the first bytes of the file, and raise what is wrong with them."""
        self._known.wait()
        if self._error:
            raise self._error[0]

    def check(self, seconds: float = _LEAVE_SECONDS) -> None:
        """Wait for the end of the file, and raise what went wrong with it."""
        self._thread.join(seconds)
        if self._error:
            raise self._error[0]

    def close(self) -> None:
        """Stop the thread; one that waits for a pipe that sends nothing ends with the process."""
        self.pipe.close()
        self._thread.join(_LEAVE_SECONDS)

    def _copy(self) -> None:
        try:
            with os.fdopen(self._begin, "wb") as pipe, opened(self._path, WANTED, binary="a BCF file") as stream:
                head = stream.read(max(map(len, FIRST_BYTES)))
                if not head.startswith(FIRST_BYTES):
                    raise InputError(f"{source_name(self._path)}: {NOT_WANTED}")
                self._known.set()
                pipe.write(head)
                while block := stream.read1():
                    pipe.write(block)
        except BrokenPipeError:
            pass  # nobody reads any more
        except BaseException as error:  # noqa: BLE001 - it is raised again in the reader
            self._error.append(error)
        finally:
            self._known.set()


class VariantReader:
    """A VCF or BCF that is open for reading, once, by iteration; made by `open_variants`.

    Args:
        file: the file in pysam.
        source: its name in messages.
        feeder: where the file comes from.
    """

    def __init__(self, file: pysam.VariantFile, source: str, feeder: _Feeder) -> None:
        self._file, self.source, self._feeder = file, source, feeder

    @property
    def header(self) -> list[str]:
        """The lines of the header, the last with the names of the columns.

        Raises:
            InputError: they are not UTF-8 text.
        """
        try:
            return str(self._file.header).rstrip("\n").split("\n")
        except UnicodeDecodeError as error:
            raise InputError(f"{self.source}: its header is not text in UTF-8; convert it") from error

    def __iter__(self) -> Iterator[Record]:
        number = 0
        while True:
            number += 1
            try:
                record = next(self._file)
                line = str(record).rstrip("\n")
            except StopIteration:
                self._feeder.check()
                return
            except (OSError, ValueError, UnicodeDecodeError) as error:
                self._feeder.check()
                raise InputError(f"{self.source}: record {number} is damaged or cut short; repair the file") from error
            if record.ref is None:
                raise InputError(f"{self.source}: record {number} has no REF; repair the file")
            yield Record(record.chrom, record.pos - 1, record.ref, tuple(record.alts or ()), line, number)


@contextmanager
def open_variants(path: str | os.PathLike[str]) -> Iterator[VariantReader]:
    """Open VCF or BCF, plain or compressed; `-` is standard input.

    Raises:
        InputError: on entry, the file cannot be read or is something else; during iteration, a record is damaged.
    """
    source = source_name(os.fspath(path))
    with quiet_htslib(), closing(_Feeder(os.fspath(path))) as feeder:
        feeder.wait()
        try:
            file = pysam.VariantFile(feeder.pipe)
        except (OSError, TypeError, ValueError) as error:  # TypeError: pysam looks for the name of a pipe
            feeder.check()
            raise InputError(f"{source}: {NOT_WANTED}") from error
        with file:
            yield VariantReader(file, source, feeder)


class VariantWriter:
    """Takes lines of VCF in the order of its input; made by `open_variant_writer`."""

    def __init__(self, file: BinaryIO | pysam.BGZFile, target: str) -> None:
        self._file, self._target = file, target
        self.end = 0
        """Largest end of a record so far."""
        self.sorted = True
        """Whether the records so far can be indexed: each contig together, its records by position."""
        self._contigs = set[str]()
        self._last = "", -1

    def write_line(self, line: str) -> None:
        """Write a line, without its newline."""
        with write_errors(self._target):
            self._file.write(f"{line}\n".encode("utf-8", "surrogateescape"))

    def write_record(self, record: Record, line: str) -> None:
        """Write the line of a record."""
        chrom, position = self._last
        if record.chrom != chrom:
            self.sorted &= record.chrom not in self._contigs
            self._contigs.add(record.chrom)
        else:
            self.sorted &= record.position >= position
        self._last = record.chrom, record.position
        self.end = max(self.end, record.position + len(record.reference))
        self.write_line(line)


@contextmanager
def open_variant_writer(target: str) -> Iterator[VariantWriter]:
    """A `VariantWriter` for the length of the `with` block; the file appears at its end, if that went well.

    Args:
        target: path; `.gz` or `.bgz` at its end means bgzipped, with a .tbi index (.csi beyond 2^29) if the records are
            sorted. `-` is standard output, never compressed.

    Raises:
        RunError: on entry, `target` cannot be created; later, the file cannot be finished.
    """
    with open_row_file(target) as rows:
        writer = VariantWriter(rows.file, rows.name)
        yield writer
        rows.index = Index("vcf", writer.end) if writer.sorted else None


def header_with(lines: Sequence[str], added: Iterable[str], replaced: Iterable[str]) -> list[str]:
    """The lines of a header with more of them before the last; those that begin like one of `replaced` are dropped."""
    *others, columns = lines
    begins = tuple(replaced)
    return [*(line for line in others if not line.startswith(begins)), *added, columns]
