"""The same promises, kept by every format and destination; files read back by independent readers."""

import dataclasses
import gzip
import json
import math
import os
import shutil
import stat
import sys
from pathlib import Path
from urllib.parse import unquote

import gffutils
import pybedtools
import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import promscan
from promscan.dna import tss_of
from promscan.errors import RunError
from promscan.files import atomic_path
from promscan.peaks import probability_of
from promscan.records import Hit
from promscan.writers import (
    BED_COLUMNS,
    FORMATS,
    TBI_LIMIT,
    header_line,
    open_text_output,
    open_writer,
    write_summary,
)

HEADER = {"model": "core70", "sha256": "ab12", "threshold": "2.5", "strand": "both"}
FIRST_LINE = f"#promscan {promscan.__version__} model=core70 sha256=ab12 threshold=2.5 strand=both"
SUFFIXES = {"bed": ".bed", "gff3": ".gff3", "narrowpeak": ".narrowPeak"}
TARGETS = [suffix + gz for suffix in SUFFIXES.values() for gz in ("", ".gz")]
ODD_NAMES = [
    "a=b;c&d,e",
    "gi|12|ref:1-9",
    "50%",
    "~x",
    "chr>1",
    "HLA-A*01:01",
    "chrΩ",
    ">x",
    "a#b",
    "q\"uo'te",
    "x(1)/[2]",
]


def make_hit(start=1000, strand="+", chrom="chr1", logit=2.0, **grades):
    return Hit(chrom, start, strand, tss_of(start, strand), logit, probability_of(logit), **grades)


HITS = [
    make_hit(1000, "+", fp_per_mb=12.3456, strength=1.5, strength_sd=0.25),
    make_hit(1000, "-", logit=-0.00001),
    make_hit(5000, "-", logit=8.123449, fp_per_mb=0.00001234),
    make_hit(0, "+", chrom="chr2", logit=40.0, strength=-0.00001),
]


def write(target, hits, format=None, header=HEADER):
    with open_writer(str(target), format, header) as writer:
        for hit in hits:
            writer.write(hit)
    return target


def write_and_fail(target, hits, error):
    with open_writer(str(target), None, HEADER) as writer:
        for hit in hits:
            writer.write(hit)
        raise error


def lines_of(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        return file.read().split("\n")


def rows_of(path):
    return [line.split("\t") for line in lines_of(path) if line and not line.startswith("#")]


def attributes_of(row):
    return {tag: unquote(value) for tag, value in (pair.split("=") for pair in row[8].split(";"))}


def place_of(row, suffix):
    """(chrom, start, end, name, strand, tss) of a row, 0-based and half-open."""
    if "gff" in suffix:
        attributes = attributes_of(row)
        tss = int(attributes["tss"]) - 1
        return (unquote(row[0]), int(row[3]) - 1, int(row[4]), attributes["ID"], row[6], tss)
    tss = int(row[6]) if suffix.startswith(".bed") else int(row[1]) + int(row[9])
    return (row[0], int(row[1]), int(row[2]), row[3], row[5], tss)


def grades_of(row, suffix):
    """Grade to text; absent ones left out."""
    if "gff" in suffix:
        attributes = attributes_of(row)
        return {"probability": row[5], **{k: v for k, v in attributes.items() if k not in ("ID", "tss")}}
    if "arrow" in suffix:
        return {"logit": row[6]}
    return {name: text for name, text in zip(BED_COLUMNS[7:], row[7:], strict=True) if text != "."}


def expected_place(hit):
    return (hit.chrom, hit.start, hit.end, hit.name, hit.strand, hit.tss)


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


def test_a_missing_folder_is_told_before_any_work(target):
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
    assert " ".join(rows[0]) == "chr1 1000 1070 chr1_1033_+ 881 + 1033 2.0000 0.8808 12.35 1.5000 0.2500"
    assert " ".join(rows[1]) == "chr1 1000 1070 chr1_1036_- 500 - 1036 0.0000 0.5000 . . ."


def test_gff3_row(tmp_path):
    (row,) = rows_of(write(tmp_path / "hits.gff3", [make_hit(chrom="a=b;c")]))
    attributes = "ID=a%3Db%3Bc_1033_+;tss=1034;logit=2.0000"
    assert " ".join(row) == f"a%3Db%3Bc promscan promoter 1001 1070 0.8808 + . {attributes}"


def test_narrowpeak_row(tmp_path):
    (row,) = rows_of(write(tmp_path / "hits.narrowPeak", [make_hit(strand="-")]))
    assert " ".join(row) == "chr1 1000 1070 chr1_1036_- 881 - 2.0000 -1 -1 36"


# Independent readers

names = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=12).filter(
    lambda name: not name.startswith("#")
)
grades = st.none() | st.floats(-1e6, 1e6)
hits = st.builds(
    make_hit,
    start=st.integers(0, 2**31 - 100),
    strand=st.sampled_from("+-"),
    chrom=names,
    logit=st.floats(-50, 50, width=32),
    fp_per_mb=st.none() | st.floats(0, 1e6),
    strength=grades,
    strength_sd=st.none() | st.floats(0, 1e3),
)
in_a_fresh_file = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@in_a_fresh_file
@given(st.lists(hits, max_size=4))
def test_all_formats_tell_the_same(tmp_path, drawn):
    rows = {suffix: rows_of(write(tmp_path / f"hits{suffix}", drawn)) for suffix in SUFFIXES.values()}
    for suffix, of_format in rows.items():
        assert [place_of(row, suffix) for row in of_format] == [expected_place(hit) for hit in drawn]
    for bed, gff, peak in zip(*rows.values(), strict=True):
        assert grades_of(bed, ".bed") == grades_of(gff, ".gff3")
        assert grades_of(bed, ".bed")["logit"] == grades_of(peak, ".narrowPeak")["logit"]
        assert bed[:6] == peak[:6]
        assert 0 <= int(bed[4]) <= 1000
        assert not any(float(text) == 0 and text.startswith("-") for text in grades_of(bed, ".bed").values())


