"""Contig lengths, with and without an index, and files and indexes that are refused."""

from __future__ import annotations

import gzip
import logging
import os
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pysam
import pytest
from fasta_files import Layout, drawn_sequence, expected_rows, rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promscan.errors import InputError
from promscan.io import fasta
from promscan.io.genome import Genome
from promscan.io.unpacking import BGZIP_END

INVALID_HINT = r"is not a nucleotide letter; give DNA \(is this a protein FASTA\?\)"


def append(path: Path, text: str, *, seconds: float) -> None:
    """Add to a file and move its time of change, to be older or newer than its index."""
    with open(path, "a") as file:
        file.write(text)
    changed = os.stat(f"{path}.fai").st_mtime + seconds
    os.utime(path, (changed, changed))


# ----------------------------------------------------------------------------------------------- lengths and the index


@pytest.mark.parametrize("compression", ["plain", "gzip", "bgzip"])
def test_nothing_is_written_into_the_folder_of_the_file(tmp_path, chr1, compression):
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


def test_gzip_is_not_taken_for_bgzip_by_the_name_that_it_keeps(tmp_path, chr1):
    path = tmp_path / "GRBC1.fa.gz"
    with gzip.GzipFile(path, "wb") as file:  # bgzip has the letters BC where this has those of its name
        file.write(Layout().text({"chr1": chr1}))
    assert path.read_bytes()[12:14] == b"BC"
    assert dict(Genome(path).contigs()) == {"chr1": 1000}


def test_bgzip_without_its_block_index_is_streamed(tmp_path, chr1):
    path = Layout(compression="bgzip").write(tmp_path, {"chr1": chr1})
    pysam.faidx(str(path))
    os.remove(f"{path}.gzi")
    genome = Genome(path)
    assert genome.lengths is None
    assert rows_of(genome, 100, {"chr1": [(5, 7)]}) == expected_rows({"chr1": chr1}, 100, {"chr1": [(5, 7)]})


@pytest.mark.parametrize("compression", ["plain", "gzip", "bgzip"])
def test_contigs_are_measured_when_there_is_no_index(tmp_path, chr1, compression):
    genome = Genome(Layout(compression=compression).write(tmp_path, {"b": chr1, "empty": "", "a": chr1[:7]}))
    assert genome.lengths is None
    assert list(genome.contigs().items()) == [("b", 1000), ("empty", 0), ("a", 7)]
    assert genome.total_bases == genome.size_hint == 1007


def test_size_hint_of_a_plain_file_is_its_size(tmp_path, chr1):
    path = Layout().write(tmp_path, {"chr1": chr1})
    assert Genome(path).size_hint == path.stat().st_size
    assert Genome(Layout(compression="gzip").write(tmp_path, {"chr1": chr1})).size_hint is None


def test_contigs_come_in_the_order_of_the_file_and_not_of_the_index(indexed):
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
        ("ACGT\n", "contig 'chr2' does not end after 200 bases"),
        (">chr3\nACGT\n", "the file has sequence that the index does not list"),
    ],
)
def test_an_index_of_other_content_is_refused_at_once(indexed, text, message):
    append(indexed, text, seconds=0)
    cure = r"rebuild it: samtools faidx \(or remove it\)$"
    with pytest.raises(InputError, match=f"^{indexed}.fai: the index does not match {indexed}: {message}; {cure}"):
        Genome(indexed)


def test_an_index_of_other_content_is_refused_before_anything_is_read(indexed):
    indexed.write_text(indexed.read_text().replace("\n>chr2", "ACGT\n>chr2"))
    append(indexed, "", seconds=0)
    with pytest.raises(InputError, match="contig 'chr1' does not end after 1000 bases"):
        Genome(indexed)


def test_a_contig_that_only_the_index_has_is_refused(indexed):
    with open(f"{indexed}.fai", "a") as fai:
        fai.write("chr9\t10\t5000\t10\t11\n")
    with pytest.raises(InputError, match="the line before byte 5000 is not the header of contig 'chr9'"):
        Genome(indexed)


def test_a_file_shorter_than_its_index_is_refused(indexed):
    times = indexed.stat()
    indexed.write_bytes(indexed.read_bytes()[:600])
    os.utime(indexed, (times.st_atime, times.st_mtime))
    with pytest.raises(InputError, match="the index does not match"):
        Genome(indexed)


