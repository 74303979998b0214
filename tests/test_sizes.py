"""A function fits on a screen, and a module is read in one go."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "promscan"
MOST_LINES_OF_A_FUNCTION = 40
"""Its docstring, its decorators and the lines above its `def` do not count."""
MOST_LINES_OF_A_MODULE = 320


def lines_without_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    has_docstring = ast.get_docstring(function, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def functions(module: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_functions_are_short() -> None:
    long = [
        f"{path.relative_to(PACKAGE)}:{function.lineno} {function.name}: {lines}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if (lines := lines_without_docstring(function)) > MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_modules_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sorted(PACKAGE.rglob("*.py"))}
    long = [
        f"{path.relative_to(PACKAGE)}: {lines}" for path, lines in lengths.items() if lines > MOST_LINES_OF_A_MODULE
    ]
    assert long == []


def test_a_docstring_is_not_counted() -> None:
    (function,) = functions(ast.parse('def one(\n    a,\n):\n    """Say.\n\n    More.\n    """\n    return a\n'))
    assert lines_without_docstring(function) == 4
