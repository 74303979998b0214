"""The page: a template, its style and its script, and the data, in one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import jinja2

from promscan.errors import RunError

MOST_BYTES = 10_000_000
"""Size of a report; rows are left out of the table of a larger one."""
_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def make_page(context: Mapping[str, Any], table: Callable[[int], Mapping[str, Any]], rows: int) -> tuple[str, int]:
    """Make the page with as many rows of the table as fit into `MOST_BYTES`.

    Args:
        context: what the template shows; `data` is what the script reads.
        table: returns the table of hits with at most a given number of rows of each sample.
        rows: of the largest sample.

    Returns:
        the page, and the rows of a sample that it has at most.

    Raises:
        RunError: even without rows the page is too large.
    """
    most = rows
    while True:
        page = _render({**context, "most": most, "cut": most < rows}, table(most))
        size = len(page.encode("utf-8", "replace"))
        if size <= MOST_BYTES:
            return page, most
        if most == 0:
            raise RunError(
                f"the report has {size:,} bytes without any hit, and may have {MOST_BYTES:,}; give fewer files"
            )
        most = min(most - 1, int(most * 0.95 * MOST_BYTES / size))


def _render(context: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("promscan.commands.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    files = {name: _source(environment, name) for name in ("report.js", "charts.js", "browser.js", "report.css")}
    script = files["charts.js"] + files["report.js"] + (files["browser.js"] if context["igv"] else "")
    return environment.get_template("report.html").render(
        **{name: value for name, value in context.items() if name != "data"},
        script=script,
        style=files["report.css"],
        digests=[_digest(each) for each in (script, context["igv"]) if each],
        data=to_json({**context["data"], "table": table}),
    )


def _digest(script: str) -> str:
    """The checksum of a script by which a browser knows that it may run."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _source(environment: jinja2.Environment, name: str) -> str:
    """Return a file of the page as it stands."""
    assert environment.loader is not None  # given above
    return environment.loader.get_source(environment, name)[0]


def to_json(value: Any) -> str:
    """JSON that can stand in a script element: no letter of it ends the element or begins a comment."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)
