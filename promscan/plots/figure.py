"""Make and save figures. matplotlib is loaded only when a figure is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promscan.errors import DependencyError, RunError
from promscan.io.files import atomic_path

FORMATS: Mapping[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""What a picture may be, and the metadata that it must not have."""


def require_matplotlib() -> None:
    """Check up front that pictures can be drawn.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise DependencyError("plots need matplotlib: pip install 'promscan[plot]'") from error


def new_figure(columns: int, rows: int = 1) -> tuple[Any, list[Any]]:
    """An empty figure, and its axes row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * columns, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)


def format_of(path: Path) -> str:
    """The format that a picture gets by its suffix.

    Raises:
        RunError: by the suffix, it is none of `FORMATS`.
    """
    format = path.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        raise RunError(f"{path}: a plot cannot have this suffix; end it in {', '.join(f'.{name}' for name in FORMATS)}")
    return format


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure in the format of the suffix; the same figure gives the same bytes.

    Raises:
        RunError: no such format, or the file cannot be written.
    """
    import matplotlib

    format = format_of(path)
    # Neither times nor random names, so that the same figures give the same bytes.
    with atomic_path(path) as temporary, matplotlib.rc_context({"svg.hashsalt": "promscan"}):
        figure.savefig(temporary, format=format, dpi=120, metadata=FORMATS[format])
