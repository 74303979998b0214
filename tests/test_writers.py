"""The same promises, kept by every format and destination."""

import gzip
import os
import stat
import sys
from pathlib import Path

import pysam
import pytest
from written_hits import (
    FIRST_LINE,
    HEADER,
    HITS,
    ODD_NAMES,
    SUFFIXES,
    TARGETS,
    expected_place,
    grades_of,
    lines_of,
    make_hit,
    place_of,
    rows_of,
    write,
    write_and_fail,
)

from promscan.errors import RunError
from promscan.io.hit_layouts import FORMATS
from promscan.io.hit_writers import header_line, open_writer
from promscan.io.schemas import BED_COLUMNS

# What every format and compression promises


@pytest.fixture(params=TARGETS)
def target(request, tmp_path):
    return tmp_path / f"hits{request.param}"


def test_rows_are_the_hits_in_order(target):
    write(target, HITS)
    assert [place_of(row, "".join(target.suffixes)) for row in rows_of(target)] == [expected_place(hit) for hit in HITS]


def test_first_lines_say_what_was_run(target):
    lines = lines_of(write(target, HITS))
    suffix = target.suffixes[0]
    expected = {
        ".bed": [FIRST_LINE, "#" + "\t".join(BED_COLUMNS)],
        ".gff3": ["##gff-version 3", FIRST_LINE],
        ".narrowPeak": [FIRST_LINE],
    }[suffix]
    assert lines[: len(expected)] == expected
    assert sum(line.startswith("#") for line in lines) == len(expected)
    assert lines[-1] == ""  # the last line ends


def test_same_hits_give_the_same_bytes(target, tmp_path):
    first = write(target, HITS).read_bytes()
    assert write(target, HITS).read_bytes() == first
    (tmp_path / "elsewhere").mkdir()
    assert write(tmp_path / "elsewhere" / target.name, HITS).read_bytes() == first


def test_no_hits_make_a_valid_file(target):
    write(target, [])
    assert rows_of(target) == []
    assert FIRST_LINE in lines_of(target)
    if target.suffix == ".gz":
        with pysam.TabixFile(str(target)) as file:
            assert list(file.fetch()) == []
            assert FIRST_LINE in file.header


@pytest.mark.parametrize("error", [ZeroDivisionError, OSError, KeyboardInterrupt])
@pytest.mark.parametrize("hits", [[], HITS[:2]])
def test_nothing_is_left_when_the_work_fails(target, error, hits):
    with pytest.raises(error):
        write_and_fail(target, hits, error)
    assert list(target.parent.iterdir()) == []


def test_an_earlier_file_stays_when_the_work_fails(target):
    write(target, HITS)
    before = {path: path.read_bytes() for path in target.parent.iterdir()}
    with pytest.raises(ZeroDivisionError):
        write_and_fail(target, HITS[1:2], ZeroDivisionError)
    assert {path: path.read_bytes() for path in target.parent.iterdir()} == before


def test_file_appears_only_at_the_end_with_ordinary_permissions(target):
    with open_writer(str(target), None, HEADER) as writer:
        writer.write(HITS[0])
        assert not target.exists()
    expected = {target.name, f"{target.name}.tbi"} if target.suffix == ".gz" else {target.name}
    assert {path.name for path in target.parent.iterdir()} == expected
    (plain := target.parent / "plain").touch()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in target.parent.iterdir()}
    assert modes == {stat.S_IMODE(plain.stat().st_mode)}


def test_a_missing_folder_is_refused_before_any_work(target):
    with (
        pytest.raises(RunError, match="missing/hits"),
        open_writer(f"{target.parent}/missing/{target.name}", None, HEADER),
    ):
        pytest.fail("the work began")


def test_a_folder_is_no_target(target):
    target.mkdir()
    with pytest.raises(RunError, match="is a folder"), open_writer(str(target), None, HEADER):
        pytest.fail("the work began")


@pytest.mark.parametrize("chrom", ODD_NAMES)
def test_odd_contig_names_survive(target, chrom):
    hit = make_hit(chrom=chrom)
    (row,) = rows_of(write(target, [hit]))
    assert place_of(row, "".join(target.suffixes)) == expected_place(hit)


def test_names_that_are_no_utf8_keep_their_bytes(target):
    hit = make_hit(chrom=b"chr\xff1".decode("utf-8", "surrogateescape"))
    write(target, [hit])
    data = gzip.decompress(target.read_bytes()) if target.suffix == ".gz" else target.read_bytes()
    assert (b"chr%FF1\t" if "gff3" in target.name else b"chr\xff1\t") in data


# Numbers


