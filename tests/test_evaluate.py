"""Hits are judged as a slow and obvious judge does it, whoever wrote them."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pysam
import pytest
from genomes import DATA, DEMO, TINY, write_fasta
from hypothesis import given, settings
from hypothesis import strategies as st

import promscan
from promscan.commands.evaluating.evaluation import Evaluation
from promscan.errors import InputError, RunError
from promscan.seq.records import Hit, Interval

LENGTHS = {"chr1": 4000, "chr2:100-3100": 3000}
TSS = DATA / "demo_tss.bed"


class Called(NamedTuple):
    chrom: str
    tss: int
    strand: str
    score: float = 0.0


def write_genome(folder: Path) -> Path:
    return write_fasta(folder / "genome.fa", {chrom: "A" * length for chrom, length in LENGTHS.items()}, width=4000)


def write_starts(folder: Path, starts: Sequence[Called]) -> Path:
    path = folder / "tss.bed"
    path.write_text("".join(f"{chrom}\t{tss}\t{tss + 1}\tx\t0\t{strand}\n" for chrom, tss, strand, _ in starts))
    return path


def write_hits(folder: Path, hits: Sequence[Called]) -> Path:
    path = folder / "hits.bed"
    rows = (f"{chrom}\t{tss}\t{tss + 1}\tx\t{score}\t{strand}\n" for chrom, tss, strand, score in hits)
    path.write_text("#\n" + "".join(rows))
    return path


def judge(hits: Sequence[Called], starts: Sequence[Called], within: Sequence[Interval] = (), **options) -> Evaluation:
    with TemporaryDirectory() as name:
        folder = Path(name)
        if within:
            options["bed"] = folder / "within.bed"
            options["bed"].write_text("".join(f"{chrom}\t{start}\t{end}\n" for chrom, start, end in within))
        return promscan.evaluate(
            write_hits(folder, hits), write_starts(folder, starts), write_genome(folder), **options
        )


def judge_on_circle(
    bases: str, turn: int, hits: Sequence[Called], lists: Sequence[Sequence[Called]], ignored: Sequence[Called]
) -> dict[str, object]:
    """Judge hits of a circle `c` whose origin was moved by `turn` bp."""

    def turned(places: Sequence[Called]) -> list[Called]:
        return [place._replace(tss=(place.tss - turn) % len(bases)) for place in places]

    with TemporaryDirectory() as name:
        folder = Path(name)
        genome = write_fasta(folder / "genome.fa", {"c": bases[turn:] + bases[:turn]})
        write_hits(folder, turned(hits))
        (folder / "hits.bed").write_text("#promscan 0.1.0 circular=c\n" + (folder / "hits.bed").read_text()[2:])
        paths = [write_starts(folder, turned(starts)).rename(folder / f"{i}") for i, starts in enumerate(lists)]
        near = [write_starts(folder, turned(ignored))] if ignored else []
        return promscan.evaluate(
            folder / "hits.bed", paths, genome, tolerance=30, false_beyond=60, clearance=90, ignore_near=near
        ).describe()


# --------------------------------------------------------------------------------------------------------- the oracle


def inside(place: Called, within: Sequence[Interval]) -> bool:
    return not within or any(chrom == place.chrom and start <= place.tss < end for chrom, start, end in within)


def its_start(hit: Called, starts: Sequence[Called]) -> Called | None:
    """The nearest start of the strand, of two the one that lies further 5'."""
    same = {(start.chrom, start.strand): [] for start in starts}
    for start in starts:
        same[start.chrom, start.strand].append(start)
    forward = 1 if hit.strand == "+" else -1
    near = same.get((hit.chrom, hit.strand), [])
    return min(near, key=lambda start: (abs(hit.tss - start.tss), forward * start.tss), default=None)


