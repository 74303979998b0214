"""Progress as it stands in the log of a cluster: lines, not a bar."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import pytest

from promscan import log


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, in a list of one; the tests move it on."""
    now = [1000.0]
    monkeypatch.setattr(log.time, "monotonic", lambda: now[0])
    return now


def test_a_line_says_what_is_done_how_fast_and_what_is_left(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "promscan"), log.progress(48_000, "training", "windows") as bar:
        bar.advance(100)
        clock[0] += log.LINE_EVERY_SECONDS
        bar.note("dev AUC 0.9")
        bar.advance(11_900)
    assert caplog.messages == ["training: 12,000 of 48,000 windows, 100 windows/s, about 6 min left, dev AUC 0.9"]


def test_a_bar_outlives_more_than_was_announced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    with caplog.at_level(logging.INFO, "promscan"), log.progress(1.5, "scanning", "Mb") as bar:
        bar.advance(1.0)
        bar.advance(7.0)
    assert "8.00/8.00 Mb" in terminal.getvalue()


def test_parts_of_a_unit_are_shown_where_there_are_few(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "promscan"), log.progress(None, "scanning", "Mb") as bar:
        clock[0] += log.LINE_EVERY_SECONDS
        bar.advance(0.6)
    assert caplog.messages == ["scanning: 0.60 Mb, 0.005 Mb/s"]


def test_what_was_done_before_has_no_part_in_the_rate(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "promscan"), log.progress(48_000, "training", "windows", done=24_000) as bar:
        clock[0] += log.LINE_EVERY_SECONDS
        bar.advance(12_000)
    assert caplog.messages == ["training: 36,000 of 48,000 windows, 100 windows/s, about 2 min left"]


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\x1b[31mb", "a\x00b", "a\u2028b", "a\x85b"])
def test_a_message_is_one_line_whatever_it_repeats(promscan_cli, tmp_path: Path, text: str) -> None:
    shown = log.one_line(text)
    assert shown.isprintable()
    assert shown.startswith("a%")
    for path in (tmp_path / f"{text.replace(chr(0), '')}.fa", tmp_path / "genome.fa"):
        outcome = promscan_cli("scan", path, "-o", tmp_path / "hits.bed", "--model", "no such\nmodel")
        assert outcome.status == 1
        assert outcome.err.count("\n") == 1
        assert outcome.err[:-1].isprintable()
