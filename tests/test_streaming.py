"""Scans with the streaming engine: the definition, and that nothing but bases and options decides the result."""

import dataclasses
import math
from unittest import mock

import numpy as np
import pytest
import torch
from genomes import (
    EVERY_WINDOW,
    TINY,
    a_few,
    contigs_of,
    demo_contigs,
    genomes,
    logits_of,
    random_bases,
    scan,
    scan_to_bed,
    tiny_streaming,
    write_fasta,
)
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.errors import DeviceError, ModelError
from promscan.inference import lane_queue, streaming
from promscan.inference.engine import open_engine
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.networks.card import Card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.weights import load_model, save_model
from promscan.seq.dna import UNKNOWN, encode, reverse_complement
from promscan.seq.records import Chunk
from promscan.seq.windows import WINDOW

LANE, SHORTER, WARM_UP = 140, 70, 70
calling = st.fixed_dictionaries(
    {
        "threshold": st.sampled_from([0.1, 0.3, 0.6]),
        "min_distance": st.sampled_from([1, 2, 30, 100]),
        "smoothing": st.sampled_from([1, 101]),
    }
)


@pytest.fixture(autouse=True)
def short_lanes(request):
    """Small genomes that cross many lanes; and a unit of few lanes."""
    if "long_lanes" in request.keywords:
        yield
        return
    with mock.patch.multiple(StreamingEngine, lane=LANE, shorter=(SHORTER,), warm_up=WARM_UP):
        yield


def stream(contigs, **options):
    return scan(contigs, **{"model": tiny_streaming(), **options})


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory):
    """A model with random weights: its states forget within some tens of bases, those of the tiny one never do."""
    torch.manual_seed(1)
    network = BiGRUAttention(Architecture(hidden=16)).eval()
    with torch.no_grad():
        network.head[-1].weight *= 30
    path = tmp_path_factory.mktemp("models") / "forgetful.safetensors"
    save_model(path, network, dataclasses.replace(load_model(str(TINY))[1], engine="streaming"))
    return path


# The definition