def slow_counts(
    hits: Sequence[Called], starts: Sequence[Called], within: Sequence[Interval], tolerance: int, threshold: float
) -> tuple[int, ...]:
    """Hits, found starts, right, false and background hits of at least this score."""
    passing = [hit for hit in hits if hit.score >= threshold and inside(hit, within)]
    found = {
        (start.chrom, start.tss, start.strand)
        for start, hit in itertools.product(starts, passing)
        if inside(start, within)
        and (hit.chrom, hit.strand) == (start.chrom, start.strand)
        and abs(hit.tss - start.tss) <= tolerance
    }
    right, false, background = set(), 0, 0
    for hit in passing:
        start = its_start(hit, starts)
        distance = math.inf if start is None else abs(hit.tss - start.tss)
        if start is not None and distance <= tolerance and inside(start, within):
            right.add(start[:3])
        false += distance > max(500, tolerance)
        background += all(hit.chrom != other.chrom or abs(hit.tss - other.tss) > 1000 for other in starts)
    return len(passing), len(found), len(right), false, background


chroms = st.sampled_from(sorted(LENGTHS))
strands = st.sampled_from("+-")
places = st.integers(0, 2999)
called = st.builds(Called, chroms, places, strands, st.integers(0, 4).map(float))
listed = st.builds(Called, chroms, places, strands)


@st.composite
def clustered(draw: st.DrawFn) -> list[Called]:
    """Hits, most of them close to one another."""
    middle = draw(st.integers(300, 2700))
    near = st.builds(
        lambda offset, strand, score: Called("chr1", middle + offset, strand, float(score)),
        st.integers(-300, 300), strands, st.integers(0, 4),
    )  # fmt: skip
    return draw(st.lists(st.one_of(near, called), max_size=12))


@given(clustered(), clustered().filter(len), st.sampled_from([0, 50, 100, 600]))
@settings(max_examples=100)
def test_counts_are_those_of_the_slow_judge(hits: list[Called], starts: list[Called], tolerance: int) -> None:
    evaluation = judge(hits, starts, tolerance=tolerance)
    total = len({start[:3] for start in starts})
    assert len(evaluation.ranking.found.scores) == total
    for threshold in [hit.score for hit in hits] + [math.inf]:
        point = evaluation.at(threshold)
        counts = slow_counts(hits, starts, (), tolerance, threshold)
        assert (point.hits, point.found, point.right, point.false, point.background_hits) == counts
        assert point.recall == point.found / total
        assert point.fp_per_mb == point.false / 7000 * 1e6
        judged = point.right + point.false
        assert point.precision == (point.right / judged if judged else None)


@given(clustered(), clustered().filter(len), st.lists(st.tuples(chroms, places, st.integers(1, 2000)), min_size=1))
@settings(max_examples=25)
def test_only_what_was_scanned_counts(
    hits: list[Called], starts: list[Called], pieces: list[tuple[str, int, int]]
) -> None:
    within = [Interval(chrom, start, min(LENGTHS[chrom], start + size)) for chrom, start, size in pieces]
    counted = [start for start in starts if inside(start, within)]
    if not counted:
        with pytest.raises(InputError, match="none of its TSSs lies in what is to be judged"):
            judge(hits, starts, within)
        return
    evaluation = judge(hits, starts, within)
    bases = {(chrom, base) for chrom, start, end in within for base in range(start, end)}
    near = {(start.chrom, start.tss + step) for start in starts for step in range(-1000, 1001)}
    assert evaluation.ranking.bases == len(bases)
    assert evaluation.ranking.background_bases == len(bases - near)
    for threshold in {hit.score for hit in hits}:
        point = evaluation.at(threshold)
        assert (
            point.hits, point.found, point.right, point.false, point.background_hits
        ) == slow_counts(hits, starts, within, 100, threshold)  # fmt: skip


