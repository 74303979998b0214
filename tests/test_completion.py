"""Completion in a shell: names of models, and files where no name fits."""

from __future__ import annotations

import pytest
from click.shell_completion import ShellComplete

from promscan.cli import cli
from promscan.networks.card import bundled_models


def completed(words: list[str], text: str) -> list[tuple[str, str]]:
    shell = ShellComplete(cli, {}, "promscan", "_PROMSCAN_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(words, text)]


@pytest.mark.parametrize("words", [["scan", "--model"], ["score", "--model"], ["scan", "--strength"], ["calibrate"]])
def test_a_model_is_completed_by_name(words):
    assert completed(words, "yea") == [("file", "yea"), ("plain", "yeast"), ("plain", "yeast-strength")]
    assert [value for kind, value in completed(words, "") if kind == "plain"] == bundled_models()


def test_where_no_name_fits_files_are_completed():
    assert completed(["scan", "--model"], "runs/mine/b") == [("file", "runs/mine/b")]


def test_commands_are_completed():
    assert ("plain", "scan") in completed([], "sc")
