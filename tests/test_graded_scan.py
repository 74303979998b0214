"""Scans whose hits are graded by what lies around them: the same rows for every region, shard, strand and resume."""

from __future__ import annotations

import dataclasses
import json
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pytest
from genomes import DATA, DEMO, a_few, contigs_of, demo_contigs, genomes, tiny_streaming, write_fasta, write_hits
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.calling.settings import resolve_calling
from promscan.commands.calibrate import calibrate
from promscan.errors import InputError, ModelError
from promscan.inference.streaming import StreamingEngine
from promscan.inference.windowed import WindowedEngine
from promscan.io.schemas import BED_COLUMNS
from promscan.metrics.calibration import Calibration
from promscan.networks.calling_rule import CallingRule, Feature
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.networks.weights import load_model, save_model

LANE = 140
RULE = CallingRule(
    candidates=-4.0,
    features=(
        Feature("own", 0, 1.0), Feature("same", 40, 0.5), Feature("other", 25, 0.3), Feature("wide_logits", 200, -0.5),
        Feature("gc", 260, -2.0),
    ),
    bias=0.25,
)  # fmt: skip
OPTIONS = {"strength": None, "device": "cpu", "to_rank": True, "min_distance": 20}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("promscan.commands.scanning.journal.INTERVAL", 0)
    monkeypatch.setattr("promscan.commands.scanning.plan.SHARD_GRID", LANE)
    monkeypatch.setattr(WindowedEngine, "chunk_step", 50)
    for name, value in {"lane": LANE, "shorter": (70,), "warm_up": 70, "chunk_step": LANE}.items():
        monkeypatch.setattr(StreamingEngine, name, value)
    monkeypatch.setattr("promscan.inference.streaming.LANES", {"cpu": 16, "cuda": 16})


def with_rule(model: Path, folder: Path, rule: CallingRule | None = RULE) -> Path:
    network, card = load_model(str(model))
    path = folder / "graded.safetensors"
    save_model(path, network, dataclasses.replace(card, name="graded", calling=rule))
    return path


@pytest.fixture
def graded(model, tmp_path):
    return with_rule(model, tmp_path)


@pytest.fixture
def one(tmp_path):
    """The streaming model alone, for what does not depend on the engine."""
    return with_rule(tiny_streaming(), tmp_path)


def rows_of(genome, folder, **options):
    return write_hits(promscan.scan(genome, **{**OPTIONS, **options}), folder / "hits.bed").read_text().splitlines()[2:]


def test_a_grade_is_what_the_logits_of_all_windows_make_it(graded, model, tmp_path):
    contigs = {"chr1": demo_contigs()["demo2"][3_000:3_900]}
    genome = write_fasta(tmp_path / "genome.fa", contigs)
    hits = list(promscan.scan(genome, model=graded, **OPTIONS))
    assert len({hit.strand for hit in hits}) == 2
    tracks = {
        strand: np.concatenate([block.scores for block in promscan.score_genome(genome, model=model, strand=strand)])
        for strand in "+-"
    }
    for hit in hits:
        own, other = tracks[hit.strand], tracks["-" if hit.strand == "+" else "+"]

        def near(logits, reach, start=hit.start):
            return logits[max(0, start - reach) : start + reach + 1].astype(np.float64)

        wide = np.concatenate([near(own, 200), near(other, 200)])
        bases = contigs["chr1"][max(0, hit.start - 260) : hit.start + 70 + 260]
        gc = (bases.count("G") + bases.count("C")) / len(bases)
        grade = (
            0.25 + own[hit.start] + 0.5 * np.log(np.exp(near(own, 40)).mean())
            + 0.3 * np.log(np.exp(near(other, 25)).mean()) - 0.5 * np.rint(256 * wide).mean() / 256
            - 2 * gc
        )  # fmt: skip
        assert hit.logit == pytest.approx(grade, abs=1e-6)
        assert hit.probability == pytest.approx(1 / (1 + np.exp(-grade)))