@given(clustered(), clustered().filter(len), st.randoms())
@settings(max_examples=20)
def test_neither_the_order_of_the_rows_nor_the_strand_that_is_called_plus_matters(hits, starts, random) -> None:
    def mirrored(place: Called) -> Called:
        return Called(place.chrom, LENGTHS[place.chrom] - 1 - place.tss, "-+"[place.strand == "-"], place.score)

    shuffled, expected = random.sample(hits, len(hits)), judge(hits, starts)
    for other in (judge(shuffled, starts), judge([*map(mirrored, hits)], [*map(mirrored, starts)])):
        assert other.curve() == expected.curve()
        assert sorted(other.distances) == sorted(expected.distances)


@given(clustered(), clustered().filter(len))
@settings(max_examples=20)
def test_the_points_of_the_rates_hold_the_most_hits_that_may_pass(hits: list[Called], starts: list[Called]) -> None:
    evaluation = judge(hits, starts)
    points = [evaluation.at(score) for score in {hit.score for hit in hits}]
    for rate, point in evaluation.rates.items():
        allowed = [other.hits for other in points if other.fp_per_mb <= rate]
        assert point.hits == max(allowed, default=0)
        assert point.threshold < math.inf or not allowed


# -------------------------------------------------------------------------------------------------------- one by one

PLUS = Called("chr1", 2000, "+")


def only(*hits: tuple[int, str, float], **options) -> Evaluation:
    return judge([Called("chr1", *hit) for hit in hits], [PLUS], **options)


def test_a_hit_on_the_other_strand_is_false() -> None:
    point = only((2000, "-", 1)).whole
    assert (point.found, point.right, point.false, point.background_hits) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ("distance", "found", "false"), [(0, 1, 0), (100, 1, 0), (101, 0, 0), (500, 0, 0), (501, 0, 1)]
)
def test_between_right_and_false_a_hit_counts_for_nothing(distance: int, found: int, false: int) -> None:
    for side in (-1, 1):
        point = only((2000 + side * distance, "+", 1)).whole
        assert (point.hits, point.found, point.right, point.false) == (1, found, found, false)


def test_two_hits_on_one_start_are_one_right_one() -> None:
    evaluation = only((2010, "+", 2), (1950, "+", 1))
    assert evaluation.whole[1:7] == (2, 1, 1.0, 1, 0, 1.0)
    assert evaluation.distances.tolist() == [10]
    assert evaluation.median_distance == 10


@pytest.mark.parametrize(("sides", "expected"), [((-30, 10), 10), ((30, -10), -10), ((10, -10), -10)])
def test_of_equally_high_hits_at_one_start_the_nearer_is_right(sides: tuple[int, int], expected: int) -> None:
    evaluation = only(*((2000 + side, "+", 1) for side in sides))
    assert evaluation.distances.tolist() == [expected]


def test_nothing_within_the_tolerance_is_false() -> None:
    assert only((2700, "+", 1), (1200, "+", 1), tolerance=750).whole[1:7] == (2, 1, 1.0, 1, 1, 0.5)


def test_distances_are_read_along_the_strand() -> None:
    starts = [Called("chr1", 2000, "-"), Called("chr1", 1000, "+")]
    evaluation = judge([Called("chr1", 1990, "-", 1), Called("chr1", 970, "+", 1)], starts)
    assert sorted(evaluation.distances.tolist()) == [-30, 10]


def test_hits_of_equal_score_pass_together() -> None:
    evaluation = only((2000, "+", 3), (100, "+", 3), (3500, "+", 3))
    assert [point.hits for point in evaluation.curve()] == [3]
    assert evaluation.rates[100].hits == 0  # of 0.007 Mb, one false hit is 143 per Mb
    assert evaluation.rates[500].recall == 1.0


def test_a_hit_between_two_starts_finds_both_and_is_one_right_hit() -> None:
    evaluation = judge([Called("chr1", 2050, "+", 1)], [PLUS, Called("chr1", 2100, "+")])
    assert (evaluation.whole.found, evaluation.whole.right) == (2, 1)
    assert evaluation.distances.tolist() == [50]


