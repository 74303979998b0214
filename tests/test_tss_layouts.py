"""Lists of transcription starts in every layout are the same starts, and what is not clear is not guessed."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from genomes import DATA, DEMO, TINY
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.errors import InputError
from promscan.io.tss import read_known_promoters, read_starts
from promscan.io.tss_choices import TSS_FROM
from promscan.seq.intervals import Intervals
from promscan.seq.records import Interval
from promscan.seq.tss import KnownStarts, Site

CONTIGS = {"chr1": 100_000, "chr2": 5_000}
STARTS = [Site("chr1", 2_000, "+"), Site("chr1", 70_000, "-"), Site("chr1", 2_400, "-"), Site("chr2", 4_000, "+")]
ALL_CHOICES = "--tss-from start|5prime|thick|summit|transcript|gene"


def rows(row: Callable[[Site, str], tuple[object, ...]], sites: list[Site] = STARTS) -> str:
    """A table with a row for each start; `row` takes a start and its name."""
    return "".join("\t".join(map(str, row(site, f"G{index}_1"))) + "\n" for index, site in enumerate(sites))


def around(site: Site, before: int, after: int) -> tuple[int, int]:
    """The interval from `before` bp upstream of a start to `after` bp downstream of it."""
    return (
        (site.tss - before, site.tss + after + 1) if site.strand == "+" else (site.tss - after, site.tss + before + 1)
    )


def bed6(before: int, after: int) -> Callable[[Site, str], tuple[object, ...]]:
    return lambda site, name: (site.chrom, *around(site, before, after), name, 0, site.strand)


def epdnew(site: Site, name: str) -> tuple[object, ...]:
    start, end = around(site, 49, 10)
    thick = (site.tss, end) if site.strand == "+" else (start, site.tss + 1)
    return (site.chrom, start, end, name, 900, site.strand, *thick)


def cage(site: Site, name: str) -> tuple[object, ...]:
    return (*bed6(7, 30)(site, name), site.tss, site.tss + 1, "0,0,0")


def narrowpeak(site: Site, name: str) -> tuple[object, ...]:
    start, end = around(site, 20, 80)
    return (site.chrom, start, end, name, 500, site.strand, 7.5, -1, -1, site.tss - start)


def bed12(site: Site, name: str) -> tuple[object, ...]:
    start, end = around(site, 0, 299)
    return (site.chrom, start, end, name, 0, site.strand, start + 40, end - 60, 0, 1, f"{end - start},", "0,")


def own_bed(site: Site, name: str) -> tuple[object, ...]:
    start, end = around(site, 33, 36)
    name = f"{site.chrom}_{site.tss}_{site.strand}"
    return (site.chrom, start, end, name, 900, site.strand, site.tss, "2.1972", "0.9", ".", ".", ".", "promoter")


def own_gff3(site: Site, name: str) -> tuple[object, ...]:
    start, end = around(site, 33, 36)
    attributes = f"ID={site.chrom}_{site.tss}_{site.strand};tss={site.tss + 1};logit=2.1972"
    return (site.chrom, "promscan", "promoter", start + 1, end, "0.9", site.strand, ".", attributes)


def feature(type: str, attributes: str, before: int = 0, after: int = 299) -> Callable[[Site, str], tuple[object, ...]]:
    def row(site: Site, name: str) -> tuple[object, ...]:
        start, end = around(site, before, after)
        return (site.chrom, "havana", type, start + 1, end, ".", site.strand, ".", attributes.format(name))

    return row


GTF = (
    "#!genome-build\n"
    + rows(feature("gene", 'gene_id "E{0}"; gene_name "{0}";', after=800))
    + rows(feature("transcript", 'gene_id "E{0}"; transcript_id "T{0}"; gene_name "{0}";'))
    + rows(feature("exon", 'gene_id "E{0}"; transcript_id "T{0}"; gene_name "{0}";', after=99))
    + rows(feature("CDS", 'gene_id "E{0}"; transcript_id "T{0}"; gene_name "{0}";', before=-30, after=99))
)
GFF3 = (
    "##gff-version 3\n"
    + rows(feature("gene", "ID={}", after=800))
    + rows(feature("mRNA", "ID={0};Parent=gene:{0}"))
    + rows(feature("miRNA", "ID=mi{0};Parent={0}", before=-100, after=150))
    + rows(feature("exon", "Parent={0}", after=99))
    + "##FASTA\n>chr1\nACGT\n"
)
CLEAR = {
    "BED6 of one base": rows(bed6(0, 0)),
    "BED6 with more columns": rows(lambda site, name: (*bed6(0, 0)(site, name), 36)),
    "one base, and no thick interval": rows(lambda site, name: (*bed6(0, 0)(site, name), 0, 0)),
    "blanks": rows(bed6(0, 0)).replace("\t", " "),
    "EPDnew": rows(epdnew),
    "CAGE peaks, BED9": rows(cage),
    "CAGE peaks, BED12": rows(lambda site, name: (*cage(site, name), 1, "38,", "0,")),
    "narrowPeak": rows(narrowpeak),
    "BED of promscan": f"#promscan 0.1.0\n{rows(own_bed)}",
    "BED of promscan without a header": rows(own_bed),
    "GFF3 of promscan": f"##gff-version 3\n#promscan 0.1.0\n{rows(own_gff3)}",
    "GFF3 of starts": rows(feature("TSS", "ID={}", after=0)),
    "GTF of starts": rows(feature("TSS", 'gene_name "{}"', after=0)),
    "a column called tss": "#chr\tfrom\tto\tname\tscore\tstrand\ttss\n"
    + rows(lambda site, name: (*bed6(9, 50)(site, name), site.tss)),
}
UNCLEAR = {
    "5' ends of long intervals": rows(bed6(0, 1_999), [Site("chr1", 2_000, "+"), Site("chr1", 70_000, "-")]),
    "two bases": rows(bed6(0, 1)),
    "one base and longer": rows(bed6(0, 0)) + rows(bed6(0, 60)),
    "BED12 transcripts": rows(bed12),
    "thick bases outside": rows(lambda site, name: (*bed6(7, 30)(site, name), 1, 2, "0")),
    "one thick interval of two bases": rows(cage)
    + rows(lambda s, name: (*bed6(7, 30)(s, name), s.tss, s.tss + 2, "0")),
    "60 bp that are not laid out as EPDnew": rows(epdnew).replace("1951", "1952", 1).replace("2011", "2012", 1),
    "a peak without a summit": rows(narrowpeak) + "chr1\t10\t20\tx\t0\t+\t1\t1\t1\t-1\n",
    "a summit outside of its peak": rows(narrowpeak) + "chr1\t10\t20\tx\t0\t+\t1\t1\t1\t10\n",
    "GTF": GTF,
    "GFF3": GFF3,
    "transcripts of GFF3": rows(feature("mRNA", "ID={}")),
    "starts of one base among genes": GFF3 + rows(feature("TSS", "ID={}", after=0)),
}


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "tss.list"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder: Path, content: str | bytes, tss_from: str | None = None) -> KnownStarts:
    return read_starts(written(folder, content), CONTIGS, tss_from)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "promscan")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("content", CLEAR.values(), ids=CLEAR)
def test_a_clear_layout_is_read_and_the_reading_is_said(tmp_path: Path, content: str, said) -> None:
    starts = read(tmp_path, content)
    assert list(starts) == sorted(STARTS, key=lambda site: (site.chrom, site.strand, site.tss))
    (line,) = said()
    assert line == f"{tmp_path}/tss.list: 4 TSSs, each {starts.reading}"


@pytest.mark.parametrize("content", [CLEAR["EPDnew"], CLEAR["GFF3 of promscan"], CLEAR["narrowPeak"]])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: gzip.compress(text.encode()),
    ],
    ids=["CRLF", "CR", "BOM", "gzip"],
)
def test_lists_are_text_in_any_form(tmp_path: Path, content: str, change: Callable[[str], bytes]) -> None:
    assert list(read(tmp_path, change(content))) == list(read(tmp_path, content))


@pytest.mark.parametrize("content", UNCLEAR.values(), ids=UNCLEAR)
def test_what_is_not_clear_is_refused_with_all_choices(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert ALL_CHOICES in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/tss.list")
    assert "\n" not in str(caught.value)


def test_two_readings_that_fit_and_differ_are_refused(tmp_path: Path) -> None:
    both = "chr1\t100\t160\tx\t0\t+\t120\t121\t0\t20\n"
    assert list(read(tmp_path, both)) == [Site("chr1", 120, "+")]
    with pytest.raises(InputError, match=r"line 2: the TSS may be the one-base thick interval .*, or the summit"):
        read(tmp_path, both + both.replace("\t20\n", "\t30\n"))


@pytest.mark.parametrize(
    ("content", "tss_from"),
    [
        (rows(bed6(0, 799)), "5prime"),
        (rows(bed12), "5prime"),
        (rows(bed12), "transcript"),
        (rows(bed6(0, 799)), "gene"),
        (rows(epdnew), "thick"),
        (rows(cage), "thick"),
        (rows(narrowpeak), "summit"),
        (rows(bed6(0, 0)), "start"),
        (GTF, "transcript"),
        (GTF, "gene"),
        (GFF3, "transcript"),
        (GFF3, "gene"),
        (GFF3 + rows(feature("TSS", "ID={}", after=0)), "start"),
        (rows(feature("promoter", "ID={}")), "5prime"),
    ],
)
def test_a_choice_is_obeyed(tmp_path: Path, content: str, tss_from: str) -> None:
    content = content.replace("##FASTA\n>chr1\nACGT\n", "")
    starts = read(tmp_path, content, tss_from)
    assert sorted(starts) == sorted(STARTS)
    assert starts.reading.endswith(f"(--tss-from {tss_from})")


def test_start_is_the_lower_end_on_both_strands(tmp_path: Path) -> None:
    assert list(read(tmp_path, "chr1\t100\t300\tx\t0\t-\n", "start")) == [Site("chr1", 100, "-")]


@pytest.mark.parametrize(
    ("content", "tss_from", "message"),
    [
        (rows(bed6(0, 9)), "thick", "line 1: there is no thick interval in it .columns 7 and 8."),
        (rows(lambda s, name: (*bed6(0, 9)(s, name), 5, 9)), "thick", "line 1: there is no thick interval"),
        (rows(lambda s, name: (*bed6(0, 9)(s, name), s.tss, s.tss)), "thick", "line 1: there is no thick interval"),
        (rows(bed6(0, 9)), "summit", "line 1: there is no summit in it .column 10 of narrowPeak."),
        (rows(bed12), "summit", "line 1: there is no summit"),
        ("chr1\t10\t20\tx\t0\t+\t1\t1\t1\t-1\n", "summit", "line 1: there is no summit"),
        (GTF, "thick", "GFF3 and GTF have no thick column; choose --tss-from transcript or gene"),
        (GTF, "5prime", "it lists 4 gene, 4 transcript, 4 exon, 4 CDS; choose --tss-from transcript or gene"),
        (rows(feature("exon", "ID={}")), "transcript", "no feature in it is a transcript, only 4 exon"),
        (rows(feature("pseudogene", "ID={}")), "gene", "no feature in it is a gene, only 4 pseudogene"),
        ("chr1\t0\t0\tx\t0\t-\n", "5prime", "line 1: an interval of 0 bp holds no TSS; end it at 1"),
        ("chr1\t9\t9\tx\t0\t+\n", "start", "line 1: an interval of 0 bp holds no TSS; end it at 10"),
        ("chr1\t9\t9\tx\t0\t+\n", "gene", "line 1: an interval of 0 bp holds no TSS"),
        ("chr2\t4990\t5010\tx\t0\t+\n", "5prime", "line 1: reaches past the end of chr2 at 5000; is it for this"),
        (rows(bed6(0, 9)), "middle", r"'middle' names no base of an interval; choose --tss-from start\|5prime"),
    ],
)
def test_a_choice_that_a_list_does_not_have_is_refused(
    tmp_path: Path, content: str, tss_from: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, content, tss_from)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("chr1\t5\t6\n", "line 1: there is no strand, + or -, in column 6"),
        ("chr1\t5\t70\tx\t0\n", "line 1: there is no strand"),
        (rows(bed6(0, 0)) + "chr1\t5\t6\tx\t0\t.\n", "line 5: there is no strand"),
        (rows(narrowpeak).replace("+", ".", 1), "line 1: there is no strand"),
        (
            rows(feature("TSS", "ID={}", after=0)).replace("+", ".", 1),
            "line 1: there is no strand, + or -, in column 7",
        ),
        ("chr2\t4999\t5000\tx\t0\t+\nchr2\t5000\t5001\tx\t0\t+\n", "line 2: 5000 lies past the end of chr2 at 5000"),
        (
            "##gff-version 3\nchr1\tx\tTSS\t0\t1\t.\t+\t.\tID=1\n",
            "line 2: 0 to 1 is no feature; positions count from 1",
        ),
        ("##gff-version 3\nchr1\t1\t2\tx\t0\t+\n", "line 2: not a GFF3 or GTF feature"),
        (rows(own_gff3).replace("tss=2001", "tss=9001"), "line 1: the tss '9001' of a hit of promscan is not in its"),
        (rows(own_gff3).replace("tss=2001;", ""), "line 1: the tss '' of a hit of promscan is not in its interval"),
        (
            rows(own_bed).replace("2000", "9000"),
            "line 1: the tss 9000 in column 7 is not in its interval, 1967 to 2037",
        ),
        ("", "there are no TSSs in it; give TSSs as BED, GFF3 or GTF"),
        ("track name=x\n#\n", "there are no TSSs in it"),
        (b"chr1\t5\t6\tx\t0\t+\nchr1\t5\t6\t\xe9\t0\t+\n", "line 2: not a text file in UTF-8"),
        ("chr1\t5\t6\tx\t0\t.\n", "in column 6; correct it, or leave such rows out"),
        ("chr1\t5\t6\tx\n", "in column 6; give BED of at least six columns"),
        ("track\tx\tTSS\t5\tx\t.\t+\t.\tID=1\n", "line 1: not a BED interval"),
        (">chr1 long\nACGTN\n", "this is a FASTA file; give TSSs as BED, GFF3 or GTF"),
        ("##fileformat=VCFv4.2\nchr1\t5\t.\tA\tC\t.\t.\t.\n", "this is a VCF file; give"),
        ('{"chr1": 5}\n', "this is a JSON file; give"),
        ("BAM\1\0\0\n", "this is a BAM file; give TSSs as BED, GFF3 or GTF"),
    ],
)
def test_a_row_that_is_no_start_is_refused_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["track", "browser"])
@pytest.mark.parametrize("layout", ["GFF3 of starts", "GTF of starts", "GFF3 of promscan", "CAGE peaks, BED9"])
def test_a_row_on_a_contig_called_like_a_line_of_a_genome_browser_is_read(
    tmp_path: Path, layout: str, name: str
) -> None:
    content = CLEAR[layout].replace("chr2", name)
    for text in (content, "".join(reversed(content.splitlines(keepends=True)))):
        starts = read_starts(written(tmp_path, f"track name=x\n{text}"), {**CONTIGS, name: 5_000})
        assert list(starts.only_on([name])) == [Site(name, 4_000, "+")]
        assert len(starts) == len(STARTS)


def test_ends_of_transcripts_among_starts_are_not_taken_for_starts(tmp_path: Path) -> None:
    content = rows(feature("TSS", "ID={}", after=0)) + rows(feature("transcription_end_site", "ID=e{}", -200, 200))
    with pytest.raises(InputError, match="it lists 4 TSS, 4 transcription_end_site, and not only TSSs"):
        read(tmp_path, content)
    assert sorted(read(tmp_path, content, "start")) == sorted(STARTS)


def test_parts_of_transcripts_alone_are_no_known_promoters(tmp_path: Path) -> None:
    path = written(tmp_path, rows(feature("exon", "ID={}")))
    with pytest.raises(InputError, match="it lists only parts of transcripts, such as exon; give genes, transcripts"):
        read_known_promoters(path, CONTIGS)


def test_every_start_keeps_its_name(tmp_path: Path) -> None:
    for content, tss_from in ((rows(cage), None), (GTF, "gene"), (GFF3, "transcript")):
        starts = read(tmp_path, content, tss_from)
        assert [starts.name(site) for site in STARTS] == ["G0_1", "G1_1", "G2_1", "G3_1"]
        assert starts.only_on(["chr2"]).name(STARTS[3]) == "G3_1"
        assert list(starts.only_on(["chr2"])) == [STARTS[3]]
    starts = read(tmp_path, "chr1\t5\t6\t.\t0\t+\nchr1\t5\t6\tfirst\t0\t+\nchr1\t5\t6\tsecond\t0\t+\n")
    assert starts.name(Site("chr1", 5, "+")) == "first"
    assert starts.name(Site("chr1", 6, "+")) == ""
    assert starts.digest() == KnownStarts([Site("chr1", 5, "+")]).digest()


def test_contigs_that_the_genome_lacks_are_left_out_and_counted(tmp_path: Path, said) -> None:
    starts = read(tmp_path, rows(bed6(0, 0)) + "chr3\t5\t6\tx\t0\t+\nchr3\t7\t8\tx\t0\t+\nchr4\t1\t2\tx\t0\t-\n")
    assert sorted(starts) == sorted(STARTS)
    assert said()[0] == f"{tmp_path}/tss.list: 3 rows on 2 contigs that the genome lacks, such as 'chr3': left out"
    # The layout is that of the whole list, whatever the genome has of it.
    with pytest.raises(InputError, match="nothing says which base"):
        read(tmp_path, rows(bed6(0, 0)) + "chr3\t5\t60\tx\t0\t+\n")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ("chr3", "chr4"),
            "line 1: the genome has no contig 'chr3', nor any other of this list (its first one is 'chr1')",
        ),
        (("1", "2"), "use the genome's names ('1' is 'chr1' there)"),
        (("7", "2"), "use the genome's names ('2' is 'chr2' there)"),
    ],
)
def test_a_list_of_other_contigs_is_refused(tmp_path: Path, names: tuple[str, str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, "".join(f"{name}\t5\t6\tx\t0\t+\n" for name in names))
    assert message in str(caught.value)


def test_features_over_the_origin_of_a_circle_have_their_starts_behind_it(tmp_path: Path) -> None:
    landmark = "c\tRefSeq\tregion\t1\t5000\t.\t+\t.\tID=c;Is_circular=true\n"
    gene = "c\tRefSeq\tgene\t4901\t5020\t.\t-\t.\tID=over\n"
    (tmp_path / "genes.gff3").write_text(f"##gff-version 3\n{landmark}{gene}")
    assert list(read_starts(tmp_path / "genes.gff3", {"c": 5000}, "gene")) == [Site("c", 19, "-")]
    known = read_known_promoters(tmp_path / "genes.gff3", {"c": 5000})
    assert list(known) == [Interval("c", 19, 20)]
    with pytest.raises(InputError, match="past the end of c at 4990; is it for this genome"):
        read_starts(tmp_path / "genes.gff3", {"c": 4990}, "gene")
    (tmp_path / "linear.gff3").write_text(f"##gff-version 3\n{gene}")
    with pytest.raises(InputError, match="past the end of c at 5000; is it for this genome"):
        read_starts(tmp_path / "linear.gff3", {"c": 5000}, "gene")


def test_the_chr_of_a_name_may_be_too_much(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\('chr1' is '1' there\)"):
        read_starts(written(tmp_path, rows(bed6(0, 0))), {"1": 100_000})


def test_names_of_contigs_are_those_of_the_format(tmp_path: Path) -> None:
    contigs = {"a b%": 50, "chrÜ": 50, "track": 50}
    gff = "a b%25\tx\tTSS\t6\t6\t.\t+\t.\tID=1\nchrÜ\tx\tTSS\t6\t6\t.\t+\t.\tID=2\n"
    assert {site.chrom for site in read_starts(written(tmp_path, gff), contigs)} == {"a b%", "chrÜ"}
    gtf = 'a b%\tx\tTSS\t6\t6\t.\t+\t.\tgene_id "1";\n'
    assert {site.chrom for site in read_starts(written(tmp_path, gtf), contigs)} == {"a b%"}
    assert {site.chrom for site in read_starts(written(tmp_path, "track\t5\t6\tx\t0\t+\n"), contigs)} == {"track"}


@given(
    st.lists(
        st.builds(Site, st.sampled_from(["chr1", "chr2"]), st.integers(500, 4_400), st.sampled_from("+-")), min_size=1
    ),
    st.sampled_from([epdnew, cage, narrowpeak, own_bed, own_gff3, bed6(0, 0), feature("TSS", "ID={}", after=0)]),
)
def test_every_clear_layout_holds_the_same_starts(tmp_path_factory, sites: list[Site], layout) -> None:
    assert set(read(tmp_path_factory.getbasetemp(), rows(layout, sites))) == set(sites)


# ---------------------------------------------------------------------------------------------------- known promoters


@pytest.mark.parametrize("content", [*CLEAR.values(), GTF, GFF3])
def test_known_promoters_are_the_starts_of_a_list_that_names_them(tmp_path: Path, content: str) -> None:
    known = read_known_promoters(written(tmp_path, content), CONTIGS)
    assert known == Intervals.of(Interval(chrom, tss, tss + 1) for chrom, tss, _ in STARTS)


@pytest.mark.parametrize(
    "content",
    [
        rows(bed6(100, 200)),
        "".join("\t".join(map(str, bed6(100, 200)(site, "x")[:3])) + "\n" for site in STARTS),
        rows(feature("promoter", "ID={}", before=100, after=200)).replace("+", "."),
    ],
    ids=["BED6", "BED3", "GFF3 without strands"],
)
def test_known_promoters_may_be_intervals(tmp_path: Path, content: str, said) -> None:
    known = read_known_promoters(written(tmp_path, content + content.replace("chr1", "chr9")), CONTIGS)
    assert known == Intervals.of(Interval(site.chrom, *around(site, 100, 200)) for site in STARTS)
    assert "the known promoters are its intervals, as long as they are" in said()[-1]
    assert "3 rows on 1 contig that the genome lacks, such as 'chr9': left out" in said()[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("chr9\t5\t70\n", "line 1: the genome has no contig 'chr9'"),
        ("chr1\t5\t5\n", "there is no interval with bases in it"),
        ("chr2\t4900\t5001\n", "interval chr2:4900-5001 reaches past the end of the contig at 5000"),
        (GTF.replace("\t+\t", "\t.\t"), "line 2: there is no strand, + or -, in column 7"),
    ],
)
def test_bad_known_promoters_are_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_known_promoters(written(tmp_path, content), CONTIGS)
    assert message in str(caught.value)


# ------------------------------------------------------------------------------------------------------- the commands


@pytest.fixture
def demo_lists(tmp_path: Path) -> Callable[[Callable[[Site, str], tuple[object, ...]]], Path]:
    lines = (DATA / "demo_tss.bed").read_text().splitlines()
    sites = [Site(chrom, int(tss), strand) for chrom, tss, _, _, _, strand in (line.split("\t") for line in lines)]
    return lambda row: written(tmp_path, rows(row, sites))


def test_evaluate_says_the_reading_and_takes_a_choice(promscan_cli, tmp_path: Path, demo_lists) -> None:
    hits = DATA / "demo_tss.bed"
    table = demo_lists(bed12)
    outcome = promscan_cli("evaluate", hits, "--tss", table, "--genome", DEMO)
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert f"nothing says which base is the TSS; choose {ALL_CHOICES}" in outcome.err
    json_file = tmp_path / "out.json"
    outcome = promscan_cli(
        "evaluate", hits, "--tss", table, "--genome", DEMO, "--tss-from", "5prime", "--json", json_file
    )
    assert outcome.out.startswith("20 of 20 TSSs found by 20 hits")
    assert "20 TSSs, each the 5' end of its interval (--tss-from 5prime)" in outcome.err
    described = json.loads(json_file.read_text())
    assert described["tss_reading"] == "the 5' end of its interval (--tss-from 5prime)"
    assert described["distance"]["hits"] == {"0": 20}
    assert promscan_cli("evaluate", hits, "--tss", table, "--genome", DEMO, "--tss-from", "x").status == 2


def test_epdnew_is_read_without_a_shift(demo_lists) -> None:
    evaluation = promscan.evaluate(DATA / "demo_tss.bed", demo_lists(epdnew), DEMO)
    assert set(evaluation.distances.tolist()) == {0}


def test_train_genome_reads_the_same_lists(promscan_cli, tmp_path: Path, demo_lists) -> None:
    genome = promscan.read_labelled_genome(DEMO, demo_lists(epdnew))
    assert genome.starts.digest() == promscan.read_labelled_genome(DEMO, DATA / "demo_tss.bed").starts.digest()
    assert genome.part(["demo2"]).starts.name(next(iter(genome.part(["demo2"]).starts))).startswith("G")
    table = demo_lists(bed12)
    assert promscan.read_labelled_genome(DEMO, table, "transcript").starts.digest() == genome.starts.digest()
    outcome = promscan_cli("train", "genome", DEMO, table, "--dev", "demo2", "--species", "x", "-o", tmp_path / "run")
    assert (outcome.status, outcome.err.count("\n")) == (1, 1)
    assert ALL_CHOICES in outcome.err
    assert not (tmp_path / "run").exists()


def test_calibrate_excludes_the_genes_of_an_annotation(promscan_cli, tmp_path: Path, demo_lists) -> None:
    cards = []
    for row in (bed6(0, 0), feature("gene", 'gene_name "{}"', after=50)):
        out = tmp_path / "model.safetensors"
        outcome = promscan_cli(
            "calibrate", TINY, "--genome", DEMO, "--exclude", demo_lists(row), "-o", out, "--device", "cpu"
        )
        assert outcome.status == 0
        cards.append(json.loads(out.with_suffix(".json").read_text())["calibration"])
    assert cards[0] == cards[1]
    assert "the known promoters are the 5' ends of its genes and transcripts" in outcome.err


def test_the_option_names_every_choice(promscan_cli) -> None:
    for command in (["evaluate"], ["train", "genome"]):
        text = " ".join(promscan_cli(*command, "--help").out.split())
        assert all(choice in text.split("--tss-from")[1] for choice in TSS_FROM)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("genome", "table", "count"),
    [
        ("yeast/R64-1-1_without_IV_XI.fa", "yeast/tss.bed", 4_172),
        ("human/hg38_contigs.fa", "human/hg38_tss.bed", 1_800),
        ("human/hg38_contigs.fa", "human/rampage_tss.bed", 2_805),
        ("bacteria/genomes.fa.gz", "bacteria/tss.bed.gz", 30_313),
    ],
)
def test_public_lists_are_read_whole(shared_data: Path, genome: str, table: str, count: int) -> None:
    assert len(read_starts(shared_data / table, promscan.io.genome.Genome(shared_data / genome).contigs())) == count
