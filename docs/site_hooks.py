"""Hooks of mkdocs: pages of the site that are not files in this folder, and links that lead out of it.

The search works in a folder of files, too. There, a browser runs no worker from a file, so a script holds its text.

Some Markdown files outside of the folder become pages. `reference.md` lists every public call, from its docstring. A
link to any other file outside of the folder becomes the path of that file, because the site does not hold it.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import promscan

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "README.md": "readme.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "recipes/README.md": "recipes.md",
}
"""Pages of the project, and where they stand in the site."""
SHOWN_MEMBERS = {"scan": "    options:\n      members: [card, calling, finish, summary]\n"}
"""Options of an entry of the reference, whose other members are for promscan itself."""
WORKER_OF_FILES = """if (location.protocol === "file:") {
  const text = TEXT;
  window.Worker = class extends Worker {
    constructor() {
      super(URL.createObjectURL(new Blob([text], {type: "text/javascript"})));
    }
  };
}
"""
LINK = re.compile(r"\[([^\]\[]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not files in this folder."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    files.append(File.generated(config, "reference.md", content=reference()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The text of a page with links that the site can follow."""
    sources = {page: source for source, page in PAGES.items()}
    where = page.file.src_uri
    if where.startswith("internals/") or where in sources:
        page.meta.setdefault("search", {"boost": 0.2})  # The search shows pages for users first.
    folder = posixpath.dirname(sources.get(where, f"docs/{where}"))
    return LINK.sub(lambda link: _linked(link, folder, posixpath.dirname(where)), markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Write the script that runs the search where there is no server."""
    site = Path(config.site_dir)
    (worker,) = (site / "assets" / "javascripts" / "workers").glob("search.*.js")
    text = json.dumps(worker.read_text(encoding="utf-8"))
    (site / "search" / "iframe-worker.js").write_text(WORKER_OF_FILES.replace("TEXT", text), encoding="utf-8")


def reference() -> str:
    """Markdown of the reference: every public name, calls first."""
    calls = [name for name in promscan.__all__ if name[0].islower()]
    types = [name for name in promscan.__all__ if name[0].isupper() and name != "Scan"]
    entries = [f"::: promscan.{name}\n{SHOWN_MEMBERS.get(name, '')}" for name in (*calls, *types)]
    begin = "# Python reference\n\nEvery public call and type of promscan. [Python](python.md) has examples.\n"
    middle = len(calls)
    return "\n".join([begin, "## Calls\n", *entries[:middle], "## Types\n", *entries[middle:]])


def _linked(link: re.Match[str], folder: str, page_folder: str) -> str:
    """A link for the site.

    Args:
        link: match of `LINK`.
        folder: folder of the file in the project.
        page_folder: folder of its page in the site.
    """
    text, target, anchor = link.group(1), link.group(2), link.group(3) or ""
    if "://" in target:
        return link.group(0)
    path = posixpath.normpath(posixpath.join(folder, target))
    if path in PAGES:
        page = PAGES[path]
    elif path.startswith("docs/"):
        page = path.removeprefix("docs/")
    else:
        return f"{text} (`{path}`)"
    return f"[{text}]({posixpath.relpath(page, page_folder or '.')}{anchor})"
