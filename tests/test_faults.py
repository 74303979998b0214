"""The table of faults names tests that exist, of every kind."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs/internals/faults.md"
KINDS = 15


def rows() -> list[tuple[str, str, str]]:
    """Number of the kind, fault, and test of each row."""
    kind, found = "", []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## (\d+)\. ", line):
            kind = heading[1]
        elif line.startswith("| ") and not line.startswith(("| fault |", "| --- |")):
            fault, test = (cell.strip() for cell in line.strip("|").split(" | "))
            found.append((kind, fault, test))
    return found


def test_every_kind_has_rows() -> None:
    assert {kind for kind, _, _ in rows()} == {str(number) for number in range(1, KINDS + 1)}


@pytest.mark.parametrize(("kind", "fault", "test"), rows(), ids=[f"{kind}-{test[1:-1]}" for kind, _, test in rows()])
def test_each_test_of_the_table_exists(kind: str, fault: str, test: str) -> None:
    match = re.fullmatch(r"`(test_\w+\.py)::(test_\w+)`", test)
    assert match is not None, (kind, fault)
    module = ast.parse((TESTS / match[1]).read_text(encoding="utf-8"))
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == match[2]]
    assert len(functions) == 1
    assert any(isinstance(node, ast.Assert | ast.With) for node in ast.walk(functions[0]))
