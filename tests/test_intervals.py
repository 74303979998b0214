"""Sets of intervals agree with sets of positions, and the windows they ask for decide every hit inside."""

from __future__ import annotations

import gzip
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promscan.calling.peaks import PeakCaller
from promscan.errors import InputError
from promscan.io.bed import read_bed
from promscan.seq.intervals import Intervals, genome_digest
from promscan.seq.records import Interval, ScoreTrack
from promscan.seq.windows import tss_of

LONGEST = 120

intervals = st.builds(
    lambda chrom, start, width: Interval(chrom, start, start + width),
    st.sampled_from(["chr1", "chr2", "chr10", "HLA:01-02"]),
    st.integers(0, LONGEST),
    st.integers(0, LONGEST),
)
interval_lists = st.lists(intervals, max_size=12)


def bases(items) -> set[tuple[str, int]]:
    """The slow oracle: every covered position."""
    return {(chrom, position) for chrom, start, end in items for position in range(start, end)}


def write_bed(folder: Path, text: str | bytes) -> Path:
    path = folder / "targets.bed"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.fixture
def temporary_files(tmp_path, monkeypatch):
    """A folder of its own for temporary files, to see what is left there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


# ------------------------------------------------------------------------------------------------------------ the set


@given(interval_lists)
def test_intervals_are_merged_sorted_and_cover_the_same_bases(items):
    merged = list(Intervals.of(items))
    assert bases(merged) == bases(items)
    assert merged == sorted(merged)
    for one, other in pairwise(merged):
        assert one.chrom != other.chrom or one.end < other.start
    assert all(interval.start < interval.end for interval in merged)


def test_touching_intervals_become_one_and_empty_ones_none():
    items = [Interval("chr1", 3, 5), Interval("chr1", 0, 3), Interval("chr1", 6, 7), Interval("chr2", 4, 4)]
    assert list(Intervals.of(items)) == [("chr1", 0, 5), ("chr1", 6, 7)]


@given(interval_lists)
def test_sizes_and_names_are_those_of_the_bases(items):
    merged = Intervals.of(items)
    assert merged.total_bases == len(bases(items))
    assert merged.chroms == tuple(sorted({chrom for chrom, _ in bases(items)}))


@given(interval_lists)
def test_contains_is_true_for_covered_positions(items):
    merged, covered = Intervals.of(items), bases(items)
    positions = [*range(2 * LONGEST + 5, -5, -1)]
    for chrom in ("chr1", "unknown"):
        found = merged.contains(chrom, np.array(positions, dtype=np.int64))
        assert found.dtype == np.bool_
        assert found.tolist() == [(chrom, position) in covered for position in positions]


@given(interval_lists, st.integers(0, 2 * LONGEST), st.integers(0, LONGEST))
def test_mask_marks_covered_bases(items, start, width):
    merged, covered = Intervals.of(items), bases(items)
    for chrom in ("chr1", "unknown"):
        mask = merged.mask(chrom, start, start + width)
        assert mask.dtype == np.bool_
        assert mask.tolist() == [(chrom, position) in covered for position in range(start, start + width)]


@given(interval_lists, interval_lists)
def test_union_covers_the_bases_of_either(items, others):
    union = Intervals.of(items).union(Intervals.of(others))
    assert union == Intervals.of([*items, *others])
    assert bases(union) == bases(items) | bases(others)


@given(interval_lists, interval_lists)
def test_digests_of_different_sets_of_bases_differ(items, others):
    one, other = Intervals.of(items), Intervals.of(others)
    assert (one.digest() == other.digest()) == (bases(items) == bases(others))
    assert one.digest() == Intervals.of(reversed(items)).digest()


contig_lists = st.lists(st.tuples(st.sampled_from(["chr1", "chr2", "chr10"]), st.integers(0, 3)), max_size=3)


@given(contig_lists, contig_lists)
def test_digests_of_a_genome_differ_by_contigs_with_bases_and_their_order(some, others):
    genomes = [dict(contigs) for contigs in (some, others)]
    one, other = ([(chrom, length) for chrom, length in genome.items() if length] for genome in genomes)
    assert (genome_digest(genomes[0]) == genome_digest(genomes[1])) == (one == other)


@given(interval_lists)
def test_bases_are_counted_up_to_a_position(items):
    merged, covered = Intervals.of(items), bases(items)
    positions = [*range(2 * LONGEST + 5, -1, -7)]
    for chrom in ("chr1", "unknown"):
        before = merged.bases_before(chrom, np.array(positions, dtype=np.int64))
        expected = [sum(name == chrom and base < position for name, base in covered) for position in positions]
        assert before.tolist() == expected


@given(interval_lists, st.integers(0, 30))
def test_wider_intervals_hold_what_is_near_and_stay_in_the_contig(items, by):
    contigs = dict.fromkeys(["chr1", "chr2", "chr10", "HLA:01-02"], 2 * LONGEST)
    wider = Intervals.of(items).widened(by, contigs)
    near = {(chrom, base + step) for chrom, base in bases(items) for step in range(-by, by + 1)}
    assert bases(wider) == {(chrom, base) for chrom, base in near if 0 <= base < contigs[chrom]}


def test_coordinates_beyond_32_bits_are_exact():
    far = Intervals.of([Interval("chr1", 5_000_000_000, 5_000_000_010)])
    assert far.contains("chr1", np.array([5_000_000_009, 5_000_000_010])).tolist() == [True, False]


def test_an_empty_set_covers_nothing():
    empty = Intervals.of([])
    assert (list(empty), empty.total_bases, empty.chroms, empty.spans_of_starts(500)) == ([], 0, (), {})


# -------------------------------------------------------------------------------------------------------------- spans


@given(interval_lists, st.integers(1, 60))
def test_spans_hold_exactly_the_windows_that_decide_hits_inside(items, min_distance):
    needed: dict[str, set[int]] = {}
    for chrom, tss in bases(items):
        for own in (tss - tss_of(0, "+"), tss - tss_of(0, "-")):
            rivals = range(own - min_distance + 1, own + min_distance)
            needed.setdefault(chrom, set()).update(start for start in rivals if start >= 0)
    spans = Intervals.of(items).spans_of_starts(min_distance)
    for chrom, ranges in spans.items():
        starts = [start for lo, hi in ranges for start in range(lo, hi)]
        assert starts == sorted(set(starts))
        assert set(starts) >= needed[chrom]
        assert all(lo < hi for lo, hi in ranges)
        assert all(hi < lo for (_, hi), (lo, _) in pairwise(ranges))
        # With no rivals to look at, the starts between those of the two strands are asked for too.
        assert min_distance == 1 or set(starts) == needed[chrom]
    assert spans.keys() == {chrom for chrom, starts in needed.items() if starts}


def test_the_span_of_one_base_reaches_the_rivals_of_both_strands():
    spans = Intervals.of([Interval("chr1", 1000, 1001)]).spans_of_starts(500)
    assert spans == {"chr1": [(1000 - 36 - 499, 1000 - 33 + 499 + 1)]}


@given(
    st.lists(intervals, min_size=1, max_size=4),
    st.integers(1, 40),
    st.sampled_from("+-"),
    st.lists(st.integers(-2, 3), min_size=1, max_size=2 * LONGEST),
)
def test_hits_inside_are_those_of_the_full_scan(items, min_distance, strand, logits):
    within = Intervals.of(items)
    scores = np.array(logits, dtype=np.float32)

    def hits(ranges):
        caller, found = PeakCaller(strand, 0.0, min_distance, 1), []
        for lo, hi in ranges:
            found += caller.feed(ScoreTrack("chr1", strand, lo, 1, scores[lo:hi]))
        found += caller.flush()
        return [hit for hit in found if within.contains("chr1", np.array([hit.tss]))[0]]

    spans = within.spans_of_starts(min_distance).get("chr1", [])
    assert hits(spans) == hits([(0, len(scores))])


# ---------------------------------------------------------------------------------------------------- against a genome


def test_intervals_within_the_genome_pass():
    Intervals.of([Interval("chr1", 0, 100), Interval("chr2", 99, 100)]).check_against({"chr1": 100, "chr2": 100}, "x")


@pytest.mark.parametrize(
    ("interval", "message"),
    [
        (Interval("1", 0, 5), r"targets.bed: the genome has no contig '1' \(its first one is 'chr1'\); use the"),
        (Interval("chr1", 40, 101), "targets.bed: interval chr1:40-101 reaches past the end of the contig at 100;"),
        (Interval("chr1", 400, 500), "interval chr1:400-500 reaches past"),
    ],
)
def test_intervals_outside_the_genome_are_refused(interval, message):
    with pytest.raises(InputError, match=message):
        Intervals.of([Interval("chr1", 0, 10), interval]).check_against({"chr1": 100, "chr2": 900}, "targets.bed")


# ---------------------------------------------------------------------------------------------------------------- BED


@given(st.lists(intervals, min_size=1, max_size=12))
def test_a_bed_file_is_the_set_of_its_intervals(items):
    if not bases(items):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = write_bed(Path(folder), "".join(f"{chrom}\t{start}\t{end}\tname\n" for chrom, start, end in items))
        assert read_bed(path) == Intervals.of(items)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_bed_is_read_as_it_comes(tmp_path, pack, newline):
    lines = [
        "browser position chr1:1-10",
        'track name="two words"',
        "# a comment",
        "chr2\t5\t8\tname\t0\t-\t5\t8\t255,0,0",
        "",
        "#chr2\t100\t200",
        "chr1 0 3",
        "chr1 3  5 touches",
        "chr1 40 40 empty",
        "chr1\t40\t40\ttwo words",
        "chr2\t7\t12",
    ]
    path = write_bed(tmp_path, pack(newline.join(lines).encode()))
    assert list(read_bed(path)) == [("chr1", 0, 5), ("chr2", 5, 12)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": there is no interval with bases in it; give a BED file"),
        ("# nothing\ntrack x\n\n", ": there is no interval with bases in it"),
        ("chr1\t5\t5\n", ": there is no interval with bases in it"),
        ("chr1\t1\t2\nchr1\t5\n", ", line 2: not a BED interval; write contig, start and end, divided by tabs"),
        ("#c\n\nchrom\tstart\tend\n", ", line 3: not a BED interval"),
        ("chr1\t-1\t5\n", ", line 1: not a BED interval"),
        ("chr1\t1.5\t5\n", ", line 1: not a BED interval"),
        ("chr1\t1\t" + "9" * 30, ", line 1: not a BED interval"),
        ("chr1,1,5\n", ", line 1: not a BED interval"),
        (">chr1\nACGT\n", ": this is a FASTA file; give a BED file"),
        ("chr1\t9\t5\n", ", line 1: the interval ends at 5, before its start at 9; correct it"),
        (b"\xff\xfe\x00", ", line 1: not a text file in UTF-8; give a BED file, plain or compressed"),
        (
            gzip.compress(b"chr1\t1\t2\n", mtime=0)[:-9],
            ": the compressed data ends too early; copy or download it again",
        ),
        (b"\x1f\x8b and more", ": the compressed data is damaged"),
    ],
)
def test_what_is_not_bed_is_refused_with_its_line(tmp_path, temporary_files, content, message):
    path = write_bed(tmp_path, content)
    with pytest.raises(InputError, match=f"^{path}{message}") as caught:
        read_bed(path)
    assert "\n" not in str(caught.value)
    assert list(temporary_files.iterdir()) == []


def test_a_missing_bed_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.bed: No such file or directory; give a BED file"):
        read_bed(tmp_path / "nowhere.bed")
    with pytest.raises(InputError, match="Is a directory"):
        read_bed(tmp_path)


def test_bed_is_read_without_any_other_program(tmp_path, temporary_files, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(read_bed(write_bed(tmp_path, "chr1\t5\t9\nchr1\t1\t2\n"))) == [("chr1", 1, 2), ("chr1", 5, 9)]
    assert list(temporary_files.iterdir()) == []
