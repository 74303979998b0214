"""FASTA as it comes becomes the same chunks, whatever its layout, its compression and the way it is read."""

from __future__ import annotations

import gzip
import io
import logging
import os
import sys
import tempfile
import threading
import tracemalloc
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pyfaidx
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promscan import fasta
from promscan.dna import WINDOW, encode
from promscan.errors import InputError
from promscan.genome import Genome, parse_region
from promscan.records import Interval

Rows = list[tuple[str, int, bytes]]

INVALID_HINT = r"is not a nucleotide letter; give DNA \(is this a protein FASTA\?\)"


# ---------------------------------------------------------------------------------------------------------- material


@dataclass
class Layout:
    """How sequences are laid out in a file."""

    width: int = 60
    newline: bytes = b"\n"
    last_newline: bool = True
    blank_lines: bool = False
    compression: str = "plain"

    def text(self, contigs: Mapping[str, str]) -> bytes:
        lines = []
        for name, sequence in contigs.items():
            lines.append(f">{name} and a description > of it".encode())
            lines += [sequence[i : i + self.width].encode() for i in range(0, len(sequence), self.width)]
            lines += [b"", b" \t"] if self.blank_lines else []
        text = self.newline.join(lines)
        return text + self.newline if self.last_newline else text

    def write(self, folder: Path, contigs: Mapping[str, str]) -> Path:
        path = folder / "genome.fa"
        path.write_bytes(gzip.compress(self.text(contigs)) if self.compression == "gzip" else self.text(contigs))
        if self.compression == "bgzip":
            pysam.tabix_compress(str(path), str(path) + ".bgz")
            os.replace(str(path) + ".bgz", path)
        return path


def sequences(min_size: int = 0) -> st.SearchStrategy[str]:
    lengths = st.sampled_from([min_size, 1, 69, 70, 71, 138, 139, 140]) | st.integers(min_size, 400)
    return st.builds(drawn_sequence, lengths, st.integers(0, 2**32 - 1))


def drawn_sequence(length: int, seed: int) -> str:
    letters = np.frombuffer(b"ACGTACGTACGTacgtNnRyU-", dtype=np.uint8)
    return letters[np.random.default_rng(seed).integers(0, len(letters), length)].tobytes().decode()


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


def expected_rows(
    contigs: Mapping[str, str], step: int, spans: Mapping[str, Sequence[tuple[int, int]]] | None = None
) -> Rows:
    """The slow oracle: go through every cell of the grid."""
    rows = []
    for chrom, sequence in contigs.items():
        if spans is not None and chrom not in spans:
            continue
        codes, windows = encode(sequence).tobytes(), len(sequence) - WINDOW + 1
        if windows <= 0:
            rows.append((chrom, 0, codes))
        for cell in range(0, windows, step):
            for lo, hi in [(0, windows)] if spans is None else spans[chrom]:
                start, end = max(lo, cell), min(hi, cell + step, windows)
                if start < end:
                    rows.append((chrom, start, codes[start : end + WINDOW - 1]))
    return rows


def rows_of(genome: Genome, step: int, spans: Mapping[str, Sequence[tuple[int, int]]] | None = None) -> Rows:
    return [(chunk.chrom, chunk.start, chunk.codes.tobytes()) for chunk in genome.read_chunks(step, spans)]


@contextmanager
def written(contigs: Mapping[str, str], layout: Layout, *, index: bool = False):
    with tempfile.TemporaryDirectory() as folder:
        path = layout.write(Path(folder), contigs)
        if index:
            pysam.faidx(str(path))
        yield path


def feed_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def append(path: Path, text: str, *, seconds: float) -> None:
    """Add to a file and move its time of change, to be older or newer than its index."""
    with open(path, "a") as file:
        file.write(text)
    changed = os.stat(f"{path}.fai").st_mtime + seconds
    os.utime(path, (changed, changed))


@pytest.fixture
def chr1() -> str:
    return drawn_sequence(1000, seed=1)


