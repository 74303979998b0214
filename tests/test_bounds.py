"""Every number has bounds: options out of range are wrong usage, arguments out of range an InputError; no overflow."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.cli import cli
from promscan.errors import InputError
from promscan.inference.settings import EngineSettings
from promscan.seq.bounds import check_number, check_odd, check_whole, rounded_inwards
from promscan.strength.constraints import Limits
from promscan.train.data.segments import SegmentRecipe

HUGE = ("9223372036854775808", "99999999999999999999", "9" * 5000, "1" + "0" * 400)


def commands(group: click.Group = cli, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command by its name, which has two words in a group."""
    for word, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*words, word))
        else:
            yield " ".join((*words, word)), command


COMMANDS = dict(commands())


def number_options(command: click.Command) -> Iterator[click.Option]:
    for option in command.params:
        if isinstance(option, click.Option) and isinstance(option.type, click.types._NumberRangeBase):
            yield option


def required(command: click.Command) -> list[str]:
    words = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            words.append("x")
        elif parameter.required:
            words += [parameter.opts[-1], "1" if parameter.opts[0] == "--strength" else "x"]
    return words


@pytest.mark.parametrize("huge", HUGE, ids=["2^63", "10^20", "5000-digits", "10^400"])
@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option.opts[0]) for name, command in COMMANDS.items() for option in number_options(command)],
)
def test_a_huge_number_is_wrong_usage_in_one_short_line(name: str, option: str, huge: str) -> None:
    result = CliRunner().invoke(cli, [*name.split(), *required(COMMANDS[name]), option, huge])
    assert result.exit_code == 2
    assert re.search(rf"'{option}'.*not (in the range|a finite number)", result.output.splitlines()[-1])
    assert len(result.output.splitlines()[-1]) < 600


@pytest.mark.parametrize("name", COMMANDS)
def test_every_number_has_both_bounds(name: str) -> None:
    for option in number_options(COMMANDS[name]):
        assert option.type.min is not None  # type: ignore[attr-defined]
        assert option.type.max is not None  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_number_is_of_a_type_with_bounds(name: str) -> None:
    """A probability and a rate are compared by the command, whose bounds depend on the model."""
    for option in COMMANDS[name].params:
        kind = option.type
        if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
            assert isinstance(kind, click.types._NumberRangeBase) or option.name in ("threshold", "fp_per_mb")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_no_bound_that_is_none(name: str) -> None:
    text = CliRunner().invoke(cli, [*name.split(), "--help"]).output
    assert "None" not in text
    assert "x<=" not in text