@in_a_fresh_file
@given(drawn=hits)
def test_printed_numbers_are_the_grades(tmp_path, drawn):
    (row,) = rows_of(write(tmp_path / "hits.bed", [drawn]))
    printed = {name: float(text) for name, text in grades_of(row, ".bed").items()}
    known = {name: getattr(drawn, name) for name in BED_COLUMNS[7:] if getattr(drawn, name) is not None}
    assert printed.keys() == known.keys()
    for name, value in known.items():
        rel, absolute = (5e-4, 0) if name == "fp_per_mb" else (1e-12, 5.0001e-5)
        assert math.isclose(printed[name], value, rel_tol=rel, abs_tol=absolute)


UNGRADED = [dataclasses.replace(hit, fp_per_mb=None) for hit in HITS]
needs_bedtools = pytest.mark.skipif(shutil.which("bedtools") is None, reason="needs bedtools")


def test_pybedtools_reads_the_bed_file(tmp_path):
    bed = pybedtools.BedTool(str(write(tmp_path / "hits.bed", HITS)))
    assert [(f.chrom, f.start, f.end, f.name, f.strand) for f in bed] == [expected_place(hit)[:5] for hit in HITS]


@needs_bedtools
@pytest.mark.parametrize("suffix", [".bed", ".bed.gz", ".gff3", ".narrowPeak"])
def test_bedtools_intersects_the_file(tmp_path, suffix):
    path = write(tmp_path / f"hits{suffix}", UNGRADED)
    (tmp_path / "query.bed").write_text("chr1\t5060\t5061\n")
    found = pybedtools.BedTool(str(path)).intersect(str(tmp_path / "query.bed"), u=True)
    assert [place_of(feature.fields, suffix) for feature in found] == [expected_place(HITS[2])]


@needs_bedtools
@pytest.mark.xfail(
    raises=pybedtools.helpers.BEDToolsError,
    reason="bedtools takes 12 columns for BED12 when columns 7, 8 and 10 of the first row are numbers",
)
def test_bedtools_intersects_a_bed_file_with_fp_per_mb(tmp_path):
    path = write(tmp_path / "hits.bed", HITS)
    assert len(pybedtools.BedTool(str(path)).intersect(str(path), u=True)) == len(HITS)


