"""`promscan selftest`: the stored results are those of today's weights, and a difference is found.

`PROMSCAN_UPDATE_GOLDEN=1` stores the results anew.
"""

from __future__ import annotations

import json
import os

import pytest

from promscan.commands import selftest
from promscan.networks.model_files import bundled_models

STORED = selftest.demo_folder() / "selftest.json"


@pytest.mark.slow
def test_the_bundled_models_give_the_stored_results(promscan_cli):
    if os.environ.get("PROMSCAN_UPDATE_GOLDEN") == "1":
        STORED.write_text(json.dumps(selftest.describe(), indent=1) + "\n", encoding="utf-8")
    done = promscan_cli("selftest", "--device", "cpu", "-t", 1)
    assert (done.status, done.err) == (0, "")
    names, said = zip(*(line.split("\t") for line in done.out.splitlines()), strict=True)
    assert list(names) == bundled_models()
    assert all(text.startswith("ok, ") for text in said)


def test_the_stored_results_are_of_the_bundled_weights():
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    cards = {name: selftest.read_card(selftest.find_model(name)) for name in bundled_models()}
    assert {name: each["sha256"] for name, each in stored.items()} == {
        name: card.sha256 for name, card in cards.items()
    }
    assert all(len(each["values"]) >= 3 for each in stored.values())


@pytest.mark.parametrize(
    ("got", "problem"),
    [
        ({"a": 4.0, "b": 5.0}, None),
        ({"a": 4.009, "b": 5.0}, None),
        ({"a": 4.0, "b": 5.0, "c": 3.005}, None),  # at the threshold: rounding decides
        ({"a": 4.02, "b": 5.0}, "a scores 4.0200 instead of 4.0000"),
        ({"a": float("nan"), "b": 5.0}, "a scores nan instead of 4.0000"),
        ({"a": 4.0}, "1 missing, the first b"),
        ({"a": 4.0, "b": 5.0, "c": 3.5, "d": 6.0}, "2 unexpected, the first c"),
    ],
)
def test_what_differs_is_said(got, problem):
    assert selftest.compare("model", {"a": 4.0, "b": 5.0}, got, lowest=3.0).problem == problem


def test_other_weights_and_other_scores_fail(promscan_cli, tmp_path, monkeypatch):
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    changed = {"core70": {**stored["core70"], "values": {**stored["core70"]["values"], "other": 1.0}}}
    (tmp_path / "selftest.json").write_text(json.dumps(changed), encoding="utf-8")
    (tmp_path / "demo.fa").symlink_to(STORED.parent / "demo.fa")
    monkeypatch.setattr(selftest, "demo_folder", lambda: tmp_path)
    monkeypatch.setattr(selftest, "bundled_models", lambda: ["core70", "yeast"])
    done = promscan_cli("selftest", "--device", "cpu", "-t", 1)
    assert done.status == 1
    assert done.out.splitlines() == [
        "core70\t1 missing, the first other",
        "yeast\tits weights are not those of this version; install promscan again",
    ]
    assert done.err == "promscan: error: selftest: 2 models of this installation cannot be trusted\n"


def test_missing_results_are_one_line(promscan_cli, tmp_path, monkeypatch):
    monkeypatch.setattr(selftest, "demo_folder", lambda: tmp_path)
    done = promscan_cli("selftest")
    assert done.status == 1
    reason = "cannot be read (No such file or directory); install promscan again"
    assert done.err == f"promscan: error: {tmp_path}/selftest.json: {reason}\n"
