"""The scripts that measure the bundled models."""

from __future__ import annotations

import dataclasses
import json
import random
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from genomes import DATA, DEMO, TINY, TINY_STRENGTH, demo_contigs, random_bases, tiny_streaming, write_fasta

import promscan
from promscan.calling.peaks import probability_of
from promscan.metrics.calibration import Calibration
from promscan.networks.card import read_card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.weights import load_model, save_model
from promscan.seq import dna
from promscan.seq.records import Hit, Interval, ScoreTrack
from promscan.seq.tss import KnownStarts, Site
from promscan.seq.windows import WINDOW
from promscan.strength.measurements import divide, read_measurements
from promscan.strength.reporter import Reporter
from promscan.train.data.labelled_genome import LabelledGenome
from promscan.train.data.labelled_windows import read_windows
from promscan.train.genome_validation import GenomeValidation

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_half_of_the_strands_are_right_when_every_promoter_comes_in_both_orientations(tmp_path, monkeypatch):
    windows = [random_bases(WINDOW, seed) for seed in range(20)]
    turned = [dna.decode(dna.reverse_complement(dna.encode(window))) for window in windows]
    table = tmp_path / "gue" / "prom_core_all" / "dev.csv"
    table.parent.mkdir(parents=True)
    rows = [f"{window},1" for window in windows + turned] + [f"{windows[0]},0"]
    table.write_text("\n".join(["sequence,label", *rows]) + "\n")
    out = tmp_path / "strand.json"
    monkeypatch.setattr(sys, "argv", ["strand.py", str(TINY), "--data", str(tmp_path), "-o", str(out)])
    runpy.run_path(str(BENCHMARKS / "strand.py"), run_name="__main__")
    result = json.loads(out.read_text())
    assert (result["promoters"], result["right_strand"]) == (40, 0.5)
    low, high = result["interval95"]
    assert 0.25 < low < 0.45
    assert 0.55 < high < 0.75


def test_inserts_stand_out_where_the_strong_ones_are(tmp_path, monkeypatch):
    """A stretch that the tiny model takes for strong, planted from 130 to 51 bp before each start."""
    strong, rng = promscan.design([11], model=TINY_STRENGTH, count=1, device="cpu")[0].sequence, random.Random(1)
    letters, starts = list(random_bases(40_000, 1)), []
    for place in range(500, 39_500, 500):
        strand = rng.choice("+-")
        insert = strong if strand == "+" else dna.decode(dna.reverse_complement(dna.encode(strong)))
        begin = place - 130 if strand == "+" else place + 51
        letters[begin : begin + 80] = insert
        starts.append(f"chrII\t{place}\t{place + 1}\t.\t0\t{strand}\n")
    (tmp_path / "yeast").mkdir()
    (tmp_path / "yeast" / "tss.bed").write_text("".join(starts))
    (tmp_path / "yeast" / "R64-1-1_without_IV_XI.fa").write_text(f">chrII\n{''.join(letters)}\n")
    out = tmp_path / "position.json"
    options = ["--data", str(tmp_path), "--contigs", "chrII", "-o", str(out)]
    monkeypatch.setattr(sys, "argv", ["insert_position.py", str(TINY_STRENGTH), *options])
    runpy.run_path(str(BENCHMARKS / "insert_position.py"), run_name="__main__")
    result = json.loads(out.read_text())
    assert result["best"] == 50
    assert result["ends_before"]["50"]["contrast"] > 2 > 1 > abs(result["ends_before"]["300"]["contrast"])
    assert out.with_suffix(".png").stat().st_size > 0


def test_a_model_grades_its_own_designs_as_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("promscan.strength.search.STEPS", 30)
    out = tmp_path / "check.json"
    monkeypatch.setattr(sys, "argv", ["design_check.py", str(TINY_STRENGTH), str(TINY_STRENGTH), "-o", str(out)])
    runpy.run_path(str(BENCHMARKS / "design_check.py"), run_name="__main__")
    result = json.loads(out.read_text())
    assert result["random"]["slope"] == pytest.approx(1, abs=1e-3)
    assert result["figures"]["pearson"] > 0.99
    assert len(result["levels"]) >= 9
    assert all(level["graded"] == pytest.approx(level["predicted"], abs=1e-3) for level in result["levels"])


