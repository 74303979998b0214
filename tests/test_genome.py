"""FASTA as it comes becomes the same chunks, whatever its layout, its compression and the way it is read."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tempfile
import threading
import tracemalloc
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pyfaidx
import pysam
import pytest
from fasta_files import Layout, drawn_sequence, expected_rows, rows_of
from hypothesis import given
from hypothesis import strategies as st

from promscan.errors import InputError
from promscan.io import fasta
from promscan.io.genome import Genome
from promscan.seq.dna import encode
from promscan.seq.records import Interval
from promscan.seq.regions import parse_region
from promscan.seq.windows import WINDOW

# ---------------------------------------------------------------------------------------------------------- material


def sequences(min_size: int = 0) -> st.SearchStrategy[str]:
    lengths = st.sampled_from([min_size, 1, 69, 70, 71, 138, 139, 140]) | st.integers(min_size, 400)
    return st.builds(drawn_sequence, lengths, st.integers(0, 2**32 - 1))


def genomes(min_size: int = 0) -> st.SearchStrategy[dict[str, str]]:
    names = st.sampled_from(["chr1", "chr2", "chr1:585988-1000000", "é|x", "10", "contig.5"])
    return st.dictionaries(names, sequences(min_size), min_size=1, max_size=4)


newlines = st.sampled_from([b"\n", b"\r\n"])
layouts = st.builds(
    Layout,
    width=st.integers(1, 100),
    newline=newlines,
    last_newline=st.booleans(),
    blank_lines=st.booleans(),
    compression=st.sampled_from(["plain", "gzip", "bgzip"]),
)
indexable = st.builds(
    Layout, width=st.integers(1, 100), newline=newlines, compression=st.sampled_from(["plain", "bgzip"])
)
steps = st.integers(1, 150) | st.just(10**6)
blocks = st.integers(1, 200) | st.just(1 << 20)


@st.composite
def spans_within(draw: st.DrawFn, contigs: Mapping[str, str]) -> dict[str, list[tuple[int, int]]]:
    """Sorted disjoint ranges, some of them past the ends of their contigs."""
    chosen = draw(st.lists(st.sampled_from(sorted(contigs)), unique=True))
    spans = {}
    for chrom in chosen:
        bounds = sorted(draw(st.sets(st.integers(-20, 450), min_size=2, max_size=6)))
        spans[chrom] = list(zip(bounds[::2], bounds[1::2], strict=False))
    return spans


@contextmanager
def written(contigs: Mapping[str, str], layout: Layout, *, index: bool = False):
    with tempfile.TemporaryDirectory() as folder:
        path = layout.write(Path(folder), contigs)
        if index:
            pysam.faidx(str(path))
        yield path


def feed_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


# ------------------------------------------------------------------------------------------------------------ chunks


@given(genomes(), layouts, steps, blocks)
def test_chunks_are_the_same_for_every_layout(contigs, layout, step, block):
    with written(contigs, layout) as path, mock.patch.object(fasta, "_BLOCK", block):
        genome = Genome(path)
        assert rows_of(genome, step) == expected_rows(contigs, step)
        assert list(genome.lengths.items()) == [(name, len(sequence)) for name, sequence in contigs.items()]


@given(genomes(), layouts, steps)
def test_chunks_put_together_are_the_contig(contigs, layout, step):
    with written(contigs, layout) as path:
        together = dict.fromkeys(contigs, b"")
        for chunk in Genome(path).read_chunks(step):
            assert chunk.start % step == 0
            assert chunk.windows <= step
            together[chunk.chrom] = together[chunk.chrom][: chunk.start] + chunk.codes.tobytes()
    assert together == {chrom: encode(sequence).tobytes() for chrom, sequence in contigs.items()}


@given(genomes(), layouts, steps, blocks, st.data())
def test_streamed_spans_are_the_windows_asked_for(contigs, layout, step, block, data):
    spans = data.draw(spans_within(contigs))
    with written(contigs, layout) as path, mock.patch.object(fasta, "_BLOCK", block):
        assert rows_of(Genome(path), step, spans) == expected_rows(contigs, step, spans)


@given(genomes(min_size=1), indexable, steps, st.data())
def test_spans_by_the_index_are_the_streamed_ones(contigs, layout, step, data):
    spans = data.draw(spans_within(contigs))
    with written(contigs, layout, index=True) as path:
        genome = Genome(path)
        assert genome.lengths == {chrom: len(sequence) for chrom, sequence in contigs.items()}
        with mock.patch.object(genome, "_stream_chunks", side_effect=AssertionError("streamed")):
            fetched = rows_of(genome, step, spans)
        assert fetched == expected_rows(contigs, step, spans)


@given(genomes(min_size=1), indexable, steps)
def test_an_index_changes_nothing_without_spans(contigs, layout, step):
    with written(contigs, layout, index=True) as path:
        assert rows_of(Genome(path), step) == expected_rows(contigs, step)


@given(genomes(min_size=1), st.integers(1, 100), newlines)
def test_bases_are_those_an_independent_reader_finds(contigs, width, newline):
    with written(contigs, Layout(width=width, newline=newline)) as path:
        rows = {chrom: codes for chrom, _, codes in rows_of(Genome(path), 10**6)}
        with pyfaidx.Fasta(str(path), as_raw=True) as reader:
            assert rows == {name: encode(str(reader[name][:])).tobytes() for name in reader.keys()}  # noqa: SIM118


@given(sequences(min_size=1), sequences(min_size=1), st.integers(0, 200), layouts)
def test_unknown_bases_never_shift_coordinates(before, after, gap, layout):
    with written({"chr1": before + "N" * gap + after}, layout) as path:
        ((_, _, codes),) = rows_of(Genome(path), 10**6)
    assert codes == encode(before).tobytes() + bytes([4]) * gap + encode(after).tobytes()


@pytest.mark.parametrize(("length", "windows"), [(0, 0), (1, 0), (69, 0), (70, 1), (71, 2)])
@pytest.mark.parametrize("spans", [None, {"chr1": [(0, 5)]}, {"chr1": [(60, 500)]}])
def test_a_short_contig_is_one_chunk_without_windows(tmp_path, length, windows, spans):
    path = Layout().write(tmp_path, {"chr0": "ACGT", "chr1": "A" * length, "chr2": "ACGT"})
    chunks = [chunk for chunk in Genome(path).read_chunks(1000, spans) if chunk.chrom == "chr1"]
    if length < WINDOW:
        assert [(chunk.start, len(chunk.codes), chunk.windows) for chunk in chunks] == [(0, length, 0)]
    else:
        assert sum(chunk.windows for chunk in chunks) == (0 if spans == {"chr1": [(60, 500)]} else windows)


def test_masked_bases_are_unknown_on_demand(tmp_path):
    path = Layout().write(tmp_path, {"chr1": "ACgtN"})
    pysam.faidx(str(path))
    for spans in (None, {"chr1": [(0, 1)]}):
        ((_, _, codes),) = rows_of(Genome(path, skip_masked=True), 10, spans)
        assert list(codes) == [0, 3, 4, 4, 4]


def test_codes_can_be_written_to(indexed):
    """Libraries that share memory with numpy warn about arrays that cannot."""
    for spans in (None, {"chr1": [(0, 100)]}):
        assert all(chunk.codes.flags.writeable for chunk in Genome(indexed).read_chunks(100, spans))


def test_memory_does_not_grow_with_the_contig(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_bytes(b">chr1\n" + b"ACGTacgtNN" * 2_000_000)
    for spans in (None, {"chr1": [(19_000_000, 19_500_000)]}):
        tracemalloc.start()
        bases = sum(chunk.windows for chunk in Genome(path).read_chunks(100_000, spans))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert bases == (20_000_000 - WINDOW + 1 if spans is None else 500_000)
        assert peak < 6_000_000


def test_closing_early_closes_the_file(indexed):
    for spans in (None, {"chr1": [(0, 1000)]}):
        chunks = Genome(indexed).read_chunks(100, spans)
        next(chunks)
        assert open_descriptors(indexed) == 1
        chunks.close()
        assert open_descriptors(indexed) == 0


def open_descriptors(path: Path) -> int:
    """How often this process has a file open."""
    return sum(os.path.realpath(link) == os.path.realpath(path) for link in Path("/proc/self/fd").iterdir())


# ------------------------------------------------------------------------------------------------------------- pipes


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input_is_read_and_stays_open(monkeypatch, chr1, pack):
    feed_stdin(monkeypatch, pack(Layout().text({"chr1": chr1})))
    genome = Genome("-")
    assert (genome.lengths, genome.total_bases, genome.size_hint) == (None, None, None)
    assert rows_of(genome, 100) == expected_rows({"chr1": chr1}, 100)
    assert genome.contigs() == {"chr1": 1000}
    assert not sys.stdin.closed


def test_spans_of_standard_input_are_streamed(monkeypatch, chr1):
    feed_stdin(monkeypatch, Layout().text({"chr1": chr1}))
    assert rows_of(Genome("-"), 100, {"chr1": [(50, 250)]}) == expected_rows({"chr1": chr1}, 100, {"chr1": [(50, 250)]})


def test_lengths_of_standard_input_are_not_known_beforehand(monkeypatch):
    feed_stdin(monkeypatch, b">chr1\nACGT\n")
    with pytest.raises(InputError, match=r"^standard input: regions, shards, lists and tracks .* save the sequences"):
        Genome("-").contigs()


def test_a_named_pipe_is_read_once(tmp_path, chr1):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[gzip.compress(Layout().text({"chr1": chr1}))])
    writer.start()
    genome = Genome(path)
    with pytest.raises(InputError, match="a pipe is read only once"):
        genome.contigs()
    assert rows_of(genome, 100) == expected_rows({"chr1": chr1}, 100)
    writer.join()


# ------------------------------------------------------------------------------------------------------------ regions

CONTIGS = {"chr1": 5000, "chr1:585988-1000000": 1000, "chr1:7": 300, "short": 10}


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("chr1", ("chr1", 0, 5000)),
        ("chr1:1-1", ("chr1", 0, 1)),
        ("chr1:1,001-2,000", ("chr1", 1000, 2000)),
        ("chr1:4,001-5,000", ("chr1", 4000, 5000)),
        ("chr1:500", ("chr1", 499, 5000)),
        ("chr1:500-", ("chr1", 499, 5000)),
        ("chr1:585988-1000000", ("chr1:585988-1000000", 0, 1000)),
        ("chr1:585988-1000000:11-20", ("chr1:585988-1000000", 10, 20)),
        ("chr1:7", ("chr1:7", 0, 300)),
        ("short:10", ("short", 9, 10)),
    ],
)
def test_regions_are_read_as_samtools_writes_them(text, interval):
    assert parse_region(text, CONTIGS) == Interval(*interval)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chrZ", r"there is no contig 'chrZ' \(the first one is 'chr1'\)"),
        ("chrZ:1-10", "there is no contig 'chrZ'"),
        ("", "there is no contig ''"),
        (":1-10", "there is no contig ''"),
        ("chr1:", "'' are no positions; write chr1:1,001-2,000"),
        ("chr1:x-y", "'x-y' are no positions"),
        ("chr1:-5", "'-5' are no positions"),
        ("chr1:1-2-3", "'1-2-3' are no positions"),
        (f"chr1:1-{'9' * 5000}", "9' are no positions"),
        ("chr1:1-9,999,999,999,999,999", "chr1 ends at 5000"),
        ("chr1:0-10", "positions count from 1"),
        ("chr1:20-10", "the end is not before the start"),
        ("chr1:20-0", "the end is not before the start"),
        ("chr1:4000-5001", "chr1 ends at 5000"),
        ("chr1:5001", "chr1 ends at 5000"),
        ("chr1:6000-7000", "chr1 ends at 5000"),
    ],
)
def test_impossible_regions_are_refused(text, message):
    shown = f"{text}': " if len(text) < 100 else text[:100]
    with pytest.raises(InputError, match=f"^region '{shown}.*{message}"):
        parse_region(text, CONTIGS)