@a_few
@given(data=st.data(), contigs=genomes(), count=st.integers(1, 4), strand=st.sampled_from(["both", "+"]))
def test_merged_shards_are_the_undivided_scan(graded, data, contigs, count, strand):
    options = {"model": graded, "strand": strand, "stride": data.draw(st.sampled_from([1, 3])), **OPTIONS}
    with TemporaryDirectory() as name:
        folder = Path(name)
        genome = write_fasta(folder / "genome.fa", contigs)
        whole = write_hits(promscan.scan(genome, **options), folder / "whole.bed")
        shards = [
            write_hits(promscan.scan(genome, shard=(i, count), **options), folder / f"{i}.bed")
            for i in range(1, count + 1)
        ]
        promscan.merge(shards, folder / "merged.bed")
        assert (folder / "merged.bed").read_bytes() == whole.read_bytes()


@a_few
@given(data=st.data(), contig=contigs_of(200))
def test_the_rows_of_a_region_and_of_a_strand_are_those_of_the_whole_scan(graded, data, contig):
    begin = data.draw(st.integers(1, len(contig)))
    end = data.draw(st.integers(begin, len(contig)))
    with TemporaryDirectory() as name:
        folder = Path(name)
        genome = write_fasta(folder / "genome.fa", {"chr1": contig})
        whole = rows_of(genome, folder, model=graded)
        in_region = [row for row in whole if begin <= int(row.split("\t")[6]) + 1 <= end]
        assert rows_of(genome, folder, model=graded, regions=[f"chr1:{begin}-{end}"]) == in_region
        for strand in "+-":
            of_strand = [row for row in whole if row.split("\t")[5] == strand]
            assert rows_of(genome, folder, model=graded, strand=strand) == of_strand


@a_few
@given(data=st.data(), contigs=genomes(), strand=st.sampled_from(["both", "-"]))
def test_a_scan_that_was_stopped_goes_on(graded, data, contigs, strand):
    with TemporaryDirectory() as name:
        folder = Path(name)
        genome, journal = write_fasta(folder / "genome.fa", contigs), folder / "hits.resume"
        options = {**OPTIONS, "model": graded, "strand": strand}
        for _ in range(data.draw(st.integers(1, 3), "stops")):
            step = data.draw(st.sampled_from([LANE, 2 * LANE]))
            with mock.patch.object(StreamingEngine, "chunk_step", step):
                running = iter(promscan.scan(genome, resume=journal, threads=data.draw(st.integers(1, 2)), **options))
                list(islice(running, data.draw(st.integers(0, 60), "hits")))
                running.close()
        resumed = write_hits(promscan.scan(genome, resume=journal, **options), folder / "resumed.bed")
        whole = write_hits(promscan.scan(genome, **options), folder / "whole.bed")
        assert resumed.read_bytes() == whole.read_bytes()


def test_an_excluded_window_does_not_count_in_the_grades_near_it(graded, tmp_path):
    contig = demo_contigs()["demo2"][3_000:3_900]
    genome, bed = write_fasta(tmp_path / "genome.fa", {"chr1": contig}), tmp_path / "x.bed"
    unknown = write_fasta(tmp_path / "unknown.fa", {"chr1": contig[:400] + 70 * "N" + contig[470:]})
    bed.write_text("chr1\t450\t451\n")
    hits = list(promscan.scan(genome, model=graded, exclude=bed, **OPTIONS))
    assert hits
    assert all(np.isfinite(hit.logit) for hit in [*hits, *promscan.scan(unknown, model=graded, **OPTIONS)])
    assert not any(381 <= hit.start <= 450 for hit in hits)


