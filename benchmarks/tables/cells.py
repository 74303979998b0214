"""Cells and rows of the tables; a dash stands for what was not measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.common import find_result, newest_results, read_result

NONE = "–"  # noqa: RUF001 - a dash, not a minus
Values = dict[str, Any]


def read(kind: str, name: str = "") -> Values:
    """The newest result `KIND.NAME.json`, or `KIND.json`; empty if it was never measured."""
    path = find_result(".".join(filter(None, [kind, name, "json"])))
    return {} if path is None else read_result(path)


def read_all(kind: str) -> list[Values]:
    """The newest results of a kind, sorted by the name of the model."""
    return [read_result(path) for path in newest_results() if path.name.startswith(f"{kind}.")]


def model_of(result: Values) -> str:
    """The name of the model that was measured."""
    return f"`{result['origin']['models'][0]['name']}`"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a dash if there are no rows."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines) if rows else f"{NONE}\n"


def show(form: str, *values: float | str | None) -> str:
    """The values in this form, or a dash if one of them is missing."""
    return NONE if None in values else form.format(*values)