on_circle = st.lists(st.builds(Called, st.just("c"), st.integers(0, 799), strands, st.integers(0, 4).map(float)))


@given(on_circle, on_circle.filter(len), on_circle.filter(len), on_circle, st.integers(1, 799))
def test_where_the_origin_of_a_circle_lies_changes_no_metric(hits, starts, more, ignored, turn) -> None:
    bases = ("AATTGCTTAA" * 40 + "CGGCGTACGC" * 40)[:800]
    # A start of a later list is the nearest one of an earlier list; further chains would depend on their order.
    arguments = hits, [starts, more], ignored
    assert judge_on_circle(bases, turn, *arguments) == judge_on_circle(bases, 0, *arguments)


def test_a_hit_finds_a_start_on_the_other_side_of_the_origin() -> None:
    hits, start = [Called("c", 797, "-", 2.0)], [[Called("c", 2, "-")]]
    found = judge_on_circle("AC" * 400, 0, hits, start, [])["at_fp_per_mb"]["all"]
    assert (found["found"], found["right"], found["false"], found["median_distance"]) == (1, 1, 0, 5)


def test_only_some_contigs() -> None:
    hits = [Called("chr1", 100, "+", 1), Called("chr2:100-3100", 100, "+", 1)]
    evaluation = judge(hits, [Called("chr1", 100, "+"), Called("chr2:100-3100", 9, "-")], contigs=["chr2"])
    assert (evaluation.ranking.bases, evaluation.whole.hits, evaluation.whole.recall) == (3000, 1, 0.0)
    with pytest.raises(InputError, match="no contig 'chr3'"):
        judge(hits, [PLUS], contigs=["chr3"])
    with pytest.raises(InputError, match="none of its TSSs lies in what is to be judged"):
        judge(hits, [PLUS], contigs=["chr2"])


def test_only_a_region_of_a_contig() -> None:
    hits = [Called("chr1", 100, "+", 2), Called("chr1", 2050, "+", 1)]
    starts = [Called("chr1", 100, "+"), Called("chr1", 2000, "+")]
    evaluation = judge(hits, starts, contigs=["chr1:1", "001-2", "500"])
    assert (evaluation.ranking.bases, evaluation.whole.hits, evaluation.whole.recall) == (1500, 1, 1.0)


def test_no_background_is_left() -> None:
    evaluation = judge(
        [Called("chr1", 0, "+", 1)], [Called("chr1", 1000, "+"), Called("chr1", 3000, "-")], contigs=["chr1"]
    )
    assert (evaluation.ranking.background_bases, evaluation.whole.background_fp_per_mb) == (0, None)


