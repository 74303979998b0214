"""Strength models of several data sets: reporters, lengths and places of the TSS of their own, members, families."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import strength_tables as tables
import torch
from genomes import TINY, random_bases, write_fasta

import promscan
from promscan.errors import InputError, ModelError
from promscan.inference.strength import StrengthPredictor
from promscan.networks import model_files
from promscan.networks.card import STRENGTH, Card, read_card
from promscan.networks.card_parts import Construct, StrengthPart
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.networks.weights import load_model, load_strength, save_model
from promscan.seq import dna
from promscan.strength.boxes import align_at_boxes, find_boxes
from promscan.strength.measurements import DEV, TEST, TRAIN, divide, read_measurements
from promscan.strength.reporter import Reporter
from promscan.train.strength import train_strength

pytestmark = pytest.mark.usefixtures("blank_pictures")

CPU = torch.device("cpu")
DESIGNED = Construct("ACGTACGTAC", "TTGGCCAA", 30, shortest=24, tss_index=26)
NATURAL = Construct("", "", 60, tss_index=45)
PART = StrengthPart("designed", DESIGNED, domain="made up", reporters={"natural": NATURAL}, hits="natural")


def save(folder: Path, name: str = "units", part: StrengthPart = PART, **sizes: int) -> Path:
    """An untrained network of two units in reporters of their own."""
    torch.manual_seed(3)
    architecture = ExpressionArchitecture(hidden=8, units=("designed", "natural"), length=60, **sizes)
    network = ExpressionNetwork(architecture).eval()
    network.scale([5.0, 100.0], [2.0, 30.0])
    card = Card(
        name, STRENGTH, "whole", "made up", {}, "", True, window=part.reporter.insert, tss_index=None, strength=part
    )
    path = folder / f"{name}.safetensors"
    save_model(path, network, card)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("units"))


def scores(weights: Path, *sequences: str, unit: str | None = None) -> list[float | None]:
    return [each.strength for each in promscan.score(list(sequences), model=weights, unit=unit, device="cpu")]


# The card


def test_a_card_keeps_the_reporters_of_its_units(weights: Path) -> None:
    card = read_card(weights)
    assert card.strength == PART
    assert json.loads(card.to_json())["strength"]["reporters"] == {
        "natural": {"five_prime": "", "three_prime": "", "insert": 60, "tss_index": 45}
    }


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"hits": "lac"}, "strength.hits must be one of architecture.units: designed, natural"),
        ({"reporters": {"lac": {"five_prime": "", "three_prime": "", "insert": 60}}}, "strength.reporters must be one"),
        ({"reporters": {"natural": {"five_prime": "", "three_prime": "", "insert": 61}}}, "is 61 bp long"),
        ({"reporters": {"natural": 7}}, "strength.reporters.natural must be an object"),
        ({"reporters": {f"u{i}": {} for i in range(65)}}, "strength.reporters must have at most 64"),
        ({"reporter": {"five_prime": "", "three_prime": "", "insert": 30, "shortest": 31}}, "shortest must be at most"),
        ({"reporter": {"five_prime": "", "three_prime": "", "insert": 30, "tss_index": -1}}, "tss_index must be at"),
    ],
)
def test_a_card_of_impossible_units_is_refused(weights: Path, changes: dict, complaint: str) -> None:
    values = json.loads(read_card(weights).to_json())
    values["strength"] |= changes
    with pytest.raises(ModelError, match=complaint):
        Card.parse(json.dumps(values), "x.json")


# The reporter


def test_the_insert_of_a_promoter_is_the_same_on_both_strands() -> None:
    genome = random_bases(400, 1)
    turned = dna.decode(dna.reverse_complement(dna.encode(genome)))
    for construct in (DESIGNED, NATURAL, Construct()):
        reporter = Reporter(**vars(construct))
        start, end = reporter.interval(200, "+")
        assert (start, end) == (200 - reporter.tss_in_genome, 200 - reporter.tss_in_genome + reporter.insert)
        first, last = reporter.interval(399 - 200, "-")
        assert dna.decode(dna.reverse_complement(dna.encode(turned[first:last]))) == genome[start:end]
    assert Reporter().interval(200, "+") == (60, 140)


def test_a_reporter_of_shorter_inserts_is_the_longer_one_with_its_beginning_unknown() -> None:
    reporter = Reporter(**vars(DESIGNED))
    insert = dna.encode(random_bases(25, 1))
    (padded,), _ = reporter.fit([insert])
    shorter = reporter.of_length(25)
    assert (shorter.padded(insert[None], 60) == reporter.padded(padded[None], 60)).all()
    assert shorter.tss_index == 21
    assert reporter.of_length(None) is reporter
    for length in (23, 31):
        with pytest.raises(InputError, match="length must be at"):
            reporter.of_length(length)


@pytest.mark.parametrize(
    ("text", "reporter"),
    [
        ("ACGT:30:GG", Reporter("ACGT", "GG", 30)),
        (":24-30:GG:26", Reporter("", "GG", 30, 24, 26)),
        ("::", None), ("ACGT:30", None), ("A:19:C", None), ("A:30:C:x", None), ("A:30-20:C", None), ("A!:30:C", None),
        ("A:30:C:9:9", None), ("A:²0:C", None), ("A:30:C:\u0663", None),
        ("A:30:C:0000000000040", None),
    ],
)  # fmt: skip
def test_a_reporter_is_described_in_one_word(text: str, reporter: Reporter | None) -> None:
    if reporter is None:
        with pytest.raises(InputError):
            Reporter.described(text)
    else:
        assert Reporter.described(text) == reporter


# Alignment at the boxes of sigma 70


BOXES = "TTGACA" + "CTGCTGGCAGCTGGCTC" + "TATAAT"


def promoter(before: int, behind: int, seed: int = 1) -> str:
    """Both boxes in sequence of G and C, which is unlike them; the bases next to the boxes are always the same."""
    rng = np.random.default_rng(seed)
    around = dna.decode(2 + rng.integers(0, 2, 400, dtype=np.uint8))
    return around[200 - before : 200] + BOXES + around[200 : 200 + behind]


@pytest.mark.parametrize(("before", "behind"), [(0, 12), (40, 30), (3, 80), (100, 7)])
def test_the_boxes_are_found_wherever_they_stand(before: int, behind: int) -> None:
    (place,) = find_boxes(dna.encode(promoter(before, behind))[None])
    assert place == before + 23


def test_constructs_of_any_length_are_aligned_at_the_minus_10_box() -> None:
    rows = [promoter(before, behind) for before, behind in ((60, 40), (10, 60), (90, 10))]
    longest = promoter(100, 100)
    for letters in rows:
        (aligned,) = align_at_boxes(dna.encode(letters)[None], 90)
        read = dna.decode(aligned)
        assert read[48:54] == "TATAAT"
        begin = letters.index("TTGACA")
        expected = longest[100 - (48 - 23) : 100 + 65]
        known = read.strip("N")
        assert known in letters
        assert known == expected[max(0, 25 - begin) : 25 + 23 + min(42, len(letters) - begin - 23)]
        assert set(read[: max(0, 25 - begin)]) <= {"N"}


def test_a_score_hardly_depends_on_where_a_sequence_begins_and_ends(tmp_path: Path) -> None:
    """What a network reads around the box is the same for each of these sequences."""
    construct = Construct("", "", 160, shortest=90, tss_index=120, window=60)
    weights = save(tmp_path, part=StrengthPart("designed", construct))
    assert read_card(weights).strength.reporter == construct
    one, *others = scores(weights, promoter(60, 50), promoter(90, 40), promoter(40, 64))
    assert others == pytest.approx([one, one])


@pytest.mark.parametrize("construct", [{"insert": 49, "window": 60}, {"window": 49}])
def test_too_short_to_align_is_refused(construct: dict) -> None:
    with pytest.raises(InputError, match="must be at least 50"):
        Construct("", "", **construct)


# Prediction


def test_each_unit_is_predicted_in_its_own_reporter(weights: Path) -> None:
    network, _ = load_strength(str(weights))
    insert, long = random_bases(30, 1), random_bases(60, 2)
    constructs = ["N" * 12 + DESIGNED.five_prime + insert + DESIGNED.three_prime, long]
    with torch.inference_mode():
        mean, _ = network.predict(torch.from_numpy(np.stack([dna.encode(each) for each in constructs])))
    assert scores(weights, insert) == pytest.approx([mean[0, 0].item()], abs=1e-4)
    assert scores(weights, insert, unit="designed") == scores(weights, insert)
    assert scores(weights, long, unit="natural") == pytest.approx([mean[1, 1].item()], abs=1e-4)


def test_the_unit_of_scores_is_an_option(promscan_cli, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "x.fa").write_text(f">x\n{random_bases(60, 2)}\n")
    outcome = promscan_cli("score", tmp_path / "x.fa", "--model", weights, "--unit", "natural", "--quiet")
    (expected,) = scores(weights, random_bases(60, 2), unit="natural")
    assert outcome.out.splitlines()[1].split("\t")[1] == f"{expected:.4f}"
    outcome = promscan_cli("score", tmp_path / "x.fa", "--model", weights, "--unit", "lac")
    assert (outcome.status, outcome.err) == (
        1,
        "promscan: error: units: no unit 'lac'; give one of designed, natural\n",
    )
    outcome = promscan_cli("score", tmp_path / "x.fa", "--model", "core70", "--unit", "lac")
    assert "core70: a classifier, which knows nothing of strength" in outcome.err


def test_the_outputs_of_members_are_averaged() -> None:
    torch.manual_seed(1)
    network = ExpressionNetwork(ExpressionArchitecture(hidden=8, units=("a", "b"), members=3)).eval()
    codes = torch.randint(0, 5, (4, 110), dtype=torch.uint8)
    with torch.inference_mode():
        by_member, together = network.by_member(codes), network(codes)
    assert by_member.shape == (3, 4, 2, 33)
    assert torch.allclose(by_member.mean(dim=0), together, atol=1e-5)
    assert not torch.allclose(by_member[0], by_member[1], atol=1e-2)
    with torch.inference_mode():
        alone = network.trunk.trunks[1](torch.nn.functional.embedding(codes.int(), network.bases).transpose(1, 2))
    weights = network.heads.weight[:, 64:128]
    assert torch.allclose(3 * alone @ weights.T + network.heads.bias, by_member[1].flatten(1), atol=1e-4)


# Training


def of_lengths(folder: Path) -> list:
    """Two tables of planted motifs: inserts of 24 to 30 bp in a reporter, and of 60 bp without flanks."""
    rows = tables.planted(900, 1)
    short = [(letters[place : place + 24 + place % 7], value) for place, (letters, value) in enumerate(rows[:400] * 1)]
    short = [(random_bases(24 + i % 7, i), float(i % 5)) for i, _ in enumerate(short)]
    long = [(letters[-60:], value) for letters, value in rows]
    return [
        read_measurements(str(tables.write(folder / f"{name}.tsv", rows)), name, Reporter(**vars(construct)))
        for name, rows, construct in (("designed", short, DESIGNED), ("natural", long, NATURAL))
    ]


def recipe(**changes):
    made = tables.recipe("designed", "natural", hidden=8, **changes)
    return dataclasses.replace(made, architecture=dataclasses.replace(made.architecture, length=60))


def test_inserts_of_different_lengths_are_learned_from_together(tmp_path: Path) -> None:
    card = train_strength(of_lengths(tmp_path), tmp_path / "run", recipe(epochs=1), hits="natural", threads=1)
    assert card.strength == dataclasses.replace(PART, domain="")
    assert card.window == 30
    assert {table["unit"]: table["rows"] for table in card.training["tables"]} == {"designed": 400, "natural": 900}
    weights = tmp_path / "run" / "best.safetensors"
    assert scores(weights, random_bases(26, 1)) != scores(weights, random_bases(26, 1), unit="natural")


def test_the_length_of_the_network_is_that_of_the_longest_construct(tmp_path: Path) -> None:
    wrong = tables.recipe("designed", "natural", hidden=8)
    with pytest.raises(InputError, match="the longest construct has 60 bp, and the network reads 110"):
        train_strength(of_lengths(tmp_path), tmp_path / "run", wrong, threads=1)


def test_tables_of_one_unit_share_a_reporter(tmp_path: Path) -> None:
    one, two = of_lengths(tmp_path)
    two = dataclasses.replace(two, unit="designed")
    with pytest.raises(InputError, match="'designed': its tables have different reporters"):
        train_strength([one, two], tmp_path / "run", tables.recipe("designed", hidden=8), threads=1)


def test_members_learn_side_by_side_from_different_beginnings(tmp_path: Path) -> None:
    table = tables.measurements(tmp_path, 300, 1)
    made = tables.recipe(epochs=1)
    made = dataclasses.replace(made, architecture=dataclasses.replace(made.architecture, members=2))
    train_strength([table], tmp_path / "run", made, threads=1)
    network, card = load_strength(str(tmp_path / "run" / "best.safetensors"))
    assert card.architecture["members"] == 2
    first, second = network.trunk.trunks
    assert not torch.allclose(first.dense.weight, second.dense.weight)


def test_the_cli_takes_reporters_members_and_the_unit_of_hits(promscan_cli, tmp_path: Path) -> None:
    designed, natural = of_lengths(tmp_path)
    outcome = promscan_cli(
        "train", "strength", "--table", f"natural={natural.source}", "--table", f"designed={designed.source}",
        "--five-prime", "", "--three-prime", "", "--insert", "60", "--tss-index", "45",
        "--reporter", "designed=ACGTACGTAC:24-30:TTGGCCAA:26", "--unit", "designed", "--hits", "natural",
        "--members", 2, "--hidden", 4, "--epochs", 1, "--threads", 1, "-o", tmp_path / "run", "--quiet",
    )  # fmt: skip
    assert (outcome.status, outcome.err) == (0, "")
    card = read_card(tmp_path / "run" / "best.safetensors")
    assert card.strength == dataclasses.replace(PART, domain="")
    assert card.architecture["members"] == 2


# Families


def test_rows_of_a_named_family_are_never_divided(tmp_path: Path) -> None:
    scaffold = random_bases(50, 1)
    path = tmp_path / "library.tsv"
    rows = [f"{scaffold}{random_bases(10, i)}\t{i % 7}\tf{i // 3}" for i in range(300)]
    path.write_text("\n".join(["sequence\texpression\tfamily", *rows]) + "\n")
    table = read_measurements(str(path), "library", Reporter())
    other = tables.measurements(tmp_path, 100, 1)
    division = divide([table, other], [], dev_share=0.2, test_share=0.2, seed=1)
    parts = division.parts[0].reshape(100, 3)
    assert (parts == parts[:, :1]).all()
    counts = division.describe(0)
    assert min(counts["train"], counts["dev"], counts["test"]) > 15
    assert counts["left_out"] == 0
    plain = dataclasses.replace(table, families=np.full(300, ""))
    assert divide([plain, other], [], dev_share=0.2, test_share=0.2, seed=1).describe(0)["train"] == 300
    backwards = dataclasses.replace(
        table, inserts=table.inserts[::-1], expression=table.expression[::-1], families=table.families[::-1]
    )
    again = divide([other, backwards], [], dev_share=0.2, test_share=0.2, seed=1)
    assert again.parts[1][::-1].tolist() == division.parts[0].tolist()
    assert again.parts[0].tolist() == division.parts[1].tolist()


def test_a_row_without_a_name_that_shares_20_bp_with_a_named_test_row_is_not_learned_from(tmp_path: Path) -> None:
    shared = [random_bases(80, i) for i in range(60)]
    named, plain = tmp_path / "named.tsv", tmp_path / "plain.tsv"
    named.write_text("sequence\texpression\tfamily\n" + "".join(f"{s}\t1\tf{i}\n" for i, s in enumerate(shared)))
    plain.write_text("sequence\texpression\n" + "".join(f"{s[5:]}\t1\n" for s in shared))
    one, two = (read_measurements(str(path), path.stem, Reporter()) for path in (named, plain))
    parts = divide([one, two], [], dev_share=0.3, test_share=0.3, seed=1).parts
    judged = np.isin(parts[0], (DEV, TEST))
    assert judged.any()
    assert not (parts[1][judged] == TRAIN).any()


def test_a_unit_without_dev_rows_has_the_widest_uncertainty_of_the_others(tmp_path: Path) -> None:
    table = tables.measurements(tmp_path, 300, 1)
    one_family = dataclasses.replace(tables.measurements(tmp_path, 150, 2, "variants"), families=np.full(150, "all"))
    made = tables.recipe("expression", "variants", epochs=1)
    card = train_strength([table, one_family], tmp_path / "run", made, threads=1)
    assert card.training["tables"][1]["dev"] == 0
    assert sorted(card.metrics["dev"]) == ["expression"]
    network, _ = load_strength(str(tmp_path / "run" / "best.safetensors"))
    assert network.widening[1] == network.widening[0] != 1


# Hits


@pytest.fixture
def bundled(monkeypatch, tmp_path: Path):
    """A folder of bundled weights with a strength model `units`, and a model whose card names it, or another."""
    folder = tmp_path / "weights"
    folder.mkdir()
    save(folder)
    monkeypatch.setattr(model_files, "weights_folder", lambda: folder)

    def named(strength_model: str) -> Path:
        network, card = load_model(str(TINY))
        path = tmp_path / "named.safetensors"
        save_model(path, network, dataclasses.replace(card, strength_model=strength_model))
        return path

    return named


def test_a_scan_grades_with_the_strength_model_that_its_card_names(promscan_cli, bundled, tmp_path: Path) -> None:
    model = bundled("units")
    assert read_card(model).strength_model == "units"
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": random_bases(500, 4)})
    options = ("--threshold", "0.000001", "--min-distance", 40, "--device", "cpu")
    outcome = promscan_cli("scan", genome, "-o", tmp_path / "hits.bed", "--model", model, *options)
    assert outcome.status == 0
    assert "warning" not in outcome.err
    assert outcome.err.splitlines()[-1].endswith("; strength: made up (model units)")
    head = (tmp_path / "hits.bed").read_text().splitlines()[0]
    assert "strength_insert=-45..14" in head
    hits = list(promscan.scan(genome, model=model, threshold=1e-6, min_distance=40, device="cpu"))
    bases = random_bases(500, 4)
    inside = [hit for hit in hits if hit.strength is not None and 60 <= hit.tss < 440]
    assert {hit.strand for hit in inside} == {"+", "-"}
    reporter = Reporter(**vars(NATURAL))
    for hit in inside:
        start, end = reporter.interval(hit.tss, hit.strand)
        codes = dna.encode(bases[start:end])
        insert = dna.decode(codes if hit.strand == "+" else dna.reverse_complement(codes))
        assert scores(model_files.weights_folder() / "units.safetensors", insert, unit="natural") == [hit.strength]


def test_a_card_that_names_a_strength_model_which_is_not_bundled_is_refused(promscan_cli, bundled, tmp_path) -> None:
    for name in ("nobody", "../weights/units", str(tmp_path / "weights" / "units.safetensors")):
        model = bundled(name)
        genome = write_fasta(tmp_path / "genome.fa", {"chr1": random_bases(300, 4)})
        outcome = promscan_cli("scan", genome, "-o", tmp_path / "hits.bed", "--model", model)
        assert outcome.status == 1
        assert "its card names the strength model" in outcome.err
        assert "which is not bundled" in outcome.err
        assert not (tmp_path / "hits.bed").exists()
        assert (
            promscan_cli("scan", genome, "-o", tmp_path / "h.bed", "--model", model, "--strength", "none").status == 0
        )


def test_a_card_without_a_strength_model_is_written_as_before() -> None:
    assert "strength_model" not in json.loads(read_card(TINY).to_json())


# Design


def design(weights: Path, *strengths: float, **options):
    return promscan.design(strengths, **{"model": weights, "device": "cpu", "threads": 1, "count": 2} | options)


@pytest.mark.parametrize(("unit", "length"), [(None, None), (None, 24), ("natural", None), ("designed", 27)])
def test_designs_are_of_a_unit_and_of_a_length(weights: Path, unit: str | None, length: int | None) -> None:
    middle = {"natural": 100.0}.get(unit or "", 5.0)
    found = design(weights, middle, unit=unit, length=length, tolerance=3 if middle < 50 else 60)
    assert {len(each.sequence) for each in found} == {length or {"natural": 60}.get(unit or "", 30)}
    expected = scores(weights, *(each.sequence for each in found), unit=unit)
    assert [each.strength for each in found] == pytest.approx(expected, abs=1e-5)


def test_a_start_decides_the_length(weights: Path) -> None:
    start = random_bases(25, 1)
    found = design(weights, 5.0, start=start, max_changes=8, tolerance=3)
    assert {len(each.sequence) for each in found} == {25}
    with pytest.raises(InputError, match="the sequence has 23 bp; give an insert of 24 to 30"):
        design(weights, 5.0, start=start[2:])
    with pytest.raises(InputError, match="the sequence has 25 bp; give an insert of exactly 26"):
        design(weights, 5.0, start=start, length=26)


def test_a_length_that_the_model_does_not_know_is_refused(promscan_cli, weights: Path, tmp_path: Path) -> None:
    outcome = promscan_cli(
        "design", "--model", weights, "--strength", 5, "--length", 31, "-o", tmp_path / "x.fa", "--unit", "designed"
    )
    assert (outcome.status, outcome.err) == (1, "promscan: error: length must be at most 30, got 31\n")


def test_a_predictor_of_shorter_inserts_predicts_as_one_that_pads_them(weights: Path) -> None:
    network, card = load_strength(str(weights))
    insert = dna.encode(random_bases(25, 1))
    with StrengthPredictor(network, card, [CPU], insert=25) as predictor:
        (short,) = predictor.predict(insert[None])[0]
    assert scores(weights, dna.decode(insert)) == [short]