def test_hits_with_strengths_are_found_behind_the_reach_of_a_grade(one, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": demo_contigs()["demo2"][2_000:3_900]})
    plain, strong = (
        list(promscan.scan(genome, model=one, **{**OPTIONS, "strength": strength}))
        for strength in (None, DATA / "tiny-strength.safetensors")
    )
    assert [dataclasses.replace(hit, strength=None, strength_sd=None) for hit in strong] == plain
    assert any(hit.strength is not None for hit in strong)


def test_a_resumed_scan_of_another_rule_is_another_scan(one, tmp_path):
    first = promscan.scan(DEMO, model=one, **OPTIONS).settings
    other = with_rule(one, tmp_path, dataclasses.replace(RULE, bias=0.5, place_weight=2.0))
    second = promscan.scan(DEMO, model=other, **OPTIONS).settings
    assert first["grade"] == "own+0.5*same:40+0.3*other:25-0.5*wide_logits:200-2*gc:260+0.25"
    assert first["candidates"] == "-4"
    assert "place_weight" not in first
    assert {key: value for key, value in second.items() if first.get(key) != value} == {
        "grade": "own+0.5*same:40+0.3*other:25-0.5*wide_logits:200-2*gc:260+0.5", "place_weight": "2",
    }  # fmt: skip


def test_a_probability_is_no_threshold_for_grades(one):
    with pytest.raises(InputError, match="model graded grades hits by their surroundings, not as probabilities: use"):
        promscan.scan(DEMO, model=one, strength=None, device="cpu", threshold=0.9)


def test_grades_that_are_log_odds_have_a_probability_as_threshold(one, tmp_path):
    odds = with_rule(one, tmp_path, dataclasses.replace(RULE, log_odds=True))
    scan = promscan.scan(DEMO, model=odds, strength=None, device="cpu", threshold=0.5)
    assert (scan.calling.threshold, scan.calling.candidates) == (0.0, -4.0)


def test_a_model_with_grades_must_be_calibrated(one, tmp_path):
    bare = read_card(with_rule(one, tmp_path))
    for options in ({}, {"fp_per_mb": 10}):
        with pytest.raises(ModelError, match="graded is not calibrated to false positives per Mb: calibrate it"):
            resolve_calling(dataclasses.replace(bare, default_threshold=None, calibration=None), **options)


def test_every_window_is_scored_if_grades_read_it():
    """And screened, where they read no farther than what a screening scores around a candidate."""
    core = read_card(find_model("core70"))
    near = dataclasses.replace(RULE, features=(Feature("same", 500, 1.0), Feature("wide_estimates", 10_000, -0.5)))
    table = core.calibration or Calibration("x", 100.0, (9.0, 6.0), (1, 5000))
    for engine, rule, screened in [
        ("windowed", None, True), ("windowed", near, False), ("streaming", RULE, False), ("streaming", near, True),
    ]:  # fmt: skip
        card = dataclasses.replace(core, engine=engine, calling=rule, calibration=table)
        assert (resolve_calling(card).floor is not None) == screened
        assert resolve_calling(card, exhaustive=True).floor is None


@pytest.mark.parametrize(("strand", "scored"), [("both", ("+", "-")), ("+", ("+", "-")), ("-", ("+", "-"))])
def test_both_strands_are_scored_where_a_grade_reads_both(one, strand, scored):
    calling = resolve_calling(read_card(one), to_rank=True, strand=strand)
    assert calling.scored_strands == scored
    near = dataclasses.replace(RULE, features=(Feature("own", 0, 1.0), Feature("same", 40, 1.0)))
    assert dataclasses.replace(calling, rule=near).scored_strands == calling.strands
    assert calling.reach == 499


def test_a_calibration_is_a_table_of_grades(one, tmp_path):
    out = tmp_path / "calibrated.safetensors"
    calibrate(one, DEMO, DATA / "demo_tss.bed", out, device="cpu", min_distance=20)
    card = read_card(out)
    assert card.calling == RULE
    table = card.calibration
    scan = promscan.scan(DEMO, model=out, strength=None, device="cpu", fp_per_mb=table.most)
    hits = list(scan)
    assert scan.calling.threshold == pytest.approx(table.logits[-1])
    assert min(hit.logit for hit in hits) >= table.logits[-1]
    assert all(hit.fp_per_mb == table.fp_per_mb(hit.logit) for hit in hits)
    few = set(promscan.scan(DEMO, model=out, strength=None, device="cpu", fp_per_mb=table.most / 10))
    assert few == {hit for hit in hits if hit.logit >= table.logit_at(table.most / 10)}


def test_scores_of_a_genome_stay_logits(graded, model):
    options = {"regions": ["demo2:3,000-3,400"], "device": "cpu", "strand": "+"}
    pairs = zip(
        promscan.score_genome(DEMO, model=graded, **options), promscan.score_genome(DEMO, model=model, **options),
        strict=True,
    )  # fmt: skip
    for one, other in pairs:
        assert one[:3] == other[:3]
        assert np.array_equal(one.scores, other.scores, equal_nan=True)


def test_the_grade_stands_in_the_column_of_the_logit(one, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": demo_contigs()["demo2"][3_000:3_900]})
    hits, rows = list(promscan.scan(genome, model=one, **OPTIONS)), rows_of(genome, tmp_path, model=one)
    column = BED_COLUMNS.index("logit")
    assert [row.split("\t")[column] for row in rows] == [f"{hit.logit:z.4f}" for hit in hits]
    assert all(row.count("\t") == len(BED_COLUMNS) - 1 for row in rows)


def test_the_command_says_which_strands_it_scored(one, promscan_cli, tmp_path):
    out = tmp_path / "calibrated.safetensors"
    table = Calibration("x", 1.0, (9.0, -9.0), (1, 1000))
    network, card = load_model(str(one))
    save_model(out, network, dataclasses.replace(card, calibration=table))
    hits = tmp_path / "hits.bed"
    rest = ["--strength", "none", "--device", "cpu", "--region", "demo2:3,000-3,900", "--min-distance", 20]
    outcome = promscan_cli("scan", DEMO, "-o", hits, "--model", out, "--fp-per-mb", 900, "--strand", "+", *rest)
    assert outcome.status == 0, outcome.err
    assert "windows on both strands" in outcome.err
    rows = [row.split("\t") for row in hits.read_text().splitlines() if row[0] != "#"]
    assert rows
    assert {row[5] for row in rows} == {"+"}
    refused = promscan_cli("scan", DEMO, "-o", hits, "--model", out, "--threshold", 0.5, *rest)
    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert "use --fp-per-mb" in refused.err


# ------------------------------------------------------------------------------------------------------------ the card


def test_a_card_keeps_its_rule(one):
    card = read_card(one)
    assert card.calling == RULE
    assert json.loads(card.to_json())["calling"]["features"][1] == {"kind": "same", "reach": 40, "weight": 0.5}
    assert "calling" not in json.loads(dataclasses.replace(card, calling=None).to_json())


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("candidates", None, "calling.candidates must be a number"),
        ("candidates", float("inf"), "calling.candidates must be a number from -1000 to 1000"),
        ("log_odds", "no", "calling.log_odds must be true or false"),
        ("place_weight", -1, "calling.place_weight must be"),
        ("bias", [], "calling.bias must be a number"),
        ("surprise", 1, "calling.surprise is unknown"),
        ("features", {}, "calling.features must be a list"),
        ("features", [], "calling.features must be a list of 1 to 100"),
        ("features", [1], "calling.features must be a list of objects"),
        (
            "features",
            [{"kind": "moon", "reach": 1, "weight": 1}],
            r"calling.features\[0\].kind must be one of own, same",
        ),
        ("features", [{"kind": "same", "reach": -1, "weight": 1}], r"calling.features\[0\].reach must be"),
        ("features", [{"kind": "own", "reach": 1, "weight": 1}], r"calling.features\[0\].reach must be"),
        ("features", [{"kind": "wide_estimates", "reach": 34, "weight": 1}], r"calling.features\[0\].reach must be"),
        ("features", [{"kind": "same", "reach": 10**6, "weight": 1}], r"calling.features\[0\].reach must be"),
        ("features", [{"kind": "same", "reach": 5, "weight": "x"}], r"calling.features\[0\].weight must be"),
        ("features", [{"kind": "same", "reach": 5, "weight": 1, "x": 1}], r"calling.features\[0\].x is unknown"),
        (
            "features",
            [{"kind": "gc", "reach": 5 + i, "weight": 1} for i in (0, 1)],
            "features must have one reach for gc",
        ),
    ],
)
def test_a_malformed_rule_is_refused_by_name(one, place, value, message):
    path = one.with_suffix(".json")
    values = json.loads(path.read_text())
    values["calling"][place] = value
    path.write_text(json.dumps(values))
    with pytest.raises(ModelError, match=message) as error:
        read_card(one)
    assert "\n" not in str(error.value)