def test_the_bootstrap_is_over_blocks_each_draw_with_its_own_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a slow one from the definition, which draws the same blocks."""
    monkeypatch.setattr("promscan.metrics.blocks.BLOCK", 1000)
    rng = np.random.default_rng(3)

    def drawn(count: int) -> list[Called]:
        return [
            Called("chr1", int(rng.integers(4000)), "+-"[rng.integers(2)], float(rng.integers(9))) for _ in range(count)
        ]

    hits, starts = drawn(40), drawn(6)
    rates = (300, 1000, 3000)
    evaluation = judge(hits, starts, contigs=["chr1"])
    false = [hit for hit in hits if slow_counts([hit], starts, (), 100, 0)[3]]
    finders = {start: [hit.score for hit in hits if slow_counts([hit], [start], (), 100, 0)[1]] for start in starts}
    draws, recalls = np.random.default_rng(0), []
    for _ in range(1000):
        blocks = draws.integers(4, size=4).tolist()
        false_scores = [hit.score for block in blocks for hit in false if hit.tss // 1000 == block]
        drawn_starts = [start for block in blocks for start in starts if start.tss // 1000 == block]
        if drawn_starts:
            allowed = {
                score: sum(other >= score for other in false_scores) / 4000 * 1e6 for score in {h.score for h in hits}
            }
            recalls.append(
                [np.mean([any(allowed[score] <= rate for score in finders[s]) for s in drawn_starts]) for rate in rates]
            )
    expected = np.percentile(recalls, [2.5, 97.5], axis=0).T
    found, again = ([recall.interval95 for recall in evaluation.ranking.recalls(rates)[0]] for _ in range(2))
    assert np.allclose(found, expected)
    assert found == again
    assert len({low for low, _ in expected.tolist()}) > 1


# -------------------------------------------------------------------------------------------------- what can be read

ROWS = {
    "six columns: the middle": "chr1\t1980\t2020\tx\t7\t+",
    "blanks": "chr1 1980 2020 x 7 +",
    "a name of two words": "chr1\t1980\t2020\ttwo words\t7\t+",
    "nine columns: the thick start": "chr1\t1700\t2020\tx\t7\t+\t2000\t2001\t0,0,0",
    "with a track": 'track name="x"\nchr1\t1980\t2020\tx\t7\t+',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_genome(tmp_path)
    write_starts(tmp_path, [PLUS])
    return tmp_path


def read(folder: Path, content: str | bytes, **options) -> Evaluation:
    (folder / "any.bed").write_bytes(content if isinstance(content, bytes) else content.encode())
    return promscan.evaluate(folder / "any.bed", folder / "tss.bed", folder / "genome.fa", **options)


@pytest.mark.parametrize("text", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.replace("\n", "\r\n").encode())])
def test_bed_of_other_tools(folder: Path, text: str, pack: Callable[[str], bytes]) -> None:
    evaluation = read(folder, pack(f"{text}\n"))
    assert evaluation.distances.tolist() == [0]
    assert (evaluation.whole.threshold, evaluation.score) == (7, "column 5")


def test_bgzipped_hits(folder: Path) -> None:
    (folder / "plain.bed").write_text("chr1\t1980\t2020\tx\t7\t+\n")
    pysam.tabix_compress(str(folder / "plain.bed"), str(folder / "hits.bed.gz"))
    packed = (folder / "hits.bed.gz").read_bytes()
    assert read(folder, packed).whole.found == 1
    with pytest.raises(InputError, match=r"any\.bed: the compressed data ends too early"):
        read(folder, packed[:-28])


TSS_HEADER = "#chrom\tstart\tend\tname\tscore\tstrand\ttss\n"
HEADED = "#chrom\tstart\tend\tname\tscore\tstrand\ttss\tlogit\nchr1\t1\t90\tx\t5\t+\t2\t-1.5\n"


def test_hits_are_ranked_by_the_logit_or_the_column_that_is_asked_for(folder: Path) -> None:
    evaluation = read(folder, HEADED)
    assert (evaluation.whole.threshold, evaluation.score) == (-1.5, "logit")
    evaluation = read(folder, HEADED, score_column=7)
    assert (evaluation.whole.threshold, evaluation.score) == (2, "column 7")
    assert read(folder, HEADED.replace("logit", "grade")).whole.threshold == 5


def test_a_header_without_hits_is_no_error(folder: Path) -> None:
    evaluation = read(folder, "#chrom\tstart\tend\n")
    assert evaluation.whole[:7] == (math.inf, 0, 0, 0.0, 0, 0, None)
    assert evaluation.curve() == []
    described = evaluation.describe()["at_fp_per_mb"]["all"]
    assert (described["threshold"], described["recall_interval95"]) == (None, (0.0, 0.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"any\.bed: there is nothing in it, not even a header; give the hits of a scan as BED, GFF3 or narr"),
        ("track x\n", r"any\.bed: there is nothing in it"),
        ("chr1\t5\n", r"any\.bed, line 1: not a BED interval"),
        ("##gff-version 3\nchr1\tx\tpromoter\t1\t70\t.\t+\t.\tID=1\n", r"any\.bed, line 2: '\.' in column 6 is no"),
        ("##gff-version 3\nchr1\t1\t70\tx\t5\t+\n", r"any\.bed, line 2: not a GFF3 or GTF feature; write nine"),
        ("chr1\t1\t9\tx\t5\n", r"any\.bed, line 1: there is no strand, \+ or -, in column 6"),
        ("#\n\nchr1\t1\t9\tx\t5\t.\n", r"any\.bed, line 3: there is no strand"),
        ("chr3\t1\t9\tx\t5\t+\n", r"any\.bed, line 1: the genome has no contig 'chr3'"),
        ("chr1\t3999\t4001\tx\t5\t+\n", r"any\.bed, line 1: reaches past the end of chr1 at 4000"),
        (f"{TSS_HEADER}chr1\t3990\t4000\tx\t5\t+\t4000\n", r"line 2: the tss 4000 in column 7 is not in its interval"),
        ("chr1\t4000\t4000\tx\t5\t+\n", r"any\.bed, line 1: reaches past the end of chr1 at 4000"),
        ("chr1\t1\t9\tx\tgood\t+\n", r"any\.bed, line 1: 'good' in column 5 is no score; name its column: --score-col"),
        ("chr1\t1\t9\tx\tnan\t+\n", r"any\.bed, line 1: 'nan' in column 5 is no score"),
        ("chr1\t1\t9\tx\t-1.7e308\t+\n", r"any\.bed, line 1: the score -1\.7e308 in column 5 is beyond 1e\+30"),
        (f"{TSS_HEADER}chr1\t1\t9\tx\t5\t+\t1.5\n", r"line 2: '1.5' in column 7, called tss, is no position"),
        (b"\xff\xfe", r"any\.bed, line 1: not a text file"),
    ],
)
def test_bad_hits_are_refused(folder: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(folder, text)
    assert "\n" not in str(caught.value)


def test_a_column_that_is_not_there(folder: Path) -> None:
    with pytest.raises(InputError, match=r"any\.bed, line 1: '' in column 9 is no score"):
        read(folder, "chr1\t1\t9\tx\t5\t+\n", score_column=9)


def test_starts_and_intervals_have_to_be_in_the_genome(folder: Path) -> None:
    (folder / "within.bed").write_text("chr3\t0\t5\n")
    with pytest.raises(InputError, match=r"within\.bed: the genome has no contig 'chr3'"):
        read(folder, HEADED, bed=folder / "within.bed")
    write_starts(folder, [Called("chr3", 5, "+")])
    with pytest.raises(InputError, match=r"tss\.bed, line 1: the genome has no contig 'chr3'"):
        read(folder, HEADED)


def test_the_hits_of_a_scan_are_judged_without_a_file() -> None:
    hit = Hit("demo1", 21_380, "+", 21_413, 1.25, 0.8)
    point = promscan.evaluate([hit], TSS, DEMO).whole
    assert (point.threshold, point.found, point.right) == (1.25, 1, 1)


# -------------------------------------------------------------------------------------------------- the command


@pytest.fixture
def arguments(folder: Path) -> list[object]:
    write_hits(folder, [Called("chr1", 2005, "+", 3), Called("chr1", 100, "-", 2), Called("chr1", 1990, "+", 1)])
    return [
        "evaluate", folder / "hits.bed", "--tss", folder / "tss.bed", "--genome", folder / "genome.fa", "--quiet"
    ]  # fmt: skip


SUMMARY = """\
1 of 1 TSSs found by 3 hits, ranked by column 5, on 7,000 bp
1 hit right (within 100 bp; median distance 5 bp), 1 false (beyond 500 bp)
1 hit on 4,999 bp of background (beyond 1,000 bp); distances from the defaults

        FP/Mb  recall (95 %)           precision   threshold   right   false  background FP/Mb
            1  1.000 (0.207 to 1.000)      1.000           3       1       0                 0
            5  1.000 (0.207 to 1.000)      1.000           3       1       0                 0
           10  1.000 (0.207 to 1.000)      1.000           3       1       0                 0
           20  1.000 (0.207 to 1.000)      1.000           3       1       0                 0
           50  1.000 (0.207 to 1.000)      1.000           3       1       0                 0
          100  1.000 (0.207 to 1.000)      1.000           3       1       0                 0
          500  1.000 (0.207 to 1.000)      0.500           1       1       1               200
   all: 142.9  1.000 (0.207 to 1.000)      0.500           1       1       1               200
