"""Hooks of mkdocs: pages of the site that are not files in this folder, and links that lead out of it.

Some Markdown files outside of the folder become pages. `reference.md` lists every public call, from its docstring. A
link to any other file outside of the folder becomes the path of that file, because the site does not hold it.
"""

from __future__ import annotations

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
    folder = posixpath.dirname(sources.get(where, f"docs/{where}"))
    return LINK.sub(lambda link: _linked(link, folder, posixpath.dirname(where)), markdown)


def reference() -> str:
    """Markdown of the reference: every public name, calls first."""
    calls = [name for name in promscan.__all__ if name[0].islower()]
    types = [name for name in promscan.__all__ if name[0].isupper() and name != "Scan"]
    entries = [f"::: promscan.{name}\n" for name in (*calls, *types)]
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
