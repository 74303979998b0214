"""A report in a real browser: it draws, sorts, searches, filters and exports, and asks no network for anything."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Page, open_page
from genomes import random_bases
from test_report import NASTY, vendor

import promscan

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

HITS = 20_000
COLUMNS = "#chrom\tstart\tend\tname\tscore\tstrand\ttss"
SIZES = [(1280, 900, False), (1280, 900, True), (390, 844, False), (390, 844, True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a report of many hits, of which each contig, name and gene holds HTML."""
    folder = tmp_path_factory.mktemp("report")
    bases = random_bases(100_000, 3)
    contigs = ["one", "<b>two</b>"]
    (folder / "genome.fa").write_text("".join(f">{name}\n{bases}\n" for name in contigs), encoding="utf-8")
    lines = ["#chrom\tstart\tend\tname\tscore\tstrand\ttss\tlogit\tgene_name\tdistance"]
    for i in range(HITS):
        start = 200 + (i // 2) * 9
        row = (
            contigs[i % 2],
            start,
            start + 70,
            f"h{i}{NASTY if i % 10 == 0 else ''}",
            0,
            "+-"[i % 3 == 0],
            start + 33,
        )
        lines.append("\t".join(map(str, (*row, (i * 7919) % HITS / 1000, f"<i>gene{i % 50}</i>", i % 900 - 450))))
    (folder / "hits.bed").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tss.bed").write_text("one\t300\t301\ta\t0\t+\none\t900\t901\tb\t0\t-\n", encoding="utf-8")
    promscan.report(folder / "hits.bed", folder / "genome.fa", folder / "report.html", tss=folder / "tss.bed")
    other = "\n".join(lines[: HITS // 2])
    (folder / "other.bed").write_text(other + "\n", encoding="utf-8")
    promscan.report(
        [folder / "hits.bed", folder / "other.bed"],
        folder / "genome.fa",
        folder / "compared.html",
        tss=folder / "tss.bed",
        details=10,
    )
    for name, rows in (("empty", []), ("single", ["one\t10\t80\ta\t7\t+"])):
        (folder / f"{name}.bed").write_text("\n".join(["#hits", *rows, ""]), encoding="utf-8")
        promscan.report(folder / f"{name}.bed", folder / "genome.fa", folder / f"{name}.html")
    return folder


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[Page]:
    """One browser for all tests."""
    with open_page(folder) as page:
        yield page


@pytest.fixture
def page(browser: Page, folder: Path) -> Page:
    """The report, freshly loaded at the width of a desktop."""
    browser.problems.clear()
    browser.requests.clear()
    browser.resize(1280, 900)
    browser.load(folder / "report.html")
    return browser


def cells(page: Page, column: str) -> list[str]:
    """The texts of a column of the rows that are in the page."""
    found: list[str] = page.run(
        f"(() => {{ const i = COLUMNS.findIndex((c) => c.id === {json.dumps(column)});"
        "return [...body.rows].filter((r) => !r.classList.contains('space')).map((r) => r.cells[i].textContent); })()"
    )
    return found


def fill(page: Page, name: str, value: str) -> str:
    """Type into a field of the filters; what the page says of the number of hits."""
    page.run(
        f"(() => {{ const e = form.elements[{json.dumps(name)}]; e.value = {json.dumps(value)};"
        "e.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    text: str = page.run("document.getElementById('count').textContent")
    return text


@pytest.mark.parametrize("name", ["report.html", "compared.html"])
@pytest.mark.parametrize(("width", "height", "dark"), SIZES)
def test_it_draws_without_errors_or_network_and_fits_the_screen(page, folder, name, width, height, dark):
    page.resize(width, height, dark=dark)
    page.load(folder / name)
    page.run("showDetails(order[0])")
    assert page.run("document.documentElement.scrollWidth") == width
    assert page.run("document.querySelectorAll('svg').length") > 6
    assert page.run("document.querySelectorAll('img, b, i, iframe').length") == 0
    assert page.problems == []
    assert page.requests == []


@pytest.mark.parametrize(("name", "hits"), [("empty", 0), ("single", 1)])
def test_a_report_of_hardly_any_hits_draws_without_errors(page, folder, name, hits):
    page.load(folder / f"{name}.html")
    assert page.run("document.getElementById('count').textContent") == f"{hits} of {hits} hits."
    assert page.run("document.documentElement.innerHTML.includes('NaN')") is False
    assert page.problems == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("empty", ["There is nothing to draw."] * 2 + ["There are no hits.", "There are too few hits for a logo."]),
        ("single", ["There is nothing to draw.", "There are too few hits for a logo."]),
    ],
)
def test_a_plot_without_values_says_so(page, folder, name, said):
    page.load(folder / f"{name}.html")
    assert page.run("[...document.querySelectorAll('.chart > .hint')].map((each) => each.textContent)") == said


def test_a_logo_shows_the_tss_on_a_phone(page, folder):
    page.resize(390, 844)
    page.load(folder / "report.html")
    # The other 0 is that of the bits.
    place = "[...document.querySelectorAll('.wide svg text')].filter((each) => each.textContent === '0').at(-1)"
    assert page.run(f"{place}.getAttribute('text-anchor')") == "middle"
    assert 0 < page.run(f"{place}.getBoundingClientRect().right") < 390


def test_curves_that_lie_on_one_another_all_stay_in_sight(page, folder):
    page.load(folder / "compared.html")
    lines = "[...document.querySelectorAll('#recall .line')]"
    first, second = page.run(f"{lines}.map((each) => parseFloat(each.style.strokeWidth))")
    assert first > second > 0


def test_the_table_is_virtual_and_fluid(page):
    assert page.run("document.getElementById('count').textContent") == f"{HITS:,} of {HITS:,} hits."
    assert page.run("body.rows.length") < 60
    took = page.run(
        "(() => { const began = performance.now();"
        "for (let i = 0; i < 20; i++) { viewport.scrollTop = i * 30000; drawRows(); }"
        "return (performance.now() - began) / 20; })()"
    )
    assert took < 200  # ms
    page.run("viewport.scrollTop = viewport.scrollHeight; drawRows()")
    assert cells(page, "score")[-1] == "0.000"


def test_the_head_sorts(page):
    assert cells(page, "score")[0] == f"{(HITS - 1) / 1000:.3f}"
    page.run("document.querySelector('[data-column=score]').click()")
    assert cells(page, "score")[0] == "0.000"
    assert page.run("document.querySelector('[aria-sort=ascending]').textContent") == "Logit"
    page.run("document.querySelector('[data-column=tss]').click()")
    assert cells(page, "tss")[:2] == ["233", "233"]


def test_filters_and_search(page):
    assert fill(page, "text", "gene7<") == f"{HITS // 50} of {HITS:,} hits."
    assert fill(page, "text", NASTY) == f"{HITS // 10:,} of {HITS:,} hits."
    fill(page, "text", "")
    assert fill(page, "region", "<b>two</b>:1-1,000").startswith("86 of")
    assert fill(page, "region", "nowhere").endswith("No such region: write chr1, or chr1:1,001-2,000.")
    fill(page, "region", "one")
    assert fill(page, "strand", "-") == f"{sum(i % 3 == 0 for i in range(0, HITS, 2)):,} of {HITS:,} hits."
    page.run("form.reset()")
    page.run("new Promise((done) => setTimeout(done, 50))")
    fill(page, "low", "1")
    assert fill(page, "high", "1.999").startswith("1,000 of")
    assert fill(page, "gene", "gene7<").split(" ")[0] == "20"


def test_names_with_html_are_text_in_the_table_and_the_details(page):
    fill(page, "text", NASTY)
    page.run("body.querySelector('button').click()")
    assert NASTY in page.run("document.getElementById('details-title').textContent")
    assert NASTY in cells(page, "name")[0]
    assert cells(page, "gene")[0].startswith("<i>gene")


def test_the_export_has_the_filtered_rows(page, folder):
    fill(page, "low", "19.99")
    lines = page.run("tsvText()").split("\n")
    assert lines[0].split("\t")[:5] == ["sample", "chrom", "name", "strand", "start"]
    assert len(lines) == 12  # the last one is empty
    page.run("document.getElementById('export').click()")
    saved = folder / "hits.tsv"
    for _ in range(100):
        if saved.is_file():
            break
        time.sleep(0.1)
    assert saved.read_text(encoding="utf-8").split("\n") == lines


def test_a_keyboard_opens_and_closes_details(page):
    page.run("body.querySelector('button').focus()")
    page.send("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    assert page.run("document.activeElement.id") == "details-title"
    assert page.run("document.querySelector('#details-sequence .start').textContent.length") == 1
    page.send("Input.dispatchKeyEvent", type="keyDown", key="Escape", code="Escape", windowsVirtualKeyCode=27)
    assert page.run("panel.hidden")
    assert page.run("document.activeElement.dataset.row") is not None


def test_a_print_has_the_first_rows(page):
    page.run("window.dispatchEvent(new Event('beforeprint'))")
    assert page.run("[...body.rows].length") == 200
    assert (
        page.run("document.getElementById('print-note').textContent") == f"The first 200 of {HITS:,} hits are printed."
    )
    assert len(page.send("Page.printToPDF")["data"]) > 10_000
    assert page.problems == []


def test_a_print_fits_the_paper(page, folder):
    page.resize(794, 1123)  # A4 at 96 pixels an inch
    page.send("Emulation.setEmulatedMedia", media="print")
    page.load(folder / "compared.html")
    page.run("window.dispatchEvent(new Event('beforeprint'))")
    width = page.run("document.documentElement.scrollWidth")
    page.send("Emulation.setEmulatedMedia", media="")
    assert width == 794


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core: that of PROMSCAN_AXE, else from npm."""
    if "PROMSCAN_AXE" in os.environ:
        return Path(os.environ["PROMSCAN_AXE"]).read_text(encoding="utf-8")
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "install", "axe-core@4", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("needs axe-core (npm, or PROMSCAN_AXE)")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["report.html", "compared.html"])
@pytest.mark.parametrize(("width", "height", "dark"), SIZES)
def test_axe_finds_nothing(page, folder, axe, name, width, height, dark):
    page.resize(width, height, dark=dark)
    page.load(folder / name)
    page.run("showDetails(order[0])")
    page.run(f"{axe}; 0")
    found = page.run("axe.run().then((r) => r.violations.map((v) => [v.id, v.impact, v.nodes[0].html]))")
    assert found == []


def test_a_circle_is_drawn_and_motifs_are_named(page, folder):
    (folder / "motifs").mkdir(exist_ok=True)
    (folder / "motifs" / "instances.tsv").write_text(
        "name\tmotif\telement\toffset\tsequence\tcontribution\none_33_+\tM1\t<b>x</b>\t-12\tTATAAT\t1.5\n"
    )
    rows = ["one\t50000\t50070\tb\t5\t-\t50036", "one\t0\t70\tc\t9\t+\t33"]
    (folder / "circle.bed").write_text("\n".join(["#promscan 0.1.0 model=x circular=one", COLUMNS, *rows, ""]))
    promscan.report(folder / "circle.bed", folder / "genome.fa", folder / "circle.html", motifs=folder / "motifs")
    page.problems.clear()
    page.load(folder / "circle.html")
    assert page.run("document.querySelectorAll('svg.circle').length") == 1
    assert page.run("document.querySelector('svg.circle').getAttribute('aria-label')").endswith("a circle of 100 kb")
    assert page.run("document.querySelector('svg.circle .ticks').getAttribute('d').split('M').length - 1") == 1
    page.run("showDetails(order[0])")
    items = page.run("[...document.querySelectorAll('#details-elements li')].map((e) => e.textContent)")
    assert any(
        text.startswith("<b>x</b> at \N{MINUS SIGN}12: ") and text.endswith("adds +1.50 to the score (explain)")
        for text in items
    )
    assert page.problems == []


@pytest.fixture(scope="module")
def with_igv(folder: Path) -> Path:
    """A report with the genome browser, and a gene whose name holds HTML."""
    script = vendor()
    if not (script.FOLDER / "igv.min.js").is_file() and script.main([]):
        pytest.skip("needs igv.js (npm, or packaging/vendor_igv.py)")
    (folder / "genes.bed").write_text("one\t200\t900\t<b>g</b>\t0\t-\n")
    report = folder / "igv.html"
    promscan.report(folder / "single.bed", folder / "genome.fa", report, igv=True, genes=folder / "genes.bed")
    return report


@pytest.mark.parametrize(("width", "height", "dark"), SIZES)
def test_axe_finds_nothing_around_the_genome_browser(page, with_igv, axe, width, height, dark):
    page.resize(width, height, dark=dark)
    page.load(with_igv)
    page.run("openBrowser().then(() => 0)")
    page.run(f"{axe}; 0")
    # What igv.js draws inside its own element is not ours to change.
    checked = "axe.run({exclude: [['#igv']]})"
    found = page.run(f"{checked}.then((r) => r.violations.map((v) => [v.id, v.impact, v.nodes[0].html]))")
    assert found == []
    assert page.run("document.documentElement.scrollWidth") == width


def test_the_numbers_of_elements_are_in_sight_on_a_phone(page):
    page.resize(390, 844)
    sight = "document.querySelector('.rules').parentElement.getBoundingClientRect().right"
    ratios = "[...document.querySelectorAll('.rules tbody td:nth-child(4)')]"
    assert page.run(f"{ratios}.length") > 0
    assert page.run(f"{ratios}.every((cell) => cell.getBoundingClientRect().right <= {sight})")


def test_the_genome_browser_opens_without_network(page, with_igv):
    page.problems.clear()
    page.requests.clear()
    page.load(with_igv)
    assert page.run("document.querySelectorAll('.igv-track').length + (browser === null ? 0 : 1)") == 0
    page.run("openBrowser()")
    assert page.run("browser.trackViews.filter((each) => ['hits', 'genes'].includes(each.track.name)).length") == 2
    assert page.run("browser.currentLoci().length") > 0
    assert page.run("document.querySelectorAll('#igv b').length") == 0
    assert page.problems == []
    assert [url for url in page.requests if not url.startswith("data:")] == []
