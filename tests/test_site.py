"""The manual as a site, in a folder of files without a server: no errors, no network, and a search that finds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Page, open_page
from scripts import ROOT

pytest.importorskip("mkdocs")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=ROOT, check=True, env=environment)
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all tests."""
    with open_page(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Page:
    """A page as wide as a desktop."""
    browser.problems.clear()
    browser.requests.clear()
    browser.resize(1280, 900)
    return browser


def found(page: Page, words: str) -> list[str]:
    """The titles that the search of a loaded page shows for words."""
    field = "document.querySelector('.md-search__input')"
    page.run(f"{field}.focus()")
    page.run(f"{field}.value = '{words}'")
    page.run(f"{field}.dispatchEvent(new Event('keyup', {{bubbles: true}}))")
    results = "[...document.querySelectorAll('.md-search-result__item h1')]"
    titles: list[str] = []
    for _ in range(100):
        titles = page.run(f"{results}.map((each) => each.textContent)")
        if titles:
            break
        time.sleep(0.1)
    return titles


def test_the_search_works_without_a_server_and_shows_pages_for_users_first(site: Path, page: Page) -> None:
    page.load(site / "index.html")
    assert found(page, "circle")[0] == "promscan scan"
    assert page.problems == []
    assert [url for url in page.requests if url.startswith("http")] == []


@pytest.mark.parametrize("name", ["index.html", "tutorial.html", "reference.html", "internals/results.html"])
def test_pages_fit_a_phone_and_load_nothing(site: Path, page: Page, name: str) -> None:
    page.resize(390, 844)
    page.load(site / name)
    assert page.run("document.documentElement.scrollWidth") == 390
    assert page.problems == []
    assert [url for url in page.requests if url.startswith("http")] == []


def test_the_reference_shows_what_users_call(site: Path) -> None:
    text = (site / "reference.html").read_text(encoding="utf-8")
    assert 'id="promscan.scan.summary"' in text
    assert 'id="promscan.scan.open_screened"' not in text