@pytest.fixture
def indexed(tmp_path: Path, chr1: str) -> Path:
    path = Layout().write(tmp_path, {"chr1": chr1, "chr2": chr1[:200]})
    pysam.faidx(str(path))
    return path


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
        chunks.close()


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
    with pytest.raises(InputError, match=r"^standard input: regions and BED files .* save the sequences to a file$"):
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


# ----------------------------------------------------------------------------------------------- lengths and the index


@pytest.mark.parametrize("compression", ["plain", "gzip", "bgzip"])
def test_nothing_is_written_beside_the_file(tmp_path, chr1, compression):
    path = Layout(compression=compression).write(tmp_path, {"chr1": chr1})
    for index in (False, True):
        if index and compression != "gzip":
            pysam.faidx(str(path))
        before = sorted(tmp_path.iterdir())
        genome = Genome(path)
        genome.contigs()
        rows_of(genome, 100)
        rows_of(genome, 100, {"chr1": [(0, 10)]})
        assert sorted(tmp_path.iterdir()) == before


def test_bgzip_without_its_block_index_is_streamed(tmp_path, chr1):
    path = Layout(compression="bgzip").write(tmp_path, {"chr1": chr1})
    pysam.faidx(str(path))
    os.remove(f"{path}.gzi")
    genome = Genome(path)
    assert genome.lengths is None
    assert rows_of(genome, 100, {"chr1": [(5, 7)]}) == expected_rows({"chr1": chr1}, 100, {"chr1": [(5, 7)]})


@pytest.mark.parametrize("compression", ["plain", "gzip", "bgzip"])
def test_contigs_are_measured_when_no_index_tells(tmp_path, chr1, compression):
    genome = Genome(Layout(compression=compression).write(tmp_path, {"b": chr1, "empty": "", "a": chr1[:7]}))
    assert genome.lengths is None
    assert list(genome.contigs().items()) == [("b", 1000), ("empty", 0), ("a", 7)]
    assert genome.total_bases == genome.size_hint == 1007


def test_size_hint_of_a_plain_file_is_its_size(tmp_path, chr1):
    path = Layout().write(tmp_path, {"chr1": chr1})
    assert Genome(path).size_hint == path.stat().st_size
    assert Genome(Layout(compression="gzip").write(tmp_path, {"chr1": chr1})).size_hint is None


def test_contigs_come_in_the_order_of_the_file_whatever_that_of_the_index(indexed):
    fai = Path(f"{indexed}.fai")
    fai.write_text("".join(reversed(fai.read_text().splitlines(keepends=True))))
    genome = Genome(indexed)
    assert list(genome.lengths) == ["chr1", "chr2"]
    spans = {"chr2": [(0, 5)], "chr1": [(0, 5)]}
    assert [chrom for chrom, *_ in rows_of(genome, 100, spans)] == ["chr1", "chr2"]


def test_a_stale_index_is_not_used_and_named_in_a_warning(indexed, caplog):
    append(indexed, ">chr3\nACGT\n", seconds=10)
    with caplog.at_level(logging.WARNING, logger="promscan"):
        genome = Genome(indexed)
    assert [record.getMessage() for record in caplog.records] == [
        f"{indexed}: its index is older than the file and is not used; renew it: samtools faidx"
    ]
    assert genome.lengths is None
    assert genome.contigs() == {"chr1": 1000, "chr2": 200, "chr3": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ACGT\n", "contig 'chr2' has 204 bases, not 200"),
        (">chr3\nACGT\n", "contig 'chr3' has 4 bases, not 0"),
    ],
)
def test_an_index_of_other_content_is_found_out_while_streaming(indexed, text, message):
    append(indexed, text, seconds=0)
    with pytest.raises(InputError, match=f"{indexed}.fai: the index does not match .*: {message}; .* samtools faidx$"):
        rows_of(Genome(indexed), 100)


