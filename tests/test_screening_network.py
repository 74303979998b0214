"""Screening of streaming models: estimates by bases alone, and lanes that are run score as in an exhaustive scan."""

import dataclasses
import json
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
import torch
from genomes import TINY, a_few, genomes, random_bases, scan, scan_to_bed, write_fasta
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.calling import screening
from promscan.calling.peaks import probability_of
from promscan.calling.screening import Needs, floors_of
from promscan.commands.calibrate import calibrate
from promscan.errors import ModelError
from promscan.inference import background, screening_fit
from promscan.inference.engine import open_engine
from promscan.inference.estimates import Estimator
from promscan.inference.floors import measure_floors
from promscan.inference.jobs import Grid
from promscan.inference.lanes import LaneNetwork
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.networks.calling_rule import CallingRule, Feature
from promscan.networks.card import read_card
from promscan.networks.card_parts import Scale, Screening, ScreeningSizes
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.screening import ScreeningNetwork, bin_means
from promscan.networks.weights import load_model, load_screening, save_model
from promscan.seq.dna import encode, reverse_complement
from promscan.seq.records import ESTIMATE_STEP, Chunk

LANE = 280
CPU = torch.device("cpu")
ARCHITECTURE = Architecture(16, convolutions=1, composition=(100,), context=8, context_bins=(35, 100), half_life=8)
SIZES = ScreeningSizes(doublings=2, hidden=(8,))
MIDDLE = 0.0
"""A logit and an estimate that about half of the random ones reach."""


@pytest.fixture(autouse=True)
def short_lanes():
    with mock.patch.multiple(StreamingEngine, lane=LANE, shorter=(70,), warm_up=70):
        yield


def centred(network, values):
    """The network with half of its values above zero, and most of them between -3 and 3."""
    with torch.no_grad():
        network.weight *= 1 / values.std()
        network.bias.copy_((network.bias - values.mean()) / values.std())


@pytest.fixture(scope="module")
def networks():
    """A model with random weights, and a random screening network for it."""
    torch.manual_seed(1)
    model, screening = (
        BiGRUAttention(ARCHITECTURE).eval(),
        ScreeningNetwork(SIZES, ARCHITECTURE.screened_columns).eval(),
    )
    codes = encode(random_bases(3000, seed=1)).copy()
    with torch.inference_mode():
        logits = LaneNetwork(model, CPU).logits(
            torch.from_numpy(codes[:2870]).unsqueeze(1).expand(-1, 16).contiguous(), 210, 70
        )
        values = Estimator(model, screening, CPU).estimates([codes[:2975]])[0]
    centred(model.head[-1], logits)
    centred(screening.layers[-1], torch.from_numpy(values))
    return model, screening


@pytest.fixture(scope="module")
def screened(networks, tmp_path_factory):
    """The model in a file, with its screening network."""
    path = tmp_path_factory.mktemp("models") / "screened.safetensors"
    part = Screening(0.5, MIDDLE, "", SIZES, ((MIDDLE, MIDDLE), (1.0, 0.8)))
    card = dataclasses.replace(load_model(str(TINY))[1], engine="streaming", calibration=None, default_threshold=1.0)
    save_model(path, networks[0], dataclasses.replace(card, screening=part), networks[1])
    return path


def chunks_of(codes, margin, step=None, chrom="chr"):
    windows, step = len(codes) - 69, step or len(codes)
    for start in range(0, windows, step):
        end = min(start + step + 69, len(codes))
        before, after = min(margin, start), min(margin, len(codes) - end)
        yield Chunk(chrom, start, codes[start - before : end + after], before=before, after=after)


def tracks_of(networks, chunks, **settings):
    """The tracks of chunks, which are given as a function of the margin."""
    options = EngineSettings(**{"threads": 1, "estimates": True, **settings})
    with open_engine("streaming", networks[0], [CPU], options, networks[1]) as engine:
        return [track for tracks in engine.score(chunks(engine.margin)) for track in tracks]


def joined(tracks, strand):
    """Logits and estimates of all tracks of a strand."""
    own = [track for track in tracks if track.strand == strand]
    for before, after in pairwise(own):
        assert before.estimates_start + ESTIMATE_STEP * len(before.estimates) == after.estimates_start
    return np.concatenate([track.logits for track in own]), np.concatenate([track.estimates for track in own])


