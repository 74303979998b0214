"""Text inputs: they read alike however they are packed, laid out and passed on; what is cut or foreign is refused."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import pickle
import random
import struct
import sys
import threading
import zipfile
from contextlib import suppress
from io import BytesIO, TextIOWrapper
from pathlib import Path
from unittest import mock

import pysam
import pytest
from backports import zstd
from genomes import TINY
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import promscan
from promscan.errors import InputError
from promscan.io import text, unpacking
from promscan.io.bed import read_bed
from promscan.io.gene_readers import read_genes
from promscan.io.genome import Genome
from promscan.io.sequences import read_sequences
from promscan.io.tables import read_table
from promscan.io.text import opened
from promscan.strength.measurements import read_measurements
from promscan.strength.reporter import Reporter
from promscan.train.data.labelled_windows import read_windows
from promscan.train.data.promoters import read_promoters
from promscan.train.data.unlabelled import read_unlabelled

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def bgzip(data: bytes) -> bytes:
    blocks = [data[i : i + 5000] for i in range(0, len(data), 5000)]
    return b"".join(map(block_of, [*blocks, b""]))


def block_of(data: bytes) -> bytes:
    """A block of a bgzip file."""
    packed = gzip.compress(data, mtime=0)
    extra = struct.pack("<HBBHH", 6, 66, 67, 2, len(packed) + 8 - 1)
    return packed[:3] + b"\4" + packed[4:8] + b"\0\xff" + extra + packed[10:]


PACKINGS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bgzip": lambda data: bgzip(data)[: -len(block_of(b""))] + text.BGZIP_END,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd.compress(
        data, options={zstd.CompressionParameter.checksum_flag: 1}
    ),  # as the program does
}
PACKED = {name: pack for name, pack in PACKINGS.items() if name != "plain"}


def read_all(path: Path) -> bytes:
    with opened(str(path)) as stream:
        return stream.read()


def through_pipe(folder: Path, data: bytes, read):
    """What `read` makes of the data, which come through a named pipe that can be opened only once."""
    path = folder / "pipe"
    os.mkfifo(path)

    def write() -> None:
        with suppress(BrokenPipeError), open(path, "wb") as pipe:
            pipe.write(data)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        return read(path)
    finally:
        writer.join(10)
        assert not writer.is_alive()
        path.unlink()


# ------------------------------------------------------------------------------------------------- packing and layout


@in_one_folder
@given(
    lines=st.lists(st.binary(max_size=30).map(lambda line: line.translate(None, b"\r\n")), max_size=8),
    packing=st.sampled_from(sorted(PACKINGS)),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    block=st.sampled_from([1, 2, 7, 1 << 17]),
)
def test_the_text_does_not_depend_on_packing_line_ends_mark_and_blocks(tmp_path, lines, packing, end, mark, block):
    expected = b"x" + b"".join(line + b"\n" for line in lines)  # no magic number begins so
    path = tmp_path / "any"
    path.write_bytes(PACKINGS[packing](mark + b"x" + b"".join(line + end for line in lines)))
    with mock.patch.object(text, "_BLOCK", block), mock.patch.object(unpacking, "_PIECE", block):
        assert read_all(path) == expected


@pytest.mark.parametrize("packing", PACKED)
def test_members_one_after_the_other_are_one_text(tmp_path, packing):
    pack = PACKED[packing]
    (tmp_path / "any").write_bytes(pack(b"first\n") + pack(b"") + pack(b"second\n"))
    assert read_all(tmp_path / "any") == b"first\nsecond\n"


def test_padding_with_zeros_is_no_damage(tmp_path):
    for packing in ("gzip", "xz", "zstd"):
        (tmp_path / "any").write_bytes(PACKED[packing](b"text\n") + bytes(512))
        assert read_all(tmp_path / "any") == b"text\n"


@pytest.mark.parametrize("before", [True, False])
def test_frames_of_zstd_that_hold_no_text_are_skipped(tmp_path, before):
    """pzstd writes them first, and the seekable format last."""
    skippable, packed = bytes.fromhex("5e2a4d18040000006e6f6e65"), zstd.compress(b"text\n")
    (tmp_path / "any").write_bytes(skippable + packed if before else packed + skippable)
    assert read_all(tmp_path / "any") == b"text\n"


@in_one_folder
@given(packing=st.sampled_from(sorted(PACKED)), data=st.data())
def test_every_cut_of_packed_text_is_refused_in_a_file_and_through_a_pipe(tmp_path, packing, data):
    whole = PACKED[packing](random.Random(1).randbytes(20_000).hex().encode())
    cut = data.draw(st.integers(6, len(whole) - 1))
    (tmp_path / "any").write_bytes(whole[:cut])
    complaint = r": the compressed data ends too early; copy or download it again$"
    with pytest.raises(InputError, match=complaint):
        read_all(tmp_path / "any")
    with pytest.raises(InputError, match=complaint):
        through_pipe(tmp_path, whole[:cut], read_all)


def test_bgzip_that_is_cut_between_two_blocks_is_refused_through_a_pipe(tmp_path):
    whole = bgzip(b">chr1\n" + b"ACGT" * 10_000 + b"\n")
    second = len(block_of((b">chr1\n" + b"ACGT" * 10_000)[:5000]))
    for read in (read_all, lambda path: list(Genome(path).read_chunks(1000))):
        with pytest.raises(InputError, match=r"pipe: the compressed data ends too early"):
            through_pipe(tmp_path, whole[:second], read)


def test_a_block_of_bgzip_that_ends_elsewhere_than_it_says_is_damage(tmp_path):
    """The length of the other fields of a header can lead into the last block, as if nothing stood between."""
    first = block_of(b"first\n")
    packed = bytearray(first + block_of(b"second\n") + unpacking.BGZIP_END)
    packed[len(first) + 10] += len(packed) - len(unpacking.BGZIP_END) - len(first)
    (tmp_path / "any").write_bytes(packed)
    assert gzip.decompress(packed) == b"first\n"
    with pytest.raises(InputError, match=r"any: the compressed data is damaged"):
        read_all(tmp_path / "any")


@in_one_folder
@given(packing=st.sampled_from(sorted(PACKED)), at=st.integers(6, 10**9), bits=st.integers(1, 255))
@example(packing="bgzip", at=2012, bits=151)
def test_damaged_text_is_refused_or_the_same(tmp_path, packing, at, bits):
    content = bytes(range(97, 123)) * 400
    packed = bytearray(PACKED[packing](content))
    packed[6 + at % (len(packed) - 6)] ^= bits
    (tmp_path / "any").write_bytes(packed)
    try:
        found = read_all(tmp_path / "any")
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - there need not be an error
    else:
        assert found == content  # a byte that nothing depends on, such as a time


def test_what_follows_a_packed_text_is_damage(tmp_path):
    for pack in PACKED.values():
        (tmp_path / "any").write_bytes(pack(b"text\n") + b"more")
        with pytest.raises(InputError, match=r"the compressed data (is damaged|ends too early)"):
            read_all(tmp_path / "any")


@pytest.mark.parametrize("packing", PACKED)
def test_memory_does_not_grow_with_what_a_small_file_unpacks_to(tmp_path, packing):
    (tmp_path / "any").write_bytes(PACKED[packing](bytes(30_000_000)))
    sizes = []
    with opened(str(tmp_path / "any")) as stream:
        while piece := stream.read1():
            sizes.append(len(piece))
    assert sum(sizes) == 30_000_000
    assert max(sizes) <= 1 << 17


# ------------------------------------------------------------------------------------------------------------- formats


def zipped() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("genome.fa", ">a\nACGT\n")
    return file.getvalue()


def bam(folder: Path) -> bytes:
    with pysam.AlignmentFile(folder / "x.bam", "wb", header={"SQ": [{"SN": "a", "LN": 4}]}):
        pass
    return (folder / "x.bam").read_bytes()


FOREIGN = {
    "a BAM file": bam,
    "a CRAM file": b"CRAM\3\0" + bytes(20),
    "a BCF file": gzip.compress(b"BCF\2\2" + bytes(20), mtime=0),
    "a VCF file": b"##fileformat=VCFv4.2\n",
    "a SAM file": b"@HD\tVN:1.6\n@SQ\tSN:a\tLN:4\n",
    "a FASTQ file": b"@read 1\nACGTN\n+\nIIIII\n",
    "a 2bit file": bytes.fromhex("4327411a") + bytes(12),
    "a bigWig file": bytes.fromhex("26fc8f88") + bytes(60),
    "a bigBed file": bytes.fromhex("ebf28987") + bytes(60),
    "a GenBank file": b"LOCUS       U00096   4641652 bp    DNA     circular BCT 23-SEP-2020\n",
    "an EMBL or UniProt file": b"ID   U00096; SV 3; circular; genomic DNA; STD; PRO; 4641652 BP.\n",
    "a zip archive": lambda _: zipped(),
    "a Python pickle": pickle.dumps({"weights": [1.0]}),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(20),
    "a PDF": b"%PDF-1.7\n",
    "a tar archive": bytes(257) + b"ustar\x0000" + bytes(300),
    "a web page": b"<!DOCTYPE html>\n<html><title>404</title>",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
    "UTF-16 text": ">chr1\nACGT\n".encode("utf-16"),
    "a safetensors file": (TINY).read_bytes,
    "a PNG image": b"\x89PNG\r\n\x1a\n",
}
TEXT_ONLY_OF_FASTA = {"a GFF file": b"##gff-version 3\n", "a BED file": b"chr1\t10\t20\tx\n"}


def content_of(material, folder: Path) -> bytes:
    if callable(material):
        return material() if material is FOREIGN["a safetensors file"] else material(folder)
    return material


@pytest.mark.parametrize("name", [*FOREIGN, *TEXT_ONLY_OF_FASTA])
@pytest.mark.parametrize("pack", [bytes, zstd.compress], ids=["plain", "packed"])
def test_a_foreign_format_is_named_where_fasta_is_wanted(tmp_path, name, pack):
    path = tmp_path / "genome.fa"
    content = content_of((FOREIGN | TEXT_ONLY_OF_FASTA)[name], tmp_path)
    path.write_bytes(pack(content))
    told = (
        "packed twice" if pack is not bytes and content[:2] == b"\x1f\x8b" else f"this is {name}.*; give a FASTA file"
    )
    with pytest.raises(InputError, match=f"^{path}: {told}"):
        Genome(path).contigs()


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_format_is_named_where_a_table_is_wanted(tmp_path, name):
    path = tmp_path / "table.tsv"
    path.write_bytes(content_of(FOREIGN[name], tmp_path))
    with pytest.raises(InputError, match=rf"^{path}: this is {name}.*; give a table \(CSV or TSV\)"):
        list(read_table(str(path), ("sequence",)))
    with pytest.raises(InputError, match=rf"^{path}: this is {name}.*; give FASTA or a table \(CSV or TSV\)"):
        list(read_sequences(str(path)))


@pytest.mark.parametrize("chrom", ["PAR1", "CRAM", "ARROW1", "GIF8", "BZh", "CLUSTAL", "LOCUS", "BAM", "ID"])
def test_contigs_and_columns_may_be_called_like_formats(tmp_path, chrom):
    path = tmp_path / "any"
    path.write_text(f"{chrom}\t10\t20\n")
    assert read_all(path) == path.read_bytes()
    path.write_text(f"{chrom}\tsequence\n1\tACGT\n")
    assert [sequence.codes.tolist() for sequence in read_sequences(str(path))] == [[0, 3, 2, 1]]


@given(st.binary(max_size=600))
@in_one_folder
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path, data):
    path = tmp_path / "any"
    for content in (data, b">a\n" + data, b"name,sequence\n" + data, b"\x1f\x8b" + data, b"BZh9" + data):
        path.write_bytes(content)
        for read in (lambda: Genome(path).contigs(), lambda: list(read_sequences(str(path)))):
            try:
                read()
            except InputError as error:
                assert str(error).startswith(str(path))  # noqa: PT017 - there need not be an error
                assert "\n" not in str(error)  # noqa: PT017


# --------------------------------------------------------------------------------------------------------------- pipes

A, T = "A" * 70, "T" * 70
TABLE = f"sequence,label,expression\n{A},1,2.5\n{T},0,3.5\n".encode()


@pytest.mark.parametrize("packing", PACKINGS)
def test_tables_and_lists_through_a_pipe_are_read_once(tmp_path, packing):
    """Read twice, a pipe would be empty or wait for ever; its checksum is that of the bytes that came."""
    packed = PACKINGS[packing](TABLE)
    checksum = hashlib.sha256(packed).hexdigest()
    windows = through_pipe(tmp_path, packed, lambda path: read_windows(str(path)))
    assert (windows.labels.tolist(), windows.sha256) == ([1, 0], checksum)
    unlabelled = through_pipe(tmp_path, packed, lambda path: read_unlabelled(str(path)))
    assert (len(unlabelled.codes), unlabelled.sha256) == (2, checksum)
    measured = through_pipe(tmp_path, packed, lambda path: read_measurements(str(path), "unit", Reporter()))
    assert (measured.expression.tolist(), measured.sha256) == ([2.5, 3.5], checksum)
    promoters = through_pipe(tmp_path, packed, lambda path: read_promoters(str(path), 33))
    assert (len(promoters.codes), promoters.sha256) == (2, checksum)
    scores = through_pipe(tmp_path, packed, lambda path: list(promscan.score(path, model=TINY, device="cpu")))
    assert [score.name for score in scores] == ["1", "2"]
    intervals = through_pipe(tmp_path, PACKINGS[packing](b"chr1\t5\t10\n"), lambda path: list(read_bed(path)))
    assert [tuple(interval) for interval in intervals] == [("chr1", 5, 10)]


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_drop_list_through_a_pipe_drops(tmp_path, packing):
    (tmp_path / "promoters.csv").write_bytes(TABLE + b"AC" * 35 + b",1,1\n")
    promoters = through_pipe(
        tmp_path, PACKINGS[packing](f"\ufeff{A}\r\n".encode()),
        lambda path: read_promoters(str(tmp_path / "promoters.csv"), 33, [str(path)]),
    )  # fmt: skip
    assert promoters.left_out == 2  # on either strand


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_table_may_come_from_standard_input(monkeypatch, packing):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(PACKINGS[packing](TABLE))))
    assert [(sequence.name, len(sequence.codes)) for sequence in read_sequences("-")] == [("1", 70), ("2", 70)]
    assert not sys.stdin.closed


def test_fasta_through_a_pipe_gives_sequences_to_score(tmp_path):
    fasta = f"\n>one\r\n{A}\r>two\n{T}".encode()
    found = through_pipe(tmp_path, lzma.compress(fasta), lambda path: list(read_sequences(str(path))))
    assert [(sequence.name, len(sequence.codes)) for sequence in found] == [("one", 70), ("two", 70)]


# -------------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("sequence,x,sequence\nA,1,C\n", ", line 1: two columns are called 'sequence'; rename or remove one"),
        ("sequence\tx\tx\nA\t1\tC\n", ", line 1: two columns are called 'x'; rename or remove one"),
        ("x,sequence\n1,A,2\n", ", line 2: 3 cells under 2 column names; name every column"),
        ('x,sequence\n"1,A\n2,C\n', ", line 3: damaged table: .*; correct the quotes there, or cut what is too long"),
        ('x,sequence\n"1"2,A\n', ", line 2: damaged table: .*; correct the quotes there, or cut what is too long"),
        ("x,sequence\n\udcff,A\n", r": not UTF-8 text; give a table \(CSV or TSV\) in UTF-8"),
        ("x,sequence\n1," + "A" * 140_000 + "\n", ", line 2: damaged table: field larger than field limit"),
    ],
)
def test_a_table_that_can_be_read_in_two_ways_is_refused(tmp_path, table, complaint):
    path = tmp_path / "table"
    path.write_bytes(table.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=f"^{path}{complaint}"):
        list(read_table(str(path), ("sequence",)))


def test_columns_without_a_name_and_empty_cells_at_the_end_are_harmless(tmp_path):
    path = tmp_path / "table"
    path.write_text(",sequence , x,,\n0,A,1,,\n1,C\n")
    rows = [row for row, _ in read_table(str(path), ("sequence", "x"))]
    assert rows == [{"sequence": "A", "x": "1"}, {"sequence": "C", "x": ""}]


@pytest.mark.parametrize("number", ["1_0", "٣", "nan", "inf", "1e999", "-1e39", "9" * 5000, "0x10", ""])
def test_what_is_no_finite_number_is_refused(tmp_path, number):
    path = tmp_path / "table"
    path.write_text(f"sequence,label\n{A},{number}\n")
    with pytest.raises(
        InputError, match=r"line 2: label .{2,45} (is not a number|is beyond 1e\+30); correct it, or leave the row out$"
    ):
        read_windows(str(path))


@pytest.mark.parametrize("read", [read_bed, lambda path: list(read_table(str(path), ("sequence",))), read_genes])
def test_a_line_without_an_end_is_refused(tmp_path, monkeypatch, read):
    """As of a packed file of one letter, which would fill the memory."""
    monkeypatch.setattr("promscan.io.text.LONGEST_LINE", 100_000)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(b"#chrom\tsequence\n" + b"A" * 5_000_000))
    with pytest.raises(InputError, match=r"file, line 2: more than 100,000 bytes"):
        read(path)
