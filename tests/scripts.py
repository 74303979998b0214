"""Scripts of the checkout, run in process as `python -m MODULE ARGUMENTS` would."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parent.parent


def run_script(module: str, *arguments: object) -> None:
    """Run the `main` of a module with these arguments."""
    script = importlib.import_module(module)
    with mock.patch.object(sys, "argv", [str(script.__file__), *map(str, arguments)]):
        script.main()


def result_of(module: str, *arguments: object, output: Path) -> dict[str, Any]:
    """The result that a benchmark script writes with these arguments."""
    run_script(module, *arguments, "-o", output)
    values: dict[str, Any] = json.loads(output.read_text())
    return values


def modules_in(folder: str) -> list[str]:
    """The modules of the packages below a folder of the checkout that can be run."""
    paths = sorted(path for path in (ROOT / folder).rglob("*.py") if (path.parent / "__init__.py").is_file())
    runnable = (path for path in paths if '__name__ == "__main__"' in path.read_text(encoding="utf-8"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in runnable]