intervals: Wilson's, as fewer than 20 blocks of 100 kb have TSSs; they may be too narrow

recall (95 %)     TSSs  10 FP/Mb                50 FP/Mb                100 FP/Mb
          all        1  1.000 (0.207 to 1.000)  1.000 (0.207 to 1.000)  1.000 (0.207 to 1.000)
          CpG        0  .                       .                       .
      not CpG        1  1.000 (0.207 to 1.000)  1.000 (0.207 to 1.000)  1.000 (0.207 to 1.000)
CpG: over 50% G+C and over 0.6 CpG observed/expected in 1,000 bp around the TSS (Gardiner-Garden and Frommer 1987)

        FP/Mb    found  median distance   within 2 bp  within 10 bp  within 50 bp  other strand     near  elsewhere
            1        1                5         0.000         1.000         1.000             0        0          0
            5        1                5         0.000         1.000         1.000             0        0          0
           10        1                5         0.000         1.000         1.000             0        0          0
           20        1                5         0.000         1.000         1.000             0        0          0
           50        1                5         0.000         1.000         1.000             0        0          0
          100        1                5         0.000         1.000         1.000             0        0          0
          500        1                5         0.000         1.000         1.000             0        1          0
   all: 142.9        1                5         0.000         1.000         1.000             0        1          0
