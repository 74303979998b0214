"""Completion in a shell: names of models, and files where no name fits."""

from __future__ import annotations

import click
import pytest
from click.shell_completion import ShellComplete

from promscan.cli import cli
from promscan.cli.completion import parameters, takes_file
from promscan.networks.model_files import bundled_models


def completed(words: list[str], text: str) -> list[tuple[str, str]]:
    shell = ShellComplete(cli, {}, "promscan", "_PROMSCAN_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(words, text)]


@pytest.mark.parametrize("words", [["scan", "--model"], ["score", "--model"], ["scan", "--strength"], ["calibrate"]])
def test_a_model_is_completed_by_name(words):
    assert completed(words, "yea") == [("file", "yea"), ("plain", "yeast"), ("plain", "yeast-strength")]
    assert [value for kind, value in completed(words, "") if kind == "plain"] == bundled_models()


def test_where_no_name_fits_files_are_completed():
    assert completed(["scan", "--model"], "runs/mine/b") == [("file", "runs/mine/b")]


@pytest.mark.parametrize(
    "words",
    [
        ["scan"], ["scan", "genome.fa", "-o"], ["scan", "--bed"], ["scan", "--track"], ["merge"], ["merge", "a.bed"],
        ["report", "a.bed"], ["annotate", "hits.bed"], ["train", "genome", "genome.fa"], ["evaluate", "--tss"],
        ["train", "strength"], ["score", "-o"], ["explain"], ["variants"],
    ],
)  # fmt: skip
def test_files_are_completed_where_a_command_takes_one(words):
    assert completed(words, "data/g") == [("file", "data/g")]


def test_every_text_of_a_command_is_completed_or_is_no_file():
    """A new argument or option that takes a file must have a name that says so."""
    free = {
        "BASE", "BASES", "BP,...", "BP|BP-BP", "DEVICE", "FILE WEIGHT PLACE", "I/N", "LOW:HIGH", "N", "NAME",
        "NAME=FILE", "NAME=SPEC", "NAME=X", "NAMES", "NAME|ALL", "NAME|PATH", "NAME|PATH|NONE", "MODEL", "MODEL2",
        "R", "REGEX", "SEQ|FASTA", "SITE", "SPECIES", "TEXT", "TITLE", "UNIT", "X", "X,Y",
    }  # fmt: skip
    texts = [parameter for parameter in parameters(cli) if parameter.type is click.STRING]
    assert {(p.metavar or p.name or "").upper() for p in texts if not takes_file(p)} <= free


def test_commands_are_completed():
    assert ("plain", "scan") in completed([], "sc")
