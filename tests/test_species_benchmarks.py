"""The scripts about other species: shuffled sequence, logos, drawn lists, transfer, and their pictures."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from genomes import DATA, DEMO, random_bases, tiny_streaming
from scripts import ROOT, result_of, run_script

from benchmarks.accuracy.bacteria_background import BEFORE, BEHIND, counts_of, far_from, shuffled, shuffled_contig
from benchmarks.accuracy.bacteria_pictures import bits_of
from benchmarks.accuracy.left_out_genera import Contig, judged_before, without
from benchmarks.common import find_result
from promscan.networks.card import read_card
from promscan.seq import dna
from promscan.seq.tss import KnownStarts, Site
from promscan.train.data.labelled_genome import LabelledGenome
from promscan.train.genome_parts import split
from recipes.recipe import find_recipe, read_recipe
from recipes.steps.parts_of_genomes import pieces_of


def pairs_of(codes: np.ndarray) -> Counter[tuple[int, int]]:
    return Counter(zip(codes[:-1].tolist(), codes[1:].tolist(), strict=True))


@pytest.mark.parametrize("bases", [random_bases(500, 1), "ACGT" * 3, "A", "AAAA", "ACGTNNACGTTGCA", "CA"])
def test_a_shuffle_has_the_same_pairs_of_neighbours(bases: str) -> None:
    codes = dna.encode(bases)
    mixed = shuffled(codes, np.random.default_rng(1))
    assert pairs_of(mixed) == pairs_of(codes)
    assert (mixed[0], mixed[-1], len(mixed)) == (codes[0], codes[-1], len(codes))


def test_a_shuffle_is_another_order_and_stays_within_its_piece() -> None:
    codes = dna.encode("A" * 1000 + random_bases(1500, 2))
    mixed = shuffled_contig(codes, np.random.default_rng(1))
    assert (mixed[:1000] == codes[:1000]).all()
    assert (mixed[1000:] != codes[1000:]).mean() > 0.5


def test_bases_around_starts_are_read_5_to_3_on_both_strands() -> None:
    around = random_bases(BEFORE + BEHIND + 1, 3)
    back = dna.decode(dna.reverse_complement(dna.encode(around)))
    contigs = {"one": dna.encode("A" * 20 + around + back)}
    sites = [Site("one", 20 + BEFORE, "+"), Site("one", 20 + len(around) + BEHIND, "-"), Site("one", 3, "+")]
    found = counts_of(LabelledGenome(contigs, KnownStarts(sites)), sites)
    assert found["number"] == 2
    assert "".join("ACGT"[int(np.argmax(row))] for row in found["counts"]) == around


def test_far_means_more_than_200_bp_from_every_start() -> None:
    far = far_from(KnownStarts([Site("one", 500, "-")]), "one", 1000)
    assert np.flatnonzero(~far).tolist() == list(range(300, 701))


def test_a_logo_is_2_bits_high_where_one_base_stands_and_flat_where_all_do() -> None:
    heights = bits_of([[10**6, 0, 0, 0], [10**6] * 4])
    assert heights.sum(axis=1).tolist() == pytest.approx([2, 0], abs=1e-4)


def test_the_pictures_of_bacteria_are_drawn_from_its_results(tmp_path: Path) -> None:
    run_script("benchmarks.accuracy.bacteria_pictures", tmp_path)
    scripts = {"bacteria_recall.png": "bacteria", "bacteria_logos.png": "bacteria_background"}
    measured = {name for name, script in scripts.items() if find_result(f"{script}.bacteria.json")}
    assert {path.name for path in tmp_path.iterdir()} == measured
    assert all(b"bacteria " in path.read_bytes() for path in tmp_path.iterdir())
    assert all((ROOT / "docs" / "images" / name).is_file() for name in measured)


def test_a_drawn_list_has_all_held_out_starts_and_a_longer_draw_has_those_of_a_shorter_one(tmp_path: Path) -> None:
    rows = [f"II\t{at}\t{at + 1}\tT{at}\t0\t+\n" for at in range(0, 1000, 10)]
    (tmp_path / "tss.bed").write_text("".join(rows))
    lists = []
    for most in (5, 20):
        out = tmp_path / f"{most}.bed"
        arguments = ["--most", most, "--held-out", "II:0-300", "-o", out]
        run_script("recipes.steps.some_starts", tmp_path / "tss.bed", *map(str, arguments))
        lists.append(out.read_text().splitlines(keepends=True))
    assert [len(each) for each in lists] == [35, 50]
    assert set(rows[:30]) < set(lists[0]) < set(lists[1]) < set(rows)
    assert lists[1] == sorted(lists[1], key=rows.index)


def test_a_transfer_is_judged_as_it_is_and_at_the_rate_of_its_own_background(tmp_path: Path) -> None:
    model, out = tiny_streaming(), tmp_path / "another_species.demo.json"
    named = ["--genome", DEMO, "--tss", DATA / "demo_tss.bed", "--species", "Demo"]
    result = result_of("benchmarks.accuracy.another_species", model, *named, output=out)
    assert result["species"] == "Demo"
    assert result["default"].keys() == {"as_it_is", "calibrated"}
    card = read_card(model)
    assert result["ranked"]["tolerance"] == card.scale.tolerance
    asked, background = card.scale.fp_per_mb, result["ranked"]["background_bases"] / 1e6
    assert result["default"]["calibrated"]["background_hits"] <= asked * background


def test_the_result_of_few_starts_says_what_each_model_learned_from() -> None:
    result = json.loads((ROOT / "benchmarks/results/0.1.0/few_starts.pombe.json").read_text())
    assert result["scale"] == {"tolerance": 50, "false_beyond": 500}
    segments = {run["segments"] for name, run in result["dev"].items() if name != "yeast"}
    assert len(segments) == 1


def test_a_genus_that_is_left_out_of_a_training_is_in_no_part_of_it() -> None:
    kept = [Contig("LR031521.1:0-938725", 938_725), Contig("ZM4", 2_058_755)]
    left_out = [Contig("NC_000913.3:0-2320826", 2_320_826)]
    recipe = without(read_recipe(find_recipe("bacteria"), "full"), kept, left_out, {"--steps": "7", "--epochs": "2"})
    parts, stem, whole = (step.run for step in recipe.steps)
    assert not any(word.startswith("NC_000913.3") for word in parts)
    assert (stem[stem.index("--steps") + 1], whole[whole.index("--epochs") + 1]) == ("7", "2")
    names = [name for contig in (*kept, *left_out) for name, _ in pieces_of(contig.name, contig.bases, 3)]
    names = [name for name in names if not name.startswith(("train2:NC_000913.3", "train3:NC_000913.3"))]
    genome = LabelledGenome({name: dna.encode("ACGT" * 100) for name in names}, KnownStarts([]))
    for run in (stem, whole):
        dev, held_out = (run[run.index(option) + 1].split(",") for option in ("--dev", "--leave-out"))
        divided = split(genome, dev, held_out, guard=0)
        assert set(divided.train.contigs) == {name for name in names if name[:5] == "train" and "NC_" not in name}
        assert set(divided.dev.contigs) == {name for contig in kept for name in contig.parts("dev")}


def test_what_was_judged_with_other_sizes_is_judged_again(tmp_path: Path) -> None:
    output, sizes = tmp_path / "left_out_genera.json", {"--steps": "7"}
    assert judged_before(output, sizes) == {}
    output.write_text(json.dumps({"sizes": sizes, "left_out": {"none": {}}}))
    assert judged_before(output, sizes) == {"none": {}}
    assert judged_before(output, {"--steps": "8"}) == {}