false hits: within 500 bp of a TSS of the other strand, else near (within 2,000 bp of) a TSS, else elsewhere
"""
CURVE_COLUMNS = (
    "threshold hits found recall right false precision fp_per_mb background_hits background_fp_per_mb "
    "false_other_strand false_near false_elsewhere ignored_near median_distance within_2 within_10 within_50 "
    "recall_CpG recall_not_CpG"
)
CURVE = f"""\
{CURVE_COLUMNS}
3 1 1 1 1 0 1 0 0 0 0 0 0 0 5 0 1 1 . 1
1 3 1 1 1 1 0.5 142.857 1 200.04 0 1 0 0 5 0 1 1 . 1
""".replace(" ", "\t")


def test_a_summary_for_people(promscan_cli, arguments) -> None:
    assert promscan_cli(*arguments) == (0, SUMMARY, "")


def test_the_table_goes_where_it_is_asked_to(promscan_cli, arguments, folder: Path) -> None:
    assert promscan_cli(*arguments, "-o", "-") == (0, CURVE, "")
    assert promscan_cli(*arguments, "-o", folder / "out.tsv") == (0, "", "")
    assert (folder / "out.tsv").read_text() == CURVE


def test_json_has_all_figures(promscan_cli, arguments, folder: Path) -> None:
    assert promscan_cli(*arguments, "--json", folder / "out.json") == (0, SUMMARY, "")
    text = (folder / "out.json").read_text()
    assert promscan_cli(*arguments, "--json", "-") == (0, text, "")
    figures = json.loads(text)
    assert figures["at_fp_per_mb"]["500"] == {
        "threshold": 1.0, "hits": 3, "found": 1, "recall": 1.0, "recall_interval95": [1.0, 1.0],
        "right": 1, "false": 1, "precision": 0.5, "fp_per_mb": 1e6 / 7000,
        "background_hits": 1, "background_fp_per_mb": 1e6 / 4999,
        "false_other_strand": 0, "false_near": 1, "false_elsewhere": 0, "ignored_near": 0,
        "median_distance": 5.0, "within_2": 0.0, "within_10": 1.0, "within_50": 1.0,
        "recall_wilson95": [pytest.approx(0.2065, abs=1e-4), 1.0],
    }  # fmt: skip
    assert figures["distance"] == {"median": 5.0, "hits": {"5": 1}}
    assert (figures["tss"], figures["hits"], figures["bases"], figures["background_bases"]) == (1, 3, 7000, 4999)
    assert str(folder) not in text


def test_hits_from_a_pipe_and_where_the_ranking_ends(promscan_cli, arguments, folder, monkeypatch) -> None:
    content = (folder / "hits.bed").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    arguments[1] = "-"
    outcome = promscan_cli(*arguments[:-1])
    assert (outcome.status, outcome.out) == (0, SUMMARY)
    assert "the hits end at 143 false positives per Mb: the rows of higher rates show all hits" in outcome.err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"chr1\t5\n")))
    assert "standard input, line 1: not a BED interval" in promscan_cli(*arguments).err


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_plot_is_drawn_alike_each_time(promscan_cli, arguments, folder: Path, suffix: str, start: bytes) -> None:
    bytes_of = []
    for name in ("one", "two"):
        path = folder / f"{name}.{suffix}"
        assert promscan_cli(*arguments, "--plot", path).status == 0
        bytes_of.append(path.read_bytes())
    assert bytes_of[0].startswith(start)
    assert bytes_of[0] == bytes_of[1]
    assert not list(folder.glob(".*"))


def test_a_plot_of_no_hits(promscan_cli, arguments, folder: Path) -> None:
    (folder / "hits.bed").write_text("#\n")
    assert promscan_cli(*arguments, "--plot", folder / "plot.png").status == 0


def test_a_plot_that_cannot_be_drawn(promscan_cli, arguments, folder: Path) -> None:
    outcome = promscan_cli(*arguments, "--plot", folder / "plot.bed")
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert "plot.bed: a plot cannot have this suffix; end it in .png, .svg, .pdf" in outcome.err
    from promscan.plots.evaluation import plot_evaluation

    def fail(*_: object, **__: object) -> None:
        raise RunError("no room")

    from matplotlib.figure import Figure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", fail)
        with pytest.raises(RunError):
            plot_evaluation([], {}, {}, np.empty(0), folder / "plot.png")
    assert not list(folder.glob("*plot*"))


def test_what_is_wrong_is_told_in_one_line(promscan_cli, arguments, folder: Path) -> None:
    (folder / "hits.bed").write_text("chr9\t1\t2\tx\t0\t+\n")
    outcome = promscan_cli(*arguments, "-o", folder / "out.tsv")
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert "hits.bed, line 1: the genome has no contig 'chr9'" in outcome.err
    assert not (folder / "out.tsv").exists()
    assert promscan_cli(*arguments, "--tolerance", "-1").status == 2


def test_judging_loads_no_network_library(arguments) -> None:
    code = (
        "import sys; from promscan.cli import cli; "
        f"cli.main({[*map(str, arguments)]!r}, standalone_mode=False); "
        "assert not {'torch', 'matplotlib', 'sklearn'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=DATA.parent.parent, capture_output=True)


def test_the_hits_of_a_scan_from_its_file(promscan_cli, tmp_path: Path) -> None:
    hits = tmp_path / "hits.bed"
    options = [
        "--model",
        TINY,
        "--threshold",
        "0.6",
        "--region",
        "demo1:1-8,000",
        "--strength",
        "none",
        "--device",
        "cpu",
    ]
    assert promscan_cli("scan", DEMO, "-o", hits, *options).status == 0
    found = promscan.evaluate(hits, TSS, DEMO)
    scanned = promscan.evaluate(
        promscan.scan(DEMO, model=TINY, threshold=0.6, regions=["demo1:1-8,000"], strength=None, device="cpu"),
        TSS,
        DEMO,
    )
    assert found.whole.hits > 5
    assert found.score == scanned.score == "logit"
    assert [point[1:] for point in found.curve()] == [point[1:] for point in scanned.curve()]