@pytest.mark.parametrize(
    "line",
    [
        "train windows x --dev x -o",
        "train pretrain x -o",
        "train strength x -o",
        "train genome x x --dev x --species x -o",
        "calibrate x --genome x --exclude x -o",
        "evaluate x --tss x --genome x --plot",
        "explain x --plots",
        "explain x --motifs",
    ],
)
def test_a_path_without_a_name_is_not_the_current_folder(line: str) -> None:
    for name, message in (("", "the name is empty; name a file or a folder"), ("-", "standard output cannot take it")):
        result = CliRunner().invoke(cli, [*line.split(), name])
        assert result.exit_code == 2
        assert message in result.output


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e300", "five"])
def test_a_strength_must_be_a_finite_number(text: str) -> None:
    result = CliRunner().invoke(cli, ["design", "--strength", text, "-o", "x.fa"])
    assert result.exit_code == 2
    assert "--strength" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        {"strengths": [math.nan]},
        {"strengths": [10**400]},
        {"strengths": []},
        {"count": 0},
        {"count": 1 << 64},
        {"count": 1.5},
        {"seed": -1},
        {"seed": 10**5000},
        {"min_difference": 10**400},
        {"max_changes": 10**400, "start": "ACGT"},
        {"tolerance": math.inf},
        {"tolerance": -1},
        {"max_homopolymer": 10**20},
        {"threads": 10**20},
    ],
    ids=lambda arguments: "-".join(arguments),
)
def test_design_refuses_arguments_out_of_range(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        promscan.design(**{"strengths": [5.0], "device": "cpu", **arguments})


@pytest.mark.parametrize("name", ["stride", "threads", "batch_size", "smoothing"])
@pytest.mark.parametrize("value", [0, -1, 1 << 63, 10**400])
def test_engine_settings_out_of_range_name_the_setting(name: str, value: int) -> None:
    with pytest.raises(InputError, match=name):
        EngineSettings(**{name: value})


RECIPES: dict[type, dict[str, list[Any]]] = {
    promscan.WindowRecipe: {
        "learning_rate": [0, -1, math.nan, math.inf, 10**40, "1"],
        "weight_decay": [-1, math.nan],
        "batch_size": [0, 10**30, 1.5, True],
        "epochs": [0, 10**30],
        "clip": [0, math.inf],
        "averaging": [1, -0.1, math.nan],
        "precision": ["float64", None],
        "seed": [-1, 10**30],
        "patience": [0, 10**30],
        "sampler": ["random"],
        "label_smoothing": [1, -0.5, math.nan],
        "surroundings": [-1, 71],
    },
    promscan.PretrainRecipe: {"batch_size": [1], "windows_per_epoch": [1, 10**30]},
    promscan.GenomeRecipe: {
        "min_distance": [0, 10**30],
        "segments_per_epoch": [0, 10**30],
        "dev_bases": [0],
        "mining_bases": [-1],
        "ranking": [-1, math.nan],
        "placing": [math.inf],
        "background": [0, -1, math.nan],
        "teaching": [-1, math.inf],
    },
    promscan.StrengthRecipe: {
        "shares": [{"a": -1}, {"a": math.inf}, {"a": 0}, {"a": 1e-320, "b": 0}],
        "rows_per_epoch": [-1, 10**30],
        "dev_share": [0, 1, math.nan],
        "test_share": [1, -1],
        "patience": [0],
    },
    SegmentRecipe: {
        "windows": [0, 10**30],
        "near": [-1],
        "ignored": [10**30],
        "opposite_weight": [-1, math.nan],
        "flank_weight": [0],
        "mined_weight": [0, math.inf],
        "pasted": [1.5],
        "mutations": [-0.1, math.nan],
    },
}


@pytest.mark.parametrize(
    ("recipe", "name", "value"),
    [(recipe, name, value) for recipe, names in RECIPES.items() for name, values in names.items() for value in values],
)
def test_a_recipe_out_of_range_names_the_setting(recipe: type, name: str, value: Any) -> None:
    with pytest.raises(InputError, match="share" if name == "shares" else name) as stop:
        recipe(**{name: value})
    assert len(str(stop.value)) < 200


@pytest.mark.parametrize("name", ["tolerance", "false_beyond", "clearance"])
@pytest.mark.parametrize("value", [-1, 1 << 63, 10**400])
def test_evaluate_refuses_distances_out_of_range_by_name(name: str, value: int) -> None:
    with pytest.raises(InputError, match=name):
        promscan.evaluate("x.bed", "tss.bed", "x.fa", **{name: value})


def test_a_run_of_one_base_has_a_largest_length() -> None:
    with pytest.raises(InputError, match="max_homopolymer must be at most"):
        Limits(max_homopolymer=10**20)


def test_messages_say_the_bound_and_never_write_out_thousands_of_digits() -> None:
    with pytest.raises(InputError, match=r"n must be at most 9, got a number of 5001 digits"):
        check_whole("n", 10**5000, 1, 9)
    with pytest.raises(InputError, match="n must be at least 1, got 0"):
        check_whole("n", 0, 1, 9)
    with pytest.raises(InputError, match="n must be a whole number, not True"):
        check_whole("n", True, 1, 9)
    with pytest.raises(InputError, match="x must be a number from 0 to 1, got nan"):
        check_number("x", math.nan, 0, 1)
    with pytest.raises(InputError, match="width must be odd and positive, got 4"):
        check_odd("width", 4, 9)


@given(end=st.floats(-1e6, 1e6), side=st.sampled_from([1, -1]))
def test_the_ends_of_a_range_are_rounded_into_it(end: float, side: Literal[1, -1]) -> None:
    shown = float(rounded_inwards(end, side))
    assert side * shown >= side * end
    assert shown == pytest.approx(end, rel=0.011, abs=1e-300)


@pytest.mark.parametrize("digits", ["\u0661", "1_0", "\uff11"])
@pytest.mark.parametrize("option", ["--threads", "--min-distance", "--fp-per-mb", "--threshold"])
def test_only_plain_digits_are_a_number(option: str, digits: str) -> None:
    result = CliRunner().invoke(cli, ["scan", "x.fa", "-o", "x.bed", f"{option}={digits}"])
    assert result.exit_code == 2
    assert "is not a number of the digits 0 to 9" in result.output


@pytest.mark.parametrize(
    "words",
    ["--composition 100,\u0663", "--context-bins \uff11", "--frames 1_0"],
)
def test_only_plain_digits_are_a_list_of_widths(words: str) -> None:
    line = ["train", "genome", "x", "x", "--dev", "x", "--species", "x", "-o", "x", *words.split()]
    result = CliRunner().invoke(cli, line)
    assert result.exit_code == 2
    assert "give whole numbers with commas between them" in result.output


@pytest.mark.parametrize("shares", ["a=\u0663", "a=1_0", "=3", "a", "a=nan", "a=-1", "a=0", "a=1e999", "a=1 a=2"])
def test_a_share_is_a_number_for_one_unit(shares: str) -> None:
    options = [word for share in shares.split() for word in ("--share", share)]
    result = CliRunner().invoke(cli, ["train", "strength", "x", "-o", "x", *options])
    assert result.exit_code == 2
    assert re.search("'--share': (give|shares must be)", result.output)