def test_soft_labels_are_the_opinion_of_the_teachers(tmp_path, monkeypatch):
    windows = [random_bases(WINDOW, seed) for seed in range(4)]
    train, sequences, out = (tmp_path / name for name in ("train.csv", "sequences.csv", "soft.tsv"))
    train.write_text("\n".join(["sequence,label", *(f"{window},{i % 2}" for i, window in enumerate(windows))]) + "\n")
    sequences.write_text("\n".join(["sequence", *(random_bases(300, seed) for seed in range(10, 13))]) + "\n")
    options = ["-o", str(out), "--windows", "20", "--teacher", str(TINY), "--teacher", str(TINY)]
    monkeypatch.setattr(sys, "argv", ["soft_labels.py", str(train), str(sequences), *options])
    runpy.run_path(str(BENCHMARKS / "soft_labels.py"), run_name="__main__")
    taught = read_windows(str(out))
    letters = [dna.decode(codes) for codes in taught.codes]
    opinions = [probability for _, _, probability in promscan.score(out, model=str(TINY), device="cpu")]
    assert letters[:4] == windows
    assert taught.labels[:4] == pytest.approx([(p + i % 2) / 2 for i, p in enumerate(opinions[:4])], abs=1e-4)
    assert taught.labels[4:] == pytest.approx(opinions[4:], abs=1e-4)
    known = [row for row in sequences.read_text().split() if len(row) == 300]
    natural = [any(window in row for row in known) for window in letters[4:]]
    assert natural[1::2] == [True] * 10
    assert not all(natural[::2])


def test_more_measurements_leave_the_division_as_it_was(tmp_path, monkeypatch):
    def write(name, sequences):
        path = tmp_path / name
        rows = (f"{sequence}\t{i}\n" for i, sequence in enumerate(sequences))
        path.write_text("sequence\texpression\n" + "".join(rows))
        return str(path)

    old = [random_bases(80, seed) for seed in range(60)]
    alone = [random_bases(80, seed) for seed in range(100, 104)]
    variants = [random_bases(80, 200)[:-1] + base for base in "ACG"]
    sharing = [old[0][:40] + random_bases(40, 300), dna.decode(dna.reverse_complement(dna.encode(old[1])))]
    before, new, out = write("old.tsv", old), write("new.tsv", [*sharing, *alone, *variants]), tmp_path / "more.tsv"
    monkeypatch.setattr(sys, "argv", ["more_measurements.py", new, "--beside", before, "-o", str(out)])
    runpy.run_path(str(BENCHMARKS / "more_measurements.py"), run_name="__main__")

    known, more = (read_measurements(path, "unit", Reporter()) for path in (before, str(out)))
    assert [dna.decode(insert) for insert in more.inserts] == alone + variants
    assert more.expression.tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert more.weights.mean() == pytest.approx(1, abs=1e-3)
    assert more.weights[0] / more.weights[-1] == pytest.approx(3**0.5, abs=1e-3)
    shares = {"dev_share": 0.2, "test_share": 0.2, "seed": 1}
    np.testing.assert_array_equal(
        divide([known], [], **shares).parts[0],
        divide([known, more], [], **shares).parts[0],
    )


