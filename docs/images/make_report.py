"""Draw docs/images/report.png: the top of a report of the demo genome, as Chromium shows it.

    python docs/images/make_report.py

It needs Chromium and Pillow (`pip install 'promscan[plot]'`), and takes as long as a scan of 50 kb. The picture names
its weights in the PNG text `Weights`: a test fails when the bundled weights are others, and then this script has to be
run again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from PIL.PngImagePlugin import PngInfo

import promscan
from promscan.cli import cli
from promscan.networks.card import DEFAULT_MODEL, DEFAULT_STRENGTH, read_card
from promscan.networks.model_files import find_model

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = ROOT / "tests" / "data"
sys.path.extend([str(ROOT), str(ROOT / "tests")])
WIDTH, HEIGHT = 1280, 1080
COLOURS = 64
"""Of the picture, which is a third as large with a palette."""


def main() -> None:
    """Scan, report, and draw."""
    from browser import open_page  # both stand in the checkout, outside of the package

    from benchmarks.common import WEIGHTS_TEXT

    with TemporaryDirectory() as name:
        folder = Path(name)
        hits, page, picture = folder / "demo.bed", folder / "report.html", folder / "report.png"
        scan = ["scan", str(DATA / "demo.fa"), "-o", str(hits), "--fp-per-mb", "50", "--quiet"]
        cli.main(scan, standalone_mode=False)
        promscan.report(hits, DATA / "demo.fa", page, tss=DATA / "demo_tss.bed", title="Promoters of the demo genome")
        with open_page(folder) as browser:
            browser.resize(WIDTH, HEIGHT)
            browser.load(page)
            browser.screenshot(picture)
        cards = [read_card(find_model(model)) for model in (DEFAULT_MODEL, DEFAULT_STRENGTH)]
        text = PngInfo()
        text.add_text(WEIGHTS_TEXT, "\n".join(f"{card.name} {card.sha256}" for card in cards))
        drawn = Image.open(picture).convert("RGB").crop((0, 0, WIDTH, HEIGHT))
        drawn.quantize(COLOURS).save(HERE / "report.png", pnginfo=text, optimize=True)


if __name__ == "__main__":
    main()