def test_an_index_that_runs_into_the_next_contig_is_refused(indexed):
    fai = Path(f"{indexed}.fai")
    fai.write_text(fai.read_text().replace("chr1\t1000", "chr1\t1100"))
    with pytest.raises(InputError, match=r"the index does not match .*: the bases of contig 'chr2' do not begin at"):
        Genome(indexed)


@pytest.mark.parametrize("compression", ["plain", "bgzip"])
@pytest.mark.parametrize("cut", [(29, 30), (57, 57)])  # one base less in as many bytes; three bases in the next line
def test_uneven_lines_before_the_bases_are_found_out_while_fetching(tmp_path, compression, cut):
    """The place of every header is right: only the lines can show it."""
    contigs = {"chr1": drawn_sequence(1000, seed=1), "chr2": drawn_sequence(200, seed=2)}
    path = Layout(compression=compression).write(tmp_path, contigs)
    pysam.faidx(str(path))
    text = bytearray(Layout().text(contigs))
    third = text.index(b"\n") + 1 + 2 * 61
    if cut[0] == cut[1]:
        text[third : third + 61] = text[third : third + cut[0]] + b"\n" + text[third + cut[0] : third + 60]
    else:
        text[third + cut[0]] = ord("\n")
    path.write_bytes(text)
    if compression == "bgzip":
        pysam.tabix_compress(str(path), f"{path}.new", force=True)
        os.replace(f"{path}.new", path)
    append(path, "", seconds=-10)
    for start in (100, 700):
        with pytest.raises(InputError, match=r"chr1:[0-9]+-[0-9]+ is not in lines of 60 bases; rebuild it"):
            rows_of(Genome(path), 200, {"chr1": [(start, start + 50)]})
    assert rows_of(Genome(path), 200, {"chr2": [(10, 60)]}) == expected_rows(contigs, 200, {"chr2": [(10, 60)]})


def test_a_contig_of_another_length_is_found_out_while_streaming(indexed):
    first, *lines = indexed.read_text().split("\n")
    lines[3] = lines[3][:29] + "\n" + lines[3][30:]  # one base less in as many bytes
    indexed.write_text("\n".join([first, *lines]))
    append(indexed, "", seconds=0)
    with pytest.raises(InputError, match="contig 'chr1' has 999 bases, not 1000"):
        rows_of(Genome(indexed), 200)


@pytest.mark.parametrize("compression", ["plain", "bgzip"])
@pytest.mark.parametrize("width", [60, 10**6])  # in lines, and one line a contig
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b">chr1 and", b">chr1 and longer, and"),
        lambda text: text.replace(b">chr2 and", b">chr2and"),
        lambda text: text.replace(b">chr2 and", b">chr3 and"),
        lambda text: b"\n" + text,
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text[: text.index(b"\n") + 1] + text[text.index(b"\n") + 62 :],
        lambda text: text[: text.index(b"\n") + 1] + b"ACGT" * 15 + b"\n" + text[text.index(b"\n") + 1 :],
        lambda text: text[:-30],
    ],
)
def test_a_newer_index_of_another_version_of_the_file_moves_nothing(tmp_path, compression, width, change):
    contigs = {"chr1": drawn_sequence(1000, seed=1), "chr2": drawn_sequence(200, seed=2)}
    path = Layout(width=width).write(tmp_path, contigs)
    changed = change(path.read_bytes())
    if compression == "bgzip":
        pysam.tabix_compress(str(path), f"{path}.new", force=True)
        os.replace(f"{path}.new", path)
    pysam.faidx(str(path))
    path.write_bytes(changed)
    if compression == "bgzip":
        pysam.tabix_compress(str(path), f"{path}.new", force=True)
        os.replace(f"{path}.new", path)
    append(path, "", seconds=-10)
    with pytest.raises(InputError, match=f"^{path}.fai: the index does not match {path}: .*rebuild it: samtools faidx"):
        rows_of(Genome(path), 200, {"chr1": [(500, 600)], "chr2": [(100, 120)]})


