"""The scripts that measure the bundled models, and the results that they wrote."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from genomes import DATA, DEMO, TINY, TINY_STRENGTH, demo_contigs, random_bases, tiny_streaming, write_fasta
from scripts import ROOT, modules_in, result_of, run_script

import promscan
from benchmarks import common, write_results
from benchmarks.accuracy import baselines, calling, compare, paired
from benchmarks.speed import floor, real_genome
from benchmarks.tables import clusters
from promscan.calling.peaks import probability_of
from promscan.metrics.calibration import Calibration
from promscan.networks.card import read_card
from promscan.networks.card_parts import Screening
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.weights import load_model, save_model
from promscan.seq import dna
from promscan.seq.records import Hit, Interval, ScoreTrack
from promscan.seq.tss import KnownStarts, Site
from promscan.seq.windows import WINDOW
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome
from promscan.train.genome_validation import GenomeValidation
from recipes.demo_data import write_demo_data

WEIGHTS = ROOT / "weights"
RESULTS = sorted(common.RESULTS.rglob("*.json"))


def reverse_complement(bases: str) -> str:
    return dna.decode(dna.reverse_complement(dna.encode(bases)))


def human_data(folder: Path, contigs: dict[str, str], starts: str) -> Path:
    """A folder of public data with these contigs and the lines of a BED file of starts."""
    (folder / "human").mkdir(parents=True)
    write_fasta(folder / common.HUMAN.genome, contigs)
    (folder / common.HUMAN.starts).write_text(starts)
    return folder


# All scripts and results


@pytest.mark.parametrize("module", modules_in("benchmarks"))
def test_each_script_shows_its_help(module, capsys):
    with pytest.raises(SystemExit) as stop:
        run_script(module, "--help")
    assert stop.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_each_page_names_modules_that_exist():
    modules = {*modules_in("benchmarks"), *modules_in("recipes")}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "recipes").rglob("*.md")]
    named = {
        name for page in pages for name in re.findall(r"python -m ((?:benchmarks|recipes)[\w.]+)", page.read_text())
    }
    assert named
    assert named - modules == set()


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_each_result_says_where_it_comes_from(path):
    origin = json.loads(path.read_text())["origin"]
    assert origin["promscan"] == path.parent.name
    assert re.fullmatch(r"[0-9a-f]{40}", origin["commit"])
    assert origin["command"].startswith("python -m benchmarks.")
    assert path.name in origin["command"]
    assert "machine" in origin


@pytest.mark.parametrize("path", list(common.newest_results()), ids=lambda path: path.stem)
def test_the_newest_results_are_those_of_the_bundled_weights(path):
    bundled = {card.stem: read_card(card).sha256 for card in WEIGHTS.glob("*.json")}
    for model in common.read_result(path)["origin"]["models"]:
        assert model["sha256"] == bundled.get(model["name"], model["sha256"])


def test_the_workflow_plans_with_the_speed_that_was_measured():
    settings = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    found, speeds = (
        common.read_result(common.find_result("species_speed.json")),
        settings["cost"]["bases_per_core_hour"],
    )
    measured = {model: clusters.bases_per_core_hour(found, model) for model in found["scans"]}
    assert speeds == pytest.approx({**measured, "other": min(measured.values())}, rel=0.01)
    assert settings["cost"]["seconds_to_start"] == pytest.approx(found["start_seconds"], rel=0.05)
    assert settings["scan"]["threads"] == found["threads"]
    assert settings["scan"]["shard_bases"] == clusters.SHARD_BASES


def test_more_workers_use_their_cores_less():
    rows = [row.strip("| ").split(" | ") for row in clusters.scaling_table().splitlines()[2:]]
    assert [int(row[0].replace(",", "")) for row in rows] == list(clusters.WORKERS)
    shares = [int(row[-1].rstrip("%")) for row in rows]
    assert shares[0] == 100
    assert shares == sorted(shares, reverse=True)


def test_a_result_names_command_commit_weights_and_machine_but_no_folder_of_it(tmp_path, monkeypatch):
    card, out, data = read_card(TINY.with_suffix(".json")), tmp_path / "results" / "x.json", tmp_path / "data"
    script = str(ROOT / "benchmarks" / "accuracy" / "strand.py")
    words = [script, "tiny", "--data", str(data), "--more", str(data / "a.tsv"), "-o", str(out)]
    monkeypatch.setattr("sys.argv", words)
    common.save_result(out, {"a": 1}, card)
    result = json.loads(out.read_text())
    assert result["a"] == 1
    origin = result["origin"]
    assert origin["command"] == "python -m benchmarks.accuracy.strand tiny --data DATA --more DATA/a.tsv -o x.json"
    assert origin["models"] == [{"name": card.name, "sha256": card.sha256}]
    assert origin["promscan"] == promscan.__version__
    assert origin["machine"]["threads"] >= 1


def test_the_newest_version_of_a_result_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    for version, names in (("0.9.0", ["a", "b"]), ("0.10.0", ["a"])):
        (tmp_path / version).mkdir()
        for name in names:
            (tmp_path / version / f"{name}.json").write_text("{}")
    assert [path.relative_to(tmp_path).as_posix() for path in common.newest_results()] == [
        "0.10.0/a.json",
        "0.9.0/b.json",
    ]
    assert common.find_result("c.json") is None


def test_a_page_that_shows_other_numbers_than_the_results_is_found_and_mended(tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- TABLE strand: from benchmarks/results -->\n\nold\n\n<!-- END -->\nb\n")
    monkeypatch.setattr(write_results, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=r"README\.md"):
        run_script("benchmarks.write_results", "--check")
    run_script("benchmarks.write_results")
    run_script("benchmarks.write_results", "--check")
    assert "| `core70` |" in page.read_text()
    assert page.read_text().startswith("a\n")
    assert page.read_text().endswith("<!-- END -->\nb\n")


def test_the_weights_that_speeds_are_compared_with_stay_the_same():
    _, card = load_model(str(ROOT / "benchmarks" / "speed" / "human-38cf804.safetensors"))
    assert card.sha256 == "8cfd1e0c258cb88fde30c7b6fac8aab3178065945a7f047a1603e18b16cce9ab"


# Classifiers of windows


def test_half_of_the_strands_are_right_when_every_promoter_comes_in_both_orientations(tmp_path):
    windows = [random_bases(WINDOW, seed) for seed in range(20)]
    rows = [f"{window},1" for window in windows + [reverse_complement(window) for window in windows]]
    table = tmp_path / "gue" / "prom_core_all" / "dev.csv"
    table.parent.mkdir(parents=True)
    table.write_text("\n".join(["sequence,label", *rows, f"{windows[0]},0"]) + "\n")
    result = result_of("benchmarks.accuracy.strand", TINY, "--data", tmp_path, output=tmp_path / "strand.json")
    assert (result["promoters"], result["right_strand"]) == (40, 0.5)
    low, high = result["interval95"]
    assert 0.25 < low < 0.45
    assert 0.55 < high < 0.75


@pytest.mark.slow
def test_the_default_threshold_is_passed_by_100_hits_per_mb(tmp_path):
    contigs = {"chr9:0-20000": demo_contigs()["demo1"][:20_000]}
    contigs |= {f"chr{n}:0-900": random_bases(900, n) for n in (10, 17)}
    starts = ["chr9:0-20000\t5000\t5001\tx\t0\t+\n", "chr17:0-900\t500\t501\tx\t0\t-\n"]
    data = human_data(tmp_path, contigs, "".join(starts))
    result = result_of("benchmarks.accuracy.default_threshold", TINY, "--data", data, output=tmp_path / "result.json")
    assert result["bases"] == 20_000 - 2001
    background = {"before": contigs["chr9:0-20000"][:4000], "behind": contigs["chr9:0-20000"][6001:]}
    genome = write_fasta(tmp_path / "background.fa", background)
    scan = promscan.scan(genome, model=TINY, threshold=0.5, strength=None, device="cpu")
    logits = sorted((hit.logit for hit in scan), reverse=True)
    assert result["hits_ranked"] == len(logits)
    assert logits[1] >= result["default_threshold"] >= logits[2]


def test_a_background_with_too_few_hits_gives_no_threshold(tmp_path, capsys):
    contigs = {f"chr{n}:0-1900": random_bases(1900, n) for n in (9, 17)}
    data = human_data(tmp_path, contigs, "chr9:0-1900\t1500\t1501\tx\t0\t+\n")
    with pytest.raises(SystemExit):
        run_script("benchmarks.accuracy.default_threshold", TINY, "--data", data, "-o", tmp_path / "result.json")
    assert "too few for a threshold; give more with --bases" in capsys.readouterr().err
    assert not (tmp_path / "result.json").exists()


def test_hits_that_a_screened_scan_loses_are_counted(tmp_path):
    contigs = {f"chr{n}:0-2000": demo_contigs()["demo1"][2000 * n :][:2000] for n in (9, 17)}
    data, model = human_data(tmp_path, contigs, ""), tmp_path / "model.safetensors"
    network, card = load_model(str(TINY))
    table = Calibration.measure(np.linspace(0, 4, 1000), 1.0, "some background")
    card = dataclasses.replace(
        card, calibration=table, screening=Screening(0.2, 0.0), default_threshold=1.0,
        min_distance=1,
    )  # fmt: skip
    save_model(model, network, card)
    result = result_of("benchmarks.accuracy.screening", model, "--data", data, output=tmp_path / "result.json")
    assert (result["contigs"], result["bases"]) == (["chr9:0-2000"], 2000)
    options = {"model": model, "threshold": probability_of(1.0), "regions": ["chr9:0-2000"], "strength": None}
    genome = data / common.HUMAN.genome
    screened, every = (set(promscan.scan(genome, exhaustive=e, **options)) for e in (False, True))
    found = result["called_at"]["default threshold"]
    assert (found["hits"], found["lost"], found["other"]) == (len(every), len(every - screened), len(screened - every))
    assert 0 < found["lost"] < found["hits"]
    assert 0 < found["share"] < result["called_at"]["lowest logit that the margin holds for"]["share"] < 1


# Models that scan


def test_hits_are_called_and_judged_like_those_of_the_commands(tmp_path):
    tss, model = DATA / "demo_tss.bed", tiny_streaming()
    options = ["--genome", DEMO, "--tss", tss, "--contigs", "demo2"]
    result = result_of("benchmarks.accuracy.calling", model, *options, output=tmp_path / "calling.json")
    scan = promscan.scan(
        DEMO, model=model, threshold=1e-300, min_distance=200, smoothing=51, regions=["demo2"], strength=None,
        device="cpu",
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
    assert calling.averaged(track, 3).logits == pytest.approx([1.5, 3, 4, np.nan, 4], nan_ok=True)


def test_on_either_strand_a_hit_finds_the_starts_of_both():
    hits = [Hit("chr1", tss - 33, "+", tss, logit, 1) for tss, logit in ((1_000, 2.0), (5_000, 1.0))]
    starts = KnownStarts([Site("chr1", 1_040, "+"), Site("chr1", 5_150, "-"), Site("chr1", 9_000, "-")])
    rows = calling.places(hits, [Interval("chr1", 0, 10_000)], starts)
    found = {(row["strand"], row["tolerance"]): round(3 * row["recall"]["10"]) for row in rows}
    assert found == {
        ("same", 50): 1, ("same", 100): 1, ("same", 200): 1, ("same", 500): 1,
        ("either", 50): 1, ("either", 100): 1, ("either", 200): 2, ("either", 500): 2,
    }  # fmt: skip


def test_a_start_counts_for_the_share_of_the_rates_at_which_it_is_found():
    false = [Hit("chr1", 0, "+", 33, logit, 1) for logit in np.linspace(2, 1, 1000)]
    judged = GenomeValidation(np.array([3.0, 2.0, false[9].logit, false[99].logit, 0.0, -np.inf]), false, 1_000_000)
    assert compare.shares(judged) == pytest.approx([1, 1, 2 / 3, 1 / 3, 0, 0])


def test_a_model_does_not_differ_from_itself(tmp_path):
    options = ["--genome", DEMO, "--tss", DATA / "demo_tss.bed", "--contigs", "demo2"]
    models = [tiny_streaming(), tiny_streaming()]
    result = result_of("benchmarks.accuracy.compare", *models, *options, output=tmp_path / "result.json")
    first, second = result["compared"]
    assert 0 < first["within_100"]["recall"] < first["within_500"]["recall"] < 1
    assert second == first
    assert second["within_100"]["difference"] == 0


def write_bed(path, places):
    """Rows of a start, or of a hit with its score."""
    rows = (f"{chrom}\t{at}\t{at + 1}\t{name}\t{score}\t{strand}\n" for chrom, at, strand, score, name in places)
    path.write_text("".join(rows))
    return path


def test_paired_numbers_are_those_of_a_slow_judge(tmp_path):
    """Numbers and their errors over the same draws of blocks, as from their definitions."""
    rng = np.random.default_rng(5)
    genome = write_fasta(tmp_path / "genome.fa", {"chr9:0-900000": random_bases(900_000, 1)})
    starts = [("chr9:0-900000", 9_000 + 30_000 * i, "+", 0, f"G{i}_{1 + i % 2}") for i in range(30)]
    tss, systems = write_bed(tmp_path / "tss.bed", starts), {}
    for name, share in (("a", 0.9), ("b", 0.5)):
        right = [(c, at + int(rng.integers(-60, 60)), "+", rng.normal(2 * share), ".") for c, at, *_ in starts]
        false = [("chr9:0-900000", int(at), "+-"[at % 2], rng.normal(), ".") for at in rng.integers(0, 900_000, 300)]
        systems[name] = right + false
        write_bed(tmp_path / f"{name}.bed", systems[name])
    arguments = [f"{name}={tmp_path / name}.bed" for name in systems]
    options = ["--genome", genome, "--tss", tss, "--contigs", "chr9"]
    result = result_of("benchmarks.accuracy.paired", *arguments, *options, output=tmp_path / "result.json")
    judged = result["judged_by"]["tss.bed"]
    sizes = judged["starts"]
    assert (sizes["all"], sizes["main"], sizes["alternative"], sizes["CpG"] + sizes["not CpG"]) == (30, 15, 15, 30)

    positions = np.array([at for _, at, *_ in starts])

    def recall(name, weights):
        false = [
            (score, weights[at // 100_000])
            for _, at, strand, score, _ in systems[name]
            if strand == "-" or np.abs(positions - at).min() > 500
        ]
        found = []
        for at in positions:
            near = [s for _, place, strand, s, _ in systems[name] if strand == "+" and abs(place - at) <= 100]
            rate = sum(w for score, w in false if score >= max(near)) / (weights.sum() * 0.1)
            found.append((rate <= 100) * weights[at // 100_000])
        return sum(found) / sum(weights[at // 100_000] for at in positions)

    expected = {name: recall(name, np.ones(9, dtype=int)) for name in systems}
    draws = np.random.default_rng(0)
    drawn = [np.bincount(draws.integers(9, size=9), minlength=9) for _ in range(1000)][:40]
    ranking = promscan.evaluate(tmp_path / "a.bed", tss, genome, class_pattern=common.EPDNEW_CLASSES).ranking
    measured = [paired.measures_of(ranking, weights)["all/recall_at_100"] for weights in drawn]
    assert measured == pytest.approx([recall("a", weights) for weights in drawn])
    row = judged["numbers"]["all/recall_at_100"]
    assert {name: row[name]["value"] for name in systems} == pytest.approx(expected, abs=1e-6)
    assert row["b"]["difference"] == pytest.approx(expected["b"] - expected["a"], abs=2e-6)
    assert 0 < row["b"]["difference_standard_error"] < 0.2
    assert 0 < row["b"]["p"] < 1
    assert "difference" not in row["a"]


def test_a_model_is_judged_like_its_hits_and_does_not_differ_from_them(tmp_path):
    hits, tss, tiny = tmp_path / "hits.bed", DATA / "demo_tss.bed", tiny_streaming()
    scan = promscan.scan(DEMO, model=tiny, threshold=1e-6, regions=["demo2"], strength=None, device="cpu")
    write_bed(hits, [(hit.chrom, hit.tss, hit.strand, hit.logit, ".") for hit in scan])
    options = ["--genome", DEMO, "--tss", tss, "--tss", tss, "--contigs", "demo2"]
    result = result_of("benchmarks.accuracy.paired", hits, f"model={tiny}", *options, output=tmp_path / "result.json")
    assert result["judged_by"].keys() == {"demo_tss.bed", "all lists"}
    for judged in result["judged_by"].values():
        assert judged["starts"]["all"] == 8
        for row in judged["numbers"].values():
            assert row["model"]["value"] == row["hits.bed"]["value"]
            assert row["model"]["difference"] in (0, None)
            assert row["model"]["p"] is None


def test_recall_is_that_of_the_evaluation(tmp_path):
    options = ["--genome", DEMO, "--tss", DATA / "demo_tss.bed", "--contigs", "demo2"]
    out = tmp_path / "recall.json"
    result = result_of("benchmarks.accuracy.genome_recall", tiny_streaming(), *options, output=out)
    scan = promscan.scan(
        DEMO, model=tiny_streaming(), threshold=1e-6, regions=["demo2"], strength=None, device="cpu", threads=1
    )
    expected = promscan.evaluate(scan, DATA / "demo_tss.bed", DEMO, contigs=["demo2"], tolerance=500).describe()
    assert result["within_500"] == json.loads(json.dumps(expected))


def test_whole_contigs_are_drawn_and_hits_on_them_judged(tmp_path):
    contigs = {f"chr{n}:0-2000": random_bases(2000, n) for n in (9, 10, 16)}
    starts = [f"{name}\t500\t501\tx\t0\t+\n" for name in contigs]
    data, drawn, hits = human_data(tmp_path, contigs, "".join(starts)), tmp_path / "drawn.fa", tmp_path / "hits.bed"
    hits.write_text("".join(line.replace("\t500\t501", f"\t{at}\t{at + 1}") for line in starts for at in (550, 1500)))
    run_script("benchmarks.accuracy.side_by_side", "draw", drawn, "--bases", 2001, "--data", data)
    out = tmp_path / "result.json"
    result = result_of("benchmarks.accuracy.side_by_side", "judge", hits, drawn, "--data", data, output=out)
    assert result["contigs"].keys() == {"chr10:0-2000", "chr16:0-2000"}
    assert f">chr10:0-2000\n{contigs['chr10:0-2000']}\n" in drawn.read_text()
    everything = result["tolerance_100"]["at_fp_per_mb"]["all"]
    assert (everything["found"], everything["right"], everything["false"]) == (2, 2, 2)


# Simple scores


def test_cpg_is_counted_in_the_window_around_a_position():
    bases = "CGTTCGACCG" + "A" * 10 + random_bases(50, 1)
    scores, first = baselines.cpg_score(10)(dna.encode(bases))
    assert (len(scores), first) == (len(bases) - 9, 5)
    assert scores[0] == pytest.approx(3 / (4 * 3 / 10))
    assert scores[10] == 0  # no C and no G to expect any from
    for start, value in enumerate(scores):
        window = bases[start : start + 10]
        pairs = sum(bases[i : i + 2] == "CG" for i in range(start, start + 10))
        expected = window.count("C") * window.count("G") / 10
        assert value == pytest.approx(pairs / expected if expected else 0)


def test_a_linear_score_along_a_contig_is_that_of_each_window():
    codes, width = dna.encode(random_bases(400, 2)), baselines.CONTEXT
    weights = np.random.default_rng(0).normal(size=256)
    windows = np.lib.stride_tricks.sliding_window_view(codes, width)
    counts = baselines.counts_of(windows)
    assert counts.sum(axis=1).tolist() == [297] * 101
    assert counts[0, baselines.kmers_of(codes[:4])[0]] >= 1
    sums = baselines.window_sums(weights[baselines.kmers_of(codes)], width - 3)
    assert np.allclose(sums, counts @ weights)


@pytest.mark.parametrize(("strand", "tss"), [("+", 249), ("-", 50), ("+", 300), ("-", 150)])
def test_windows_have_the_start_at_its_place_and_calls_are_where_it_is(strand, tss):
    codes = np.full(400, dna.encode("A")[0])
    mark, turned = dna.encode("CG").tolist()
    codes[tss] = mark if strand == "+" else turned
    window = baselines.window_at(codes, tss, strand)
    assert np.flatnonzero(window == mark).tolist() == [249]
    assert baselines.window_at(codes, 0, strand) is None

    def score(read):
        return (read[249 : len(read) - 50] == mark).astype(float), 249

    hits = baselines.call(LabelledGenome({"chr1": codes}, KnownStarts([])), score, 500)
    assert [(hit.tss, hit.strand) for hit in hits if hit.logit == 1] == [(tss, strand)]


# Strength


@pytest.mark.slow
def test_inserts_stand_out_where_the_strong_ones_are(tmp_path):
    """A stretch that the tiny model takes for strong, planted from 130 to 51 bp before each start."""
    strong, rng = promscan.design([11], model=TINY_STRENGTH, count=1, device="cpu")[0].sequence, random.Random(1)
    letters, starts = list(random_bases(40_000, 1)), []
    for place in range(500, 39_500, 500):
        strand = rng.choice("+-")
        begin = place - 130 if strand == "+" else place + 51
        letters[begin : begin + 80] = strong if strand == "+" else reverse_complement(strong)
        starts.append(f"chrII\t{place}\t{place + 1}\t.\t0\t{strand}\n")
    (tmp_path / "yeast").mkdir()
    (tmp_path / common.YEAST.starts).write_text("".join(starts))
    (tmp_path / common.YEAST.genome).write_text(f">chrII\n{''.join(letters)}\n")
    out, options = tmp_path / "position.json", ["--data", tmp_path, "--contigs", "chrII"]
    result = result_of("benchmarks.accuracy.insert_position", TINY_STRENGTH, *options, output=out)
    assert result["best"] == 50
    assert result["ends_before"]["50"]["contrast"] > 2 > 1 > abs(result["ends_before"]["300"]["contrast"])
    assert out.with_suffix(".png").stat().st_size > 0


@pytest.mark.slow
def test_a_model_grades_its_own_designs_as_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("promscan.strength.search.STEPS", 30)
    out = tmp_path / "check.json"
    result = result_of("benchmarks.accuracy.design_check", TINY_STRENGTH, TINY_STRENGTH, output=out)
    assert result["random"]["slope"] == pytest.approx(1, abs=1e-3)
    assert result["metrics"]["pearson"] > 0.99
    assert len(result["levels"]) >= 9
    assert all(level["graded"] == pytest.approx(level["predicted"], abs=1e-3) for level in result["levels"])


# Speed


def test_operations_are_those_of_the_products():
    d, lane, steps = 8, 2800, 2800 + 70 + 980
    recurrence, others = floor.operations(BiGRUAttention(Architecture(hidden=d)).eval())
    assert recurrence == 2 * 3 * d * d * 2 * steps / lane
    from_codes = 2 * 4 * d * 5 * 2 * steps / lane
    attention = (2 * d * 2 * d + 2 * d) * (lane + 70) / lane
    head = 2 * (2 * d * d + d * d / 2 + d / 2)
    assert others == pytest.approx(from_codes + attention + head, rel=1e-6)


def test_hits_of_a_scan_of_real_genome_are_counted_at_the_listed_starts(tmp_path):
    demo = read_labelled_genome(DEMO, DATA / "demo_tss.bed").part(["demo2"])
    model = tiny_streaming()
    result = real_genome.scan_and_compare(tmp_path, demo, "demo2.fa", "--model", str(model))
    genome = {"demo2": demo_contigs()["demo2"]}
    hits = list(promscan.scan(genome, model=model, strength=None, device="cpu"))
    near = [any(s.strand == hit.strand and abs(s.tss - hit.tss) <= 100 for s in demo.starts) for hit in hits]
    found = [any(s.strand == hit.strand and abs(s.tss - hit.tss) <= 100 for hit in hits) for s in demo.starts]
    assert (result["hits"], result["hits_at_a_tss"]) == (len(hits), sum(near))
    assert (result["tss_listed"], result["tss_found"]) == (len(found), sum(found))
    assert sum(found) > 0


def test_a_model_and_a_matrix_are_measured_species_by_species(tmp_path):
    """The demo has a promoter with both boxes at each start; the tiny model has not learned it."""
    write_demo_data(tmp_path)
    folder = tmp_path / "bacteria"
    run_script(
        "recipes.steps.parts_of_genomes", folder / "genomes.fa.gz", folder / "tss.bed.gz", "-o", tmp_path / "parts"
    )
    words = ("--genome", tmp_path / "parts/genome.fa", "--tss", tmp_path / "parts/tss.bed")
    result = result_of(
        "benchmarks.accuracy.bacteria", TINY, *words, "--species", folder / "species.tsv", "--part", "dev",
        output=tmp_path / "bacteria.tiny.json",
    )  # fmt: skip
    assert result["species"].keys() == {"NC_1", "NC_2"}
    for found in result["species"].values():
        assert (found["bases"], found["tss"]) == (2000, 4)
        assert found["matrix"]["10"]["recall"] >= 0.75
        assert found["model"]["10"]["recall"] < 0.75
    assert result["mean"]["matrix"]["10"] >= 0.75