def test_mean_weights_are_halfway_between_their_parents(tmp_path, monkeypatch):
    network, card = load_model(str(TINY))
    saved = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for parameter in network.parameters():
        parameter.data += 2
    other, out = tmp_path / "other.safetensors", tmp_path / "mean.safetensors"
    moved = save_model(other, network, card)
    monkeypatch.setattr(sys, "argv", ["mean_weights.py", str(TINY), str(other), "-o", str(out)])
    runpy.run_path(str(BENCHMARKS / "mean_weights.py"), run_name="__main__")
    mean, described = load_model(str(out))
    for name, tensor in mean.state_dict().items():
        torch.testing.assert_close(tensor, (saved[name] + network.state_dict()[name]) / 2)
    assert [parent["sha256"] for parent in described.training["mean_of"]] == [card.sha256, moved.sha256]
    assert described.default_threshold is None


def test_a_network_that_has_grown_says_what_it_said(tmp_path, monkeypatch):
    torch.manual_seed(1)
    small = BiGRUAttention(Architecture(hidden=8, convolutions=1, composition=(100,), context=3)).eval()
    before, out = tmp_path / "before.safetensors", tmp_path / "large.safetensors"
    save_model(before, small, read_card(TINY.with_suffix(".json")))
    sizes = ["--context-bins", "100,200,300,600,1000", "--convolutions", "3"]
    monkeypatch.setattr(sys, "argv", ["grow.py", str(before), *sizes, "-o", str(out)])
    runpy.run_path(str(BENCHMARKS / "grow.py"), run_name="__main__")
    large, card = load_model(str(out))
    assert (large.architecture.context_bins, large.architecture.convolutions) == ((100, 200, 300, 600, 1000), 3)
    assert card.training["grown"]["sha256"] == read_card(before.with_suffix(".json")).sha256
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, 4, (2, 2400)).astype(np.uint8))
    with torch.inference_mode():
        torch.testing.assert_close(large.along(codes, 1000, 140), small.along(codes, 1000, 140))


