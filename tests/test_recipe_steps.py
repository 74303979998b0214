"""The steps of the recipes that are not commands of promscan."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from genomes import TINY, random_bases
from scripts import ROOT, run_script

import promscan
from promscan.networks.card import read_card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.weights import load_model, load_screening, save_model
from promscan.seq import dna
from promscan.seq.windows import WINDOW
from promscan.strength.measurements import divide, read_measurements
from promscan.strength.reporter import Reporter
from promscan.train.data.labelled_windows import read_windows
from promscan.train.genome_init import are_unseen
from promscan.train.loop.trainer import new_classifier
from recipes.demo_data import write_demo_data

RESULTS = ROOT / "benchmarks" / "results" / "0.1.0"


def reverse_complement(bases: str) -> str:
    return dna.decode(dna.reverse_complement(dna.encode(bases)))


def test_pretraining_sequences_are_promoters_and_islands_apart_from_dev_and_test(tmp_path):
    islands = ["CG" * 150, "GCGCC" * 60]
    windows = [random_bases(WINDOW, seed) for seed in (1, 2)]
    promoters = [random_bases(300, 3), random_bases(100, 4) + windows[0] + random_bases(130, 5)]
    for folder in ("gue/prom_core_all", "human"):
        (tmp_path / folder).mkdir(parents=True)
    for split, window in zip(("dev", "test"), windows, strict=True):
        table = f"sequence,label\n{window},1\n{random_bases(WINDOW, 6)},0\n"
        (tmp_path / f"gue/prom_core_all/{split}.csv").write_text(table)
    (tmp_path / "human/promoters_300bp.tsv").write_text("sequence\tsplit\n" + "".join(f"{p}\tx\n" for p in promoters))
    contigs = {"chr1:0-600": islands[0] + "AT" * 150, "chr9:0-300": islands[1]}
    fasta = "".join(f">{name}\n{bases}\n" for name, bases in contigs.items())
    (tmp_path / "human/hg38_contigs.fa").write_text(fasta)
    out = tmp_path / "pretraining.tsv"
    run_script("recipes.steps.pretraining_sequences", "--data", tmp_path, "-o", out)
    assert out.read_text().splitlines() == ["sequence", promoters[0], islands[0]]


def test_soft_labels_are_the_mean_probabilities_of_the_teachers(tmp_path):
    windows = [random_bases(WINDOW, seed) for seed in range(4)]
    train, sequences, out = (tmp_path / name for name in ("train.csv", "sequences.csv", "soft.tsv"))
    train.write_text("\n".join(["sequence,label", *(f"{window},{i % 2}" for i, window in enumerate(windows))]) + "\n")
    sequences.write_text("\n".join(["sequence", *(random_bases(300, seed) for seed in range(10, 13))]) + "\n")
    options = ["-o", out, "--windows", "20", "--teacher", TINY, "--teacher", TINY]
    run_script("recipes.steps.soft_labels", train, sequences, *options)
    labelled = read_windows(str(out))
    letters = [dna.decode(codes) for codes in labelled.codes]
    taught = [probability for _, _, probability in promscan.score(out, model=str(TINY), device="cpu")]
    assert letters[:4] == windows
    assert labelled.labels[:4] == pytest.approx([(p + i % 2) / 2 for i, p in enumerate(taught[:4])], abs=1e-4)
    assert labelled.labels[4:] == pytest.approx(taught[4:], abs=1e-4)
    known = [row for row in sequences.read_text().split() if len(row) == 300]
    natural = [any(window in row for row in known) for window in letters[4:]]
    assert natural[1::2] == [True] * 10
    assert not all(natural[::2])


def test_more_measurements_leave_the_division_as_it_was(tmp_path):
    def write(name, sequences):
        path = tmp_path / name
        rows = (f"{sequence}\t{i}\n" for i, sequence in enumerate(sequences))
        path.write_text("sequence\texpression\n" + "".join(rows))
        return str(path)

    old = [random_bases(80, seed) for seed in range(60)]
    alone = [random_bases(80, seed) for seed in range(100, 104)]
    variants = [random_bases(80, 200)[:-1] + base for base in "ACG"]
    sharing = [old[0][:40] + random_bases(40, 300), reverse_complement(old[1])]
    before, new, out = write("old.tsv", old), write("new.tsv", [*sharing, *alone, *variants]), tmp_path / "more.tsv"
    run_script("recipes.steps.more_measurements", new, "--apart-from", before, "-o", out)

    known, more = (read_measurements(path, "unit", Reporter()) for path in (before, str(out)))
    assert [dna.decode(insert) for insert in more.inserts] == alone + variants
    assert more.expression.tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert more.weights.mean() == pytest.approx(1, abs=1e-3)
    assert more.weights[0] / more.weights[-1] == pytest.approx(3**0.5, abs=1e-3)
    shares = {"dev_share": 0.2, "test_share": 0.2, "seed": 1}
    divisions = [divide(tables, [], **shares).parts[0] for tables in ([known], [known, more])]
    np.testing.assert_array_equal(*divisions)


@pytest.mark.parametrize("in_logit", [False, True])
def test_mean_weights_are_halfway_between_their_parents(tmp_path, in_logit):
    tiny, card = load_model(str(TINY))
    sizes = dataclasses.replace(tiny.architecture, place=3 * in_logit, place_in_logit=in_logit)
    network, first = new_classifier(sizes, None if in_logit else tiny), tmp_path / "first.safetensors"
    card = save_model(first, network, dataclasses.replace(card, architecture=sizes.describe()))
    saved = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for parameter in network.parameters():
        parameter.data += 2
    other, out = tmp_path / "other.safetensors", tmp_path / "mean.safetensors"
    moved = save_model(other, network, card)
    run_script("recipes.steps.mean_weights", first, other, "-o", out)
    mean, described = load_model(str(out))
    for name, tensor in mean.state_dict().items():
        torch.testing.assert_close(tensor, (saved[name] + network.state_dict()[name]) / 2)
    assert [parent["sha256"] for parent in described.training["mean_of"]] == [card.sha256, moved.sha256]
    assert described.default_threshold is None


def test_a_head_for_places_that_one_parent_lacks_is_that_of_the_other(tmp_path):
    plain, card = load_model(str(TINY))
    torch.manual_seed(1)
    placing = new_classifier(dataclasses.replace(plain.architecture, place=3), plain)
    other, out = tmp_path / "other.safetensors", tmp_path / "mean.safetensors"
    save_model(other, placing, card)
    run_script("recipes.steps.mean_weights", TINY, other, "-o", out)
    mean, _ = load_model(str(out))
    assert mean.architecture.place == 3
    for name, tensor in placing.state_dict().items():
        torch.testing.assert_close(mean.state_dict()[name], tensor)


def test_summits_are_divided_by_their_highest_rpm(tmp_path):
    rows = [f"chr1\t{10 * i}\t{10 * i + 1}\tP{i}\t{rpm}\t+\t5\n" for i, rpm in enumerate(("7.99", "8", "300"))]
    summits, strong, weak = tmp_path / "all.bed", tmp_path / "strong.bed", tmp_path / "weak.bed"
    summits.write_text("".join(rows))
    run_script("recipes.steps.strong_summits", summits, "--rpm", "8", "-o", strong, "--weak", weak)
    assert strong.read_text() == "".join(rows[1:])
    assert weak.read_text() == rows[0]


def test_a_network_that_has_grown_gives_the_scores_it_gave(tmp_path):
    torch.manual_seed(1)
    small = BiGRUAttention(Architecture(hidden=8, convolutions=1, composition=(100,), context=3)).eval()
    before, out = tmp_path / "before.safetensors", tmp_path / "large.safetensors"
    save_model(before, small, read_card(TINY.with_suffix(".json")))
    sizes = ["--context-bins", "100,200,300,600,1000", "--convolutions", "3"]
    sizes += ["--frames", "30,90", "--place", "4", "--place-in-logit"]
    run_script("recipes.steps.grow", before, *sizes, "-o", out)
    large, card = load_model(str(out))
    a = large.architecture
    assert (a.context_bins, a.convolutions, a.frames, a.place) == ((100, 200, 300, 600, 1000), 3, (30, 90), 4)
    assert a.place_in_logit
    assert card.training["grown"]["sha256"] == read_card(before.with_suffix(".json")).sha256
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, 4, (2, 2400)).astype(np.uint8))
    with torch.inference_mode():
        torch.testing.assert_close(large.along(codes, 1000, 140), small.along(codes, 1000, 140))


@pytest.mark.parametrize("name", ["bacteria", "promoter-rnn", "core70", "human", "pombe", "yeast", "yeast-strength"])
def test_a_bundled_card_is_that_of_the_texts_and_the_results(tmp_path, name):
    weights, out = ROOT / "weights" / f"{name}.safetensors", tmp_path / f"{name}.safetensors"
    run_script("recipes.steps.bundle", name, weights, "--results", RESULTS, "-o", out)
    written, bundled = read_card(out.with_suffix(".json")), read_card(weights.with_suffix(".json"))
    assert written.sha256 == bundled.sha256
    for field in ("description", "limits", "headline", "splits", "default_threshold", "threshold_basis", "screening"):
        assert getattr(written, field) == getattr(bundled, field), field
    recorded = {key: bundled.metrics[key] for key in ("test", "rate") if key in bundled.metrics}
    assert recorded.items() <= written.metrics.items()


def test_results_of_other_weights_are_refused(tmp_path):
    for path in RESULTS.glob("*.promoter-rnn.json"):
        shutil.copy(path, tmp_path)
    result = tmp_path / "core_promoters.promoter-rnn.json"
    values = json.loads(result.read_text())
    values["origin"]["models"][0]["sha256"] = "0" * 64
    result.write_text(json.dumps(values))
    weights = ROOT / "weights" / "promoter-rnn.safetensors"
    with pytest.raises(SystemExit, match=r"measured on other weights.*run benchmarks\.accuracy\.core_promoters again"):
        run_script(
            "recipes.steps.bundle", "promoter-rnn", weights, "--results", tmp_path, "-o", tmp_path / "x.safetensors"
        )
    assert not (tmp_path / "x.safetensors").exists()
    result.unlink()
    with pytest.raises(SystemExit, match=r"is missing: run benchmarks\.accuracy\.core_promoters"):
        run_script(
            "recipes.steps.bundle", "promoter-rnn", weights, "--results", tmp_path, "-o", tmp_path / "x.safetensors"
        )


def test_a_rule_takes_the_place_of_a_calibration(tmp_path):
    rule, out = ROOT / "recipes" / "rules" / "human.json", tmp_path / "graded.safetensors"
    run_script("recipes.steps.with_rule", "human", str(rule), "-o", str(out))
    card = read_card(out)
    assert card.calibration is None
    assert card.screening is None  # it was measured with other calling scores
    (graded, _), (network, _) = load_model(str(out)), load_model("human")
    assert all(torch.equal(*pair) for pair in zip(graded.parameters(), network.parameters(), strict=True))
    assert card.calling.grade == "own+1.5*same:500+0.3*other:500-8*gc:3000+4"
    assert card.calling.candidates == -2


def test_a_rule_that_reads_estimates_comes_with_the_network_and_without_its_floors(tmp_path):
    rule, out = tmp_path / "rule.json", tmp_path / "graded.safetensors"
    feature = {"kind": "wide_estimates", "reach": 35, "weight": -1}
    rule.write_text(json.dumps({"candidates": -2, "log_odds": False, "features": [feature]}))
    run_script("recipes.steps.with_rule", "human", str(rule), "-o", str(out))
    bundled, screening = read_card(ROOT / "weights" / "human.safetensors").screening, read_card(out).screening
    assert screening.floors == ()
    assert screening.network == bundled.network
    pairs = [load_screening(name).state_dict().values() for name in ("human", str(out))]
    assert all(torch.equal(*pair) for pair in zip(*pairs, strict=True))
    with pytest.raises(SystemExit, match="yeast has no screening network, and the rule reads wide_estimates"):
        run_script("recipes.steps.with_rule", "yeast", str(rule), "-o", str(tmp_path / "none.safetensors"))


def test_the_promoters_of_e_coli_are_a_table_a_set_with_families(tmp_path):
    """Designs of one element share a family; natural ones with the same boxes and spacer in another background, too."""
    scaffold = [random_bases(width, width) for width in (16, 6, 17, 6, 8, 20)]

    def design(part: int, seed: int) -> str:
        elements = list(scaffold)
        elements[part] = random_bases(len(scaffold[part]), seed)
        return "".join(elements)

    designs = [design(5, seed) for seed in range(100, 200)] + [design(0, 1), design(0, 1)[:-20] + random_bases(20, 2)]
    core, backgrounds = random_bases(29, 3), [random_bases(150, seed) for seed in (4, 5)]
    natural = [bases[:85] + core + bases[114:] for bases in backgrounds] + [random_bases(150, 6)]
    sets = {
        "lafleur": designs, "urtecho_genomic_sigma70": [*natural, natural[0]], "yu": [random_bases(150, 7)],
        "lagator_random36": ["A" * 40 + random_bases(36, 8) + "C" * 40],
        "lagator_pr": [random_bases(139, 9)], "lagator_pl": [random_bases(139, 10)],
    }  # fmt: skip
    rows = [f"{letters}\t{i}\t{name}\n" for name, found in sets.items() for i, letters in enumerate(found)]
    (tmp_path / "ecoli.tsv").write_text("sequence\texpression\tset\n" + "".join(rows))
    run_script("recipes.steps.ecoli_tables", tmp_path / "ecoli.tsv", "-o", tmp_path / "tables")
    table = {
        path.stem: [line.split("\t") for line in path.read_text().splitlines()[1:]]
        for path in (tmp_path / "tables").glob("*.tsv")
    }
    assert sorted(table) == ["designed", "lac", "natural", "pl", "pr", "random"]
    families = [row[2] for row in table["designed"]]
    assert len(set(families[:100])) == 100
    assert families[100] == families[101]
    assert [row[1] for row in table["natural"]] == ["1.5000", "1.0000", "2.0000"]
    assert table["natural"][0][2] == table["natural"][1][2] == core != table["natural"][2][2]
    assert table["random"][0] == [random_bases(36, 8), "0.0000", ""]
    assert (len(table["lac"][0][0]), len(table["pr"][0][0])) == (150, 139)
    assert {row[2] for row in table["pr"] + table["pl"]} == {"all"}


def test_contigs_of_several_genomes_are_one_background(tmp_path):
    parts = []
    for name, contigs in {"one": ("chr9:0-30", "chr1"), "two": ("hg19_chr3:5-35",)}.items():
        fasta, bed = tmp_path / f"{name}.fa", tmp_path / f"{name}.bed"
        fasta.write_text("".join(f">{contig} of {name}\n{'ACGTA' * 6}\n" for contig in contigs))
        bed.write_text("".join(f"{contig}\t7\t8\tx\t0\t+\n" for contig in contigs))
        parts += ["--part", str(fasta), str(bed), "chr9" if name == "one" else "all"]
    out, tss = tmp_path / "background.fa", tmp_path / "background.bed"
    run_script("recipes.steps.background", *parts, "-o", str(out), "--tss", str(tss))
    assert out.read_text() == f">chr9:0-30 of one\n{'ACGTA' * 6}\n>hg19_chr3:5-35 of two\n{'ACGTA' * 6}\n"
    assert [row.split("\t")[0] for row in tss.read_text().splitlines()] == ["chr9:0-30", "hg19_chr3:5-35"]


def test_a_stem_is_trained_and_the_whole_network_can_go_on_from_it(tmp_path):
    write_demo_data(tmp_path)
    run_script(
        "recipes.steps.parts_of_genomes", tmp_path / "bacteria/genomes.fa.gz", tmp_path / "bacteria/tss.bed.gz",
        "-o", tmp_path,
    )  # fmt: skip
    data = (tmp_path / "genome.fa", tmp_path / "tss.bed", "--dev", "dev", "--leave-out", "test")
    sizes = ("--hidden", 8, "--convolutions", 1, "--kernel", 9, "--frames", "30,90", "--steps", 2)
    run_script("recipes.steps.pretrain_stem", *data, "--species", "Demo", *sizes, "-o", tmp_path / "stem.safetensors")
    network, card = load_model(str(tmp_path / "stem.safetensors"))
    assert network.architecture.place_in_logit
    fresh = BiGRUAttention(network.architecture).state_dict()
    torch.manual_seed(1)  # the seed of the step: what it did not train is as drawn
    first = BiGRUAttention(network.architecture).state_dict()
    moved = {
        name.split(".")[0] for name, values in network.state_dict().items() if not torch.equal(values, first[name])
    }
    assert fresh.keys() == first.keys()
    assert {"embedding", "stem", "head"} <= moved
    assert "gru" not in moved
    start = new_classifier(network.architecture, network)
    assert are_unseen([card], "Demo", ["dev:NC_1:8000-10000", "test:NC_1:10000-12000"], allow_seen=False)
    assert torch.equal(start.state_dict()["stem.0.pointwise.weight"], network.state_dict()["stem.0.pointwise.weight"])
