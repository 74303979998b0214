"""The recipes of the bundled models, each run to its end on made-up data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripts import run_script

from promscan.cli import main as promscan_main
from promscan.networks.weights import load_model, load_strength
from recipes.demo_data import write_demo_data
from recipes.make import Workspace, make
from recipes.recipe import FOLDER, Recipe, RecipeError, Step, find_recipe, read_recipe

pytestmark = pytest.mark.usefixtures("blank_pictures")

VARIABLE = {"origin", "rate", "seconds", "total_seconds"}
"""Keys of results and cards that hold commands, machines and times."""
RECIPES = sorted(path.stem for path in FOLDER.glob("*.toml"))


def in_process(words: list[str]) -> int:
    """Run a step without the start of another Python."""
    module, *arguments = words
    if module != "promscan":
        run_script(module, *arguments)
        return 0
    with pytest.raises(SystemExit) as stop:
        promscan_main(arguments)
    return int(stop.value.code or 0)


def without_times(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: without_times(value) for key, value in values.items() if key not in VARIABLE}
    return [without_times(value) for value in values] if isinstance(values, list) else values


def made_by(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """The bytes of all files that a recipe makes, and the values of those in JSON but for times."""
    write_demo_data(folder / "data")
    make(recipe, Workspace(folder / "data", folder), in_process)
    paths = [folder / name for step in recipe.steps for name in step.makes]
    return {
        path.relative_to(folder).as_posix(): without_times(json.loads(path.read_text()))
        if path.suffix == ".json"
        else path.read_bytes()
        for path in paths
    }


@pytest.mark.parametrize(
    "name",
    [
        "promoter-rnn",
        pytest.param("core70", marks=pytest.mark.slow),
        pytest.param("yeast-strength", marks=pytest.mark.slow),
        pytest.param("ecoli-strength", marks=pytest.mark.slow),
    ],
)
def test_a_recipe_runs_to_its_end_twice_with_the_same_bytes(tmp_path, name):
    recipe = read_recipe(find_recipe(name), "demo")
    first, second = (made_by(recipe, tmp_path / folder) for folder in ("first", "second"))
    assert first.keys() == second.keys()
    assert [file for file in first if first[file] != second[file]] == []
    load = load_strength if name.endswith("-strength") else load_model
    _, card = load(str(tmp_path / "first" / f"{name}.safetensors"))
    assert card.name == name
    assert card.headline


@pytest.mark.slow
def test_the_recipe_of_human_makes_a_network_with_a_head_for_places(tmp_path):
    made_by(read_recipe(find_recipe("human"), "demo"), tmp_path)
    network, card = load_model(str(tmp_path / "human.safetensors"))
    assert network.architecture.place == 32
    assert len(card.training["mean_of"]) == 2
    assert card.splits["dev"]["names"] == ["chr9", "chr17"]


@pytest.mark.slow
def test_the_recipe_of_bacteria_makes_a_calibrated_network_that_sees_reading_frames(tmp_path):
    made_by(read_recipe(find_recipe("bacteria"), "demo"), tmp_path)
    network, card = load_model(str(tmp_path / "bacteria.safetensors"))
    assert network.architecture.frames == (30, 90, 180, 300, 480, 900)
    assert card.training["init"]["training"]["recipe"]["segments"]["near"] == 2
    assert (card.scale.tolerance, card.scale.fp_per_mb) == (20, 100)
    assert card.calibration is not None


@pytest.mark.slow
def test_the_recipe_of_yeast_makes_a_calibrated_network_that_sees_frames_and_places(tmp_path):
    made_by(read_recipe(find_recipe("yeast"), "demo"), tmp_path)
    network, card = load_model(str(tmp_path / "yeast.safetensors"))
    assert (network.architecture.frames[-1], network.architecture.place) == (900, 32)
    assert (card.calling.place_weight, card.smoothing, card.min_distance) == (1, 35, 70)
    assert card.calibration is not None


@pytest.mark.slow
def test_the_recipe_of_pombe_makes_a_model_and_others_from_few_and_from_all_starts(tmp_path):
    made_by(read_recipe(find_recipe("pombe"), "demo"), tmp_path)
    cards = [load_model(str(tmp_path / name / "best.safetensors"))[1] for name in ("100-yeast", "all-scratch")]
    _, model = load_model(str(tmp_path / "pombe.safetensors"))
    assert model.training["init"]["training"]["init"]["species"] == "Saccharomyces cerevisiae"
    assert model.calibration.background.startswith("II:1-900000 of")
    assert [card.splits["dev"]["names"] for card in cards] == [["II:1-900000"]] * 2
    assert cards[0].training["genome"]["starts"] < cards[1].training["genome"]["starts"] + 1
    assert ["init" in card.training for card in cards] == [True, False]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_its_hours_threads_and_dev_metric(name):
    recipe = read_recipe(find_recipe(name), "full")
    assert recipe.model == name
    assert recipe.facts["hours"] > 0
    assert "±" in recipe.facts["dev"]
    for step in recipe.steps:
        if step.run[:2] == ("promscan", "train"):
            threads = step.run[step.run.index("--threads") + 1]
            assert threads == str(recipe.facts["threads"])


@pytest.mark.parametrize("name", RECIPES)
def test_the_scales_of_a_recipe_differ_in_sizes_only(name):
    full, demo = (read_recipe(find_recipe(name), scale) for scale in ("full", "demo"))
    at_full = {step.name: step for step in full.steps}
    for step in demo.steps:
        other = at_full[step.name]
        assert step.makes == other.makes
        changed = [word for word, full_word in zip(step.run, other.run, strict=True) if word != full_word]
        assert all(word.isdigit() for word in changed)


def thinning(every: int = 2) -> Recipe:
    """A recipe of two quick steps."""
    run = ("recipes.steps.thin_table", "{data}/strength/yeast_native80.tsv.gz", "--every", str(every))
    again = ("recipes.steps.thin_table", "{out}/half.tsv.gz", "--every", "2", "-o", "{out}/quarter.tsv.gz")
    steps = (
        Step("half", (*run, "-o", "{out}/half.tsv.gz"), ("half.tsv.gz",)),
        Step("quarter", again, ("quarter.tsv.gz",)),
    )
    return Recipe("thin", "", "demo", {}, steps)


@pytest.fixture
def workspace(tmp_path):
    write_demo_data(tmp_path / "data")
    return Workspace(tmp_path / "data", tmp_path / "out")


def test_steps_run_in_processes_of_their_own(workspace):
    make(thinning(), workspace)
    assert (workspace.out / "quarter.tsv.gz").is_file()


def test_a_step_that_is_done_is_not_run_again(workspace, capsys):
    make(thinning(), workspace, in_process)
    make(thinning(), workspace, lambda words: pytest.fail(f"{words} ran again"))
    assert capsys.readouterr().out.count(": done before") == 2


def test_a_recipe_goes_on_after_a_step_that_failed(workspace):
    def fails_later(words: list[str]) -> int:
        return 3 if str(workspace.out / "half.tsv.gz") in words[:2] else in_process(words)

    with pytest.raises(RecipeError, match="step quarter ended with exit status 3; the same command goes on"):
        make(thinning(), workspace, fails_later)
    ran = list[str]()
    make(thinning(), workspace, lambda words: ran.append(words[1]) or in_process(words))
    assert ran == [str(workspace.out / "half.tsv.gz")]


def test_a_training_that_was_stopped_is_resumed(workspace):
    step = Step("start", ("promscan", "train", "pretrain", "x", "-o", "{out}/start"), ("start/last.json",))
    (workspace.out / "start").mkdir(parents=True)

    def write(words: list[str]) -> int:
        (workspace.out / "start" / "last.json").write_text(" ".join(words))
        return 0

    make(Recipe("x", "", "full", {}, (step,)), workspace, write)
    assert (workspace.out / "start" / "last.json").read_text().endswith("--resume")


def test_a_step_of_another_command_or_of_other_files_is_refused(workspace):
    make(thinning(), workspace, in_process)
    with pytest.raises(RecipeError, match="another command or other files; give a new folder"):
        make(thinning(every=3), workspace, in_process)
    (workspace.out / "quarter.tsv.gz").write_bytes(b"")
    with pytest.raises(RecipeError, match="has changed since"):
        make(thinning(), workspace, in_process)


def test_a_damaged_record_is_refused(workspace):
    make(thinning(), workspace, in_process)
    (workspace.out / "steps" / "half.json").write_text('{"command": ')
    with pytest.raises(RecipeError, match=r"half\.json: not a record of a step"):
        make(thinning(), workspace, in_process)


def test_a_step_that_writes_nothing_is_an_error(workspace):
    with pytest.raises(RecipeError, match=r"step half did not write half\.tsv\.gz"):
        make(thinning(), workspace, lambda words: 0)


@pytest.mark.parametrize("text", ["model = ", 'model = "x"', 'model = "x"\nabout = ""\nstep = 3\nfull = {values = 3}'])
def test_a_file_that_is_no_recipe_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=r"x\.toml: not a") as error:
        read_recipe(path, "full")
    assert "\n" not in str(error.value)


def test_the_recipes_are_named_when_there_is_no_such_recipe(tmp_path):
    with pytest.raises(
        SystemExit, match="'nothing': give one of bacteria, core70, ecoli-strength, human, pombe, promoter"
    ):
        run_script("recipes.make", "nothing", "--scale", "demo", "-o", tmp_path)


def test_the_steps_are_listed(tmp_path, capsys):
    run_script("recipes.make", "core70", "--scale", "demo", "-o", tmp_path, "--list")
    shown = capsys.readouterr().out
    assert "full scale: 4.5 h, threads 1, dev: MCC 0.675 ± 0.010" in shown
    assert "to do\tteacher-3\tpromscan train windows" in shown
