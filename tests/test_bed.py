"""BED files are read as they come, by no other program's rules."""

from __future__ import annotations

import gzip
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from genomes import TINY, random_bases, write_fasta
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.errors import InputError
from promscan.io.bed import read_bed

NAMES = [
    "track1",
    "browserX",
    "track",
    "browser",
    "!x",
    ">x",
    "chrom",
    "chrÜ染",
    "a\u00a0b",
    "x\u2028y",
    "HLA:01-02",
    "1",
]


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "any.bed"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("divider", ["\t", " "])
def test_a_contig_may_have_any_name(tmp_path: Path, name: str, divider: str) -> None:
    path = written(tmp_path, f"{name}{divider}5{divider}9\nchr1{divider}0{divider}3\n")
    assert sorted(read_bed(path)) == sorted([(name, 5, 9), ("chr1", 0, 3)])


@pytest.mark.parametrize(
    "line",
    [
        "track name=x description=\"two words\"",
        "track\tname=x",
        "track",
        "track 5",
        "browser position chr1:1-10",
        "browser hide all",
        "browser\tpack\tgenes",
        "#chr1\t1\t2",
        "# a comment of Ü",
        "   ",
        "\t",
    ],
)  # fmt: skip
def test_lines_that_are_no_intervals(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, f"{line}\nchr1\t0\t3\n{line}\n")
    if line == "track 5":  # a row that was cut short
        with pytest.raises(InputError, match="line 1: not a BED interval"):
            read_bed(path)
    else:
        assert list(read_bed(path)) == [("chr1", 0, 3)]


def messy(draw: st.DrawFn) -> tuple[bytes, set[tuple[str, int]]]:
    """A random BED file and the bases that it covers."""
    covered, lines = set[tuple[str, int]](), list[str]()
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["row", "row", "row", "comment", "track", "browser", "blank"]))
        if kind == "row":
            name, start = draw(st.sampled_from(NAMES)), draw(st.integers(0, 60))
            end = start + draw(st.integers(0, 20))
            divider = draw(st.sampled_from(["\t", " ", "   "]))
            more = draw(st.sampled_from([[], ["name"], ["name", "0", "-"], ["n", "0", "+", "1", "2", "0"]]))
            lines.append(divider.join([name, str(start), str(end), *more]) + draw(st.sampled_from(["", " "])))
            covered |= {(name, base) for base in range(start, end)}
        else:
            texts = {"comment": "#track1\t0\t9", "track": 'track name="x"', "browser": "browser hide all", "blank": ""}
            lines.append(texts[kind])
    newline = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = newline.join(lines) + draw(st.sampled_from(["", newline]))
    content = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()
    return gzip.compress(content) if draw(st.booleans()) else content, covered


@given(st.composite(messy)())
def test_a_random_file_covers_the_bases_of_the_slow_reader(case: tuple[bytes, set[tuple[str, int]]]) -> None:
    content, covered = case
    with TemporaryDirectory() as folder:
        path = written(Path(folder), content)
        if not covered:
            with pytest.raises(InputError, match="there is no interval with bases in it"):
                read_bed(path)
            return
        merged = list(read_bed(path))
    assert {(chrom, base) for chrom, start, end in merged for base in range(start, end)} == covered
    assert sum(end - start for _, start, end in merged) == len(covered)
    assert all(before.end < after.start for before, after in pairwise(merged) if before[0] == after[0])


@given(st.binary(max_size=60))
def test_no_bytes_give_a_traceback(content: bytes) -> None:
    with TemporaryDirectory() as folder, suppress(InputError):
        read_bed(written(Path(folder), content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"chr1\t1\t2\nchr\xe9\t1\t2\n", "line 2: not a text file in UTF-8; give a BED file, plain or compressed"),
        (b"chr1\t1\t2\nchr\xff\t1\t2", "line 2: not a text file in UTF-8"),
        (b"chr1\t1\t2\rchr1\t5\r", "line 2: not a BED interval"),
        (b"\t1\t2\n", "line 1: not a BED interval"),
        ("chr1\t\u0661\t\u0662\n", "line 1: not a BED interval"),
        ("chr1\t0\t" + "9" * 5_000, "line 1: not a BED interval"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_bed(written(tmp_path, content))
    assert str(caught.value).startswith(f"{tmp_path}/any.bed, {message}")


def test_a_bgzip_file_cut_between_its_blocks_is_refused(tmp_path: Path) -> None:
    import pysam

    pysam.tabix_compress(str(written(tmp_path, "chr1\t1\t2\n")), str(tmp_path / "x.bed.gz"))
    packed = (tmp_path / "x.bed.gz").read_bytes()
    assert list(read_bed(written(tmp_path, packed))) == [("chr1", 1, 2)]
    with pytest.raises(InputError, match="the compressed data ends too early"):
        read_bed(written(tmp_path, packed[:-28]))


@pytest.mark.parametrize("line", ["track\tx\t9", "browser\t1.5\t9", "track 5"])
def test_a_damaged_row_is_not_taken_for_a_line_of_a_genome_browser(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match="line 2: not a BED interval"):
        read_bed(written(tmp_path, f"chr1\t0\t3\n{line}\n"))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("##gff-version 3\nchr1\tx\tgene\t1\t9\t.\t+\t.\tID=1\n", "a GFF file"),
        ("chr1\tx\tgene\t1\t9\t.\t+\t.\tID=1\n", "a GFF or GTF file"),
        (">chr1\nACGT\n", "a FASTA file"),
        ("##fileformat=VCFv4.2\n", "a VCF file"),
        ("@HD\tVN:1.6\n", "a SAM file"),
    ],
)
def test_another_format_is_named(tmp_path: Path, content: str, name: str) -> None:
    with pytest.raises(InputError, match=f": this is {name}; give a BED file"):
        read_bed(written(tmp_path, content))


@pytest.mark.parametrize("name", ["track1", "browserX", "!x", "chrom", "track"])
def test_a_scan_obeys_the_intervals_of_every_contig(tmp_path: Path, name: str) -> None:
    genome = write_fasta(tmp_path / "genome.fa", {name: random_bases(1_500, 1), "other": random_bases(1_500, 2)})
    bed = written(tmp_path, f"{name}\t0\t1500\n")
    options = {"model": TINY, "threshold": 0.2, "strength": None, "device": "cpu"}
    everything = list(promscan.scan(genome, **options))
    assert {hit.chrom for hit in everything} == {name, "other"}
    assert list(promscan.scan(genome, bed=bed, **options)) == [hit for hit in everything if hit.chrom == name]
    assert list(promscan.scan(genome, exclude=bed, **options)) == [hit for hit in everything if hit.chrom == "other"]


def test_a_message_repeats_no_endless_name(tmp_path):
    path = tmp_path / "list.bed"
    path.write_text("chr1\t10\t20\n")
    with pytest.raises(InputError) as refused:
        read_bed(path).check_against({"chr" + "x" * 100_000: 15}, "list.bed")
    assert "list.bed" in str(refused.value)
    assert len(str(refused.value)) <= 1010
