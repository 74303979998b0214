"""Settings of a training that follow from the genome, and how options replace them."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from promscan.cli import cli
from promscan.cli.train.genome import genome as command
from promscan.networks.card_parts import Scale
from promscan.seq import dna
from promscan.train import genome as training
from promscan.train.data.segments import SegmentRecipe
from promscan.train.genome_settings import CHOSEN, settings_for
from promscan.train.genome_trainer import GenomeRecipe


@pytest.mark.parametrize(
    ("bases", "starts", "kind", "expected"),
    [
        (1_641_481, 1870, "small", {"tolerance": 20, "clearance": 100, "mining_bases": 0, "fp_per_mb": 100}),
        (4_641_652, 100, "small", {"tolerance": 20, "segments_per_epoch": 1000, "epochs": 20}),
        (12_100_000, 5117, "compact", {"tolerance": 50, "min_distance": 200, "mining_bases": 500_000, "place": 32}),
        (12_600_000, 300, "compact", {"mining_bases": 0, "segments_per_epoch": 1200, "epochs": 20}),
        (143_700_000, 16_972, "compact", {"segments_per_epoch": 8000}),
        (68_300_426, 1800, "large", {"tolerance": 100, "clearance": 1000, "min_distance": 500, "fp_per_mb": 10}),
        (2_800_000_000, 25_000, "large", {"false_beyond": 500}),
        (48_000, 20, "piece", {"tolerance": 100, "segments_per_epoch": 1000}),
    ],
)
def test_size_and_density_choose_the_settings(bases: int, starts: int, kind: str, expected: dict[str, float]) -> None:
    choice = settings_for(bases, starts)
    assert kind in choice.why
    assert expected.items() <= choice.values.items()
    assert choice.values.keys() <= CHOSEN


def test_the_settings_of_a_large_genome_are_the_usual_ones() -> None:
    chosen, usual = settings_for(68_000_000, 1800).values, {**vars(Scale()), "min_distance": GenomeRecipe.min_distance}
    assert {name: value for name, value in chosen.items() if name in usual} == usual


def test_every_setting_is_an_option_and_its_help_says_where_its_default_comes_from() -> None:
    options = {option.name: option for option in command.params if isinstance(option, click.Option)}
    assert options.keys() >= CHOSEN
    by_genome = {name for name, option in options.items() if "[default: by the genome]" in (option.help or "")}
    assert by_genome == CHOSEN


@pytest.fixture
def small_genome(tmp_path: Path) -> list[str]:
    """Arguments that name half a Mb of random sequence with 300 starts."""
    rng = np.random.default_rng(1)
    fasta, bed = tmp_path / "genome.fa", tmp_path / "tss.bed"
    codes = rng.integers(0, 4, 500_000, dtype=np.uint8)
    fasta.write_text(f">one\n{dna.decode(codes)}\n")
    bed.write_text("".join(f"one\t{at}\t{at + 1}\t.\t0\t+\n" for at in range(1000, 481_000, 1600)))
    return [str(fasta), str(bed), "--dev", "one:1-100,000", "-o", str(tmp_path / "run")]


def recipe_of(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[GenomeRecipe, str]:
    """The recipe that the command trains by, and its messages."""
    recipes = list[GenomeRecipe]()
    monkeypatch.setattr(training, "train_genome", lambda _genome, _out, recipe, **_options: recipes.append(recipe))
    result = CliRunner().invoke(cli, ["train", "genome", *arguments, "--species", "Synthetic minor"])
    assert result.exit_code == 0, result.output
    return recipes[0], result.output


def test_a_small_genome_is_trained_like_bacteria_and_a_line_says_so(
    small_genome: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, messages = recipe_of(small_genome, monkeypatch)
    assert recipe.scale == Scale(clearance=100, false_beyond=20, tolerance=20, opposite_reach=60, fp_per_mb=100)
    assert (recipe.segments.near, recipe.background, recipe.epochs) == (2, 100, 20)
    assert recipe.architecture.frames == (30, 90, 180, 300, 480, 900)
    assert recipe.architecture.place_in_logit
    line = next(line for line in messages.splitlines() if line.startswith("settings for"))
    assert line.startswith("settings for a small genome, as bacteria have: 0.5 Mb, 600 listed TSSs per Mb: --")
    assert "--tolerance 20 " in line
    assert "--frames 30,90,180,300,480,900 " in line
    assert "--place-in-logit " in line


def test_an_option_that_is_named_wins(small_genome: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    named = ["--tolerance", "100", "--near", "10", "--frames", "", "--epochs", "3"]
    recipe, messages = recipe_of([*small_genome, *named], monkeypatch)
    assert (recipe.scale.tolerance, recipe.segments.near, recipe.epochs) == (100, 10, 3)
    assert recipe.architecture.frames == ()
    assert recipe.scale.false_beyond == 20
    assert "--tolerance" not in messages


def test_the_network_of_the_weights_to_start_from_stays_as_it_is(
    small_genome: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, messages = recipe_of([*small_genome, "--init", "human"], monkeypatch)
    assert recipe.architecture.composition == (100, 300, 1000, 2500)
    assert recipe.architecture.frames == ()
    assert recipe.scale.tolerance == 20
    assert "--frames" not in messages


def test_the_usual_values_of_segments_are_those_of_the_recipe() -> None:
    options = {option.name: option.default for option in command.params}
    usual = vars(SegmentRecipe())
    assert all(options[name] == value for name, value in usual.items() if name in options)


def test_large_numbers_in_the_line_are_whole() -> None:
    assert settings_for(3_100_000_000, 29_598, sized=False).why == "a large genome: 3,100 Mb, 9.55 listed TSSs per Mb"
    assert settings_for(35_000, 50, sized=False).why == "a piece of a genome: 0.035 Mb, 1,429 listed TSSs per Mb"
