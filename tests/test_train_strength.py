"""Training of strength models: the truth that was planted, the division by family, resuming, and what is refused."""

from __future__ import annotations

import dataclasses
import gzip
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import strength_tables as tables
import torch
from genomes import random_bases

import promscan
from promscan.errors import InputError, ModelError, RunError
from promscan.metrics.regression import coverage
from promscan.networks.card_parts import Construct, StrengthPart
from promscan.networks.expression import ExpressionArchitecture, ExpressionNetwork
from promscan.networks.weights import load_strength
from promscan.seq import dna
from promscan.strength.families import share_kmers
from promscan.strength.measurements import DEV, LEFT_OUT, TEST, TRAIN, divide, read_measurements
from promscan.train.data.unit_rows import UnitRows, draw_rows, epoch_counts, require_differences, rows_of
from promscan.train.loop.run import TrainingRun
from promscan.train.strength import train_strength
from promscan.train.strength_trainer import row_losses, soft_bins
from promscan.train.strength_validation import predict_inserts

pytestmark = pytest.mark.usefixtures("blank_pictures")

CPU = torch.device("cpu")


def effect(network: ExpressionNetwork, motif: str) -> float:
    """Mean difference that a motif at one place makes in 200 random inserts."""
    without = np.random.default_rng(9).integers(0, 4, (200, 80), dtype=np.uint8)
    with_motif = without.copy()
    with_motif[:, 30 : 30 + len(motif)] = dna.encode(motif)
    before, after = (
        predict_inserts(network, inserts, tables.REPORTER, CPU)[0][:, 0] for inserts in (without, with_motif)
    )
    return float((after - before).mean())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a small model of the planted motifs."""
    folder = tmp_path_factory.mktemp("trained")
    train_strength(
        [tables.measurements(folder, 1500, 1)], folder / "run", tables.recipe(epochs=4, learning_rate=1e-2), threads=1
    )
    return folder / "run"


def test_planted_motifs_are_recovered_with_their_effects(trained: Path) -> None:
    network, card = load_strength(str(trained / "best.safetensors"))
    assert card.metrics["dev"]["expression"]["pearson"] > 0.8
    assert effect(network, tables.RISING) == pytest.approx(4, abs=1.5)
    assert effect(network, tables.FALLING) == pytest.approx(-3, abs=1.5)


def test_the_orientations_of_an_insert_are_different_promoters(trained: Path) -> None:
    network, _ = load_strength(str(trained / "best.safetensors"))
    turned = dna.decode(dna.reverse_complement(dna.encode(tables.RISING)))
    assert effect(network, tables.RISING) > 1 + effect(network, turned)


def test_uncertainties_cover_what_they_promise(trained: Path, tmp_path: Path) -> None:
    network, _ = load_strength(str(trained / "best.safetensors"))
    fresh = tables.measurements(tmp_path, 600, 2)
    mean, deviation = (values[:, 0] for values in predict_inserts(network, fresh.inserts, tables.REPORTER, CPU))
    found = coverage(fresh.expression, mean, deviation)
    assert found[0.6827] == pytest.approx(0.68, abs=0.15)
    assert found[0.95] > 0.8


@pytest.mark.slow
def test_the_original_gru_learns_from_an_insert_that_a_flank_follows(tmp_path: Path) -> None:
    rows = [(letters, float(letters.count("G") - letters.count("C"))) for letters, _ in tables.planted(400, 1)]
    table = read_measurements(str(tables.write(tmp_path / "g.tsv", rows)), "expression", tables.REPORTER)
    card = train_strength(
        [table], tmp_path / "run", tables.recipe(kind="gru", bins=0, epochs=4, learning_rate=2e-2), threads=1
    )
    assert card.metrics["dev"]["expression"]["pearson"] > 0.7


# Division by family


def family_table(folder: Path) -> list[str]:
    """300 inserts in overlapping pairs."""
    sources = [random_bases(120, seed) for seed in range(150)]
    return [source[start : start + 80] for source in sources for start in (0, 40)]


def as_table(folder: Path, name: str, inserts: list[str]):
    return read_measurements(str(tables.write(folder / name, [(i, 1.0) for i in inserts])), name, tables.REPORTER)


def test_no_row_of_training_shares_20_bp_with_one_held_out(tmp_path: Path) -> None:
    inserts = family_table(tmp_path)
    one, two = as_table(tmp_path, "one", inserts[:200]), as_table(tmp_path, "two", inserts[1::2])
    held_out = as_table(tmp_path, "test", [random_bases(40, 500) + inserts[0][10:50], inserts[7]])
    division = divide([one, two], [held_out], dev_share=0.2, test_share=0.2, seed=1)
    everything = np.concatenate([one.inserts, two.inserts, held_out.inserts])
    parts = np.concatenate([*division.parts, [LEFT_OUT] * 2])
    judged = np.isin(parts, (DEV, TEST)) | (np.arange(len(parts)) >= len(one) + len(two))
    shared = share_kmers(everything)
    assert not (shared.touching(judged) & (parts == TRAIN)).any()
    families = shared.families()
    assert all(len(set(parts[families == family])) == 1 for family in set(families))
    assert (parts[families == families[0]] == LEFT_OUT).all()
    assert {TRAIN, DEV, TEST, LEFT_OUT} == set(parts.tolist())
    assert sum(division.describe(0).values()) == 200


def test_the_division_does_not_depend_on_the_order_of_rows_or_tables(tmp_path: Path) -> None:
    inserts = family_table(tmp_path)
    one, two = as_table(tmp_path, "one", inserts[:150]), as_table(tmp_path, "two", inserts[150:])
    back = as_table(tmp_path, "back", inserts[150::-1])
    options = {"dev_share": 0.2, "test_share": 0.2, "seed": 3}
    forward, swapped = divide([one, two], [], **options), divide([two, one], [], **options)
    assert [part.tolist() for part in forward.parts] == [part.tolist() for part in swapped.parts[::-1]]
    whole = divide([back], [], **options).parts[0]
    alone = divide([as_table(tmp_path, "same", inserts[:151])], [], **options).parts[0]
    assert whole.tolist() == alone[::-1].tolist()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (lambda row: 5.0, r"unit 'expression': \d+ rows for training, and no two of their values differ"),
        (lambda row: float(row % 7), None),
    ],
)
def test_values_that_are_all_equal_are_refused(tmp_path: Path, values, message: str | None) -> None:
    rows = [(random_bases(80, seed), values(seed)) for seed in range(60)]
    table = read_measurements(str(tables.write(tmp_path / "t.tsv", rows)), "expression", tables.REPORTER)
    division = divide([table], [], dev_share=0.1, test_share=0.1, seed=1)
    train, dev = (rows_of("expression", [table], division, part) for part in (TRAIN, DEV))
    if message is None:
        require_differences([train], dev)
        return
    with pytest.raises(InputError, match=message):
        train_strength([table], tmp_path / "run", tables.recipe(epochs=1), threads=1)
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match=r"for dev, and no two of their values differ"):
        require_differences([], dev)


def test_an_epoch_without_a_metric_is_never_the_best() -> None:
    history = [{"epoch": 1.0, "r": math.nan}, {"epoch": 2.0, "r": -0.1}, {"epoch": 3.0, "r": math.nan}]
    assert TrainingRun.best(mock.Mock(history=history), "r")["epoch"] == 2
    assert TrainingRun.best(mock.Mock(history=history[:1]), "r")["epoch"] == 1


def test_a_unit_without_dev_rows_is_refused(tmp_path: Path) -> None:
    table = as_table(tmp_path, "few", [random_bases(80, 1), random_bases(80, 2)])
    with pytest.raises(InputError, match="unit 'few': no rows are left for"):
        train_strength([table], tmp_path / "run", tables.recipe("few"), threads=1)
    assert not (tmp_path / "run").exists()


# Tables


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ACGT\t1", "line 3: the sequence has 4 bp; an insert has at least 20"),
        (f"{'A' * 30}\thigh", "line 3: expression 'high' is not a number"),
        (f"{'A' * 30}\tnan", "line 3: expression 'nan' is not a number"),
        (f"{'A' * 30}!\t1", "line 3: '!' at index 30 is not a nucleotide letter"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "table.tsv"
    path.write_text(f"sequence\texpression\n{'C' * 30}\t2\n{line}\n")
    with pytest.raises(InputError) as error:
        read_measurements(str(path), "x", tables.REPORTER)
    assert str(error.value).startswith(f"{path}, {message}")


def test_weights_and_sets_are_optional_columns(tmp_path: Path) -> None:
    plain, full = tmp_path / "plain.csv", tmp_path / "full.tsv.gz"
    plain.write_text(f"expression,sequence\n2.5,{'AC' * 40}\n")
    full.write_bytes(gzip.compress(f"sequence\texpression\tweight\tset\n{'AC' * 40}\t2.5\t0.5\tnative\n".encode()))
    one, another = (read_measurements(str(path), "x", tables.REPORTER) for path in (plain, full))
    assert (one.weights.tolist(), one.sets.tolist()) == ([1.0], [""])
    assert (another.weights.tolist(), another.sets.tolist()) == ([0.5], ["native"])
    full.write_text(f"sequence\texpression\tweight\n{'AC' * 40}\t2.5\t-1\n")
    with pytest.raises(InputError, match="weight -1 is negative"):
        read_measurements(str(full), "x", tables.REPORTER)


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.tsv").write_text("sequence\texpression\n")
    with pytest.raises(InputError, match="no measurements in it"):
        read_measurements(str(tmp_path / "empty.tsv"), "x", tables.REPORTER)


def test_rows_of_no_weight_teach_nothing(tmp_path: Path) -> None:
    """The weights are those of a training in which these rows had another, equally absurd, expression."""
    good = tables.measurements(tmp_path, 150, 1)
    ignored = np.arange(150) % 2 == 1
    for name, sign in (("a", 1), ("b", -1)):
        expression = np.where(ignored, sign * np.where(np.arange(150) % 4 == 1, 20, -20), good.expression)
        table = dataclasses.replace(
            good, expression=expression.astype(np.float32), weights=(~ignored).astype(np.float32)
        )
        train_strength([table], tmp_path / name, tables.recipe(epochs=1), threads=1)
    a, b = (load_strength(str(tmp_path / name / "last.safetensors"))[0].state_dict() for name in "ab")
    assert torch.equal(a["heads.weight"], b["heads.weight"])


def test_the_card_has_metrics_of_each_set(tmp_path: Path) -> None:
    table = tables.measurements(tmp_path, 200, 1)
    table = dataclasses.replace(table, sets=np.where(np.arange(200) < 100, "early", "late"))
    card = train_strength([table], tmp_path / "run", tables.recipe(epochs=1, dev_share=0.3), threads=1)
    sets = card.metrics["dev_by_set"]["expression"]
    assert sorted(sets) == ["early", "late"]
    assert sum(found["rows"] for found in sets.values()) == card.training["tables"][0]["dev"]


# Losses and draws


def test_soft_bins_keep_the_target_as_their_mean() -> None:
    centres = ExpressionNetwork(ExpressionArchitecture(hidden=4)).centres
    targets = torch.tensor([-1.7, 0.0, 0.33, 2.2])
    probabilities = soft_bins(targets, centres)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(4))
    assert torch.allclose((probabilities * centres).sum(dim=1), targets, atol=1e-3)
    assert soft_bins(torch.tensor([99.0]), centres).argmax() == len(centres) - 1


def test_the_loss_is_least_at_the_target() -> None:
    network = ExpressionNetwork(ExpressionArchitecture(hidden=4, bins=0))
    assert row_losses(network, torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 1.0])).tolist() == [0.0, 4.0]


def test_epochs_go_through_all_rows_before_any_comes_again() -> None:
    drawn = [draw_rows(10, 4, epoch, (1, 0)) for epoch in range(5)]
    assert [len(rows) for rows in drawn] == [4] * 5
    flat = np.concatenate(drawn).tolist()
    assert sorted(flat[:10]) == sorted(flat[10:]) == list(range(10))
    assert flat[:10] != flat[10:]
    assert draw_rows(10, 25, 0, (1, 0)).tolist()[:4] == drawn[0].tolist()


# Runs


def test_a_unit_whose_share_is_no_row_of_an_epoch_is_refused() -> None:
    numbers = np.zeros(3, dtype=np.float32)
    one, other = (
        UnitRows(unit, tables.REPORTER, np.zeros((3, 80), np.uint8), numbers, numbers + 1, np.array([""] * 3))
        for unit in ("one", "other")
    )
    assert epoch_counts([one, other], {}, 0) == [3, 3]
    assert epoch_counts([one, other], {"one": 1}, 0) == [6, 0]  # the other one is left out on purpose
    for shares, rows in (({}, 1), ({"one": 1, "other": 1e-300}, 0)):
        with pytest.raises(InputError, match=r"its share of the \d rows of an epoch is no row.*--rows-per-epoch"):
            epoch_counts([one, other], shares, rows)


def test_a_run_folder_and_its_card_are_complete(tmp_path: Path, drawn_pictures: None) -> None:
    table, other = tables.measurements(tmp_path, 300, 1), tables.measurements(tmp_path, 150, 2, "other")
    card = train_strength(
        [table, other], tmp_path / "run", tables.recipe("expression", "other", epochs=2, unit="other"), threads=1
    )
    names = {path.name for path in (tmp_path / "run").iterdir()}
    weights = {f"{which}.{suffix}" for which in ("best", "last") for suffix in ("safetensors", "json")}
    assert names == weights | {
        "config.json", "metrics.tsv", "state.safetensors",
        "learning_curves.png", "dev_predictions.png", "dev_coverage.png",
    }  # fmt: skip
    assert card.task == "strength"
    assert card.strength == StrengthPart("other", Construct())
    counts = [
        sum(described[part] for part in ("train", "dev", "test", "left_out")) for described in card.training["tables"]
    ]
    assert counts == [300, 150]
    header = (tmp_path / "run" / "metrics.tsv").read_text().splitlines()[0].split("\t")
    assert {"train_other_loss", "dev_other_pearson", "dev_expression_spearman", "dev_expression_rmse"} <= set(header)


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; import strength_tables as t\n"
        "from promscan.train.strength import train_strength\n"
        "folder = Path(sys.argv[1]); folder.mkdir(exist_ok=True)\n"
        "recipe = t.recipe(epochs=2, rows_per_epoch=200)\n"
        "train_strength([t.measurements(folder, 300, 1)], folder / 'run', recipe, threads=1, resume=True)"
    )
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    command = [sys.executable, "-c", script]
    subprocess.run([*command, str(tmp_path / "peace")], check=True, env=environment)
    process = subprocess.Popen([*command, str(tmp_path / "killed")], env=environment)
    while process.poll() is None and not (tmp_path / "killed" / "run" / "state.safetensors").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    subprocess.run([*command, str(tmp_path / "killed")], check=True, env=environment)
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / "peace" / "run" / name).read_bytes() == (tmp_path / "killed" / "run" / name).read_bytes()


def test_training_starts_from_given_weights_and_keeps_the_heads_of_units_it_knows(tmp_path: Path) -> None:
    table = tables.measurements(tmp_path, 300, 1)
    train_strength([table], tmp_path / "first", tables.recipe(epochs=2), threads=1)
    start = tmp_path / "first" / "last.safetensors"
    still = {"epochs": 1, "learning_rate": 1e-9, "weight_decay": 0.0, "averaging": 0.999999}
    other = dataclasses.replace(table, unit="other")
    two = tables.recipe("other", "expression", **still)
    train_strength([table, other], tmp_path / "second", two, threads=1, init=start)
    first, second = (load_strength(str(tmp_path / name / "last.safetensors"))[0] for name in ("first", "second"))
    bins = first.architecture.bins
    assert torch.allclose(first.heads.weight, second.heads.weight[bins:], atol=1e-5)
    assert torch.allclose(first.trunk.dense.weight, second.trunk.dense.weight, atol=1e-5)
    assert (first.mean[0], first.spread[0]) == (second.mean[1], second.spread[1])
    with pytest.raises(ModelError, match="another architecture"):
        train_strength([table], tmp_path / "third", tables.recipe(hidden=8), init=start)


def test_a_start_that_learned_from_what_is_dev_or_test_now_is_refused(tmp_path: Path) -> None:
    table, more = (tables.measurements(tmp_path, 300, seed) for seed in (1, 2))
    train_strength([table], tmp_path / "first", tables.recipe(epochs=1), threads=1)
    start = tmp_path / "first" / "last.safetensors"
    for changes in ({"seed": 2}, {"dev_share": 0.2}):
        with pytest.raises(ModelError, match="learned from the table of expression with another division"):
            train_strength([table], tmp_path / "second", tables.recipe(**changes), threads=1, init=start)
    beginning = tables.measurements(tmp_path, 50, 1)
    with pytest.raises(ModelError, match="with another division"):
        train_strength([table], tmp_path / "second", tables.recipe(), held_out=[beginning], threads=1, init=start)
    assert not (tmp_path / "second").exists()
    train_strength([more], tmp_path / "second", tables.recipe(epochs=1, seed=2), threads=1, init=start)


def test_scores_are_as_uncertain_as_comparable_units_are(tmp_path: Path) -> None:
    """What was measured in the second unit lies far above the first."""
    rows = tables.planted(200, 1)
    far = [(letters, value + 20) for letters, value in rows]
    one, two = (
        read_measurements(str(tables.write(tmp_path / unit, table)), unit, tables.REPORTER)
        for unit, table in (("one", rows), ("two", far))
    )
    widening = {}
    for comparable in ((), ("two",)):
        run = tmp_path / f"run{len(comparable)}"
        train_strength([one, two], run, tables.recipe("one", "two", epochs=1, comparable=comparable), threads=1)
        widening[comparable] = load_strength(str(run / "last.safetensors"))[0].widening
    assert widening[("two",)][0] > 1.5 * widening[()][0]
    assert widening[("two",)][1] == widening[()][1]


def test_a_used_folder_is_not_overwritten(tmp_path: Path) -> None:
    table = tables.measurements(tmp_path, 150, 1)
    train_strength([table], tmp_path / "run", tables.recipe(epochs=1), threads=1)
    with pytest.raises(RunError, match="not empty"):
        train_strength([table], tmp_path / "run", tables.recipe(epochs=1), threads=1)


# The command line


def test_command_line_trains_on_several_units_and_scores(tmp_path: Path, promscan_cli) -> None:
    one, two = (tables.write(tmp_path / name, tables.planted(150, seed)) for name, seed in (("a.tsv", 1), ("b.tsv", 2)))
    run = tmp_path / "run"
    arguments = [
        "train", "strength", one, "--table", f"other={two}", "--held-out", two, "-o", run,
        "--hidden", 8, "--epochs", 1, "--threads", 1,
    ]  # fmt: skip
    refused = promscan_cli(*arguments)
    assert refused.status == 1
    assert "unit 'other': no rows are left for training" in refused.err
    arguments[5:7] = []
    arguments[arguments.index("-o") + 1] = tmp_path / "second"
    assert promscan_cli(*arguments).status == 0
    config = json.loads((tmp_path / "second" / "config.json").read_text())
    assert [table["unit"] for table in config["tables"]] == ["expression", "other"]
    scored = promscan_cli("score", one, "--model", tmp_path / "second" / "best.safetensors", "--quiet")
    assert scored.out.splitlines()[0] == "name\tsequence\texpression\tstrength\tstrength_sd"
    assert len(scored.out.splitlines()) == 151


@pytest.mark.parametrize(
    "wrong",
    [
        [], ["--table", "x"], ["t.tsv", "--share", "x=1"], ["t.tsv", "--unit", "x"], ["t.tsv", "--comparable", "x"],
        ["t.tsv", "--five-prime", "?"],
    ],
)  # fmt: skip
def test_wrong_usage(tmp_path: Path, promscan_cli, wrong: list[str]) -> None:
    assert promscan_cli("train", "strength", *wrong, "-o", tmp_path / "run").status == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.shared
def test_held_out_native_families_share_nothing_with_training(shared_data: Path) -> None:
    folder = shared_data / "strength"
    native, random, public = (
        read_measurements(str(folder / f"yeast_{name}.tsv.gz"), name, tables.REPORTER)
        for name in ("native80", "random_hq", "random_public_test")
    )
    division = divide([native, random], [public], dev_share=0.1, test_share=0.1, seed=1)
    parts = np.concatenate([*division.parts, np.full(len(public), TEST)])
    shared = share_kmers(np.concatenate([native.inserts, random.inserts, public.inserts]))
    assert not (shared.touching(np.isin(parts, (DEV, TEST))) & (parts == TRAIN)).any()
    assert division.describe(0)["test"] > 3000


def test_the_python_call_is_exported() -> None:
    assert promscan.train_strength is train_strength
    assert promscan.StrengthRecipe().architecture == ExpressionArchitecture()