@pytest.mark.parametrize("end", [b"", BGZIP_END])
def test_blocks_after_those_of_the_index_are_not_passed_over(tmp_path, end):
    path = Layout(compression="bgzip").write(tmp_path, {"chr1": drawn_sequence(1000, seed=1)})
    (tmp_path / "more").mkdir()
    more = Layout(compression="bgzip").write(tmp_path / "more", {"chr2": drawn_sequence(200, seed=2)})
    pysam.faidx(str(path))
    first = path.read_bytes()
    path.write_bytes(first + BGZIP_END)
    append(path, "", seconds=-10)
    assert Genome(path).contigs() == {"chr1": 1000}
    path.write_bytes((first if end else first.removesuffix(BGZIP_END)) + more.read_bytes())
    append(path, "", seconds=-10)
    with pytest.raises(InputError, match=r"the file goes on after the last block of the .gzi; rebuild it: samtools"):
        Genome(path)


@pytest.mark.parametrize("compression", ["plain", "bgzip"])
@pytest.mark.parametrize("width", [50, 60, 10**6])
def test_a_last_contig_that_lost_its_last_base_is_found_out(tmp_path, compression, width):
    sequence = drawn_sequence(1000, seed=1)
    path = Layout(width=width, compression=compression).write(tmp_path, {"chr1": sequence})
    pysam.faidx(str(path))
    path.unlink()
    path = Layout(width=width, compression=compression).write(tmp_path, {"chr1": sequence[:-1]})
    append(path, "", seconds=-10)
    with pytest.raises(InputError, match=r"contig 'chr1' has fewer than 1000 bases|block 0 of the .gzi"):
        Genome(path)


@st.composite
def damaged(draw, data: bytes) -> bytes:
    """The bytes of an index with something else in one place."""
    at = draw(st.integers(0, len(data) - 1))
    length = draw(st.integers(0, 12))
    return data[:at] + draw(st.binary(max_size=20) | st.sampled_from(WORDS)) + data[at + length :]


WORDS = [b"-1", b"nan", b"1e9", b"0", b"\t", b"\n", b"9" * 5000, b"9" * 14, b"9223372036854775808", b"\xff\xfe", b""]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("compression", ["plain", "bgzip"])
@pytest.mark.parametrize("kind", ["fai", "gzi"])
def test_a_damaged_index_is_refused_or_harmless(tmp_path, compression, kind, data):
    contigs = {"chr1": drawn_sequence(90_000, seed=1), "chr2": drawn_sequence(70_000, seed=2)}
    path = tmp_path / "genome.fa"
    if not path.exists():
        Layout(compression=compression).write(tmp_path, contigs)
        pysam.faidx(str(path))
        for index in tmp_path.glob("*.[fg][az]i"):
            index.rename(f"{index}.whole")
    for index in tmp_path.glob("*.whole"):
        whole = index.read_bytes()
        index.with_suffix("").write_bytes(data.draw(damaged(whole)) if f".{kind}." in index.name else whole)
    spans = {"chr1": [(89_000, 89_100)], "chr2": [(100, 200), (68_000, 68_100)]}
    with suppress(InputError):
        assert rows_of(Genome(path), 200, spans) == expected_rows(contigs, 200, spans)


def test_an_invalid_letter_is_found_out_while_fetching(tmp_path):
    path = Layout().write(tmp_path, {"chr1": "ACGT" * 50 + "E" + "ACGT" * 50})
    pysam.faidx(str(path))
    with pytest.raises(InputError, match=f"base 201: 'E' in contig 'chr1' {INVALID_HINT}"):
        rows_of(Genome(path), 10, {"chr1": [(0, 300)]})


@pytest.mark.parametrize("content", ["chr1\tmany\t5\t60\t61\n", "chr1\n", "\n", ""])
def test_a_damaged_index_is_refused(indexed, content):
    Path(f"{indexed}.fai").write_text(content)
    with pytest.raises(InputError, match=r"rebuild it: samtools faidx \(or remove it\)$"):
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
        (
            b"ACGT\n",
            r", line 1: expected '>' and found 'A'; give FASTA, plain or compressed \(gzip, bgzip, bzip2, xz, ",
        ),
        (b"\n\n @read\nACGT\n", ", line 3: expected '>' and found '@'; give FASTA"),
        (b"PK\x03\x04\x00\xff\xfe>\n", r": this is a zip archive \(or an Excel or PyTorch file\); give a FASTA file"),
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
        (b">a\rACGT\r>b\rAEGT\r", f", line 4: 'E' in contig 'b' {INVALID_HINT}"),
        (b">a\x01b\nACGT\n", r", line 1: the name of the contig holds a control character, '\\x01'; rename it"),
        (b">a\xc2\x85b\nACGT\n", ", line 1: the name of the contig holds a control character"),
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
