"""Hits that are graded by what lies around them, against the definition, written out slowly."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promscan.calling.callers import GradedCaller, PlainCaller, open_caller
from promscan.calling.peaks import probability_of
from promscan.calling.settings import CallSettings
from promscan.calling.surroundings import LIMIT, Stretch, log_mean_odds
from promscan.networks.calling_rule import FEATURES, GC, OWN, WIDE_ESTIMATES, CallingRule, Feature
from promscan.seq.records import ESTIMATE_STEP, ScoreTrack
from promscan.seq.windows import tss_of

INFINITY = math.inf


# ------------------------------------------------------------------------------------------------------ the definition


def candidates(logits, places, strand, calling):
    """Indices of the best passing windows of one strand."""
    weight = np.float32(0 if calling.rule is None else calling.rule.place_weight)
    passing = [i for i, logit in enumerate(logits.tolist()) if logit >= calling.candidates]
    rank = {i: float(logits[i] + weight * places[i] if weight else logits[i]) for i in passing}

    def beats(j, i):
        return rank[j] > rank[i] or (rank[j] == rank[i] and (j < i if strand == "+" else j > i))

    def rivals(i):
        return (j for j in passing if j != i and abs(j - i) * calling.stride < calling.min_distance)

    return [i for i in passing if not any(beats(j, i) for j in rivals(i))]


def value_of(feature, start, strand, contig, stride):
    """What a feature is of the window that starts at `start`; None if a screening left out what it reads."""
    other = "-" if strand == "+" else "+"
    if feature.kind == OWN:
        return float(contig[strand][start // stride])
    if feature.kind == GC:
        return float(contig["gc"][start // stride])
    if feature.kind == WIDE_ESTIMATES:
        middles = ESTIMATE_STEP * np.arange(len(contig["estimates+"])) + ESTIMATE_STEP // 2
        near = abs(middles - start) <= feature.reach
        return mean_of(np.concatenate([contig["estimates+"][near], contig["estimates-"][near]]))
    near = abs(stride * np.arange(len(contig["+"])) - start) <= feature.reach
    if feature.kind == "wide_logits":
        return mean_of(np.concatenate([contig["+"][near], contig["-"][near]]))
    logits = contig[strand if feature.kind == "same" else other][near]
    if (logits == -INFINITY).any():
        return None
    odds = [math.exp(min(max(logit, -LIMIT), LIMIT)) for logit in logits.tolist() if not math.isnan(logit)]
    return math.log(sum(odds) / len(odds)) if odds else -LIMIT


def mean_of(logits):
    """The mean of the finite logits, each rounded to a 256th."""
    counted = [round(256 * min(max(logit, -LIMIT), LIMIT)) for logit in logits.tolist() if math.isfinite(logit)]
    return sum(counted) / len(counted) / 256 if counted else -LIMIT


def oracle(contigs, calling):
    """All hits of whole contigs; each is a mapping of strand to logits, and of places and estimates of a strand."""
    for chrom, contig in contigs.items():
        hits = []
        for strand in calling.strands:
            for index in candidates(contig[strand], contig["places" + strand], strand, calling):
                start, logit = index * calling.stride, float(contig[strand][index])
                if calling.rule is not None:
                    features = calling.rule.features
                    values = [value_of(f, start, strand, contig, calling.stride) for f in features]
                    if None in values:
                        continue
                    logit = calling.rule.bias + sum(f.weight * v for f, v in zip(features, values, strict=True))
                hits.append((chrom, start, strand, logit))
        yield from sorted(hit for hit in hits if hit[3] >= calling.threshold)


# -------------------------------------------------------------------------------------------------------------- tracks

levels = st.sampled_from([math.nan, -INFINITY, -1.0, 0.0, 1.0, 2.0])
logit_lists = st.lists(levels | st.floats(-20, 20, width=32), max_size=90)
plateaus = st.lists(st.tuples(levels, st.integers(1, 30)), max_size=8).map(
    lambda runs: [level for level, length in runs for _ in range(length)]
)
features = st.lists(
    st.builds(
        lambda kind, reach, weight: Feature(
            kind, {OWN: 0, GC: 3000, WIDE_ESTIMATES: reach + ESTIMATE_STEP}.get(kind, reach), weight
        ),
        st.sampled_from(FEATURES),
        st.integers(0, 60) | st.integers(0, 5000),
        st.sampled_from([1.0, 0.5, -0.5, 0.3]),
    ),
    min_size=1,
    max_size=4,
).filter(lambda chosen: not {"wide_logits", WIDE_ESTIMATES} <= {feature.kind for feature in chosen})


@st.composite
def rules(draw):
    return CallingRule(
        candidates=draw(st.sampled_from([-INFINITY, -1.0, 0.5])),
        features=tuple(draw(features)),
        bias=draw(st.sampled_from([0.0, -1.5])),
        place_weight=draw(st.sampled_from([0.0, 1.0, 2.5])),
    )


@st.composite
def callings(draw):
    rule = draw(st.none() | rules())
    return CallSettings(
        threshold=draw(st.sampled_from([-INFINITY, -1.0, 0.0, 1.0])),
        min_distance=draw(st.integers(1, 30) | st.integers(1, 300)),
        stride=draw(st.just(1) | st.integers(1, 50)),
        strands=draw(st.sampled_from([("+", "-"), ("+",), ("-",)])),
        rule=rule,
    )


@st.composite
def contigs_of(draw):
    contigs = {}
    for name in ["chr1", "chr2"][: draw(st.integers(1, 2))]:
        plus = np.array(draw(logit_lists | plateaus), dtype=np.float32)
        rng = np.random.default_rng(draw(st.integers(0, 1000)))
        # A window is scored on both strands or on neither.
        minus = np.where(np.isnan(plus), np.nan, rng.permutation(np.nan_to_num(plus, neginf=-3)))
        contigs[name] = {"+": plus, "-": minus.astype(np.float32)}
        for strand in "+-":
            contigs[name]["places" + strand] = rng.integers(-3, 3, len(plus)).astype(np.float32)
        contigs[name]["gc"] = rng.random(len(plus), dtype=np.float32)
    return contigs


def with_estimates(contigs, stride):
    """The contigs with the estimates of a screening, made up."""
    for contig in contigs.values():
        windows = (len(contig["+"]) - 1) * stride + 1 if len(contig["+"]) else 0
        for strand in "+-":
            rng = np.random.default_rng(windows)
            contig["estimates" + strand] = rng.normal(-8, 3, -(-windows // ESTIMATE_STEP)).astype(np.float32)
    return contigs


def chunks_of(contigs, calling, cuts):
    """The tracks of both strands, cut at window starts that are multiples of the step of the estimates."""
    for chrom, contig in contigs.items():
        stride, count = calling.stride, len(contig["+"])
        end = (count - 1) * stride + 1 if count else 0
        edges = sorted({0, end, *(cut * ESTIMATE_STEP for cut in cuts if cut * ESTIMATE_STEP < end)})
        for begin, stop in itertools.pairwise(edges):
            own = slice(-(-begin // stride), -(-stop // stride))
            groups = slice(begin // ESTIMATE_STEP, -(-stop // ESTIMATE_STEP))
            yield [
                ScoreTrack(
                    chrom, strand, own.start * stride, stride, contig[strand][own],
                    estimates=contig["estimates" + strand][groups], estimates_start=groups.start * ESTIMATE_STEP,
                    places=contig["places" + strand][own], gc=contig["gc"][own],
                )
                for strand in calling.scored_strands
            ]  # fmt: skip


def called(hits):
    return [(hit.chrom, hit.start, hit.strand) for hit in hits]


def expected(contigs, calling):
    """The hits of the definition; grades within a hair of the threshold could go either way in the last bit."""
    hits = list(oracle(contigs, calling))
    for margin in (-1e-9, 1e-9):
        moved = dataclasses.replace(calling, threshold=calling.threshold + margin)
        if [hit[:3] for hit in oracle(contigs, moved)] != [hit[:3] for hit in hits] and calling.rule is not None:
            return None
    return hits


# ------------------------------------------------------------------------------------------------------------ the hits


@settings(deadline=None, max_examples=60)
@given(contigs_of(), callings(), st.lists(st.integers(0, 60), max_size=6))
def test_hits_and_grades_are_those_of_the_definition_however_the_contigs_are_divided(contigs, calling, cuts):
    with_estimates(contigs, calling.stride)
    wanted, caller = expected(contigs, calling), open_caller(calling)
    if wanted is None:
        return
    hits = [hit for tracks in chunks_of(contigs, calling, cuts) for hit in caller.feed(tracks)] + caller.flush()
    assert called(hits) == [hit[:3] for hit in wanted]
    for hit, (*_, grade) in zip(hits, wanted, strict=True):
        assert hit.logit == pytest.approx(grade, abs=1e-9)
        assert hit.probability == probability_of(hit.logit)
        assert hit.tss == tss_of(hit.start, hit.strand)


@settings(deadline=None, max_examples=40)
@given(contigs_of(), callings(), st.lists(st.integers(0, 60), max_size=6), st.lists(st.integers(0, 60), max_size=6))
def test_grades_have_the_same_bits_however_the_contigs_are_divided(contigs, calling, cuts, others):
    with_estimates(contigs, calling.stride)

    def hits(edges):
        caller = open_caller(calling)
        return [hit for tracks in chunks_of(contigs, calling, edges) for hit in caller.feed(tracks)] + caller.flush()

    assert hits(cuts) == hits(others)


@settings(deadline=None, max_examples=40)
@given(contigs_of(), callings(), st.lists(st.integers(0, 60), max_size=6))
def test_another_caller_goes_on_where_one_stopped(contigs, calling, cuts):
    with_estimates(contigs, calling.stride)
    whole, stopped, hits, others = open_caller(calling), open_caller(calling), [], []
    for tracks in chunks_of(contigs, calling, cuts):
        hits += whole.feed(tracks)
        others += stopped.feed(tracks)
        state, stopped = json.loads(json.dumps(stopped.state())), open_caller(calling)
        stopped.restore(state)
        assert json.loads(json.dumps(stopped.state())) == state
    assert others + stopped.flush() == hits + whole.flush()


@settings(deadline=None, max_examples=40)
@given(contigs_of(), callings(), st.integers(0, 2000), st.integers(1, 600))
def test_a_part_of_a_contig_with_what_lies_within_reach_has_the_hits_of_the_whole(contigs, calling, begin, length):
    with_estimates(contigs, calling.stride)

    def hits(lo, hi):
        caller, found = open_caller(calling), []
        for tracks in chunks_of({"chr1": contigs["chr1"]}, calling, [lo // ESTIMATE_STEP, hi // ESTIMATE_STEP]):
            if lo <= tracks[0].start < hi or lo <= tracks[0].estimates_start < hi:
                found += caller.feed(tracks)
        return [hit for hit in found + caller.flush() if begin <= hit.start < begin + length]

    lo = max(0, begin - calling.reach) // ESTIMATE_STEP * ESTIMATE_STEP
    hi = -(-(begin + length + calling.reach) // ESTIMATE_STEP) * ESTIMATE_STEP
    assert hits(lo, hi) == hits(0, 10**9)


@settings(deadline=None, max_examples=40)
@given(contigs_of(), callings())
def test_the_hits_of_one_strand_are_its_hits_among_those_of_both(contigs, calling):
    with_estimates(contigs, calling.stride)

    def hits(strands):
        asked = dataclasses.replace(calling, strands=strands)
        caller = open_caller(asked)
        return [hit for tracks in chunks_of(contigs, asked, ()) for hit in caller.feed(tracks)] + caller.flush()

    both = hits(("+", "-"))
    for strand in "+-":
        assert hits((strand,)) == [hit for hit in both if hit.strand == strand]


@settings(deadline=None, max_examples=40)
@given(contigs_of(), callings().filter(lambda calling: calling.rule is not None), st.floats(-5, 5))
def test_graded_hits_at_a_higher_threshold_are_among_those_at_a_lower_one(contigs, calling, other):
    with_estimates(contigs, calling.stride)

    def hits(threshold):
        caller = open_caller(dataclasses.replace(calling, threshold=threshold))
        return {hit for tracks in chunks_of(contigs, calling, ()) for hit in caller.feed(tracks)} | {*caller.flush()}

    low, high = sorted([calling.threshold, other])
    assert hits(high) <= hits(low)


@settings(deadline=None, max_examples=40)
@given(contigs_of(), callings().filter(lambda calling: calling.stride == 1))
def test_mirrored_logits_give_mirrored_grades(contigs, calling):
    if calling.of_estimates:
        return  # their grid begins at the other end
    calling = dataclasses.replace(calling, strands=("+", "-"))
    with_estimates(contigs, 1)
    contig = contigs["chr1"]
    flipped = {
        name + {"+": "-", "-": "+"}[strand]: contig[name + strand][::-1]
        for name in ("", "places", "estimates")
        for strand in "+-"
    } | {"gc": contig["gc"][::-1]}

    def hits(of):
        caller = open_caller(calling)
        return [hit for tracks in chunks_of({"chr1": of}, calling, ()) for hit in caller.feed(tracks)] + caller.flush()

    last = len(contig["+"]) - 1
    mirrored = {(last - hit.start, {"+": "-", "-": "+"}[hit.strand], hit.logit) for hit in hits(flipped)}
    assert mirrored == {(hit.start, hit.strand, hit.logit) for hit in hits(contig)}


# ------------------------------------------------------------------------------------------------------ what they read


def one_strand(logits, **more):
    return ScoreTrack("chr1", "+", 0, 1, np.array(logits, dtype=np.float32), **more)


def rule_of(*features, candidates=0.0, **more):
    return CallingRule(candidates, tuple(Feature(*feature) for feature in features), **more)


def grades(logits, minus, *features):
    """The grades of the + candidates (0 or more) at stride 1."""
    calling = CallSettings(threshold=-INFINITY, min_distance=2, rule=rule_of(*features), strands=("+",))
    caller = open_caller(calling)
    tracks = [one_strand(logits), dataclasses.replace(one_strand(minus), strand="-")][: len(calling.scored_strands)]
    return [hit.logit for hit in caller.feed(tracks) + caller.flush()]


NAN = math.nan


def test_the_own_logit_alone_is_the_hit_of_today():
    assert grades([1, 5, 2], [0, 0, 0], ("own", 0, 1.0)) == [5]


def test_near_windows_that_were_not_scored_do_not_count():
    near = ("same", 3, 1.0)
    assert grades([NAN, NAN, 4, NAN], [NAN, NAN, 9, NAN], near) == pytest.approx([4])
    assert grades([4, NAN, 4, NAN, 4], [NAN] * 5, near) == pytest.approx([4, 4, 4])


def test_a_candidate_near_windows_that_a_screening_left_out_is_no_hit():
    """Its grade cannot be known, and what is reported is exact."""
    assert grades([-INFINITY, 4, -INFINITY], [0, 0, 0], ("same", 1, 1.0)) == []
    assert grades([0, 4, 0], [-INFINITY] * 3, ("other", 1, 1.0)) == []
    assert grades([0, 4, 0], [-INFINITY] * 3, ("same", 1, 1.0)) == pytest.approx(
        [4 + math.log((1 + 2 * math.exp(-4)) / 3)]
    )
    assert grades([4, -1, -INFINITY], [0, 0, 0], ("same", 1, 1.0)) == pytest.approx(
        [math.log((math.exp(4) + math.exp(-1)) / 2)]
    )


def test_wide_means_count_what_is_finite():
    wide = ("wide_logits", 10, 1.0)
    assert grades([NAN, 4, -INFINITY], [NAN, 1, -5], wide) == pytest.approx([0])
    assert grades([-3, 4, -1], [-3, -3, -3], wide) == pytest.approx([-9 / 6])


def test_only_what_exists_counts_at_the_ends_of_a_contig():
    assert grades([4], [-2], ("same", 500, 1.0), ("other", 500, 1.0), ("wide_logits", 10_000, 1.0)) == pytest.approx(
        [4 - 2 + 1]
    )


def test_wide_estimates_are_those_whose_middle_lies_within_reach():
    estimates = np.array([1, 2, 4, 8], dtype=np.float32)
    calling = CallSettings(threshold=-INFINITY, rule=rule_of(("wide_estimates", 35, 1.0), candidates=3.0))
    logits = np.full(140, -9, dtype=np.float32)
    logits[40] = 5  # in the second group: the middles of the first three, 17, 52 and 87, are at most 35 bp away but 87
    plus = ScoreTrack("chr1", "+", 0, 1, logits, estimates=estimates)
    minus = ScoreTrack("chr1", "-", 0, 1, logits - 9, estimates=estimates + 1)
    caller = open_caller(calling)
    (hit,) = caller.feed([plus, minus]) + caller.flush()
    assert (hit.start, hit.logit) == (40, pytest.approx((1 + 2 + 2 + 3) / 4))


def test_estimates_that_are_missing_are_refused():
    caller = open_caller(CallSettings(threshold=0.0, rule=rule_of(("wide_estimates", 35, 1.0)), strands=("+",)))
    with pytest.raises(ValueError, match="its tracks have none"):
        caller.feed([one_strand([1]), dataclasses.replace(one_strand([1]), strand="-")])


def test_a_place_decides_where_and_the_logit_whether():
    calling = CallSettings(threshold=0.0, min_distance=10, rule=rule_of(("own", 0, 1.0), place_weight=1.0), strands="+")
    caller, places = open_caller(calling), np.array([9, 0, 3, 0], dtype=np.float32)
    hits = caller.feed([one_strand([-1, 5, 4, 3], places=places)]) + caller.flush()
    assert [(hit.start, hit.logit) for hit in hits] == [(2, 4.0)]  # 4 + 3 > 5 + 0, and -1 + 9 does not pass


def test_places_are_nothing_to_models_whose_card_gives_them_no_weight():
    caller, places = open_caller(CallSettings(threshold=0.0, strands=("+",))), np.array([0, 9], dtype=np.float32)
    assert called(caller.feed([one_strand([5, 4], places=places)]) + caller.flush()) == [("chr1", 0, "+")]


def test_a_card_without_a_rule_calls_by_logits_alone():
    assert isinstance(open_caller(CallSettings(threshold=0.0)), PlainCaller)
    assert isinstance(open_caller(CallSettings(threshold=0.0, rule=rule_of(("own", 0, 1.0)))), GradedCaller)


def test_memory_does_not_grow_with_a_contig():
    rule = rule_of(("same", 500, 0.5), ("other", 500, 0.3), ("wide_logits", 10_000, -0.5), candidates=3.0)
    caller, rng, sizes = (
        open_caller(CallSettings(threshold=0.0, min_distance=70, rule=rule)),
        np.random.default_rng(0),
        [],
    )
    for chunk in range(60):
        logits = rng.normal(-5, 2, 1000).astype(np.float32)
        caller.feed([ScoreTrack("chr1", strand, 1000 * chunk, 1, logits) for strand in "+-"])
        sizes.append(len(json.dumps(caller.state())))
    assert max(sizes[30:]) < 1.1 * max(sizes[20:30])
    near, wide = (queue.terms for queue in caller._queues)
    assert max(len(stretch.values) for stretch in near._logits.values()) <= 2 * 500 + 1000
    assert len(wide._sums.values) <= 2 * 10_000 + 1000


@given(st.integers(1, 7), st.lists(st.integers(0, 20), max_size=5), st.integers(-5, 200), st.integers(0, 50))
def test_a_stretch_holds_the_values_around_a_position(step, lengths, position, reach):
    stretch, whole = Stretch(step, np.int16), np.arange(sum(lengths), dtype=np.int16)
    stretch.begin(12)
    for begin, length in zip(np.cumsum([0, *lengths]), lengths, strict=False):
        stretch.extend(whole[begin : begin + length])
    positions = 12 + step * np.arange(len(whole))
    near = whole[abs(positions - position) <= reach].tolist()
    assert stretch.around(position, reach).tolist() == near
    stretch.forget(position - reach)
    assert stretch.around(position, reach).tolist() == near
    assert stretch.end == 12 + step * len(whole)


def test_the_mean_of_odds_has_limits():
    assert log_mean_odds(np.array([1000, -1000], dtype=np.float32)) == pytest.approx(LIMIT - math.log(2))
    assert log_mean_odds(np.array([], dtype=np.float32)) == -LIMIT