def test_an_index_of_other_content_is_found_out_at_the_end_of_the_contig(indexed):
    indexed.write_text(indexed.read_text().replace("\n>chr2", "ACGT\n>chr2"))
    append(indexed, "", seconds=0)
    read = []
    with pytest.raises(InputError, match="contig 'chr1' has 1004 bases, not 1000"):
        read.extend(Genome(indexed).read_chunks(10))
    assert {chunk.chrom for chunk in read} == {"chr1"}


def test_a_contig_that_only_the_index_has_is_found_out(indexed):
    with open(f"{indexed}.fai", "a") as fai:
        fai.write("chr9\t10\t5000\t10\t11\n")
    with pytest.raises(InputError, match="there is no contig 'chr9' any more"):
        rows_of(Genome(indexed), 100)
    with pytest.raises(InputError, match="the index does not match"):
        rows_of(Genome(indexed), 100, {"chr9": [(0, 5)]})


def test_a_file_shorter_than_its_index_is_found_out_while_fetching(indexed):
    times = indexed.stat()
    indexed.write_bytes(indexed.read_bytes()[:600])
    os.utime(indexed, (times.st_atime, times.st_mtime))
    with pytest.raises(InputError, match="the index does not match"):
        rows_of(Genome(indexed), 100, {"chr1": [(0, 900)]})


def test_an_index_that_runs_into_the_next_contig_is_found_out_while_fetching(indexed):
    fai = Path(f"{indexed}.fai")
    fai.write_text(fai.read_text().replace("chr1\t1000", "chr1\t1100"))
    with pytest.raises(
        InputError, match=r"the index does not match .*: chr1:900-1069 runs into the next line or contig;"
    ):
        rows_of(Genome(indexed), 100, {"chr1": [(900, 1000)]})


def test_an_invalid_letter_is_found_out_while_fetching(tmp_path):
    path = Layout().write(tmp_path, {"chr1": "ACGT" * 50 + "E" + "ACGT" * 50})
    pysam.faidx(str(path))
    with pytest.raises(InputError, match=f"base 201: 'E' in contig 'chr1' {INVALID_HINT}"):
        rows_of(Genome(path), 10, {"chr1": [(0, 300)]})


@pytest.mark.parametrize("content", ["chr1\tmany\t5\t60\t61\n", "chr1\n", "\n"])
def test_a_damaged_index_is_refused(indexed, content):
    Path(f"{indexed}.fai").write_text(content)
    with pytest.raises(InputError, match="rebuild it: samtools faidx"):
        Genome(indexed)


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("measured", [False, True])
def test_spans_on_an_unknown_contig_are_refused(tmp_path, chr1, index, measured):
    path = Layout().write(tmp_path, {"chr1": chr1})
    if index:
        pysam.faidx(str(path))
    genome = Genome(path)
    if measured:
        genome.contigs()
    with pytest.raises(InputError, match=r"there is no contig 'chrZ' \(the first one is 'chr1'\); check the name$"):
        rows_of(genome, 100, {"chrZ": [(0, 10)], "chr1": [(0, 10)]})


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": there is no sequence in it; give a FASTA file"),
        (b" \n\r\n\t\n", ": there is no sequence in it; give a FASTA file"),
        (b"ACGT\n", ", line 1: expected '>' and found 'A'; give FASTA, plain or packed by gzip or bgzip"),
        (b"\n\n @read\nACGT\n", ", line 3: expected '>' and found '@'; give FASTA"),
        (b"PK\x03\x04\x00\xff\xfe>\n", ", line 1: expected '>' and found 'P'"),
        (b"\x00\x01", r", line 1: expected '>' and found '\\x00'"),
        (b">\nACGT\n", ", line 1: a header without a name; give each sequence a name after its '>'"),
        (b">a\nACGT\n> \t\r\nACGT\n", ", line 3: a header without a name"),
        (b">a x\nACGT\n\n>b\nAC\n>a y\nAC\n", ", line 6: contig 'a' was already on line 1; rename one"),
        (b">a\nACGT\n\nAC\nGTE\nA*", f", line 5: 'E' in contig 'a' {INVALID_HINT}"),
        (b">a\nAC\n>b\r\nAC\r\nA*C\r\n", f", line 5: '\\*' in contig 'b' {INVALID_HINT}"),
        (b">p\nMKVLAAGIVGLCAKAY\n", ", line 2: 'L' in contig 'p'"),
        (b">a\nAC>b\nACGT\n", ", line 2: '>' in contig 'a'"),
        (b">a\nAC\n >b\nACGT\n", ", line 3: '>' in contig 'a'"),
        (b">a\nAC\xe9\n", ", line 2: 'é' in contig 'a'"),
        (b">\xe9\nAC\n", ", line 1: the name of the contig is not UTF-8 text; rename it"),
        (b">a\rACGT\r>b\rACGT\r", ", line 1: lines end in CR only; convert the file with"),
    ],
)
@pytest.mark.parametrize("block", [1, 3, 1 << 20])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_is_not_dna_is_refused_with_its_line(tmp_path, content, message, block, pack):
    path = tmp_path / "genome.fa"
    path.write_bytes(pack(content))
    with mock.patch.object(fasta, "_BLOCK", block), pytest.raises(InputError, match=f"^{path}{message}") as caught:
        rows_of(Genome(path), 10)
    assert "\n" not in str(caught.value)