def slow_logits(contigs, stride, smoothing=1):
    """Each lane of each strand by itself, in float64: states along it, then every window, then means of neighbours."""
    model = load_model(str(TINY))[0].double()
    room = -(-(smoothing // 2) // WINDOW) * WINDOW
    skip = WARM_UP + room - smoothing // 2
    logits = {}
    for chrom, bases in contigs.items():
        codes = encode(bases)
        for start in range(0, len(codes) - WINDOW + 1, LANE):
            reach = WARM_UP + room + 1
            lane = SHORTER if len(codes) - start < SHORTER + WINDOW else LANE
            around = np.full(lane + WINDOW - 1 + 2 * reach, UNKNOWN, dtype=np.uint8)
            before = min(reach, start)
            stretch = codes[start - before : start + lane + WINDOW - 1 + reach]
            around[reach - before : reach - before + len(stretch)] = stretch
            for strand, read in (("+", around[1:]), ("-", reverse_complement(around)[1:])):
                with torch.inference_mode():
                    states = model.states(torch.from_numpy(read.copy()).unsqueeze(0))[0]
                    windows = states[skip : len(states) - skip - 1].unfold(0, WINDOW, 1).transpose(1, 2)
                    raw = model.head(model.pool(windows)).squeeze(1)
                    counted = torch.from_numpy(read == UNKNOWN)[skip : len(states) - skip - 1]
                    counted = counted.unfold(0, WINDOW, 1).sum(1) <= 7
                    pairs = zip(raw.unfold(0, smoothing, 1), counted.unfold(0, smoothing, 1), strict=True)
                    values = [near[known].mean().item() for near, known in pairs]
                for offset, value in enumerate(values if strand == "+" else values[::-1]):
                    window = codes[start + offset : start + offset + WINDOW]
                    if len(window) == WINDOW and (window == UNKNOWN).sum() <= 7 and (start + offset) % stride == 0:
                        logits[chrom, start + offset, strand] = value
    return logits


@a_few
@given(contigs=genomes(), stride=st.sampled_from([1, 7, 100]), smoothing=st.sampled_from([1, 1, 3, 101, 143]))
def test_hits_are_those_of_the_definition(device, contigs, stride, smoothing):
    every = logits_of(stream(contigs, device=device, stride=stride, smoothing=smoothing, **EVERY_WINDOW))
    expected = slow_logits(contigs, stride, smoothing)
    assert every.keys() == expected.keys()
    assert [every[window] for window in expected] == pytest.approx(list(expected.values()), abs=1e-4)


# What does not matter


@a_few
@given(
    contigs=genomes(),
    options=calling,
    stride=st.sampled_from([1, 3]),
    lanes_a_chunk=st.integers(1, 5),
    machine=st.fixed_dictionaries({"threads": st.integers(1, 3), "batch_size": st.integers(1, 100_000)}),
    layout=st.fixed_dictionaries({"width": st.integers(1, 80), "packing": st.sampled_from(["plain", "gzip", "bgzip"])}),
)
def test_bytes_do_not_depend_on_how_the_scan_is_run(
    tmp_path, device, contigs, options, stride, lanes_a_chunk, machine, layout
):  # fmt: skip
    common = {"model": tiny_streaming(), "device": device, "stride": stride, **options}
    with mock.patch.dict(streaming.LANES, {device: 8}):  # for several units
        plain = scan_to_bed(write_fasta(tmp_path / "genome.fa", contigs), **common)
        other = write_fasta(tmp_path / "other.fa", contigs, **layout)
        with mock.patch.object(StreamingEngine, "chunk_step", lanes_a_chunk * LANE):
            assert scan_to_bed(other, **common, **machine) == plain


@pytest.mark.gpu
@pytest.mark.long_lanes
def test_full_units_on_cuda_give_the_same_bits_in_every_order_and_number():
    """What a GPU multiplies is as wide as its memory allows, so this is for real ones and their whole units."""
    model, gpu = load_model("human")[0], torch.device("cuda", 0)
    lanes, length = streaming.lanes_on([gpu], model.architecture), StreamingEngine.lane
    rng = np.random.default_rng(1)
    codes = rng.integers(0, UNKNOWN, (3 * lanes, length + WINDOW - 1), dtype=np.uint8)

    def logits(order, at_once):
        settings = EngineSettings(strands=("+",), batch_size=at_once * lanes * length)
        with open_engine("streaming", model, [gpu], settings) as engine:
            assert engine.at_once == at_once
            tracks = list(engine.score(Chunk(str(row), 0, codes[row]) for row in order))
        assert [track.chrom for (track,) in tracks] == [str(row) for row in order]
        return np.stack([track.logits for (track,) in tracks])

    alone, order = logits(range(3 * lanes), 1), rng.permutation(3 * lanes)
    assert (logits(order, 3) == alone[order]).all()


@pytest.mark.parametrize("engine", ["windowed", "streaming"])
def test_several_devices_share_the_work_and_results_stay_in_order(device, engine):
    """As `--device all` does; here the devices are one several times."""
    model, chunk = load_model(str(TINY))[0], Chunk("chr1", 0, encode(random_bases(3_000, seed=1)))
    scored = []
    for devices in (1, 3):
        with open_engine(engine, model, [torch.device(device)] * devices, EngineSettings(threads=2)) as opened:
            scored.append([track.logits for tracks in opened.score([chunk]) for track in tracks])
    for alone, shared in zip(*scored, strict=True):
        assert np.array_equal(alone, shared, equal_nan=True)


def test_a_short_sequence_does_not_wait_for_the_end_of_the_genome(monkeypatch):
    """Its lane waits for others of its length, of which there may be none, and all results behind it wait for it."""
    monkeypatch.setitem(streaming.LANES, "cpu", 16)
    lengths = [100] + [LANE + WINDOW - 1] * 300
    read = []

    def chunks():
        for i, length in enumerate(lengths):
            read.append(i)
            yield Chunk(f"chr{i}", 0, encode(random_bases(length, seed=i)))

    with open_engine("streaming", load_model(str(TINY))[0], [torch.device("cpu")], EngineSettings(threads=1)) as engine:
        tracks = engine.score(chunks())
        assert next(tracks)[0].chrom == "chr0"
        assert len(read) < 100
        assert [both[0].chrom for both in tracks] == [f"chr{i}" for i in range(1, len(lengths))]


def test_memory_does_not_grow_along_what_has_nothing_to_score(monkeypatch):
    """Neither what waits before a long run of unknown bases is held through it, nor the run itself."""
    monkeypatch.setattr(lane_queue, "LONGEST_WAIT", 10 * LANE)
    monkeypatch.setitem(streaming.LANES, "cpu", 4)
    lane = encode(random_bases(LANE + WINDOW - 1, seed=1))
    unknown = np.full_like(lane, UNKNOWN)
    stretches = [lane, *[unknown] * 300, lane, *[unknown] * 300]
    read = []

    def chunks():
        for i, codes in enumerate(stretches):
            read.append(i)
            yield Chunk("chr1", i * LANE, codes)
            yield Chunk(f"short{i}", 0, codes[: WINDOW - 1])

    with open_engine("streaming", load_model(str(TINY))[0], [torch.device("cpu")], EngineSettings(threads=1)) as engine:
        for i, tracks in enumerate(engine.score(chunks())):
            assert len(read) - i < 100
            assert tracks[0].start == i * LANE
            assert np.isnan(tracks[0].logits).all() == (i not in (0, 301))
    assert i == len(stretches) - 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there are CUDA devices")
def test_all_devices_where_there_is_none():
    with pytest.raises(DeviceError, match="device all: this machine has no CUDA device; use --device auto or cpu"):
        stream({"chr1": "ACGT" * 50}, device="all")


@a_few
@given(contigs=genomes(), options=calling)
def test_contigs_and_strands_are_scanned_each_for_itself(device, contigs, options):
    options = {"device": device, **options}
    together = stream(contigs, **options)
    assert [hit for name in contigs for hit in stream({name: contigs[name]}, **options)] == together
    for strand in "+-":
        assert stream(contigs, strand=strand, **options) == [hit for hit in together if hit.strand == strand]


@a_few
@given(contigs=genomes(min_length=200), options=calling, index=st.booleans(), data=st.data())
def test_regions_keep_hits_of_the_full_scan_by_their_tss(device, contigs, options, index, data):
    options = {"device": device, **options}
    chrom = data.draw(st.sampled_from(sorted(contigs)))
    start = data.draw(st.integers(0, len(contigs[chrom]) - 1))
    end = data.draw(st.integers(start + 1, len(contigs[chrom])))
    inside = [hit for hit in stream(contigs, **options) if hit.chrom == chrom and start <= hit.tss < end]
    assert stream(contigs, regions=[f"{chrom}:{start + 1}-{end}"], index=index, **options) == inside


@a_few
@given(bases=contigs_of(min_length=100), options=calling)
def test_windows_over_excluded_bases_are_dropped_and_the_others_stay(tmp_path, bases, options):
    barred = tmp_path / "barred.bed"
    barred.write_text("chr1\t40\t90\n")
    every = logits_of(stream({"chr1": bases}, **EVERY_WINDOW))
    left = logits_of(stream({"chr1": bases}, exclude=barred, **EVERY_WINDOW))
    assert left == {window: logit for window, logit in every.items() if window[1] >= 90}


# Mirrored


@a_few
@given(contigs=genomes())
def test_the_other_strand_read_forwards_has_the_mirrored_logits(forgetful, contigs):
    """Its lanes begin at the other end, and a warm-up is long enough to forget that."""
    complement = str.maketrans("ACGTacgt", "TGCAtgca")
    turned = {name: bases[::-1].translate(complement) for name, bases in contigs.items()}
    logits = logits_of(stream(contigs, model=forgetful, **EVERY_WINDOW))
    mirrored = {
        (chrom, len(contigs[chrom]) - WINDOW - start, "-" if strand == "+" else "+"): logit
        for (chrom, start, strand), logit in logits_of(stream(turned, model=forgetful, **EVERY_WINDOW)).items()
    }
    assert mirrored.keys() == logits.keys()
    assert [mirrored[window] for window in logits] == pytest.approx(list(logits.values()), abs=1e-4)


@pytest.mark.slow
@pytest.mark.long_lanes
def test_the_default_model_forgets_where_its_lanes_began():
    contigs = {"demo": demo_contigs()["demo1"][:12_000]}
    turned = {"demo": contigs["demo"][::-1].translate(str.maketrans("ACGTacgt", "TGCAtgca"))}
    options = {"model": "human", "device": "cpu"}
    scored, mirrored = promscan.score_genome(contigs, **options), promscan.score_genome(turned, **options)
    logits, other = (
        {(block.strand, block.first + i): score for block in blocks for i, score in enumerate(block.scores.tolist())}
        for blocks in (scored, mirrored)
    )
    assert len(logits) == 2 * (12_000 - WINDOW + 1)
    for (strand, tss), logit in logits.items():
        mirror = other["-" if strand == "+" else "+", 11_999 - tss]
        assert mirror == pytest.approx(logit, abs=1e-4, nan_ok=True)


# As it is used


@pytest.mark.long_lanes
def test_lanes_as_they_are(tmp_path, device):
    """Several units, a contig across lanes, unknown stretches as long as lanes, and short contigs."""
    contigs = {
        "chr1": demo_contigs()["demo1"][:9_000] + "N" * 9_000 + random_bases(700, seed=1),
        "empty": "",
        "short": "ACGT" * 10,
        "unknown": "N" * 6_000,
        **{f"small{number}": random_bases(100 + number, seed=number) for number in range(70)},
    }
    path = write_fasta(tmp_path / "genome.fa", contigs)
    options = {"model": tiny_streaming(), "device": device, "threshold": 0.3, "min_distance": 50}
    hits = scan_to_bed(path, **options)
    assert scan_to_bed(path, threads=1, batch_size=1, **options) == hits
    assert len(hits.splitlines()) > 20
    job = promscan.scan(path, strength=None, **options)
    assert sum(1 for _ in job) == len(hits.splitlines()) - 2
    assert job.statistics.bases == sum(map(len, contigs.values()))
    scored = {name: bases for name, bases in contigs.items() if name not in ("empty", "short", "unknown")}
    assert job.statistics.windows == 2 * sum(
        int((np.convolve(encode(bases) == UNKNOWN, np.ones(WINDOW), "valid") <= 7).sum()) for bases in scored.values()
    )
    assert [hit.chrom for hit in job] == sorted((hit.chrom for hit in job), key=list(contigs).index)


@pytest.mark.long_lanes
def test_scores_of_single_windows_are_those_of_a_contig_of_one_window(tmp_path, forgetful):
    windows = {str(number): random_bases(70, seed=number) for number in range(5)}
    path = write_fasta(tmp_path / "windows.fa", windows)
    scores = {row.name: row.logit for row in promscan.score(path, model=forgetful, device="cpu")}
    hits = logits_of(stream(windows, model=forgetful, strand="+", **EVERY_WINDOW))
    assert np.std(list(hits.values())) > 0.01
    assert [hits[name, 0, "+"] for name in windows] == pytest.approx(list(scores.values()), abs=1e-4)


def test_bfloat16_is_named_in_the_header(tmp_path):
    path = write_fasta(tmp_path / "genome.fa", {"chr1": random_bases(400, seed=1)})
    job = promscan.scan(path, model=tiny_streaming(), strength=None, device="cpu", precision="bfloat16", **EVERY_WINDOW)
    assert job.settings["precision"] == "bfloat16"
    assert all(math.isfinite(hit.logit) for hit in job)


def test_an_engine_of_a_later_version_is_refused(tmp_path):
    network, card = load_model(str(TINY))
    assert isinstance(card, Card)
    save_model(tmp_path / "new.safetensors", network, dataclasses.replace(card, engine="hovering"))
    with pytest.raises(ModelError, match="there is no engine 'hovering', only windowed, streaming"):
        scan({"chr1": "ACGT" * 50}, model=tmp_path / "new.safetensors")
