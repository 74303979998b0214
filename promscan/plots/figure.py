"""Make plots and save them. matplotlib is loaded only when a figure is drawn."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from promscan.errors import DependencyError, RunError, is_lack_of_memory
from promscan.io.files import atomic_path, write_errors

FORMATS: Mapping[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""Formats of a picture, and the metadata that must be left out of each."""
CONFIG_FOLDER = "MPLCONFIGDIR"


@contextmanager
def _quiet_matplotlib() -> Iterator[None]:
    """Keep matplotlib's warnings about its folders and fonts from users.

    Where the home folder cannot be written to, matplotlib makes a temporary folder, names it in the environment of the
    process, warns of it, and removes it at exit. It needs the name only once, so the environment is restored.
    """
    folder, library = os.environ.get(CONFIG_FOLDER), logging.getLogger("matplotlib")
    level = library.level
    library.setLevel(logging.ERROR)
    try:
        yield
    finally:
        library.setLevel(level)
        if folder is None:
            os.environ.pop(CONFIG_FOLDER, None)
        else:
            os.environ[CONFIG_FOLDER] = folder


def require_matplotlib() -> None:
    """Check up front that pictures can be drawn.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    try:
        with _quiet_matplotlib():
            import matplotlib.figure  # noqa: F401
    except ImportError as error:
        if is_lack_of_memory(error):
            raise
        raise DependencyError("plots need matplotlib: pip install 'promscan[plot]'") from error


def new_figure(columns: int, rows: int = 1) -> tuple[Any, list[Any]]:
    """Make an empty figure; returns it and its axes, row by row."""
    with _quiet_matplotlib():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.2 * columns, 3.6 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)


def format_of(path: Path) -> str:
    """Format of a picture, from the suffix of its file.

    Raises:
        RunError: the suffix is none of `FORMATS`.
    """
    format = path.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        raise RunError(f"{path}: a plot cannot have this suffix; end it in {', '.join(f'.{name}' for name in FORMATS)}")
    return format


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure in the format of the suffix; the same figure gives the same bytes.

    Raises:
        RunError: there is no such format, or the file cannot be written.
    """
    import matplotlib

    format = format_of(path)
    # Neither times nor random names, so that the same figure gives the same bytes.
    with (
        _quiet_matplotlib(),
        atomic_path(path) as temporary,
        write_errors(str(path)),
        matplotlib.rc_context({"svg.hashsalt": "promscan"}),
    ):
        figure.savefig(temporary, format=format, dpi=120, metadata=FORMATS[format])
