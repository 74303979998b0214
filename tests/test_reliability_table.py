"""Each row of the table of reliability names tests that exist, and each test of stress has a row."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "internals" / "reliability.md"
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")


def names_of_tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.fixture(scope="module")
def named() -> set[tuple[str, str]]:
    return set(NAMED.findall(PAGE.read_text(encoding="utf-8")))


def test_each_test_of_the_table_exists(named):
    assert len(named) > 30
    assert {name for name in named if name[1] not in names_of_tests(ROOT / name[0])} == set()


def test_each_row_of_the_table_names_a_test():
    faults, measured = PAGE.read_text(encoding="utf-8").split("| input | tenth, time")
    assert measured
    lines = faults.splitlines()
    rows = [line for before, line in pairwise(lines) if line.startswith("| ") and before.startswith("|")]
    assert rows
    assert [row for row in rows if not row.startswith("| ---") and not NAMED.search(row)] == []


def test_each_test_of_stress_is_in_the_table(named):
    files = [path for folder in ("stress", "fuzz") for path in (ROOT / "tests" / folder).glob("test_*.py")]
    assert len(files) >= 6
    there = {(str(path.relative_to(ROOT)), name) for path in files for name in names_of_tests(path)}
    assert there - named == set()