def test_whole_contigs_are_drawn_and_hits_on_them_judged(tmp_path, monkeypatch):
    human, drawn, out = tmp_path / "human", tmp_path / "drawn.fa", tmp_path / "result.json"
    human.mkdir()
    contigs = {f"chr{n}:0-2000": random_bases(2000, n) for n in (9, 10, 16)}
    (human / "hg38_contigs.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    starts = [f"{name}\t500\t501\tx\t0\t+\n" for name in contigs]
    (human / "hg38_tss.bed").write_text("".join(starts))
    hits = tmp_path / "hits.bed"
    hits.write_text("".join(line.replace("\t500\t501", f"\t{at}\t{at + 1}") for line in starts for at in (550, 1500)))
    for step in (["draw", str(drawn), "--bases", "2001"], ["judge", str(hits), str(drawn), "-o", str(out)]):
        monkeypatch.setattr(sys, "argv", ["side_by_side.py", *step, "--data", str(tmp_path)])
        runpy.run_path(str(BENCHMARKS / "side_by_side.py"), run_name="__main__")
    result = json.loads(out.read_text())
    assert result["contigs"].keys() == {"chr10:0-2000", "chr16:0-2000"}
    assert f">chr10:0-2000\n{contigs['chr10:0-2000']}\n" in drawn.read_text()
    everything = result["tolerance_100"]["at_fp_per_mb"]["all"]
    assert (everything["found"], everything["right"], everything["false"]) == (2, 2, 2)


def test_hits_that_a_screened_scan_loses_are_counted(tmp_path, monkeypatch):
    human, model, out = tmp_path / "human", tmp_path / "model.safetensors", tmp_path / "result.json"
    human.mkdir()
    contigs = {f"chr{n}:0-2000": demo_contigs()["demo1"][2000 * n :][:2000] for n in (9, 17)}
    genome = write_fasta(human / "hg38_contigs.fa", contigs)
    network, card = load_model(str(TINY))
    table = Calibration.measure(np.linspace(0, 4, 1000), 1.0, "some background")
    card = dataclasses.replace(
        card, calibration=table.describe(), screening={"margin": 0.2, "lowest": 0.0}, default_threshold=1.0,
        min_distance=1,
    )  # fmt: skip
    save_model(model, network, card)
    monkeypatch.setattr(sys, "argv", ["screening.py", str(model), "--data", str(tmp_path), "-o", str(out)])
    runpy.run_path(str(BENCHMARKS / "screening.py"), run_name="__main__")
    result = json.loads(out.read_text())
    assert (result["contigs"], result["bases"]) == (["chr9:0-2000"], 2000)
    options = {"model": model, "threshold": probability_of(1.0), "regions": ["chr9:0-2000"], "strength": None}
    screened, every = (set(promscan.scan(genome, exhaustive=e, **options)) for e in (False, True))
    found = result["called_at"]["default threshold"]
    assert (found["hits"], found["lost"], found["other"]) == (len(every), len(every - screened), len(screened - every))
    assert 0 < found["lost"] < found["hits"]
    assert 0 < found["share"] < result["called_at"]["lowest logit that the margin holds for"]["share"] < 1


CALLING = BENCHMARKS / "calling.py"


def test_hits_are_called_and_judged_as_by_the_commands(tmp_path, monkeypatch):
    tss, out = DATA / "demo_tss.bed", tmp_path / "calling.json"
    options = ["--genome", str(DEMO), "--tss", str(tss), "--contigs", "demo2", "-o", str(out)]
    monkeypatch.setattr(sys, "argv", ["calling.py", str(tiny_streaming()), *options])
    runpy.run_path(str(CALLING), run_name="__main__")
    result = json.loads(out.read_text())
    scan = promscan.scan(
        DEMO, model=str(tiny_streaming()), threshold=1e-300, min_distance=200, smoothing=51, regions=["demo2"],
        strength=None, device="cpu",
    )  # fmt: skip
    evaluation = promscan.evaluate(scan, tss, DEMO, contigs=["demo2"])
    rows = {(row["min_distance"], row["smoothing"]): row["recall"] for row in result["grid"]}
    assert (result["bases"], result["starts"], len(rows)) == (20_000, len(evaluation.ranking.found.scores), 24)
    assert rows[200, 51] == {rate: evaluation.rates[int(rate)].recall for rate in rows[200, 51]}
    assert 0 < rows[200, 51]["500"] < 1
    places = {(row["strand"], row["tolerance"]): row["recall"] for row in result["places"]}
    assert places["same", 100] == rows[result["card"]["min_distance"], result["card"]["smoothing"]]
    assert list(places) == [(strand, within) for strand in ("same", "either") for within in (50, 100, 200, 500)]


def test_windows_that_were_not_scored_have_no_part_in_a_mean():
    track = ScoreTrack("chr1", "+", 0, 1, np.array([1, 2, 6, np.nan, 4], dtype=np.float32))
    means = runpy.run_path(str(CALLING))["averaged"](track, 3)
    assert means.logits == pytest.approx([1.5, 3, 4, np.nan, 4], nan_ok=True)


def test_models_are_compared_start_by_start(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    shares = runpy.run_path(str(BENCHMARKS / "compare.py"))["shares"]
    false = [Hit("chr1", 0, "+", 33, logit, 1) for logit in np.linspace(2, 1, 1000)]
    judged = GenomeValidation(np.array([3.0, 2.0, false[9].logit, false[99].logit, 0.0, -np.inf]), false, 1_000_000)
    assert shares(judged) == pytest.approx([1, 1, 2 / 3, 1 / 3, 0, 0])
    out = tmp_path / "result.json"
    models = [tiny_streaming(), tiny_streaming()]
    options = ["--genome", str(DEMO), "--tss", str(DATA / "demo_tss.bed"), "--contigs", "demo2", "-o", str(out)]
    monkeypatch.setattr(sys, "argv", ["compare.py", *map(str, models), *options])
    runpy.run_path(str(BENCHMARKS / "compare.py"), run_name="__main__")
    first, second = json.loads(out.read_text())
    assert 0 < first["within_100"]["recall"] < first["within_500"]["recall"] < 1
    assert second == first
    assert second["within_100"]["difference"] == 0


def test_on_either_strand_a_hit_finds_the_starts_of_both():
    module = runpy.run_path(str(CALLING))
    hits = [Hit("chr1", tss - 33, "+", tss, logit, 1) for tss, logit in ((1_000, 2.0), (5_000, 1.0))]
    starts = KnownStarts([Site("chr1", 1_040, "+"), Site("chr1", 5_150, "-"), Site("chr1", 9_000, "-")])
    rows = module["places"](hits, [Interval("chr1", 0, 10_000)], starts)
    found = {(row["strand"], row["tolerance"]): round(3 * row["recall"]["10"]) for row in rows}
    assert found == {
        ("same", 50): 1, ("same", 100): 1, ("same", 200): 1, ("same", 500): 1,
        ("either", 50): 1, ("either", 100): 1, ("either", 200): 2, ("either", 500): 2,
    }  # fmt: skip


BASELINES = BENCHMARKS / "baselines.py"


def test_cpg_is_counted_in_the_window_around_a_position():
    score = runpy.run_path(str(BASELINES))["cpg_score"](10)
    bases = "CGTTCGACCG" + "A" * 10 + random_bases(50, 1)
    scores, first = score(dna.encode(bases))
    assert (len(scores), first) == (len(bases) - 9, 5)
    assert scores[0] == pytest.approx(3 / (4 * 3 / 10))
    assert scores[10] == 0  # no C and no G to expect any from
    for start, value in enumerate(scores):
        window = bases[start : start + 10]
        pairs = sum(bases[i : i + 2] == "CG" for i in range(start, start + 10))
        expected = window.count("C") * window.count("G") / 10
        assert value == pytest.approx(pairs / expected if expected else 0)


def test_operations_are_those_of_the_products(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = runpy.run_path(str(BENCHMARKS / "floor.py"))
    d, lane, steps = 24, 2800, 2800 + 70 + 980
    recurrence, others = module["operations"](BiGRUAttention(Architecture(hidden=d)).eval())
    assert recurrence == 2 * 3 * d * d * 2 * steps / lane
    from_codes = 2 * 4 * d * 5 * 2 * steps / lane
    attention = (2 * d * 2 * d + 2 * d) * (lane + 70) / lane
    head = 2 * (2 * d * d + d * d / 2 + d / 2)
    assert others == pytest.approx(from_codes + attention + head, rel=1e-6)


def test_a_linear_score_along_a_contig_is_that_of_each_window():
    module = runpy.run_path(str(BASELINES))
    codes, width = dna.encode(random_bases(400, 2)), module["CONTEXT"]
    weights = np.random.default_rng(0).normal(size=256)
    windows = np.lib.stride_tricks.sliding_window_view(codes, width)
    counts = module["counts_of"](windows)
    assert counts.sum(axis=1).tolist() == [297] * 101
    assert counts[0, module["kmers_of"](codes[:4])[0]] >= 1
    sums = module["window_sums"](weights[module["kmers_of"](codes)], width - 3)
    assert np.allclose(sums, counts @ weights)


@pytest.mark.parametrize(("strand", "tss"), [("+", 249), ("-", 50), ("+", 300), ("-", 150)])
def test_windows_have_the_start_at_its_place_and_calls_are_where_it_is(strand, tss):
    module = runpy.run_path(str(BASELINES))
    codes = np.full(400, dna.encode("A")[0])
    mark, turned = dna.encode("CG").tolist()
    codes[tss] = mark if strand == "+" else turned
    window = module["window_at"](codes, tss, strand)
    assert np.flatnonzero(window == mark).tolist() == [249]
    assert module["window_at"](codes, 0, strand) is None

    def score(read):
        return (read[249 : len(read) - 50] == mark).astype(float), 249

    hits = module["call"](LabelledGenome({"chr1": codes}, KnownStarts([])), score, 500)
    assert [(hit.tss, hit.strand) for hit in hits if hit.logit == 1] == [(tss, strand)]