def test_the_first_word_is_the_name(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_bytes(b"\n>chr1|x:1-2\tchr7 > it\r\nAC\r\n> chr2\r\nA\r\n>chr3")
    assert Genome(path).contigs() == {"chr1|x:1-2": 2, "chr2": 1, "chr3": 0}


@pytest.mark.parametrize("compression", ["gzip", "bgzip"])
@pytest.mark.parametrize("kept", [3, 20, 500, -40, -28, -1])
def test_a_truncated_archive_is_refused(tmp_path, compression, kept):
    path = Layout(compression=compression).write(tmp_path, {"chr1": drawn_sequence(5000, seed=2)})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=f"^{path}: the compressed data ends too early; copy or download it again$"):
        rows_of(Genome(path), 100)


@pytest.mark.parametrize("compression", ["gzip", "bgzip"])
def test_a_damaged_archive_is_refused(tmp_path, compression):
    path = Layout(compression=compression).write(tmp_path, {"chr1": drawn_sequence(5000, seed=2)})
    data = bytearray(path.read_bytes())
    data[300] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"^{path}: the compressed data .*; copy or download it again$"):
        rows_of(Genome(path), 100)


def test_damage_is_found_out_while_fetching(tmp_path):
    path = Layout(compression="bgzip").write(tmp_path, {"chr1": drawn_sequence(5000, seed=2)})
    pysam.faidx(str(path))
    times, data = path.stat(), bytearray(path.read_bytes())
    data[300] ^= 0xFF
    path.write_bytes(data)
    os.utime(path, (times.st_atime, times.st_mtime))
    with pytest.raises(InputError):
        rows_of(Genome(path), 100, {"chr1": [(0, 4000)]})


def test_a_missing_file_is_refused_at_once(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.fa: No such file or directory; give a FASTA file that can be read$"):
        Genome(tmp_path / "nowhere.fa")


def test_a_folder_is_refused_at_once(tmp_path):
    with pytest.raises(InputError, match=f"^{tmp_path}: Is a directory"):
        Genome(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused_at_once(tmp_path, chr1):
    path = Layout().write(tmp_path, {"chr1": chr1})
    path.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        Genome(path)


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
        ("chr1:0-10", "positions count from 1"),
        ("chr1:20-10", "the end is not before the start"),
        ("chr1:20-0", "the end is not before the start"),
        ("chr1:4000-5001", "chr1 ends at 5000"),
        ("chr1:5001", "chr1 ends at 5000"),
        ("chr1:6000-7000", "chr1 ends at 5000"),
    ],
)
def test_impossible_regions_are_refused(text, message):
    with pytest.raises(InputError, match=f"^region '{text}': .*{message}"):
        parse_region(text, CONTIGS)
