"""The pictures of the pages and of the results are drawn from the weights that are bundled."""

from __future__ import annotations

import runpy
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from genomes import tiny_streaming
from scripts import ROOT, run_script

from benchmarks.common import WEIGHTS_TEXT, save_picture, versions
from promscan.networks.card import read_card
from promscan.networks.model_files import bundled_models, weights_folder

PICTURES = sorted([*(ROOT / "docs").rglob("*.png"), *versions()[0].glob("*.png")])


def texts_of(png: Path) -> Iterator[tuple[str, str]]:
    """The texts in the metadata of a PNG file, by their keys."""
    content, place = png.read_bytes(), 8
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        if content[place + 4 : place + 8] == b"tEXt":
            key, _, text = content[place + 8 : place + 8 + length].decode("latin-1").partition("\0")
            yield key, text
        place += 12 + length


def weights_of(png: Path) -> dict[str, str]:
    """The sha256 of the weights that a picture was drawn from, by the name of the model."""
    text = dict(texts_of(png))[WEIGHTS_TEXT]
    return {} if text == "none" else dict(line.split() for line in text.splitlines())


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_each_picture_is_drawn_from_the_bundled_weights(picture):
    bundled = {name: read_card(weights_folder() / f"{name}.safetensors").sha256 for name in bundled_models()}
    for name, sha256 in weights_of(picture).items():
        assert sha256 == bundled.get(name, sha256), f"{picture.name}: draw it again, the weights of {name} are others"


@pytest.mark.parametrize("name", ["overview", "recall"])
def test_the_pictures_of_accuracy_are_those_of_human(name):
    (picture,) = (path for path in PICTURES if path.stem == name)
    assert weights_of(picture) == {"human": read_card(weights_folder() / "human.safetensors").sha256}


def test_a_picture_names_its_weights(tmp_path):
    from matplotlib.figure import Figure

    models = [{"name": name, "sha256": sha256} for name, sha256 in (("one", "1f"), ("two", "2e"))]
    save_picture(Figure(), tmp_path / "models.png", models)
    save_picture(Figure(), tmp_path / "none.png", [])
    assert weights_of(tmp_path / "models.png") == {"one": "1f", "two": "2e"}
    assert weights_of(tmp_path / "none.png") == {}
    assert "Software" not in dict(texts_of(tmp_path / "none.png"))  # bytes do not depend on the version of matplotlib


def test_the_recall_is_drawn_with_the_weights_of_its_result(tmp_path):
    run_script("benchmarks.accuracy.recall_plot", tmp_path / "recall.png")
    assert weights_of(tmp_path / "recall.png") == weights_of(ROOT / "docs" / "images" / "recall.png")


def test_the_overview_is_drawn_with_the_weights_of_its_model(tmp_path, monkeypatch):
    model, out = tiny_streaming(), tmp_path / "overview.png"
    monkeypatch.setattr("sys.argv", ["make_overview.py", str(model), "-o", str(out)])
    runpy.run_path(str(ROOT / "docs" / "images" / "make_overview.py"), run_name="__main__")
    assert weights_of(out) == {"tiny-streaming": read_card(model).sha256}
