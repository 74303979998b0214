"""Peak calling against the definition of a hit, written out slowly."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promscan.calling.peaks import PeakCaller, in_order, probability_of, sliding_maximum
from promscan.seq.records import Hit, ScoreTrack
from promscan.seq.windows import WINDOW, tss_of

INFINITY = math.inf


def oracle(logits, strand, threshold, min_distance, stride):
    """Starts of the hits, straight from the definition."""
    logits = logits.tolist()  # Python floats compare in double precision

    def beats(j, i):
        further_5_prime = j < i if strand == "+" else j > i
        return logits[j] > logits[i] or (logits[j] == logits[i] and further_5_prime)

    def rivals(i):
        return (j for j in range(len(logits)) if j != i and abs(j - i) * stride < min_distance)

    windows = range(len(logits))
    return [i * stride for i in windows if logits[i] >= threshold and not any(beats(j, i) for j in rivals(i))]


def tracks(logits, strand, stride, cuts=(), chrom="chr1", first=0):
    """The logits as one track after another, divided at the indices `cuts`."""
    edges = [0, *sorted(cuts), len(logits)]
    for begin, end in itertools.pairwise(edges):
        yield ScoreTrack(chrom, strand, first + begin * stride, stride, logits[begin:end])


def call(logits, strand, threshold, min_distance, stride, cuts=()):
    caller = PeakCaller(strand, threshold, min_distance, stride)
    hits = [hit for track in tracks(logits, strand, stride, cuts) for hit in caller.feed(track)]
    return hits + caller.flush()


def starts(hits):
    return [hit.start for hit in hits]


# Few values make many ties and plateaus; the wide ones have neighbours that only float32 tells apart.
levels = st.sampled_from([math.nan, -INFINITY, -1.0, -0.0, 0.0, 1.0, 2.0, 3.0, INFINITY])
plateaus = st.lists(st.tuples(levels, st.integers(1, 12)), max_size=12).map(
    lambda runs: [level for level, length in runs for _ in range(length)]
)
values = st.lists(levels | st.floats(-20, 20, width=32), max_size=90)
logit_arrays = (plateaus | values).map(lambda x: np.array(x, dtype=np.float32))
strands = st.sampled_from("+-")
thresholds = st.sampled_from([-INFINITY, -1.0, 0.0, 0.1, 2.0, INFINITY]) | st.floats(-5, 5)
distances = st.integers(1, 30) | st.integers(1, 600)
strides = st.integers(1, 50)
scans = st.fixed_dictionaries(
    {
        "logits": logit_arrays,
        "strand": strands,
        "threshold": thresholds,
        "min_distance": distances,
        "stride": st.just(1) | strides,
    }
)


@st.composite
def divided_scans(draw):
    scan = draw(scans)
    return scan, draw(st.lists(st.integers(0, len(scan["logits"])), max_size=8))


@settings(deadline=None, max_examples=300)
@given(divided_scans())
def test_hits_are_those_of_the_definition_however_the_contig_is_divided(divided):
    scan, cuts = divided
    assert starts(call(**scan, cuts=cuts)) == oracle(**scan)


@settings(deadline=None)
@given(divided_scans())
def test_another_caller_goes_on_where_one_stopped(divided):
    scan, cuts = divided
    limits = scan["strand"], scan["threshold"], scan["min_distance"], scan["stride"]
    caller, hits = PeakCaller(*limits), []
    for track in tracks(scan["logits"], scan["strand"], scan["stride"], cuts):
        hits += caller.feed(track)
        state, caller = json.loads(json.dumps(caller.state())), PeakCaller(*limits)
        caller.restore(state)
    assert starts(hits + caller.flush()) == oracle(**scan)


@settings(deadline=None)
@given(scans, thresholds)
def test_hits_at_a_higher_threshold_are_among_those_at_a_lower_one(scan, other):
    low, high = (call(**{**scan, "threshold": t}) for t in sorted([scan["threshold"], other]))
    assert set(high) <= set(low)


@settings(deadline=None)
@given(scans)
def test_mirrored_scores_give_mirrored_hits(scan):
    other = {**scan, "logits": scan["logits"][::-1], "strand": "-" if scan["strand"] == "+" else "+"}
    last = (len(scan["logits"]) - 1) * scan["stride"]
    assert [last - start for start in reversed(starts(call(**other)))] == starts(call(**scan))


@settings(deadline=None)
@given(scans)
def test_hits_of_a_strand_keep_their_distance(scan):
    gaps = np.diff(starts(call(**scan)))
    assert (gaps >= scan["min_distance"]).all()


@settings(deadline=None)
@given(scans)
def test_hits_carry_the_score_and_the_tss_of_their_window(scan):
    for hit in call(**scan):
        logit = float(scan["logits"][hit.start // scan["stride"]])
        expected_tss = tss_of(hit.start, scan["strand"])
        expected = Hit("chr1", hit.start, scan["strand"], expected_tss, logit, probability_of(logit))
        assert hit == expected
        assert isinstance(hit.start, int)
        assert isinstance(hit.logit, float)


@settings(deadline=None)
@given(divided_scans(), logit_arrays)
def test_callers_of_both_strands_decide_the_same_starts(divided, other_logits):
    """Each batch of both strands, sorted, follows the one before it: across chunks, gaps and contigs."""
    scan, cuts = divided
    stride, settings_ = scan["stride"], (scan["threshold"], scan["min_distance"], scan["stride"])
    callers = {strand: PeakCaller(strand, *settings_) for strand in "+-"}
    minus = np.roll(scan["logits"][::-1], 1)
    pairs = [
        *zip(tracks(scan["logits"], "+", stride, cuts), tracks(minus, "-", stride, cuts), strict=True),
        *zip(
            tracks(other_logits, "+", stride, chrom="chr2"),
            tracks(other_logits, "-", stride, chrom="chr2"),
            strict=True,
        ),
    ]
    batches = [in_order((callers[t.strand].feed(t) for t in pair), pair[0].chrom) for pair in pairs]
    batches.append(in_order((caller.flush() for caller in callers.values()), None))
    hits = [hit for batch in batches for hit in batch]
    assert hits == sorted(hits, key=lambda hit: (hit.chrom, hit.start, hit.strand))
    rest = {k: v for k, v in scan.items() if k not in ("logits", "strand")}
    for strand, logits in (("+", scan["logits"]), ("-", minus)):
        assert starts(h for h in hits if h.chrom == "chr1" and h.strand == strand) == oracle(logits, strand, **rest)


def test_the_rule_is_pairwise():
    """The middle window falls to the right one, and still beats the left one."""
    logits = np.array([1, 0, 2, 0, 3], dtype=np.float32)
    assert starts(call(logits, "+", 0.5, min_distance=3, stride=1)) == [4]


@pytest.mark.parametrize(("strand", "start"), [("+", 10), ("-", 30)])
def test_the_5_prime_window_of_a_plateau_wins(strand, start):
    assert starts(call(np.array([0, 5, 5, 5, 0], dtype=np.float32), strand, 1.0, 100, 10)) == [start]


@pytest.mark.parametrize(("distance", "expected"), [(5, [0, 5]), (6, [0])])
def test_windows_exactly_min_distance_apart_are_no_rivals(distance, expected):
    logits = np.array([2, 0, 0, 0, 0, 1], dtype=np.float32)
    assert starts(call(logits, "+", 0.5, distance, 1)) == expected


def test_threshold_is_compared_in_double_precision():
    """0.1 as float32 is a little more than 0.1, and a little less than the next double above itself."""
    logits = np.array([0.1], dtype=np.float32)
    exact = float(logits[0])
    assert exact > 0.1
    assert starts(call(logits, "+", exact, 1, 1)) == [0]
    assert starts(call(logits, "+", math.nextafter(exact, 1), 1, 1)) == []


def test_a_gap_or_another_contig_begins_anew():
    caller = PeakCaller("+", 0.0, 100, 1)
    one = np.ones(3, dtype=np.float32)
    assert caller.feed(ScoreTrack("chr1", "+", 50, 1, one)) == []
    assert starts(caller.feed(ScoreTrack("chr1", "+", 54, 1, one))) == [50]
    assert [(h.chrom, h.start) for h in caller.feed(ScoreTrack("chr2", "+", 57, 1, one))] == [("chr1", 54)]
    assert [(h.chrom, h.start) for h in caller.flush()] == [("chr2", 57)]
    assert caller.flush() == []


def test_flushed_hits_come_before_those_of_the_new_contig():
    caller = PeakCaller("+", 0.0, 2, 1)
    caller.feed(ScoreTrack("chr2", "+", 900, 1, np.ones(1, dtype=np.float32)))
    hits = caller.feed(ScoreTrack("chr1", "+", 0, 1, np.array([1, 0, 0], dtype=np.float32)))
    assert [hit.chrom for hit in hits] == ["chr2", "chr1"]


def test_an_empty_track_does_not_break_a_contig():
    """A chunk may hold no window on the grid of a wide stride; its start need not lie on the grid either."""
    caller = PeakCaller("+", 0.0, 100, 10)
    caller.feed(ScoreTrack("chr1", "+", 0, 10, np.array([1], dtype=np.float32)))
    caller.feed(ScoreTrack("chr1", "+", 5, 10, np.empty(0, dtype=np.float32)))
    caller.feed(ScoreTrack("chr1", "+", 10, 10, np.array([2], dtype=np.float32)))
    assert starts(caller.flush()) == [10]


@pytest.mark.parametrize("chunk", [1, 7, 100, 1000])
def test_memory_is_bounded_by_the_radius(chunk):
    caller = PeakCaller("+", 1.0, min_distance=500, stride=2)
    rng = np.random.default_rng(1)
    for i in range(200):
        caller.feed(ScoreTrack("chr1", "+", i * chunk * 2, 2, rng.normal(size=chunk).astype(np.float32)))
        assert len(caller._buffer) <= 2 * caller.radius == 498
        assert caller._buffer.base is None  # no view keeps a whole track alive


def test_a_distance_beyond_the_contig_costs_no_memory():
    caller = PeakCaller("+", 0.0, min_distance=10**12, stride=1)
    caller.feed(ScoreTrack("chr1", "+", 0, 1, np.array([1, 3, 2], dtype=np.float32)))
    assert starts(caller.flush()) == [1]


@given(st.lists(levels, max_size=40), st.integers(1, 50))
def test_sliding_maximum(items, width):
    array = np.array(items, dtype=np.float32)
    scored = [[x for x in items[max(0, i - width) : i] if x == x] for i in range(len(items) + width + 1)]
    expected = [max(group) if group else math.nan for group in scored]
    np.testing.assert_array_equal(sliding_maximum(array, width), np.array(expected, dtype=np.float32))


@given(st.floats(allow_nan=False))
def test_probability_is_stable(logit):
    p = probability_of(logit)
    assert 0 <= p <= 1
    assert p + probability_of(-logit) == pytest.approx(1)
    if 0 < p < 1 and abs(logit) < 15:
        assert math.log(p) - math.log1p(-p) == pytest.approx(logit, abs=1e-6)


@pytest.mark.parametrize("bad", [{"min_distance": 0}, {"stride": 0}, {"threshold": math.nan}, {"min_distance": -1}])
def test_bad_settings_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        PeakCaller(**{"strand": "+", "threshold": 0.0, "min_distance": 1, "stride": 1, **bad})


@pytest.mark.parametrize("change", [{"strand": "-"}, {"stride": 2}])
def test_a_track_of_another_strand_or_stride_is_refused(change):
    track = dataclasses.replace(ScoreTrack("chr1", "+", 0, 1, np.zeros(1, dtype=np.float32)), **change)
    with pytest.raises(ValueError, match="fed to caller"):
        PeakCaller("+", 0.0, 1, 1).feed(track)


def test_hit_is_one_window_wide():
    (hit,) = call(np.ones(1, dtype=np.float32), "-", 0.0, 1, 1)
    assert (hit.start, hit.end, hit.tss) == (0, WINDOW, 36)
    assert (hit.fp_per_mb, hit.strength, hit.strength_sd) == (None, None, None)