@pytest.mark.parametrize("suffix", SUFFIXES.values())
def test_tabix_fetches_a_region(tmp_path, suffix):
    path = write(tmp_path / f"hits{suffix}.gz", HITS)
    with pysam.TabixFile(str(path)) as file:
        assert file.contigs == ["chr1", "chr2"]
        found = [place_of(row.split("\t"), suffix)[1:3] for row in file.fetch("chr1", 5069, 5070)]
        assert found == [(5000, 5070)]
        assert list(file.fetch("chr1", 5070, 5071)) == []
        assert len(list(file.fetch("chr2"))) == 1


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # gffutils leaves its database to the garbage collector
def test_gffutils_reads_the_gff3_file(tmp_path):
    odd = [make_hit(chrom=name) for name in ODD_NAMES]
    path = write(tmp_path / "hits.gff3", [*HITS, *odd])
    database = gffutils.create_db(str(path), ":memory:")
    features = {feature.id: feature for feature in database.all_features()}
    assert len(features) == len(HITS) + len(odd)
    for hit in [*HITS, *odd]:
        feature = features[hit.name]
        assert (unquote(feature.seqid), feature.start, feature.end, feature.strand) == (
            hit.chrom, hit.start + 1, hit.end, hit.strand,
        )  # fmt: skip
        assert (feature.featuretype, feature.source) == ("promoter", "promscan")
        assert float(feature.attributes["logit"][0]) == pytest.approx(hit.logit, abs=1e-4)
        # The attribute names the same base as the 1-based coordinates of the feature.
        assert int(feature.attributes["tss"][0]) - feature.start == hit.tss - hit.start


# Indexes


@pytest.mark.parametrize("suffix", SUFFIXES.values())
def test_csi_index_beyond_the_reach_of_tbi(tmp_path, suffix):
    path = tmp_path / f"hits{suffix}.gz"
    far = make_hit(start=TBI_LIMIT - 69)
    write(path, [make_hit(), far])
    assert {p.name for p in tmp_path.iterdir()} == {path.name, f"{path.name}.csi"}
    with pysam.TabixFile(str(path), index=f"{path}.csi") as file:
        assert len(list(file.fetch("chr1", TBI_LIMIT, TBI_LIMIT + 1))) == 1


@pytest.mark.parametrize("suffix", SUFFIXES.values())
def test_tbi_index_up_to_its_last_base(tmp_path, suffix):
    path = write(tmp_path / f"hits{suffix}.gz", [make_hit(start=TBI_LIMIT - 70)])
    assert Path(f"{path}.tbi").exists()
    with pysam.TabixFile(str(path)) as file:
        assert len(list(file.fetch("chr1", TBI_LIMIT - 1, TBI_LIMIT))) == 1


def test_no_stale_index_stays(tmp_path):
    path = tmp_path / "hits.bed.gz"
    near, far = make_hit(), make_hit(start=TBI_LIMIT)
    for hit, kind in ((near, "tbi"), (far, "csi"), (near, "tbi"), (near, "tbi")):
        write(path, [hit])
        assert {p.name for p in tmp_path.iterdir()} == {path.name, f"{path.name}.{kind}"}


def test_index_is_not_older_than_its_file(tmp_path):
    """htslib warns about that."""
    path = write(tmp_path / "hits.bed.gz", HITS)
    assert Path(f"{path}.tbi").stat().st_mtime_ns >= path.stat().st_mtime_ns


def test_hits_out_of_order_leave_nothing(tmp_path, capfd):
    with pytest.raises(RunError, match=r"hits\.bed\.gz"):
        write(tmp_path / "hits.bed.gz", [make_hit(), make_hit(chrom="chr2"), make_hit()])
    assert list(tmp_path.iterdir()) == []


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
def test_format_is_asked_for_or_told_by_the_suffix(tmp_path, name, format, first):
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


# Other texts


def test_summary_is_sorted_json(tmp_path):
    path = tmp_path / "summary.json"
    write_summary(path, {"b": 1, "a": {"name": "é", "x": None}})
    assert path.read_text(encoding="utf-8") == '{\n  "a": {\n    "name": "é",\n    "x": null\n  },\n  "b": 1\n}\n'
    assert json.loads(path.read_bytes())["b"] == 1


def test_summary_that_is_no_json_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_summary(tmp_path / "summary.json", {"a": object()})
    assert list(tmp_path.iterdir()) == []


def test_text_output(tmp_path, capsys):
    with open_text_output(str(tmp_path / "x.tsv")) as file:
        file.write("a\n")
        assert not (tmp_path / "x.tsv").exists()
    assert (tmp_path / "x.tsv").read_bytes() == b"a\n"
    with open_text_output("-") as file:
        file.write("b\n")
    assert capsys.readouterr().out == "b\n"


def half_write(target):
    with atomic_path(target) as path:
        path.write_text("half")
        raise ZeroDivisionError


def test_atomic_path_replaces_whole_files_or_none(tmp_path):
    target = tmp_path / "x"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError):
        half_write(target)
    assert target.read_text() == "old"
    with atomic_path(target) as path:
        path.write_text("new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]
