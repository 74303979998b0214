"""Files appear whole or not at all."""

import json
from pathlib import Path

import pytest

from promscan.errors import RunError
from promscan.io.files import atomic_path, check_outputs, open_text_output
from promscan.io.hit_writers import write_summary


def write_json(path, summary):
    with open_text_output(str(path)) as file:
        write_summary(file, summary)


def test_summary_is_sorted_json(tmp_path):
    path = tmp_path / "summary.json"
    write_json(path, {"b": 1, "a": {"name": "é", "x": None}})
    assert path.read_text(encoding="utf-8") == '{\n  "a": {\n    "name": "é",\n    "x": null\n  },\n  "b": 1\n}\n'
    assert json.loads(path.read_bytes())["b"] == 1


def test_summary_that_is_no_json_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "summary.json", {"a": object()})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_with_the_name_of_the_file():
    with pytest.raises(RunError, match="/dev/full: cannot be written: No space left"):
        write_json("/dev/full", {})


def test_text_output(tmp_path, capsys):
    with open_text_output(str(tmp_path / "x.tsv")) as file:
        file.write("a\n")
        assert not (tmp_path / "x.tsv").exists()
    assert (tmp_path / "x.tsv").read_bytes() == b"a\n"
    with open_text_output("-") as file:
        file.write("b\n")
    assert capsys.readouterr().out == "b\n"


def half_write(target):
    with atomic_path(target) as path:
        path.write_text("half")
        raise ZeroDivisionError


def test_atomic_path_replaces_whole_files_or_none(tmp_path):
    target = tmp_path / "x"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError):
        half_write(target)
    assert target.read_text() == "old"
    with atomic_path(target) as path:
        path.write_text("new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_output_is_neither_an_input_nor_another_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genome.fa").write_text(">a\nACGT\n")
    (tmp_path / "link.bed").symlink_to("genome.fa")
    for output in ("genome.fa", "./genome.fa", tmp_path / "genome.fa", "link.bed"):
        with pytest.raises(RunError, match="is read by this command; name another file to write to"):
            check_outputs([None, output], ["genome.fa", None])
    with pytest.raises(RunError, match=r"x\.bed: is named for two outputs"):
        check_outputs(["x.bed", tmp_path / "x.bed"], [])


def test_what_is_never_replaced_may_be_named_twice():
    check_outputs(["-", "/dev/null", "/dev/null"], ["-", "/dev/null"])


def test_a_check_leaves_nothing_behind(tmp_path):
    check_outputs([tmp_path / "x.bed", None], [tmp_path / "genome.fa"])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RunError, match="cannot be written: No such file or directory; choose another place"):
        check_outputs([tmp_path / "no" / "x.bed"], [])
    with pytest.raises(RunError, match="is a folder; name a file in it"):
        check_outputs([tmp_path], [])
