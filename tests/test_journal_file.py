"""A journal is opened without following links, and is believed only as a scan wrote it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from itertools import islice

import pytest
from genomes import EVERY_WINDOW, TINY, random_bases

import promscan
from promscan.commands.scanning.journal_file import JOURNAL
from promscan.errors import RunError
from promscan.inference.windowed import WindowedEngine

CONTIGS = {"chr1": random_bases(300, 1)}
OLD_FIRST_LINE = '{"scan": {"promscan": "0.1.0", "model": "tiny"}, "chunk_step": 4096}\n'


@pytest.fixture(autouse=True)
def a_line_for_every_small_chunk(monkeypatch):
    monkeypatch.setattr("promscan.commands.scanning.journal.INTERVAL", 0)
    monkeypatch.setattr(WindowedEngine, "chunk_step", 50)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "hits.bed.resume"


def scan_of(folder=None):
    return promscan.scan(CONTIGS, model=TINY, strength=None, device="cpu", resume=folder, **EVERY_WINDOW)


def stopped(folder, hits=400):
    running = iter(scan_of(folder))
    assert len(list(islice(running, hits))) == hits
    running.close()
    return folder / JOURNAL


def refusal(folder):
    """The message of a scan that goes on from the folder, which it must leave as it is."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else None
    with pytest.raises(RunError) as caught:
        list(scan_of(folder))
    after = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else None
    assert after == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What is not ours


@pytest.mark.parametrize("content", ["precious\n", "precious", '{"notes": 1}\n', "\0\0\0", "{}", "[]\n", "#promscan\n"])
def test_a_file_of_the_user_is_neither_overwritten_nor_removed(folder, content):
    folder.mkdir()
    (folder / JOURNAL).write_text(content)
    assert refusal(folder).endswith("journal.jsonl: is not a journal of a scan; move it, or name another output")
    scan_of(folder).finish()
    assert (folder / JOURNAL).read_text() == content


@pytest.mark.parametrize("content", ["precious\n", ""])
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_journal_that_is_a_link_is_refused_and_its_target_untouched(folder, tmp_path, link, content):
    (target := tmp_path / "target").write_text(content)
    folder.mkdir()
    link(target, folder / JOURNAL)
    assert "journal.jsonl: is not a journal of a scan" in refusal(folder)
    scan_of(folder).finish()
    assert target.read_text() == content
    assert (folder / JOURNAL).exists()


def test_a_journal_of_another_scan_is_not_reached_through_a_link(folder, tmp_path):
    other = stopped(tmp_path / "other.bed.resume")
    folder.mkdir()
    (folder / JOURNAL).symlink_to(other)
    assert "is not a journal of a scan" in refusal(folder)


def test_a_dangling_link_creates_nothing(folder, tmp_path):
    folder.mkdir()
    (folder / JOURNAL).symlink_to(tmp_path / "new")
    with pytest.raises(RunError, match="is not a journal of a scan"):
        list(scan_of(folder))
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_link_is_refused(folder, tmp_path):
    (tmp_path / "real").mkdir()
    folder.symlink_to(tmp_path / "real")
    assert "hits.bed.resume: is a link or a file, and no folder" in refusal(folder)
    scan_of(folder).finish()
    assert folder.is_symlink()
    assert list((tmp_path / "real").iterdir()) == []


def test_only_the_owner_can_open_the_folder(folder):
    stopped(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_in_the_place_of_the_folder_is_refused(folder):
    folder.write_text("precious\n")
    assert "is a link or a file, and no folder" in refusal(folder)
    assert folder.read_text() == "precious\n"


def test_a_pipe_in_the_place_of_the_journal_is_refused_at_once(folder):
    folder.mkdir()
    os.mkfifo(folder / JOURNAL)
    with pytest.raises(RunError, match="is not a journal of a scan"):
        list(scan_of(folder))


def test_foreign_files_in_the_folder_survive(folder):
    stopped(folder)
    (folder / "notes.txt").write_text("precious\n")
    (folder / "link").symlink_to("nowhere")
    job = scan_of(folder)
    assert list(job) == list(scan_of())
    job.finish()
    assert sorted(path.name for path in folder.iterdir()) == ["link", "notes.txt"]
    assert (folder / "notes.txt").read_text() == "precious\n"


# What was changed


def edited_logit(lines):
    return [lines[0], lines[1].replace(b'"probability": 0.', b'"probability": 1.'), *lines[2:]]


def edited_place(lines):
    return [*lines[:-1], lines[-1].replace(b'"windows": ', b'"windows": 1')]


def without_a_line(lines):
    return [*lines[:2], *lines[3:]]


def a_line_twice(lines):
    return [*lines[:2], lines[1], *lines[2:]]


def other_order(lines):
    return [lines[0], lines[2], lines[1], *lines[3:]]


def no_checksum(lines):
    line = json.loads(lines[1])
    del line["checksum"]
    return [lines[0], json.dumps(line).encode() + b"\n", *lines[2:]]


def another_first_line(lines):
    return [lines[0].replace(b'"stride": "1"', b'"stride": "2"'), *lines[1:]]


def garbage(lines):
    return [*lines[:2], b"\xff\xfe{\n", *lines[2:]]


CHANGES = {
    edited_logit: 2,
    edited_place: None,
    without_a_line: 3,
    a_line_twice: 3,
    other_order: 2,
    no_checksum: 2,
    another_first_line: 1,
    garbage: 3,
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_line_is_refused_by_its_number(folder, change):
    journal = stopped(folder)
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) > 4
    changed = change(lines)
    assert changed != lines
    journal.write_bytes(b"".join(changed))
    number = CHANGES[change] or len(lines)
    assert f"journal.jsonl, line {number}: was changed after a scan wrote it; remove the folder" in refusal(folder)


def with_checksums(lines):
    """Lines as a program would write them that knows the checksums, which are no secret."""
    checksum, texts = "", []
    for line in lines:
        body = json.dumps({key: value for key, value in line.items() if key != "checksum"}).encode().removesuffix(b"}")
        checksum = hashlib.sha256(checksum.encode() + body).hexdigest()[:16]
        texts.append(body + b', "checksum": "' + checksum.encode() + b'"}\n')
    return b"".join(texts)


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [(0, "scan", 5), (1, "hits", 5), (1, "hits", [{"chrom": "chr1"}])]
    + [(-1, field, value) for field in ("place", "scored", "caller") for value in (None, {"x": 1}, [[]], "x")],
)
def test_lines_that_no_scan_writes_are_refused_though_their_checksums_are_right(folder, line, field, value):
    journal = stopped(folder)
    lines = list(map(json.loads, journal.read_bytes().splitlines()))
    lines[line][field] = value
    journal.write_bytes(with_checksums(lines))
    assert "journal.jsonl: was changed after a scan wrote it; remove the folder" in refusal(folder)


