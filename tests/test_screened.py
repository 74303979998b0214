"""Screening: a streaming pass chooses the windows, and their scores are the exact ones."""

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pytest
import torch
from genomes import DEMO, TINY, a_few, genomes, random_bases, scan, scan_to_bed, write_fasta
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.inference.engine import open_engine
from promscan.inference.screened import ScreenedEngine
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.io.genome import Genome
from promscan.networks.card_parts import Screening
from promscan.networks.weights import load_model, save_model

LANE = 140
CPU = [torch.device("cpu")]
PART = "demo1:1-6,000"


@pytest.fixture(autouse=True)
def short_lanes():
    """Small genomes that cross many lanes."""
    with mock.patch.multiple(StreamingEngine, lane=LANE, shorter=(70,), warm_up=70):
        yield


@pytest.fixture(scope="module")
def screened(tmp_path_factory):
    """The tiny model, with a card that tells how to screen down to the logit 0."""
    network, card = load_model(str(TINY))
    path = tmp_path_factory.mktemp("models") / "screened.safetensors"
    save_model(path, network, dataclasses.replace(card, screening=Screening(0.5, 0.0)))
    return path


def tracks_of(contigs, engine):
    with TemporaryDirectory() as folder:
        path = write_fasta(Path(folder) / "genome.fa", contigs)
        chunks = list(Genome(path).read_chunks(3 * LANE, margin=engine.margin))
    return [track.logits for tracks in engine.score(chunks) for track in tracks]


@a_few
@given(contigs=genomes(), stride=st.sampled_from([1, 7]), floor=st.sampled_from([-9.0, -1.0, 0.0, 9.0]))
def test_windows_above_the_floor_have_their_exact_logits_and_no_others(contigs, stride, floor):
    model, settings = load_model(str(TINY))[0], EngineSettings(stride=stride, threads=2)
    with (
        open_engine("windowed", model, CPU, settings) as exactly,
        open_engine("streaming", model, CPU, settings) as quickly,
        ScreenedEngine(model, CPU, settings, floor) as both,
    ):
        expected = [
            np.where(np.isnan(exact) | (quick >= floor), exact, -np.inf)
            for exact, quick in zip(tracks_of(contigs, exactly), tracks_of(contigs, quickly), strict=True)
        ]
        found = tracks_of(contigs, both)
    assert len(found) == len(expected)
    for got, wanted in zip(found, expected, strict=True):
        assert np.array_equal(got, wanted, equal_nan=True)


def test_the_first_pass_takes_short_contigs_together():
    """A unit costs the same however few lanes it has."""
    contigs = {f"chr{n}": random_bases(90, seed=n) for n in range(50)}
    run_unit, units = StreamingEngine._run_unit, []

    def counted(engine, unit, device):
        units.append(len(unit))
        return run_unit(engine, unit, device)

    with (
        mock.patch.object(StreamingEngine, "_run_unit", counted),
        ScreenedEngine(load_model(str(TINY))[0], CPU, EngineSettings(threads=1), -9.0) as engine,
    ):
        assert len(tracks_of(contigs, engine)) == 100
    assert (sum(units), len(units)) == (100, 2)


@a_few
@given(contigs=genomes(min_length=200), data=st.data())
def test_bytes_do_not_depend_on_chunks_threads_or_regions(tmp_path, screened, contigs, data):
    options = {"model": screened, "threshold": 0.6, "min_distance": data.draw(st.sampled_from([1, 30]))}
    genome = write_fasta(tmp_path / "genome.fa", contigs)
    whole = scan_to_bed(genome, **options)
    with mock.patch.object(StreamingEngine, "chunk_step", data.draw(st.integers(1, 4)) * LANE):
        assert scan_to_bed(genome, threads=data.draw(st.integers(1, 3)), **options) == whole
    chrom = data.draw(st.sampled_from(sorted(contigs)))
    start = data.draw(st.integers(1, len(contigs[chrom])))
    inside = scan(contigs, regions=[f"{chrom}:{start}-{len(contigs[chrom])}"], **options)
    assert inside == [hit for hit in scan(contigs, **options) if hit.chrom == chrom and hit.tss >= start - 1]


def test_hits_are_among_those_of_an_exhaustive_scan(screened):
    options = {
        "model": screened,
        "strength": None,
        "device": "cpu",
        "threshold": 0.6,
        "min_distance": 1,
        "regions": [PART],
    }
    quick, every = list(promscan.scan(DEMO, **options)), list(promscan.scan(DEMO, exhaustive=True, **options))
    assert 0 < len(quick) < len(every)
    assert set(quick) < set(every)
    assert every == list(promscan.scan(DEMO, **{**options, "model": TINY}))


@pytest.mark.parametrize(
    ("threshold", "stride", "margin"), [(0.51, 1, "0.5"), (0.49, 1, None), (0.51, 16, "0.5"), (0.51, 17, None)]
)
def test_a_scan_is_screened_as_far_as_the_card_knows_and_where_that_is_faster(screened, threshold, stride, margin):
    contigs = {"chr1": random_bases(500, seed=1)}
    with TemporaryDirectory() as folder:
        genome = write_fasta(Path(folder) / "x.fa", contigs)
        job = promscan.scan(genome, model=screened, threshold=threshold, stride=stride)
    assert job.settings.get("screening_margin") == margin


def test_every_window_counts_as_scored(screened, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": random_bases(700, seed=1), "chr2": "N" * 100})
    for exhaustive in (False, True):
        job = promscan.scan(genome, model=screened, threshold=0.9, exhaustive=exhaustive)
        list(job)
        assert job.statistics.windows == 2 * (700 - 70 + 1)


def test_the_command(promscan_cli, screened, tmp_path):
    common = [
        "scan",
        DEMO,
        "--model",
        screened,
        "--strength",
        "none",
        "--device",
        "cpu",
        "--threshold",
        0.9,
        "--region",
        PART,
    ]
    for name, options in (("quick", []), ("every", ["--exhaustive"])):
        assert promscan_cli(*common, "-o", tmp_path / f"{name}.bed", *options).status == 0
    quick, every = ((tmp_path / f"{name}.bed").read_text().splitlines() for name in ("quick", "every"))
    assert "screening_margin=0.5" in quick[0]
    assert "screening_margin" not in every[0]
    assert {line.split("\t")[3] for line in quick[2:]} <= {line.split("\t")[3] for line in every[2:]}