@pytest.mark.parametrize("format", FORMATS)
def test_numbers_of_the_formats(format, tmp_path):
    expected = [
        {
            "logit": "2.0000",
            "probability": "0.8808",
            "fp_per_mb": "12.35",
            "strength": "1.5000",
            "strength_sd": "0.2500",
        },
        {"logit": "0.0000", "probability": "0.5000"},
        {"logit": "8.1234", "probability": "0.9997", "fp_per_mb": "1.234e-05"},
        {"logit": "40.0000", "probability": "1.0000", "strength": "0.0000"},
    ]
    rows = rows_of(write(tmp_path / f"hits{SUFFIXES[format]}", HITS))
    for row, numbers in zip(rows, expected, strict=True):
        shown = {"logit": numbers["logit"]} if format == "narrowpeak" else numbers
        assert grades_of(row, SUFFIXES[format]) == shown


def test_bed_row(tmp_path):
    rows = rows_of(write(tmp_path / "hits.bed", HITS[:2]))
    assert " ".join(rows[0]) == "chr1 1000 1070 chr1_1033_+ 881 + 1033 2.0000 0.8808 12.35 1.5000 0.2500 promoter"
    assert " ".join(rows[1]) == "chr1 1000 1070 chr1_1036_- 500 - 1036 0.0000 0.5000 . . . promoter"


def test_gff3_row(tmp_path):
    (row,) = rows_of(write(tmp_path / "hits.gff3", [make_hit(chrom="a=b;c")]))
    attributes = "ID=a%3Db%3Bc_1033_+;tss=1034;logit=2.0000"
    assert " ".join(row) == f"a%3Db%3Bc promscan promoter 1001 1070 0.8808 + . {attributes}"


def test_narrowpeak_row(tmp_path):
    (row,) = rows_of(write(tmp_path / "hits.narrowPeak", [make_hit(strand="-")]))
    assert " ".join(row) == "chr1 1000 1070 chr1_1036_- 881 - 2.0000 -1 -1 36"


# Formats and destinations


@pytest.mark.parametrize(
    ("name", "format", "first"),
    [
        ("x.gff", None, "##gff-version 3"),
        ("x.GFF3", None, "##gff-version 3"),
        ("x.narrowpeak", None, FIRST_LINE),
        ("x.txt", "gff3", "##gff-version 3"),
        ("x.bed", "gff3", "##gff-version 3"),
        ("x.txt.gz", "bed", FIRST_LINE),
    ],
)
def test_format_is_that_asked_for_or_that_of_the_suffix(tmp_path, name, format, first):
    assert lines_of(write(tmp_path / name, HITS, format))[0] == first


@pytest.mark.parametrize("name", ["x.txt", "x", "bed", "x.gz", "x.bed.bz2"])
def test_unknown_suffix_names_the_cure(tmp_path, name):
    with pytest.raises(RunError, match="--format"):
        write(tmp_path / name, HITS)
    assert list(tmp_path.iterdir()) == []


def test_unknown_format_names_the_known_ones(tmp_path):
    with pytest.raises(RunError, match="choose one of bed, gff3, narrowpeak"):
        write(tmp_path / "x.bed", HITS, "vcf")


@pytest.mark.parametrize("format", [None, *FORMATS])
def test_standard_output_gets_the_bytes_of_the_file(tmp_path, capfdbinary, format):
    path = write(tmp_path / "hits", HITS, format or "bed")
    write("-", HITS, format)
    assert capfdbinary.readouterr().out == path.read_bytes()


def test_a_broken_pipe_is_passed_on(monkeypatch):
    reader, sink = os.pipe()
    os.close(reader)
    with open(sink, "w", closefd=False) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(BrokenPipeError):
            write("-", HITS)
        monkeypatch.undo()
        # The bytes that never got out must not fail the test when the file is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sink)
    os.close(sink)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("count", [1, 5000])
def test_a_full_disk_is_one_line(count):
    with pytest.raises(RunError, match="/dev/full: cannot be written: No space left"):
        write("/dev/full", HITS[:1] * count, "bed")


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="needs /dev/null")
def test_a_device_is_written_to_not_replaced():
    write("/dev/null", HITS, "bed")
    assert Path("/dev/null").is_char_device()


def test_a_symbolic_link_stays_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "hits.bed"
    link.symlink_to(tmp_path / "disk" / "real.bed")
    write(link, HITS)
    assert link.is_symlink()
    assert len(rows_of(tmp_path / "disk" / "real.bed")) == len(HITS)


def test_values_of_the_header_are_single_words():
    assert header_line({"model": "my model 5%"}).endswith(" model=my%20model%205%25")
