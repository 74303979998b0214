"""Hits among genes: nearest genes, classes, operons, and what is written."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gffutils
import numpy as np
import pybedtools
import pysam
import pytest
from genomes import DATA, DEMO, TINY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_hits import make_hit, write

import promscan
from promscan.commands.annotating import nearest
from promscan.commands.annotating.classes import Annotation, HitPlace, annotate_places
from promscan.commands.annotating.distances import Distances, distances_of
from promscan.commands.annotating.nearest import Spans, closest
from promscan.commands.annotating.operons import operon_heads
from promscan.commands.annotating.rows import BACTERIAL_COLUMNS, COLUMNS
from promscan.errors import DependencyError, InputError, RunError
from promscan.io.gene_readers import read_genes
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model

pytestmark = pytest.mark.skipif(nearest.shutil.which("bedtools") is None, reason="needs bedtools")
in_a_fresh_folder = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

DEMO_HITS = [
    make_hit(chrom=chrom, start=start, strand="+-"[start % 2])
    for chrom in ("demo1", "demo2")
    for start in range(1, 20_000, 1_501)
]
GENES = """\
chr1\t1000\t3000\tplus\t0\t+
chr1\t5000\t8000\tminus\t0\t-
chr2\t100\t400\tother\t0\t+
"""


def annotations_of(folder: Path, genes: str, *hits: str, **options: int) -> list[Annotation]:
    """Annotate hits written as `chrom tss strand`."""
    (folder / "genes").write_text(genes)
    rows = (hit.split() for hit in hits)
    lines = (f"{chrom}\t{tss}\t{int(tss) + 1}\tx\t0\t{strand}\n" for chrom, tss, strand in rows)
    (folder / "hits.bed").write_text("".join(lines))
    return promscan.annotate(folder / "hits.bed", folder / "genes", **options)


# ------------------------------------------------------------------------------------------- nearest genes and classes


@pytest.mark.parametrize(
    ("hit", "expected"),
    [
        ("chr1 1000 +", ("core_promoter", "plus", "plus", 0, "minus", 6999)),
        ("chr1 900 +", ("core_promoter", "plus", "plus", -100, "minus", 7099)),
        ("chr1 899 +", ("upstream", "plus", "plus", -101, "minus", 7100)),
        ("chr1 1100 +", ("core_promoter", "plus", "plus", 100, "minus", 6899)),
        ("chr1 1101 +", ("intragenic", "plus", "plus", 101, "minus", 6898)),
        ("chr1 0 +", ("upstream", "plus", "plus", -1000, "minus", 7999)),
        ("chr1 2999 +", ("intragenic", "plus", "plus", 1999, "minus", 5000)),
        ("chr1 3000 +", ("intergenic", None, "plus", 2000, "minus", 4999)),
        ("chr1 2000 -", ("antisense", "plus", "minus", 5999, "plus", 1000)),
        ("chr1 7999 -", ("core_promoter", "minus", "minus", 0, "plus", 6999)),
        ("chr1 8999 -", ("upstream", "minus", "minus", -1000, "plus", 7999)),
        ("chr1 9000 -", ("intergenic", None, "minus", -1001, "plus", 8000)),
        ("chr1 5000 -", ("intragenic", "minus", "minus", 2999, "plus", 4000)),
        ("chr1 5000 +", ("antisense", "minus", "plus", 4000, "minus", 2999)),
        ("chr2 90 -", ("intergenic", None, None, None, "other", -10)),
        ("chr3 90 -", ("intergenic", None, None, None, None, None)),
    ],
)
def test_the_nearest_genes_and_the_class_of_a_hit(tmp_path: Path, hit: str, expected: tuple[object, ...]) -> None:
    found, _ = annotations_of(tmp_path, GENES, hit, "chr1 1 +")
    assert (
        found.class_, found.class_gene, found.gene_id, found.distance, found.opposite_gene_id, found.opposite_distance
    ) == expected  # fmt: skip


def test_of_equally_near_genes_the_one_downstream_of_the_hit_is_taken_then_the_first(tmp_path: Path) -> None:
    genes = "c\t100\t150\ta\t0\t+\nc\t300\t350\tb\t0\t+\nc\t300\t400\tc\t0\t+\n"
    (found,) = annotations_of(tmp_path, genes, "c 200 +")
    assert (found.gene_id, found.distance) == ("b", -100)


def test_each_transcript_is_a_five_prime_end_of_its_gene(tmp_path: Path) -> None:
    genes = "".join(
        f"c\tx\t{type}\t{start}\t9000\t.\t+\t.\t{attributes}\n"
        for type, start, attributes in [
            ("gene", 1001, "ID=g;Name=abc"), ("mRNA", 1001, "ID=t1;Parent=g"), ("mRNA", 5001, "ID=t2;Parent=g"),
        ]
    )  # fmt: skip
    (found,) = annotations_of(tmp_path, genes, "c 4990 +")
    assert (found.gene_id, found.distance, found.class_) == ("g", -10, "core_promoter")


def test_a_hit_between_a_short_gene_and_the_next_is_upstream_of_the_next(tmp_path: Path) -> None:
    genes = "c\t1000\t1080\ttrna\t0\t+\nc\t1600\t3000\tnext\t0\t+\n"
    (found,) = annotations_of(tmp_path, genes, "c 1150 +")
    assert (found.class_, found.class_gene, found.gene_id, found.distance) == ("upstream", "next", "trna", 150)


def test_the_five_prime_utr_is_that_of_exons(tmp_path: Path) -> None:
    genes = "c\t1000\t9000\tg\t0\t+\t5500\t8000\t0\t2\t1000,5000\t0,3000\n"
    hits = ["c 1500 +", "c 2500 +", "c 4100 +", "c 5600 +", "c 1500 -"]
    found = annotations_of(tmp_path, genes, *hits)
    assert [hit.class_ for hit in found] == [
        "five_prime_UTR", "intragenic", "five_prime_UTR", "intragenic", "antisense",
    ]  # fmt: skip
    assert {hit.start_codon_distance for hit in found[:1]} == {-4000}


def test_the_distances_are_options(tmp_path: Path) -> None:
    (found,) = annotations_of(tmp_path, GENES, "chr1 899 +", core_promoter=101)
    assert found.class_ == "core_promoter"
    (found,) = annotations_of(tmp_path, GENES, "chr1 899 +", upstream=100)
    assert found.class_ == "intergenic"
    with pytest.raises(InputError, match="core_promoter must be at least 0"):
        annotations_of(tmp_path, GENES, "chr1 899 +", core_promoter=-1)


def test_distances_are_those_of_the_bundled_model_that_made_the_hits() -> None:
    card = read_card(find_model("yeast"))
    scale = card.scale
    of_model = distances_of({"model": "yeast", "sha256": card.sha256}, None, None, 50)
    assert (of_model.core_promoter, of_model.upstream) == (scale.tolerance, scale.clearance)
    assert distances_of({"model": "mine", "sha256": "0"}, None, None, 50) == Distances(100, 1000, 50)
    assert distances_of({"model": "../yeast"}, 7, None, 50) == Distances(7, 1000, 50)


def test_distances_of_a_model_of_ones_own_are_those_that_the_header_says() -> None:
    header = {"model": "mine", "sha256": "0", "tolerance": "20", "clearance": "90"}
    assert distances_of(header, None, None, 50) == Distances(20, 90, 50)
    assert distances_of(header, 7, None, 50) == Distances(7, 90, 50)
    with pytest.raises(InputError, match="says tolerance=far, which is no distance"):
        distances_of({**header, "tolerance": "far"}, None, None, 50)


@pytest.mark.parametrize("suffix", [".bed", ".gff3", ".narrowPeak", ".bed.gz"])
def test_hits_in_memory_are_annotated_as_each_file_is(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "genes.bed").write_text("demo1\t3000\t5000\tg\t0\t+\n")
    file = write(tmp_path / f"hits{suffix}", DEMO_HITS)
    found = promscan.annotate(file, tmp_path / "genes.bed")
    assert found == promscan.annotate(DEMO_HITS, tmp_path / "genes.bed")
    assert [hit.tss for hit in found] == [hit.tss for hit in DEMO_HITS]


def test_the_hits_of_a_scan_are_annotated(tmp_path: Path) -> None:
    (tmp_path / "genes.bed").write_text("demo1\t3000\t5000\tg\t0\t+\n")
    scan = promscan.scan(DEMO, model=TINY, threshold=0.6, strength=None, device="cpu", regions=["demo1:1-900"])
    found = promscan.annotate(scan, tmp_path / "genes.bed")
    assert found
    assert all(hit.gene_id in ("g", None) for hit in found)


# ------------------------------------------------------------------------------------------------ bedtools is complete


@pytest.mark.parametrize("name", ["track", "browser", "chr", "chrom", "chromosome", "start", "10", "01", "CHR_X", "é"])
def test_no_contig_name_loses_a_hit(tmp_path: Path, name: str) -> None:
    genes = f"c1\t1000\t3000\ta\t0\t+\n{name}\t1000\t3000\tb\t0\t+\n"
    found = annotations_of(tmp_path, genes, f"{name} 990 +", "c1 980 +", f"{name} 970 +")
    assert [(hit.gene_id, hit.distance) for hit in found] == [("b", -10), ("a", -20), ("b", -30)]


def test_positions_of_the_longest_contigs_are_exact(tmp_path: Path) -> None:
    far = 5_000_000_000
    (found,) = annotations_of(tmp_path, f"c\t{far}\t{far + 900}\tg\t0\t+\n", f"c {far - 7} +")
    assert (found.gene_id, found.distance) == ("g", -7)


def test_hits_that_do_not_come_back_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = nearest._read
    monkeypatch.setattr(nearest, "_read", lambda path: nearest.Pairs(*(column[1:] for column in read(path))))
    with pytest.raises(RunError, match="1 of 2 hits did not come back"):
        annotations_of(tmp_path, GENES, "chr1 1 +", "chr1 8 +")


def test_a_failure_of_bedtools_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "_write", lambda spans, path: path.write_text("a\tb\tc\n"))
    with pytest.raises(RunError, match=r"^bedtools closest: [^\n]+$"):
        annotations_of(tmp_path, GENES, "chr1 1 +")


@pytest.mark.parametrize("end", [-1, -4, -30])
def test_answers_that_are_cut_short_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: int) -> None:
    """As on a full disk, which bedtools does not see."""
    read = nearest._read

    def read_cut(path: Path) -> nearest.Pairs:
        path.write_bytes(path.read_bytes()[:end])
        return read(path)

    monkeypatch.setattr(nearest, "_read", read_cut)
    with pytest.raises(RunError, match=r"check the space left|did not come back"):
        annotations_of(tmp_path, GENES, "chr1 1 +", "chr1 8 +")


def test_missing_bedtools_is_named_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest.shutil, "which", lambda name: None)
    with pytest.raises(DependencyError, match="bedtools is not installed; install it"):
        annotations_of(tmp_path, GENES, "chr1 1 +")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pybedtools leaves its file open
@pytest.mark.parametrize("content", ["", "\x7fELF" + "\0" * 60], ids=["empty", "other machine"])
def test_a_bedtools_that_does_not_start_is_one_line(
    promscan_cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "bedtools").write_text(content)
    (tmp_path / "bedtools").chmod(0o755)
    (tmp_path / "hits.bed").write_text("chr1\t10\t11\th\t0\t+\n")
    (tmp_path / "genes.bed").write_text("chr1\t30\t60\tg\t0\t+\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = promscan_cli("annotate", tmp_path / "hits.bed", tmp_path / "genes.bed", "-o", "-", "--quiet")
    assert (outcome.status, outcome.out) == (1, "")
    assert re.fullmatch(
        r"promscan: error: bedtools does not start: .*Exec format error.*; install it .*\n", outcome.err
    )


class Drawn(NamedTuple):
    """An interval on one of three contigs."""

    contig: int
    start: int
    width: int
    plus: bool


intervals = st.builds(Drawn, st.integers(0, 2), st.integers(0, 60), st.integers(1, 20), st.booleans())


def spans(drawn: Sequence[Drawn]) -> Spans:
    contig, start, width, plus = (np.array([row[column] for row in drawn], dtype=np.int64) for column in range(4))
    return Spans(contig, start, start + width, plus.astype(bool))


@in_a_fresh_folder
@given(st.lists(intervals, min_size=1, max_size=8), st.lists(intervals, max_size=8), st.sampled_from(["s", "S", "iu"]))
def test_closest_agrees_with_every_pair_looked_at(tmp_path, hits, genes, option):
    points = [hit._replace(width=1) for hit in hits]
    targets = [gene._replace(width=1) for gene in genes] if option == "iu" else genes
    options = {"s": True, "D": "a", "iu": True} if option == "iu" else {option: True}
    found = closest(spans(points), spans(targets), tmp_path, **options)
    expected = set()
    for index, hit in enumerate(points):
        gaps = {}
        for number, gene in enumerate(targets):
            along = (gene.start - hit.start) * (1 if hit.plus else -1)
            if (
                gene.contig != hit.contig
                or (gene.plus == hit.plus) == (option == "S")
                or (option == "iu" and along < 0)
            ):
                continue
            gaps[number] = max(0, gene.start - hit.start, hit.start - (gene.start + gene.width - 1))
        expected |= {(index, number) for number, gap in gaps.items() if gap == min(gaps.values())}
    assert set(zip(found.query.tolist(), found.target.tolist(), strict=True)) == expected


@in_a_fresh_folder
@given(st.lists(intervals, min_size=1, max_size=8), st.lists(intervals, min_size=1, max_size=8))
def test_annotations_agree_with_every_pair_looked_at(tmp_path, hits, genes):
    rows = [f"c{g.contig}\t{g.start}\t{g.start + g.width}\t{i}\t0\t{'-+'[g.plus]}\n" for i, g in enumerate(genes)]
    (tmp_path / "genes.bed").write_text("".join(rows))
    places = [HitPlace(f"c{hit.contig}", hit.start, "+" if hit.plus else "-") for hit in hits]
    found = annotate_places(places, read_genes(tmp_path / "genes.bed"), Distances(3, 12), tmp_path)
    assert len(found) == len(hits)
    for hit, annotation in zip(hits, found, strict=True):
        near = [
            (abs(offset), offset > 0, str(index), offset, hit.plus == gene.plus, covers)
            for index, gene in enumerate(genes)
            if gene.contig == hit.contig
            for offset in [hit.start - gene.start if gene.plus else gene.start + gene.width - 1 - hit.start]
            for covers in [gene.start <= hit.start < gene.start + gene.width]
        ]
        same = min((row for row in near if row[4]), default=(0, 0, None, None))
        opposite = min((row for row in near if not row[4]), default=(0, 0, None, None))
        assert (annotation.gene_id, annotation.distance) == same[2:4]
        assert (annotation.opposite_gene_id, annotation.opposite_distance) == opposite[2:4]
        expected = next((name for name, holds in {
            "core_promoter": any(row[4] and row[0] <= 3 for row in near),
            "upstream": any(row[4] and -12 <= row[3] < 0 for row in near),
            "intragenic": any(row[4] and row[5] for row in near),
            "antisense": any(not row[4] and row[5] for row in near),
        }.items() if holds), "intergenic")  # fmt: skip
        assert annotation.class_ == expected


# ------------------------------------------------------------------------------------------------------------- circles

ROUND = 97
"""Bases of a circle."""
on_circle = st.builds(Drawn, st.just(0), st.integers(0, ROUND - 1), st.integers(1, 20), st.booleans())


def annotated_on_circle(folder: Path, hits: Sequence[Drawn], genes: Sequence[Drawn], turn: int) -> list[Annotation]:
    """Annotate hits of a circle whose origin was moved by `turn` bp; genes over it end past its length, as in NCBI."""
    lines = [f"c\tx\tregion\t1\t{ROUND}\t.\t+\t.\tID=c;Is_circular=true\n"]
    for index, gene in enumerate(genes):
        start = (gene.start - turn) % ROUND
        place = f"{start + 1}\t{start + gene.width}\t.\t{'-+'[gene.plus]}"
        lines.append(f"c\tx\tCDS\t{place}\t0\tID=g{index}\n")
    (folder / "genes.gff3").write_text("".join(lines))
    found = read_genes(folder / "genes.gff3")
    places = [HitPlace("c", (hit.start - turn) % ROUND, "-+"[hit.plus]) for hit in hits]
    return annotate_places(places, found, Distances(3, 12, 4), folder, found.circles)


@settings(in_a_fresh_folder, max_examples=10)
@given(
    st.lists(on_circle, min_size=1, max_size=6),
    st.lists(on_circle, min_size=1, max_size=6),
    st.integers(1, ROUND - 1),
)
def test_where_the_origin_of_a_circle_lies_changes_no_annotation(tmp_path, hits, genes, turn):
    here, there = (annotated_on_circle(tmp_path, hits, genes, each) for each in (0, turn))
    assert [row._replace(tss=0) for row in here] == [row._replace(tss=0) for row in there]


NCBI_CIRCLE = """\
##gff-version 3
##sequence-region c 1 5000
c\tRefSeq\tregion\t1\t5000\t.\t+\t.\tID=c:1..5000;Is_circular=true;gbkey=Src
c\tRefSeq\tgene\t31\t900\t.\t+\t.\tID=gene-dnaA;gene=dnaA;locus_tag=b1
c\tRefSeq\tgene\t4901\t5020\t.\t-\t.\tID=gene-over;gene=over;locus_tag=b2
"""
SPLIT = NCBI_CIRCLE.replace(
    "4901\t5020\t.\t-\t.\tID=gene-over;gene=over;locus_tag=b2\n",
    "1\t20\t.\t-\t.\tID=gene-over;gene=over;locus_tag=b2\n"
    "c\tRefSeq\tgene\t4901\t5000\t.\t-\t.\tID=gene-over;gene=over;locus_tag=b2\n",
)
PROKKA_CIRCLE = "".join(line for line in NCBI_CIRCLE.splitlines(keepends=True) if "Is_circular" not in line)
ON_CIRCLE = [make_hit(4_950, "+", "c", circle=5_000), make_hit(4_960, "-", "c", circle=5_000)]
"""Hits over the origin, or just before it: with their starts at 4983 and at 4996."""


@pytest.mark.parametrize("suffix", [".bed", ".gff3", ".narrowPeak"])
@pytest.mark.parametrize("genes", [NCBI_CIRCLE, PROKKA_CIRCLE, SPLIT], ids=["NCBI", "Prokka", "in two rows"])
def test_distances_go_over_the_origin_of_a_circle(tmp_path: Path, suffix: str, genes: str) -> None:
    (tmp_path / "genes.gff3").write_text(genes)
    hits = tmp_path / f"hits{suffix}"
    write(hits, ON_CIRCLE, header={"model": "tiny", "circular": "c"})
    for each in (hits, ON_CIRCLE):
        found = promscan.annotate(each, tmp_path / "genes.gff3")
        assert [row[:2] for row in found] == [("c", 4983), ("c", 4996)]
        assert (found[0].class_, found[0].gene_name, found[0].distance) == ("core_promoter", "dnaA", -47)
        assert (found[0].opposite_gene_name, found[0].opposite_distance) == ("over", 36)
        assert (found[1].class_, found[1].gene_name, found[1].distance) == ("core_promoter", "over", 23)
        assert (found[1].opposite_gene_name, found[1].opposite_distance) == ("dnaA", -34)


def test_a_circle_of_unknown_length_is_said_and_one_of_another_length_refused(tmp_path: Path, promscan_cli) -> None:
    write(tmp_path / "hits.bed", ON_CIRCLE, header={"model": "tiny", "circular": "all"})
    write(tmp_path / "hits.gff3", ON_CIRCLE, header={"model": "tiny", "circular": "all"})
    (tmp_path / "genes.bed").write_text("c\t30\t900\tdnaA\t0\t+\n")
    outcome = promscan_cli("annotate", tmp_path / "hits.bed", tmp_path / "genes.bed", "-o", tmp_path / "out.bed")
    assert "hits.bed: 1 circle of unknown length, such as 'c': distances end at the origin;" in outcome.err
    assert promscan.annotate(tmp_path / "hits.gff3", tmp_path / "genes.bed")[0].distance == -47
    (tmp_path / "genes.gff3").write_text(NCBI_CIRCLE.replace("5000", "4990"))
    for name, output in (("hits.gff3", "1.gff3"), ("hits.bed", "1.bed")):
        outcome = promscan_cli("annotate", tmp_path / name, tmp_path / "genes.gff3", "-o", tmp_path / output)
        if name == "hits.gff3":
            assert (outcome.status, outcome.err.splitlines()[-1]) == (1, (
                f"promscan: error: {tmp_path / name}: hit c_4983_+ lies on a circle 'c' of another length than in "
                f"{tmp_path / 'genes.gff3'} (4,990 bp); give the genes of the genome that was scanned"
            ))  # fmt: skip
            assert not (tmp_path / output).exists()


def test_a_hit_in_a_gene_of_a_small_circle_is_not_upstream_of_it(tmp_path: Path) -> None:
    (tmp_path / "genes.gff3").write_text(
        "p\tx\tregion\t1\t900\t.\t.\t.\tID=p;Is_circular=true\np\tx\tCDS\t301\t800\t.\t+\t0\tID=repA\n"
    )
    write(tmp_path / "hits.bed", [make_hit(start, "+", "p") for start in (567, 817)])
    found = promscan.annotate(tmp_path / "hits.bed", tmp_path / "genes.gff3")
    assert [(row.class_, row.distance) for row in found] == [("intragenic", 300), ("upstream", -350)]


def test_an_operon_runs_over_the_origin_of_a_circle_and_no_gene_follows_itself(tmp_path: Path) -> None:
    (tmp_path / "genes.gff3").write_text(
        NCBI_CIRCLE.replace("4901\t5020\t.\t-", "4901\t4990\t.\t+")
        + "".join(f"p\tRefSeq\t{row}\n" for row in (
            "region\t1\t300\t.\t+\t.\tID=p;Is_circular=true", "gene\t1\t290\t.\t-\t.\tID=repA",
        ))
    )  # fmt: skip
    genes = read_genes(tmp_path / "genes.gff3")
    assert genes.circles == {"c": 5000, "p": 300}
    assert operon_heads(genes, 50, genes.circles).tolist() == [False, True, True]
    assert operon_heads(genes, 50, {}).tolist() == [True, True, True]


# ------------------------------------------------------------------------------------------------------------ bacteria


@in_a_fresh_folder
@given(st.lists(intervals, min_size=1, max_size=8), st.integers(0, 9))
def test_a_gene_heads_an_operon_if_none_of_its_strand_ends_near_before_it(tmp_path, genes, gap):
    rows = [f"c{g.contig}\t{g.start}\t{g.start + g.width}\t{i}\t0\t{'-+'[g.plus]}\n" for i, g in enumerate(genes)]
    (tmp_path / "genes.bed").write_text("".join(rows))
    heads = operon_heads(read_genes(tmp_path / "genes.bed"), gap, {}).tolist()
    ends = [(g.start, g.start + g.width) if g.plus else (-g.start - g.width, -g.start) for g in genes]
    for index, gene in enumerate(genes):
        before = [
            ends[index][0] - ends[other][1]
            for other, another in enumerate(genes)
            if other != index
            and (another.contig, another.plus) == (gene.contig, gene.plus)
            # Genes with the same 5' end: the shorter one, then the first, goes before.
            and (*ends[other], other) < (*ends[index], index)
        ]
        assert heads[index] == all(distance > gap for distance in before)


def test_bacteria_have_the_distance_to_the_start_codon_and_operons(
    tmp_path: Path, promscan_cli: Callable[..., Any]
) -> None:
    genes = [("gene", 901, 2000, "ID=g1;locus_tag=b1"), ("CDS", 1001, 2000, "ID=c1;Parent=g1"),
             ("CDS", 2051, 3000, "ID=c2;locus_tag=b2"), ("tRNA", 3051, 3120, "ID=t;locus_tag=b3"),
             ("tRNA", 3172, 3240, "ID=u;locus_tag=b4")]  # fmt: skip
    text = "".join(f"c\tx\t{type}\t{start}\t{end}\t.\t+\t.\t{more}\n" for type, start, end, more in genes)
    (tmp_path / "genes.gff3").write_text(text)
    (tmp_path / "hits.bed").write_text("".join(f"c\t{tss}\t{tss + 1}\th\t0\t+\n" for tss in (900, 2020, 3040, 3160)))
    output = tmp_path / "out.tsv"
    done = promscan_cli("annotate", tmp_path / "hits.bed", tmp_path / "genes.gff3", "--bacteria", "-o", output)
    assert done.status == 0, done.err
    table = [line.split("\t") for line in output.read_text().splitlines()]
    columns = [table[0].index(name) for name in ("gene_id", "distance", *BACTERIAL_COLUMNS)]
    assert [[row[column] for column in columns] for row in table[1:]] == [
        ["b1", "0", "-100", "yes"], ["b2", "-30", "-30", "no"], ["b3", "-10", ".", "no"], ["b4", "-11", ".", "yes"],
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- outputs


@pytest.fixture
def hits(tmp_path: Path) -> dict[str, Path]:
    """Hits of promscan by suffix, and the genes."""
    files = {suffix: write(tmp_path / f"hits{suffix}", DEMO_HITS) for suffix in (".bed", ".gff3", ".narrowPeak")}
    (tmp_path / "genes.bed").write_text("demo1\t400\t1367\tgene;1\t0\t-\ndemo1\t13766\t15600\tgene2\t0\t+\n")
    return {**files, "genes": tmp_path / "genes.bed"}


def rows_of(path: Path) -> list[str]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [line for line in text.decode().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(("of", "to"), [(".bed", ".bed"), (".narrowPeak", ".bed"), (".bed", ".tsv"), (".gff3", ".tsv")])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_the_columns_of_the_hits_stay_as_they_are(hits, tmp_path, promscan_cli, of, to, packed):
    out = tmp_path / f"out{to}{packed}"
    assert promscan_cli("annotate", hits[of], hits["genes"], "-o", out).status == 0
    before, after = rows_of(hits[of]), rows_of(out)[to == ".tsv" :]
    assert len(after) == len(before) > 10
    for line, annotated in zip(before, after, strict=True):
        assert annotated.startswith(f"{line}\t")
        assert annotated.count("\t") == line.count("\t") + len(COLUMNS)


def test_the_lines_before_the_hits_stay_and_every_column_is_named(hits, tmp_path, promscan_cli):
    out = tmp_path / "out.bed"
    assert promscan_cli("annotate", hits[".bed"], hits["genes"], "-o", out, "--upstream", "7").status == 0
    first, names, *_ = hits[".bed"].read_text().splitlines()
    head = out.read_text().splitlines()[:3]
    assert head == [
        first,
        f"#promscan_annotate {promscan.__version__} core_promoter=100 upstream=7",
        "\t".join([names, *COLUMNS]),
    ]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # gffutils leaves its database to the garbage collector
def test_gff3_has_the_genes_as_attributes_that_gffutils_reads(hits, tmp_path, promscan_cli):
    out = tmp_path / "out.gff3"
    assert promscan_cli("annotate", hits[".gff3"], hits["genes"], "-o", out).status == 0
    before, after = rows_of(hits[".gff3"]), rows_of(out)
    assert all(new.startswith(f"{old};class=") for old, new in zip(before, after, strict=True))
    expected = {hit.name: hit for hit in promscan.annotate(hits[".gff3"], hits["genes"])}
    database = gffutils.create_db(str(out), ":memory:")
    features = {feature.id: feature.attributes for feature in database.all_features()}
    assert features.keys() == expected.keys()
    for name, attributes in features.items():
        hit = expected[name]
        assert attributes["class"] == [hit.class_]
        assert attributes.get("gene_id", [None]) == [hit.gene_id]
        assert attributes.get("distance", [None]) == [None if hit.distance is None else str(hit.distance)]
    assert "gene%3B1" in out.read_text()


@pytest.mark.parametrize("suffix", [".bed", ".gff3"])
def test_packed_outputs_are_indexed(hits, tmp_path, promscan_cli, suffix):
    out = tmp_path / f"out{suffix}.gz"
    assert promscan_cli("annotate", hits[suffix], hits["genes"], "-o", out).status == 0
    with pysam.TabixFile(str(out)) as file:
        assert [row for chrom in file.contigs for row in file.fetch(chrom)] == rows_of(out)


def test_what_is_written_is_read_again(hits, tmp_path, promscan_cli):
    """By bedtools, and by promscan itself, which sees the same hits."""
    out = tmp_path / "out.bed"
    assert promscan_cli("annotate", hits[".bed"], hits["genes"], "-o", out).status == 0
    assert len(pybedtools.BedTool(str(out)).intersect(str(out), u=True)) == len(rows_of(out))
    tss = DATA / "demo_tss.bed"
    judged = [promscan.evaluate(file, tss, DEMO).describe() for file in (hits[".bed"], out)]
    assert judged[0] == judged[1]


def test_bed_of_six_columns_is_no_bed12_when_genes_are_added(tmp_path, promscan_cli):
    (tmp_path / "genes.bed").write_text(GENES)
    (tmp_path / "hits.bed").write_text("chr1\t990\t1000\th\t0\t+\n")
    out = tmp_path / "out.bed"
    assert promscan_cli("annotate", tmp_path / "hits.bed", tmp_path / "genes.bed", "-o", out).status == 0
    assert out.read_text().splitlines()[1].startswith("#chrom\tstart\tend\tname\tscore\tstrand\tclass")
    assert len(pybedtools.BedTool(str(out)).intersect(str(out), u=True)) == 1


def test_standard_output_has_the_format_of_the_hits(hits, promscan_cli):
    assert promscan_cli("annotate", hits[".gff3"], hits["genes"], "-o", "-").out.startswith(
        "##gff-version 3\n#promscan "
    )
    assert promscan_cli("annotate", hits[".bed"], hits["genes"], "-o", "-").out.startswith("#promscan ")
    table = promscan_cli("annotate", hits[".bed"], hits["genes"], "-o", "-", "--format", "tsv").out
    assert table.startswith("chrom\tstart\t")


def test_odd_rows_of_other_tools_stay_whole(tmp_path, promscan_cli):
    """An empty last column, blanks in a name, blanks between columns; GFF3 without attributes or with a last `;`."""
    (tmp_path / "genes.bed").write_text(GENES)
    (tmp_path / "a.bed").write_bytes(b"chr1\t990\t1000\ta name \t0\t+\t\r\nchr1\t0\t9\t\t0\t-\tx\r\n")
    (tmp_path / "b.bed").write_text("chr1 990 1000 b 0 +\n")
    (tmp_path / "c.gff3").write_text("chr1\tx\tTSS\t990\t990\t.\t+\t.\t.\nchr1\tx\tTSS\t99\t99\t.\t+\t.\tID=a;\n")
    shown = {}
    for name in ("a.bed", "b.bed", "c.gff3"):
        done = promscan_cli("annotate", tmp_path / name, tmp_path / "genes.bed", "-o", "-", "--quiet")
        assert (done.status, done.err) == (0, "")
        shown[name] = [line for line in done.out.splitlines() if not line.startswith("#")]
    assert shown["a.bed"][0].startswith("chr1\t990\t1000\ta name \t0\t+\t\tcore_promoter\t")
    assert shown["a.bed"][1].startswith("chr1\t0\t9\t\t0\t-\tx\tintergenic\t")
    assert shown["b.bed"][0].startswith("chr1\t990\t1000\tb\t0\t+\tcore_promoter\t")
    assert shown["c.gff3"][0].startswith("chr1\tx\tTSS\t990\t990\t.\t+\t.\tclass=core_promoter;")
    assert "\tID=a;class=upstream;" in shown["c.gff3"][1]


def test_a_file_without_hits_gives_a_file_without_hits(tmp_path, promscan_cli):
    (tmp_path / "genes.bed").write_text(GENES)
    (tmp_path / "hits.bed").write_text("#promscan 0.1.0 model=x\n#chrom\tstart\tend\tname\tscore\tstrand\n")
    out = tmp_path / "out.bed"
    assert promscan_cli("annotate", tmp_path / "hits.bed", tmp_path / "genes.bed", "-o", out).status == 0
    assert out.read_text().splitlines()[2] == "\t".join(["#chrom\tstart\tend\tname\tscore\tstrand", *COLUMNS])


# ------------------------------------------------------------------------------------------------------------ messages

BED = "chr1\t990\t1000\ta\t0\t+\n"


@pytest.mark.parametrize(
    ("content", "output", "message"),
    [
        ("1\t990\t1000\ta\t0\t+\n", "out.bed", "has no gene on contig '1', nor on any other of these hits (its first "
         "contig is 'chr1'); use the same names in both ('1' is 'chr1' there)"),
        (BED, "out.gff3", "the hits are BED and their columns stay, so GFF3 cannot be written"),
        ("chr1\tx\tp\t9\t9\t.\t+\t.\tID=a\n", "out.bed", "the hits are GFF3 and their columns stay, so BED cannot"),
        (BED, "out.txt", "out.txt: no format has this suffix; end it in .bed, .gff3 or .tsv"),
        (BED, "out.xls", "no format has this suffix; end it in .bed, .gff3 or .tsv, or give --format"),
        (BED, "hits.bed", "is read by this command"),
        (BED, "genes.bed", "is read by this command"),
        ("chr1\t990\t1000\ta\t0\t.\n", "out.bed", "line 1: there is no strand"),
        ("chr1\t990\t990\ta\t0\t+\n", "out.bed", "line 1: an interval without bases is no hit"),
        (BED + "chr1\t990\t1000\ta\t0\t+\t7\n", "out.bed", "line 2: 7 columns, and 6 in the rows before"),
        (BED + "chr1\t9\t10\ta\t0\t+\n", "out.bed.gz", "line 2: the hits are not sorted by contig and start"),
        (BED + "chr2\t9\t10\ta\t0\t+\n" + BED, "out.bed.gz", "line 3: the hits are not sorted by contig and start"),
        ("#chrom\tstart\tend\tclass\tscore\tstrand\n" + BED, "out.bed", "the hits have a column 'class' already"),
        ("chr1\tx\tp\t9\t9\t.\t+\t.\tID=a;distance=1\n", "out.gff3", "the hits have an attribute 'distance' already"),
        ('chr1\tx\tp\t9\t9\t.\t+\t.\tgene_id "a";\n', "out.gff3", "line 1: its attributes are those of GTF"),
        ("chr1\tx\tp\t9\t9\t.\t+\t.\n", "out.gff3", "line 1: 8 columns, and GFF3 has 9"),
        ("", "out.bed", "there is nothing in it, not even a header"),
    ],
)  # fmt: skip
def test_what_cannot_be_annotated_is_one_line_and_no_output(tmp_path, promscan_cli, content, output, message):
    (tmp_path / "genes.bed").write_text(GENES)
    (tmp_path / "hits.bed").write_text(content)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = promscan_cli("annotate", tmp_path / "hits.bed", tmp_path / "genes.bed", "-o", tmp_path / output, "--quiet")
    assert done.status == 1
    assert message in done.err
    assert done.err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_hits_on_contigs_without_genes_are_counted_and_kept(tmp_path, promscan_cli):
    (tmp_path / "genes.bed").write_text(GENES)
    (tmp_path / "hits.bed").write_text(BED + "2\t990\t1000\ta\t0\t+\n")
    done = promscan_cli("annotate", tmp_path / "hits.bed", tmp_path / "genes.bed", "-o", "-")
    assert "1 hit on 1 contig without genes, such as '2' ('2' is 'chr2' there)" in done.err
    assert done.out.splitlines()[-1].split("\t")[:7] == ["2", "990", "1000", "a", "0", "+", "intergenic"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hits.bed"], "nothing to do; give GENES and -o OUT, or --fasta and --genome"),
        (["hits.bed", "genes.bed"], "GENES and -o OUT belong together"),
        (["hits.bed", "-o", "out.bed"], "GENES and -o OUT belong together"),
        (["hits.bed", "--fasta", "out.fa"], "--fasta and --genome belong together"),
        (["-", "-", "-o", "out.bed"], "standard input can be read only once"),
        (["hits.bed", "genes.bed", "-o", "out.bed", "--upstream", "-1"], "0 to 10,000,000"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(promscan_cli, arguments, message):
    done = promscan_cli("annotate", *arguments)
    assert done.status == 2
    assert message in done.err
