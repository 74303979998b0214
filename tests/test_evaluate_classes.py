"""Several lists, classes of starts, ignored hits, places and kinds of false hits, and where distances come from."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from genomes import DATA, DEMO, TINY, random_bases, write_fasta
from hypothesis import given
from hypothesis import strategies as st

import promscan
from benchmarks.common import EPDNEW_CLASSES as EPDNEW
from promscan.commands.evaluating.evaluation import Evaluation
from promscan.errors import InputError
from promscan.io.scan_header import settings_in
from promscan.metrics.blocks import wilson_interval
from promscan.metrics.log_rate import log_rate_shares
from promscan.networks.card import read_card
from promscan.networks.card_parts import Scale
from promscan.networks.weights import load_model, save_model
from promscan.seq.dna import encode
from promscan.seq.intervals import Intervals
from promscan.seq.islands import is_island_like
from promscan.seq.records import Interval

Place = tuple[int, str, float, str]
"""Position, strand, score and name."""


def write_bed(path: Path, *places: Place, comment: str = "#\n") -> Path:
    rows = (f"chr1\t{tss}\t{tss + 1}\t{name}\t{score}\t{strand}\n" for tss, strand, score, name in places)
    path.write_text(comment + "".join(rows))
    return path


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    return write_fasta(tmp_path / "genome.fa", {"chr1": "A" * 1000 + random_bases(5000, 1) + "A" * 4000})


def start(tss: int, name: str = "x", strand: str = "+") -> Place:
    return tss, strand, 0, name


def hit(tss: int, score: float, strand: str = "+") -> Place:
    return tss, strand, score, "."


@pytest.fixture
def judge(tmp_path: Path, genome: Path):
    def run(hits: list[Place], *lists: list[Place], ignored: tuple[list[Place], ...] = (), **options) -> Evaluation:
        tss = [write_bed(tmp_path / f"list{i}.bed", *places) for i, places in enumerate(lists)]
        others = [write_bed(tmp_path / f"ignored{i}.bed", *places) for i, places in enumerate(ignored)]
        return promscan.evaluate(write_bed(tmp_path / "hits.bed", *hits), tss, genome, ignore_near=others, **options)

    return run


def sizes(evaluation: Evaluation) -> dict[str, int]:
    return {each.name: int(each.members.sum()) for each in evaluation.ranking.classes}


# ---------------------------------------------------------------------------------------------------------- lists


def test_a_start_of_a_later_list_near_one_of_an_earlier_list_is_the_same_start(judge) -> None:
    first, second = [start(2000), start(2050)], [start(1900), start(1899, strand="-"), start(1899), start(5000)]
    evaluation = judge([hit(2000, 1)], first, second)
    assert len(evaluation.ranking.found.scores) == 2 + 3
    assert {name: sizes(evaluation)[name] for name in ("list0.bed", "list1.bed")} == {"list0.bed": 2, "list1.bed": 4}
    assert len(judge([hit(2000, 1)], first, second, same_start=99).ranking.found.scores) == 2 + 4


def test_the_earlier_list_says_where_a_start_is_and_how_it_is_called(judge) -> None:
    evaluation = judge([hit(2000, 1)], [start(2000, "G_1")], [start(2060, "other")], class_pattern=EPDNEW)
    assert evaluation.ranking.found.distances.tolist() == [0]
    assert {name: sizes(evaluation)[name] for name in ("main", "alternative")} == {"main": 1, "alternative": 0}


def test_two_lists_of_one_name_are_two_classes(tmp_path: Path, genome: Path) -> None:
    lists = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        lists.append(write_bed(tmp_path / folder / "tss.bed", start(2000)))
    evaluation = promscan.evaluate(write_bed(tmp_path / "hits.bed", hit(2000, 1)), lists, genome)
    assert list(sizes(evaluation))[:2] == ["tss.bed", "tss.bed (2)"]


def test_no_two_classes_have_one_name(judge, tmp_path: Path, genome: Path) -> None:
    lists = []
    for name in ("a/x", "b/x", "c/x (2)", "CpG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        lists.append(write_bed(tmp_path / name, start(2000 + 1000 * len(lists), "P")))
    evaluation = promscan.evaluate(
        write_bed(tmp_path / "hits.bed", hit(2000, 1)), lists, genome, class_pattern="(?P<all>P)|(?P<CpG>Q)"
    )
    names = ["x", "x (2)", "x (2) (2)", "CpG", "all (name)", "CpG (name)", "CpG (sequence)", "not CpG"]
    assert sizes(evaluation) == dict(zip(names, [1, 1, 1, 1, 4, 0, 0, 4], strict=True))
    assert list(evaluation.class_recalls(evaluation.curve())) == names


def test_no_list_at_all_is_refused(judge) -> None:
    with pytest.raises(InputError, match="there is no list of TSSs to judge by; give at least one"):
        judge([])


def test_one_list_is_no_class(judge) -> None:
    assert list(sizes(judge([], [start(2000)]))) == ["CpG", "not CpG"]


# ---------------------------------------------------------------------------------------------------------- classes


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (EPDNEW, {"main": 1, "alternative": 2, "other": 1}),
        ("(?P<main>_1$)", {"main": 1, "not main": 3}),
        ("_1$", {"match": 1, "no match": 3}),
        ("(?P<any>)", {"any": 4}),
        ("(?P<none>z)", {"none": 0, "not none": 4}),
        ("(?P<other>_1$)|(?P<any>_2$)", {"other": 1, "any": 1, "no match": 2}),
    ],
)
def test_names_divide_starts_by_a_pattern(judge, pattern: str, expected: dict[str, int]) -> None:
    starts = [start(2000, "G_1"), start(3000, "G_2"), start(4000, "G_11"), start(5000, ".")]
    evaluation = judge([hit(2000, 2), hit(3000, 1)], starts, class_pattern=pattern)
    named = [each for each in evaluation.ranking.classes if each.kind == "name"]
    assert {each.name: int(each.members.sum()) for each in named} == expected


def test_recall_of_a_class_is_that_of_its_starts(judge) -> None:
    starts = [start(2000, "G_1"), start(3000, "G_2"), start(4000, "H_1"), start(5000, "H_3")]
    evaluation = judge([hit(2000, 3), hit(3000, 2), hit(4000, 1)], starts, class_pattern=EPDNEW)
    classes = evaluation.describe()["classes"]["name"]
    assert [classes[name]["at_fp_per_mb"]["all"]["recall"] for name in ("main", "alternative")] == [1, 0.5]
    curves = evaluation.class_recalls(evaluation.curve())
    assert (curves["main"], curves["alternative"]) == ([0.5, 0.5, 1], [0, 0.5, 0.5])


def test_a_pattern_that_is_none_is_refused_in_one_line(judge) -> None:
    with pytest.raises(InputError, match=r"'\(' is no regular expression: .*; correct --class-pattern") as caught:
        judge([], [start(2000)], class_pattern="(")
    assert "\n" not in str(caught.value)


@given(st.text("ACGTN", max_size=60))
def test_islands_are_those_of_the_definition(letters: str) -> None:
    known = len(letters) - letters.count("N")
    c, g, pairs = letters.count("C"), letters.count("G"), letters.count("CG")
    expected = c + g > 0.5 * known and pairs > 0 and pairs / (c * g / known) > 0.6 + 1e-12
    assert is_island_like(encode(letters)) == expected


@pytest.mark.parametrize("indexed", [False, True])
def test_the_sequence_around_a_start_decides_up_to_the_ends_of_a_contig(tmp_path: Path, indexed: bool) -> None:
    genome = write_fasta(tmp_path / "g.fa", {"chr1": "CG" * 400 + "A" * 3000 + "CG" * 300, "chr2": "CG" * 20})
    if indexed:
        import pysam

        pysam.faidx(str(genome))
    places = {("chr1", 0): True, ("chr1", 799): True, ("chr1", 1200): False, ("chr1", 4399): True, ("chr2", 39): True}
    rows = (f"{chrom}\t{at}\t{at + 1}\tx\t0\t{strand}\n" for (chrom, at), strand in itertools.product(places, "+-"))
    (tmp_path / "tss.bed").write_text("".join(rows))
    evaluation = promscan.evaluate(write_bed(tmp_path / "hits.bed"), tmp_path / "tss.bed", genome)
    assert sizes(evaluation) == {"CpG": 2 * sum(places.values()), "not CpG": 2}


# ------------------------------------------------------------------------------------------ ignored hits, kinds, places


def test_a_hit_near_a_start_of_another_list_is_neither_true_nor_false(judge) -> None:
    hits = [hit(2000, 5), hit(4000, 4), hit(4501, 3), hit(4000, 2, "-"), hit(2030, 1)]
    point = judge(hits, [start(2000)], ignored=([start(3900)], [start(5001)])).whole
    assert (point.hits, point.right, point.false, point.ignored_near) == (5, 1, 1, 2)
    assert (point.found, point.background_hits) == (1, 0)
    assert judge(hits, [start(2000)]).whole[4:6] == (1, 3)


def test_a_start_of_a_list_is_found_though_another_list_has_it_too(judge) -> None:
    assert judge([hit(2000, 1)], [start(2000)], ignored=([start(2000)],)).whole[4:6] == (1, 0)


@pytest.mark.parametrize(
    ("tss", "strand", "kind"),
    [
        (2000, "-", "false_other_strand"),
        (2500, "-", "false_other_strand"),
        (2501, "-", "false_near"),
        (4000, "+", "false_near"),
        (4000, "-", "false_near"),
        (4001, "+", "false_elsewhere"),
        (4001, "-", "false_elsewhere"),
    ],
)
def test_a_false_hit_has_a_kind(judge, tss: int, strand: str, kind: str) -> None:
    point = judge([hit(tss, 1, strand)], [start(2000)]).whole._asdict()
    kinds = ("false_other_strand", "false_near", "false_elsewhere")
    assert {name: point[name] for name in kinds} == {name: int(name == kind) for name in kinds}


def test_places_are_those_of_the_hits_that_find_starts(judge) -> None:
    starts = [start(2000), start(3000), start(4000), start(5000, strand="-"), start(8000)]
    hits = [hit(2001, 5), hit(3009, 4), hit(3000, 1), hit(3960, 3), hit(5060, 2, "-")]
    evaluation = judge(hits, starts)
    points = {point.threshold: point for point in evaluation.curve()}
    assert [points[score].median_distance for score in (5, 4, 3, 2)] == [1, 5, 9, 24.5]
    assert [points[2].within_2, points[2].within_10, points[2].within_50] == [0.25, 0.5, 0.75]
    assert sorted(evaluation.ranking.found.distances.tolist()) == [-60, -40, 0, 1, 9]
    assert judge([], starts).whole.median_distance is None


# --------------------------------------------------------------------------------------------------------- intervals


def test_wilson_intervals_are_those_of_the_textbook() -> None:
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson_interval(0, 0) == (0, 1)


def test_intervals_of_a_class_are_drawn_with_the_blocks_of_all_hits(judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promscan.metrics.blocks.BLOCK", 1000)
    starts = [start(500 + 1000 * i, f"G_{1 + i % 2}") for i in range(10)]
    hits = [hit(500 + 1000 * i, 10 - i) for i in (0, 2, 3, 7)]
    evaluation = judge(hits, starts, class_pattern=EPDNEW)
    rng, shares = np.random.default_rng(0), []
    found = {500, 2500, 3500, 7500}
    for _ in range(1000):
        drawn = [500 + 1000 * block for block in rng.integers(10, size=10).tolist() if block % 2]
        if drawn:
            shares.append(np.mean([tss in found for tss in drawn]))
    recall = evaluation.describe()["classes"]["name"]["alternative"]["at_fp_per_mb"]["all"]
    assert recall["recall"] == 0.4
    assert recall["recall_interval95"] == pytest.approx(np.percentile(shares, [2.5, 97.5]))
    assert recall["recall_wilson95"] == wilson_interval(2, 5)


def test_a_class_in_many_blocks_is_shown_with_the_bootstrap_and_one_in_few_with_wilsons(
    promscan_cli, judge, tmp_path: Path, genome: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promscan.metrics.blocks.BLOCK", 100)
    write_bed(tmp_path / "tss.bed", *(start(50 + 100 * i, "G_1" if i else "G_2") for i in range(40)))
    write_bed(tmp_path / "hits.bed", *(hit(50 + 100 * i, 1) for i in range(0, 40, 2)))
    options = ["--tss", tmp_path / "tss.bed", "--genome", genome, "--class-pattern", EPDNEW, "--tolerance", "10"]
    out = tmp_path / "out.json"
    shown = promscan_cli("evaluate", tmp_path / "hits.bed", *options, "--json", out).out
    classes = json.loads(out.read_text())["classes"]["name"]
    for name, interval in (("main", "recall_interval95"), ("alternative", "recall_wilson95")):
        low, high = classes[name]["at_fp_per_mb"]["10"][interval]
        row = next(line for line in shown.splitlines() if line.split()[:1] == [name])
        assert f"({low:.3f} to {high:.3f})" in row
    assert "intervals: bootstrap over blocks of 100 kb; 40 of them have TSSs" in shown


def test_a_start_counts_for_the_share_of_the_logarithmic_range_at_which_it_is_found() -> None:
    rates = np.array([0, 1, 20, 400, 1000, np.nan])
    assert log_rate_shares(rates) == pytest.approx([1, 1, 0.5, 0, 0, 0])
    grid = np.geomspace(1, 400, 200_001)
    assert log_rate_shares(np.array([7.0]))[0] == pytest.approx(np.mean(grid >= 7), abs=1e-4)


# ----------------------------------------------------------------------------------------- where distances come from


def test_distances_come_from_the_header_of_the_hits(tmp_path: Path, genome: Path) -> None:
    """A scan names the distances of its card that are not the usual ones, and evaluate believes it."""
    network, card = load_model(str(TINY))
    model = tmp_path / "compact.safetensors"
    save_model(model, network, dataclasses.replace(card, scale=Scale(tolerance=30, false_beyond=60)))
    scan = promscan.scan(DEMO, model=model, threshold=0.9, regions=["demo1:1-9,000"], strength=None, device="cpu")
    assert {name: scan.settings.get(name) for name in ("tolerance", "false_beyond", "clearance")} == {
        "tolerance": "30", "false_beyond": "60", "clearance": None,
    }  # fmt: skip
    hits = tmp_path / "hits.bed"
    write_bed(hits, hit(2050, 1), comment="#promscan 0.1.0 model=compact tolerance=30 false_beyond=60\n")
    evaluation = promscan.evaluate(hits, write_bed(tmp_path / "tss.bed", start(2000)), genome)
    assert (evaluation.tolerance, evaluation.false_beyond, evaluation.scale.clearance) == (30, 60, 1000)
    assert (evaluation.whole.found, evaluation.whole.false) == (0, 0)
    assert evaluation.describe()["scale_from"] == "the header of the hits"
    evaluation = promscan.evaluate(hits, tmp_path / "tss.bed", genome, tolerance=50)
    assert (evaluation.tolerance, evaluation.false_beyond, evaluation.whole.found) == (50, 60, 1)
    assert evaluation.scale_from == "the options (tolerance), the header of the hits"


def test_distances_come_from_the_card_of_a_scan_or_of_a_bundled_model(tmp_path: Path, genome: Path) -> None:
    sha256 = read_card(DATA.parent.parent / "weights" / "human.json").sha256
    tss = write_bed(tmp_path / "tss.bed", start(2000))
    for digest, expected in ((sha256, "the card of human"), (sha256[::-1], "the defaults")):
        hits = write_bed(tmp_path / "hits.bed", comment=f"#promscan 0.1.0 model=human sha256={digest}\n")
        assert promscan.evaluate(hits, tss, genome).scale_from == expected
    scan = promscan.scan(DEMO, model=TINY, threshold=0.9, regions=["demo1:1-9,000"], strength=None, device="cpu")
    assert promscan.evaluate(scan, DATA / "demo_tss.bed", DEMO).scale_from == "the card of tiny"


@pytest.mark.parametrize("word", ["x", "-1", "1e3", "99999999999", ""])
def test_a_damaged_distance_in_a_header_is_refused(tmp_path: Path, genome: Path, word: str) -> None:
    hits = write_bed(tmp_path / "hits.bed", comment=f"#promscan 0.1.0 model=x tolerance={word}\n")
    assert settings_in([hits.read_text().splitlines()[0]])["tolerance"] == word
    with pytest.raises(InputError, match=f"says tolerance={word}, which is no distance in bp; correct its first line"):
        promscan.evaluate(hits, write_bed(tmp_path / "tss.bed", start(2000)), genome)


# ------------------------------------------------------------------------------------------------------- the command


def test_the_command_takes_lists_classes_and_ignored_starts(promscan_cli, tmp_path: Path, genome: Path) -> None:
    one = write_bed(tmp_path / "one.bed", start(2000, "G_1"), start(3000, "G_2"))
    two = write_bed(tmp_path / "two.bed", start(7000, "z"))
    other = write_bed(tmp_path / "other.bed", start(5000))
    hits = write_bed(tmp_path / "hits.bed", hit(2000, 3), hit(5000, 2), hit(7000, 1))
    options = ["--tss", one, "--tss", two, "--genome", genome, "--class-pattern", EPDNEW, "--ignore-near", other]
    curve = promscan_cli("evaluate", hits, *options, "-o", "-", "--quiet")
    assert (curve.status, curve.err) == (0, "")
    header, *rows = (line.split("\t") for line in curve.out.splitlines())
    assert header[-7:] == [
        f"recall_{name}" for name in ("one.bed", "two.bed", "main", "alternative", "other", "CpG", "not_CpG")
    ]
    last = dict(zip(header, rows[-1], strict=True))
    recalls = [last[f"recall_{name}"] for name in ("one.bed", "two.bed", "main", "alternative", "other")]
    assert recalls == ["0.5", "1", "1", "0", "1"]
    assert (last["false"], last["ignored_near"]) == ("0", "1")
    plot = promscan_cli("evaluate", hits, *options, "--plot", tmp_path / "plot.png", "--quiet")
    assert "ignored: neither true nor false" in plot.out
    assert (tmp_path / "plot.png").stat().st_size > 0


def test_an_output_is_none_of_the_lists(promscan_cli, tmp_path: Path, genome: Path) -> None:
    tss, other = (write_bed(tmp_path / name, start(2000)) for name in ("tss.bed", "other.bed"))
    hits = write_bed(tmp_path / "hits.bed", hit(2000, 3))
    before = other.read_text()
    outcome = promscan_cli("evaluate", hits, "--tss", tss, "--genome", genome, "--ignore-near", other, "-o", other)
    assert (outcome.status, outcome.err.count("\n"), other.read_text()) == (1, 1, before)


def test_bases_without_others() -> None:
    whole = Intervals.of([Interval("a", 5, 20), Interval("a", 30, 40), Interval("b", 0, 9)])
    other = Intervals.of([Interval("a", 0, 6), Interval("a", 10, 12), Interval("a", 18, 35), Interval("c", 0, 5)])
    assert list(whole.without(other)) == [("a", 6, 10), ("a", 12, 18), ("a", 35, 40), ("b", 0, 9)]
    assert not whole.without(whole).total_bases
    assert whole.without(Intervals.of([])) == whole