WRONG_VALUES = [
    (("hits", 0, "chrom"), 5),
    (("hits", 0, "start"), "x"),
    (("hits", 0, "start"), -1),
    (("hits", 0, "start"), 10**30),
    (("hits", 0, "strand"), "*"),
    (("hits", 0, "tss"), 1.5),
    (("hits", 0, "logit"), None),
    (("hits", 0, "logit"), math.nan),
    (("hits", 0, "probability"), "0.5"),
    (("hits", 0, "strength"), "high"),
    (("hits", 0, "strength_sd"), []),
    (("hits", 0), [1, 2]),
    (("place", "chrom"), None),
    (("place", "end"), "50"),
    (("place", "crc"), True),
    (("scored", "windows"), "many"),
    (("scored", "bases"), -5),
    (("scored", "chrom"), 1),
    (("caller", 0, "chrom"), 7),
    (("caller", 0, "start"), "x"),
    (("caller", 0, "decided"), 1.0),
    (("caller", 0, "length"), 10**12),
    (("caller", 0, "passing"), {}),
    (("caller", 0, "passing"), [[-1, 0.5, 0.5]]),
    (("caller", 0, "passing"), [["0", 0.5, 0.5]]),
    (("caller", 0, "passing"), [[0, 0.5]]),
    (("caller",), []),
]


@pytest.mark.parametrize(("place", "value"), WRONG_VALUES)
def test_values_of_another_type_are_refused_though_their_checksums_are_right(folder, place, value):
    journal = stopped(folder)
    lines = list(map(json.loads, journal.read_bytes().splitlines()))
    *parents, last = place
    holder = lines[-1]
    for key in parents:
        holder = holder[key]
    holder[last] = value
    journal.write_bytes(with_checksums(lines))
    assert "journal.jsonl: was changed after a scan wrote it; remove the folder" in refusal(folder)


@pytest.mark.parametrize("step", [None, 0, -1, True, 50.0, "50", 10**30])
def test_a_step_that_no_scan_takes_is_refused(folder, step):
    journal = stopped(folder)
    lines = list(map(json.loads, journal.read_bytes().splitlines()))
    lines[0]["chunk_step"] = step
    journal.write_bytes(with_checksums(lines))
    assert "journal.jsonl: was changed after a scan wrote it; remove the folder" in refusal(folder)


@pytest.mark.parametrize(
    "first_line", [OLD_FIRST_LINE, '{"promscan_journal": 2, "scan": {}}\n', '{"promscan_journal": 5, "scan": {}}\n']
)
def test_a_journal_of_another_version_is_refused_in_one_line(folder, first_line):
    folder.mkdir()
    (folder / JOURNAL).write_text(first_line + '{"place": {}}\n')
    assert "hits.bed.resume: holds the journal of another version of promscan; finish that scan" in refusal(folder)


def test_a_first_line_that_was_cut_short_starts_anew(folder):
    text = stopped(folder).read_bytes()
    for length in (0, 1, 20, 25, 60):
        (folder / JOURNAL).write_bytes(text[:length])
        assert list(scan_of(folder)) == list(scan_of())


def test_a_journal_holds_its_version_and_a_checksum_a_line(folder):
    lines = [json.loads(line) for line in stopped(folder).read_text().splitlines()]
    assert lines[0]["promscan_journal"] == 4
    assert all(len(line["checksum"]) == 16 for line in lines)