CODES = encode(random_bases(700, seed=2) + "N" * 200 + random_bases(1000, seed=3)).copy()


def test_an_estimate_is_what_the_network_makes_of_the_bins_around_its_windows(networks):
    """The definition: features of the layers themselves, averaged in bins around the middles of the windows."""
    model, screening = networks
    with torch.inference_mode():
        features = model.features(torch.from_numpy(CODES).unsqueeze(0))[0]
        columns = Estimator(model, screening, CPU)
        context = torch.nn.functional.gelu(model.context(features))
        sums = columns.sums(np.pad(CODES, (0, 350 - len(CODES) % 35), constant_values=4))
        cell = slice(20 * 35, 21 * 35)
        assert (sums[20, -8:] - context[cell].sum(dim=0)).abs().max() < 1e-4
        wanted = screening(bin_means(sums, SIZES.doublings))
    _, found = joined(tracks_of(networks, lambda margin: chunks_of(CODES, margin)), "+")
    reach = SIZES.reach
    # entry k is about the cell k + 1
    assert np.abs(found[reach - 1 :][: len(wanted)] - wanted.numpy()[: len(found) - reach + 1]).max() < 1e-4
    assert len(found) == -(-(len(CODES) - 69) // ESTIMATE_STEP)


def test_bins_are_means_over_one_two_and_four_cells_on_each_side():
    sums = torch.rand(40, 3)
    bins = bin_means(sums, 3).view(40 - 14, 7, 3) * ESTIMATE_STEP
    assert torch.equal(bins[5, 0], sums[12])
    for n, (begin, end) in enumerate([(11, 12), (13, 14), (9, 11), (14, 16), (5, 9), (16, 20)], start=1):
        assert torch.allclose(bins[5, n], sums[begin:end].mean(dim=0))


@pytest.mark.parametrize("step", [LANE, 5 * LANE])
@pytest.mark.parametrize("threads", [1, 2])
def test_estimates_have_the_same_bits_in_every_chunk_batch_and_mode(networks, step, threads):
    whole = tracks_of(networks, lambda margin: chunks_of(CODES, margin))

    def parts(margin):
        yield from chunks_of(encode(random_bases(333, seed=9)), margin, chrom="other")
        yield from chunks_of(CODES, margin, step)

    others = {
        "exhaustive": tracks_of(networks, parts, threads=threads),
        "screened": tracks_of(networks, parts, threads=threads, floor=0.5, exact_reach=77, both_strands=True),
        "stride": tracks_of(networks, parts, stride=3),
        "unscored": tracks_of(networks, parts, floor=np.inf),
    }
    for strand in "+-":
        expected = joined(whole, strand)[1]
        assert np.isfinite(expected).all()
        for name, tracks in others.items():
            own = [track for track in tracks if track.chrom == "chr"]
            assert np.array_equal(joined(own, strand)[1], expected), name
    alone = tracks_of(networks, parts, strands=("+",))
    assert np.array_equal(joined([t for t in alone if t.chrom == "chr"], "+")[1], joined(whole, "+")[1])


def test_estimates_of_the_other_strand_are_those_of_the_reverse_complement(networks):
    codes = CODES[: 35 * 30 + 34]
    forward = tracks_of(networks, lambda margin: chunks_of(codes, margin))
    turned = tracks_of(networks, lambda margin: chunks_of(reverse_complement(codes), margin))
    assert np.array_equal(joined(forward, "-")[1], joined(turned, "+")[1][::-1])


@a_few
@given(
    floor=st.sampled_from([-9.0, -0.5, 0.0, 0.5, 9.0]),
    reach=st.sampled_from([0, 1, 100, 500]),
    both=st.booleans(),
    step=st.sampled_from([LANE, 3 * LANE, 20 * LANE]),
    stride=st.sampled_from([1, 7, 50]),
)
def test_parts_of_lanes_near_an_estimate_that_reaches_the_floor_are_exact_and_no_others_are_scored(
    networks, floor, reach, both, step, stride
):
    exact = tracks_of(networks, lambda margin: chunks_of(CODES, margin, step), stride=stride)
    found = tracks_of(
        networks, lambda margin: chunks_of(CODES, margin, step), stride=stride, floor=floor, exact_reach=reach,
        both_strands=both,
    )  # fmt: skip
    hot = {strand: np.flatnonzero(joined(exact, strand)[1] >= floor) * ESTIMATE_STEP for strand in "+-"}
    if both:
        hot = dict.fromkeys("+-", np.sort(np.concatenate(list(hot.values()))))
    for strand in "+-":
        wanted, logits = joined(exact, strand)[0], joined(found, strand)[0]
        starts = np.arange(len(wanted)) * stride
        for lane in range(0, len(CODES) - 69, LANE):
            own = (starts >= lane) & (starts < lane + LANE)
            near = hot[strand][(hot[strand] + ESTIMATE_STEP > lane - reach) & (hot[strand] < lane + LANE + reach)]
            scored = np.zeros(own.sum(), dtype=bool)
            if len(near):
                first, end = max(0, near[0] - reach - lane), min(LANE, near[-1] + ESTIMATE_STEP + reach - lane)
                complete = lane + LANE <= len(CODES) - 69
                first, end = Grid(LANE, (70,), 0).part(first, end) if complete else (0, LANE)
                scored = (starts[own] >= lane + first) & (starts[own] < lane + end)
            expected = np.where(scored | np.isnan(wanted[own]), wanted[own], -np.inf)
            assert np.array_equal(logits[own], expected.astype(np.float32), equal_nan=True), (strand, lane)


@a_few
@given(
    place=st.integers(0, 630) | st.integers(900, len(CODES) - 70),
    strand=st.sampled_from("+-"),
    needs=st.sampled_from([Needs(), Needs(50), Needs(100, 100), Needs(0, 200)]),
    reach=st.sampled_from([0, 100, 200]),
    stride=st.sampled_from([1, 7]),
)
def test_the_floor_of_a_hit_is_the_highest_at_which_all_that_its_score_reads_is_scored(
    networks, place, strand, needs, reach, stride
):
    place -= place % stride
    options = {"exact_reach": reach, "both_strands": needs.other is not None, "stride": stride}
    hit, begins = np.array([(place, strand, 0.0)], dtype=background.HIT), {"chr": 0}
    settings = EngineSettings(threads=1, estimates=True, floor=np.inf, **options)
    with open_engine("streaming", networks[0], [CPU], settings, networks[1]) as engine:
        floors = measure_floors(engine, chunks_of(CODES, engine.margin), begins, hit, needs)

    def complete(floor):
        tracks = tracks_of(networks, lambda margin: chunks_of(CODES, margin), floor=floor, **options)
        read = {strand: needs.same, "-" if strand == "+" else "+": needs.other}
        of_strands = [(track, read[track.strand]) for track in tracks if read.get(track.strand) is not None]
        assert of_strands
        near = [t.logits[-(-max(0, place - r) // stride) : (place + r) // stride + 1] for t, r in of_strands]
        return not any(np.isneginf(logits).any() for logits in near)

    floor = floors.of_hits[0]
    assert complete(float(floor))
    assert not complete(float(np.nextafter(floor, np.float32(np.inf))))
    assert 0 < floors.share(float(floor)) <= floors.share(-np.inf) == pytest.approx(1)
    assert floors.share(np.inf) == 0


def test_a_hit_whose_score_reads_another_chunk_has_no_floor(networks):
    settings = EngineSettings(threads=1, estimates=True, floor=np.inf, exact_reach=100)
    places = [0, LANE - 101, LANE - 100, LANE, LANE + 99, LANE + 100, len(CODES) - 70]
    hits = np.array([(place, "+", 0.0) for place in places], dtype=background.HIT)
    with open_engine("streaming", networks[0], [CPU], settings, networks[1]) as engine:
        floors = measure_floors(engine, chunks_of(CODES, engine.margin, LANE), {"chr": 0}, hits, Needs(100))
    assert np.isnan(floors.of_hits).tolist() == [False, False, True, True, True, False, False]


@pytest.fixture(scope="module")
def graded(networks, screened, tmp_path_factory):
    """Writes the model with a rule that reads both strands, and with a floor."""
    folder = tmp_path_factory.mktemp("graded")
    features = Feature("own", 0, 1.0), Feature("same", 100, 0.5), Feature("other", 60, 0.3)
    rule, card = CallingRule(-9.0, features, log_odds=True), read_card(screened)

    def write(floor):
        part, path = Screening(0.0, -9.0, "", SIZES, ((-9.0, floor),)), folder / f"{floor}.safetensors"
        save_model(path, networks[0], dataclasses.replace(card, calling=rule, screening=part), networks[1])
        return path

    return write


def test_a_screened_scan_loses_the_hits_whose_floor_is_higher_and_all_it_reports_is_exact(graded, networks, tmp_path):
    """What is measured on an exhaustive scan is what screened scans do."""
    contigs = {"chr1": random_bases(5000, seed=5), "chr2": random_bases(900, seed=6)}
    genome = write_fasta(tmp_path / "genome.fa", contigs)
    options = {"strength": None, "threshold": 0.5, "min_distance": 30, "threads": 1}
    whole = promscan.scan(genome, model=graded(0.0), exhaustive=True, **options)
    lengths = {name: len(bases) for name, bases in contigs.items()}
    hits = background.Background.collect(whole, lengths, lambda: 1.0, "")
    with whole.open_screened(networks[1], np.inf) as engine:
        chunks = whole.chunks(engine, engine.chunk_step)
        floors = measure_floors(engine, chunks, hits.begins, hits.hits, whole.calling.needs).of_hits
    exact = {(hits.begins[h.chrom] + h.start, h.strand): h.logit for h in whole}
    assert np.isfinite(floors).all()
    lost = 0
    for floor in np.quantile(floors, [0.05, 0.3, 0.6, 0.95]).astype(float):
        scan_ = promscan.scan(genome, model=graded(floor), **options)
        found = {(hits.begins[h.chrom] + h.start, h.strand): h.logit for h in scan_}
        assert found.items() <= exact.items()
        kept = {(int(h["place"]), str(h["strand"])) for h in hits.hits[floors >= np.float32(floor)]}
        assert kept <= found.keys()
        lost += len(exact) - len(found)
        assert len(found.keys() - kept) <= 0.1 * len(exact)  # a lower floor may run another half
    assert lost > 0


@given(st.integers(2, 50), st.data())
def test_a_part_of_a_lane_is_the_half_that_holds_the_windows_or_all_of_it(blocks, data):
    lane = 70 * blocks
    first = data.draw(st.integers(0, lane - 1))
    end = data.draw(st.integers(first + 1, lane))
    grid = Grid(lane, (), 0)
    begin, last = grid.part(first, end)
    assert 0 <= begin <= first
    assert end <= last <= lane
    assert begin % grid.quarter == 0
    assert last == lane or last % grid.quarter == 0
    assert last - begin in {2 * grid.quarter, lane}
    halves = [n * grid.quarter for n in range(lane // grid.quarter - 1)]
    if any(half <= first and end <= half + 2 * grid.quarter for half in halves):
        assert last - begin == 2 * grid.quarter


@a_few
@given(contigs=genomes(min_length=200), data=st.data())
def test_bytes_do_not_depend_on_chunks_threads_regions_or_order(tmp_path, screened, contigs, data):
    options = {
        "model": screened,
        "threshold": 0.6,
        "min_distance": data.draw(st.sampled_from([1, 30])),
        "strength": None,
    }
    genome = write_fasta(tmp_path / "genome.fa", contigs)
    whole = scan_to_bed(genome, **options)
    with (
        mock.patch.object(StreamingEngine, "chunk_step", data.draw(st.integers(1, 4)) * LANE),
    ):
        assert scan_to_bed(genome, threads=data.draw(st.integers(1, 3)), **options) == whole
    exhaustive = {(h.chrom, h.start, h.strand, h.logit) for h in scan(contigs, exhaustive=True, **options)}
    found = {(h.chrom, h.start, h.strand, h.logit) for h in scan(contigs, **options)}
    assert options["min_distance"] > 1 or found <= exhaustive


def test_a_grade_that_reads_bases_is_the_same_in_a_screened_scan(networks, screened, tmp_path):
    """Its bases are known wherever a lane is run, and however far they reach."""
    card, path = read_card(screened), tmp_path / "graded.safetensors"
    rule = CallingRule(-9.0, (Feature("own", 0, 1.0), Feature("gc", 500, -4.0)), bias=2.0, log_odds=True)
    save_model(path, networks[0], dataclasses.replace(card, calling=rule), networks[1])
    contigs, options = {"chr1": random_bases(3000, seed=5)}, {"model": path, "threshold": 0.6, "strength": None}
    calls = [
        scan(contigs, **options, **more) for more in ({"min_distance": 1}, {"min_distance": 1, "exhaustive": True})
    ]
    found, exhaustive = ({(h.start, h.strand, h.logit) for h in hits} for hits in calls)
    assert found
    assert found < exhaustive


def test_a_scan_says_how_it_was_screened_and_an_exhaustive_one_does_not(screened, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": random_bases(2000, seed=4)})
    settings = {
        name: promscan.scan(genome, model=screened, strength=None, threshold=0.7310586, **options).settings
        for name, options in {"screened": {}, "whole": {"exhaustive": True}, "wide": {"smoothing": 5}}.items()
    }
    assert settings["screened"]["screening_margin"] == "0.2"
    assert "screening_margin" not in settings["whole"]
    assert "screening_margin" not in settings["wide"]  # the floors were measured on other logits
    assert "screening_margin" not in promscan.scan(genome, model=screened, strength=None, threshold=0.4).settings


def test_a_screening_network_is_stored_with_its_model_and_leaves_it_alone(screened, networks):
    model, screening = load_model(str(screened))[0], load_screening(str(screened))
    for given_, read in ((networks[0], model), (networks[1], screening)):
        assert all(torch.equal(given_.state_dict()[name], values) for name, values in read.state_dict().items())
    assert read_card(screened).screening.network == SIZES
    assert load_screening(str(TINY)) is None


def test_weights_that_are_written_without_the_network_have_no_screening(screened, tmp_path):
    model, card = load_model(str(screened))
    out = tmp_path / "other.safetensors"
    assert save_model(out, model, card).screening is None
    assert read_card(out).screening is None


def test_a_network_that_the_card_names_must_be_there_and_fit(screened, networks, tmp_path):
    model, card = load_model(str(screened))
    out = tmp_path / "other.safetensors"
    other = dataclasses.replace(card.screening, network=ScreeningSizes(3, (8,)))
    save_model(out, model, dataclasses.replace(card, screening=other), networks[1])
    with pytest.raises(ModelError, match="do not fit the screening network in the card"):
        load_screening(str(out))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"network": {"doublings": 99, "hidden": [8]}}, "doublings"),
        ({"network": {"doublings": 2, "hidden": []}}, "network is none: hidden layers"),
        ({"network": {"doublings": 2, "hidden": [8], "odd": 1}}, "odd is unknown"),
        ({"logits": [0.0], "estimates": []}, "lists of one length"),
        ({"logits": [1.0, 0.0], "estimates": [0.0, 1.0]}, "both ascending"),
    ],
)
def test_a_card_with_a_wrong_screening_is_refused(screened, tmp_path, changed, message):
    values = json.loads(screened.with_suffix(".json").read_text())
    values["screening"] |= changed
    (tmp_path / "bad.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match=message):
        read_card(tmp_path / "bad.safetensors")


@pytest.fixture
def little(monkeypatch):
    """Little sequence is enough, a little training, and any gain."""
    for module, name, value in [
        (background, "LEAST_MEGABASES", 0), (background, "FEWEST", 5), (screening, "FEWEST", 5),
        (background, "WORTH", 1), (background, "STILL_WORTH", 1), (screening_fit, "STEPS", 30),
        (StreamingEngine, "chunk_step", 10 * LANE),
    ]:  # fmt: skip
        monkeypatch.setattr(module, name, value)


def test_a_calibrated_streaming_model_is_screened_and_loses_no_more_hits_than_it_says(screened, tmp_path, little):
    genome = write_fasta(tmp_path / "genome.fa", {"known": "A" * 100, "chr1": random_bases(8000, seed=5)})
    (tmp_path / "known.bed").write_text("known\t0\t100\n")
    model, card = load_model(str(screened))
    save_model(tmp_path / "dense.safetensors", model, dataclasses.replace(card, scale=Scale(fp_per_mb=5000.0)))
    cards = [
        calibrate(
            tmp_path / "dense.safetensors",
            genome,
            tmp_path / "known.bed",
            tmp_path / name / "mine.safetensors",
            min_distance=30,
            threads=n,
        )
        for n, name in enumerate(["one", "two"], start=1)
        if (tmp_path / name).mkdir() is None
    ]
    assert cards[0] == cards[1]  # to the last bit, on any number of threads
    card, out = cards[0], tmp_path / "one" / "mine.safetensors"
    assert "apart from what the network learned from" in card.screening.basis
    assert card.screening.network == ScreeningSizes()
    assert list(load_screening(str(out)).state_dict()) == [
        "layers.0.weight",
        "layers.0.bias",
        "layers.2.weight",
        "layers.2.bias",
        "layers.4.weight",
        "layers.4.bias",
    ]
    logit = card.screening.lowest + 1e-6
    options = {"model": out, "strength": None, "threshold": probability_of(logit)}
    exact, found = (
        {(h.start, h.strand): h.logit for h in promscan.scan(genome, **options, exhaustive=e)} for e in (True, False)
    )
    # Odd chunks of the contig are those that the floors were measured on.
    measured = {place for place in exact if (place[0] // (10 * LANE)) % 2 == 0}
    assert measured
    assert measured <= found.keys()
    assert all(exact[place] == logit for place, logit in found.items() if place in exact)


def test_little_background_gives_no_screening(screened, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"known": "A" * 100, "chr1": random_bases(2000, seed=5)})
    (tmp_path / "known.bed").write_text("known\t0\t100\n")
    card = calibrate(screened, genome, tmp_path / "known.bed", tmp_path / "mine.safetensors", min_distance=30)
    assert card.screening is None
    assert load_screening(str(tmp_path / "mine.safetensors")) is None


@given(
    pairs=st.lists(st.tuples(*[st.floats(-8, 8, width=16)] * 2), min_size=5, max_size=80),
    lost=st.sampled_from([0.001, 0.1, 0.5]),
)
def test_a_floor_loses_no_more_hits_than_it_may_and_rises_with_the_logit(pairs, lost):
    exact, best = np.array(pairs, dtype=np.float32).T
    levels = [-4.0, 0.0, 4.0]
    with mock.patch.multiple(screening, LOST=lost, FEWEST=5):
        floors = floors_of(exact, best, levels)
    assert list(floors) == sorted(floors, key=lambda pair: pair[::-1]) == sorted(floors)
    assert [logit for logit, _ in floors] == [logit for logit in levels if (exact >= logit).sum() >= 5]
    for logit, floor in floors:
        assert (best[exact >= logit] < floor).mean() <= lost


@pytest.mark.parametrize("hidden", [8, 16, 64])
@pytest.mark.parametrize("lanes", [1, 16, 20, 40, 63])
def test_a_lane_has_the_same_bits_in_a_smaller_unit(hidden, lanes):
    """Products of few columns are summed in another order for small networks, so these have no smaller units."""
    torch.manual_seed(1)
    architecture = dataclasses.replace(ARCHITECTURE, hidden=hidden)
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, 5, (70 * 9, 64), dtype=np.uint8))
    with torch.inference_mode():
        network = LaneNetwork(BiGRUAttention(architecture), CPU)
        whole, smaller = network.logits(codes, 140, 140), network.lanes_for(lanes, 64)
        assert lanes <= smaller <= 64
        assert torch.equal(network.logits(codes[:, :smaller].contiguous(), 140, 140), whole[:, :smaller])


def test_a_scan_of_a_window_takes_a_small_unit_with_a_bundled_model():
    with torch.inference_mode():
        assert LaneNetwork(load_model("human")[0], CPU).lanes_for(2, 64) == 16


@pytest.mark.parametrize("warm_up", [140, 980])
def test_unknown_bases_around_a_contig_need_not_be_run(networks, warm_up):
    """To the last digit: a lane of a contig that has no neighbours is the same bits either way."""
    codes = np.full((2 * 980 + 350, 16), 4, dtype=np.uint8)
    codes[980:1280] = np.random.default_rng(1).integers(0, 5, (300, 16), dtype=np.uint8)
    with torch.inference_mode():
        network = LaneNetwork(networks[0], CPU)
        expected = network.logits(torch.from_numpy(codes), 980, warm_up)
        found = network.logits(torch.from_numpy(codes), 980, warm_up, unknown_ends=True)
    assert torch.equal(expected, found)
