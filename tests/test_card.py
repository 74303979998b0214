"""Cards: those of earlier weights still load, and every malformed one is refused in one line that names its field."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from genomes import TINY

from promscan.errors import InputError, ModelError
from promscan.networks.architecture import Architecture, ExpressionArchitecture
from promscan.networks.card import MIN_DISTANCE, Card, read_card
from promscan.networks.card_parts import Construct, Scale, Screening, StrengthPart
from promscan.networks.model_files import find_model

EARLIER = sorted((Path(__file__).parent / "data" / "cards").glob("*.json"))
"""Cards written before there was a scale, without their long metrics."""


def values_of(name: str) -> dict[str, Any]:
    (path,) = (path for path in EARLIER if path.stem == name)
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def parse(values: dict[str, Any]) -> Card:
    return Card.parse(json.dumps(values), "x.json")


def changed(name: str, place: str, value: object) -> dict[str, Any]:
    """The values of a card with another one at a place, such as `calibration.hits`."""
    values = values_of(name)
    *path, last = place.split(".")
    inner = values
    for key in path:
        inner = inner.setdefault(key, {})
    inner[last] = value
    return values


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: path.stem)
def test_an_earlier_card_loads_with_human_values_where_it_is_silent(path: Path) -> None:
    card = Card.parse(path.read_text(encoding="utf-8"), path.name)
    assert card.scale == Scale(
        clearance=1000, false_beyond=500, tolerance=100, opposite_reach=500, fp_per_mb=10.0
    )  # fmt: skip
    values = json.loads(path.read_text(encoding="utf-8"))
    assert card.min_distance == (values["min_distance"] or 500)


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: path.stem)
def test_a_card_is_written_in_the_layout_it_was_read_in_with_a_scale(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    written = json.loads(Card.parse(text, path.name).to_json())
    assert written.pop("scale") == {
        "clearance": 1000, "false_beyond": 500, "tolerance": 100, "opposite_reach": 500, "fp_per_mb": 10.0,
    }  # fmt: skip
    before = json.loads(text)
    assert written == {**before, "min_distance": before["min_distance"] or MIN_DISTANCE}
    assert list(written) == list(before)
    assert Card.parse(Card.parse(text, "x").to_json(), "x") == Card.parse(text, "x")


def test_parts_are_typed() -> None:
    core, human, strength = (parse(values_of(name)) for name in ("core70", "human", "yeast-strength"))
    assert core.screening == Screening(4.4, 4.922598214532746, values_of("core70")["screening"]["basis"])
    assert core.calibration is core.strength is human.screening is None
    assert human.calibration is not None
    assert human.calibration.hits == tuple(values_of("human")["calibration"]["hits"])
    assert strength.strength == StrengthPart(
        "random", Construct(), "relative expression in a yeast reporter, glucose",
        "mean sorting bin, 0 to 17, logarithmic", "DeepAtt, Vaishnav et al. 2022, repository 1edv/evolution, MIT",
    )  # fmt: skip
    with pytest.raises(dataclasses.FrozenInstanceError):
        human.scale.clearance = 1  # type: ignore[misc]


def test_a_scale_of_another_species_comes_back() -> None:
    scale = Scale(clearance=300, false_beyond=150, tolerance=50, opposite_reach=200, fp_per_mb=50.0)
    card = dataclasses.replace(parse(values_of("yeast")), scale=scale)
    assert Card.parse(card.to_json(), "x.json").scale == scale
    assert parse(changed("yeast", "scale", {"clearance": 300})).scale == Scale(clearance=300)


NAN = float("nan")
MALFORMED: list[tuple[str, str, object]] = [
    ("human", "calibration", {"megabases": 1.0}),
    ("human", "calibration", []),
    ("human", "calibration.logits", "high"),
    ("human", "calibration.logits", [1.0]),
    ("human", "calibration.logits", []),
    ("human", "calibration.hits", [1, 2.5]),
    ("human", "calibration.hits", [[1]]),
    ("human", "calibration.megabases", 0),
    ("human", "calibration.megabases", -1),
    ("human", "calibration.megabases", 10**400),
    ("human", "calibration.megabases", NAN),
    ("human", "calibration.surprise", 1),
    ("human", "name", 5),
    ("human", "name", ""),
    ("human", "name", "a\nb"),
    ("human", "name", "\ud800"),
    ("human", "name", "x" * 200_000),
    ("human", "task", "cooking"),
    ("human", "task", None),
    ("human", "engine", 1),
    ("human", "species", ["Homo", "sapiens"]),
    ("human", "sha256", "abc"),
    ("human", "sha256", 7),
    ("human", "strand_trusted", "no"),
    ("human", "strand_trusted", 0),
    ("human", "strand_trusted", None),
    ("human", "default_threshold", "high"),
    ("human", "default_threshold", NAN),
    ("human", "default_threshold", math.inf),
    ("human", "default_threshold", 10**400),
    ("human", "default_threshold", True),
    ("human", "min_distance", 0),
    ("human", "min_distance", -5),
    ("human", "min_distance", 1 << 63),
    ("human", "min_distance", 2.5),
    ("human", "min_distance", "far"),
    ("human", "smoothing", NAN),
    ("human", "smoothing", 10**400 + 1),
    ("human", "smoothing", True),
    ("human", "window", "wide"),
    ("human", "window", 80),
    ("human", "tss_index", -1),
    ("human", "alphabet", 4),
    ("human", "headline", ["good"]),
    ("human", "headline", {"recall": "good"}),
    ("human", "headline", {"recall": NAN}),
    ("human", "headline", {"a\tb": 1.0}),
    ("human", "training", "on genomes"),
    ("human", "splits", None),
    ("human", "metrics", [1]),
    ("human", "metrics.dev", {"n": 10**400}),
    ("human", "metrics.dev", {"\ud800": 1}),
    ("human", "description", {}),
    ("human", "licence", 3),
    ("human", "git_commit", "\x1b[31m"),
    ("human", "architecture", None),
    ("human", "architecture", {"surprise": 1}),
    ("human", "architecture.hidden", "many"),
    ("human", "architecture.hidden", -1),
    ("human", "architecture.hidden", 10**400),
    ("human", "architecture.hidden", 64.0),
    ("human", "architecture.layers", 1_000_000_000),
    ("human", "architecture.layers", 0),
    ("human", "architecture.convolutions", 1_000_000_000),
    ("human", "architecture.kernel", 8),
    ("human", "architecture.kernel", 10**9 + 1),
    ("human", "architecture.dropout", NAN),
    ("human", "architecture.dropout", 1),
    ("human", "architecture.composition", 100),
    ("human", "architecture.composition", [10**9]),
    ("human", "architecture.composition", [100] * 1000),
    ("human", "architecture.context", 10**9),
    ("human", "architecture.context_bins", ["a"]),
    ("human", "architecture.half_life", -1),
    ("core70", "screening", {"margin": 1.0}),
    ("core70", "screening", "tight"),
    ("core70", "screening.margin", -1),
    ("core70", "screening.margin", NAN),
    ("core70", "screening.lowest", "low"),
    ("core70", "screening.surprise", 1),
    ("yeast-strength", "strength", {}),
    ("yeast-strength", "strength", {"unit": "random"}),
    ("yeast-strength", "strength.unit", 5),
    ("yeast-strength", "strength.unit", "lumens"),
    ("yeast-strength", "strength.reporter.insert", 0),
    ("yeast-strength", "strength.reporter.insert", 10**9),
    ("yeast-strength", "strength.reporter.five_prime", "TGC!"),
    ("yeast-strength", "strength.reporter.five_prime", None),
    ("yeast-strength", "strength.scale", 17),
    ("yeast-strength", "strength.lowest", "none"),
    ("yeast-strength", "strength.highest", NAN),
    ("yeast-strength", "architecture.kind", ["gru"]),
    ("yeast-strength", "architecture.units", [1]),
    ("yeast-strength", "architecture.units", ["N" * 100_000]),
    ("yeast-strength", "architecture.units", "N" * 100_000),
    ("yeast-strength", "architecture.units", "random"),
    ("yeast-strength", "architecture.bins", 1),
    ("yeast-strength", "architecture.length", 10**9),
    ("human", "scale", 5),
    ("human", "scale.clearance", -1),
    ("human", "scale.clearance", "far"),
    ("human", "scale.fp_per_mb", 0),
    ("human", "scale.fp_per_mb", NAN),
    ("human", "scale.surprise", 1),
    ("human", "surprise", 1),
    ("human", "format_version", 2),
    ("human", "format_version", "1"),
]


@pytest.mark.parametrize(("name", "place", "value"), MALFORMED)
def test_a_malformed_field_is_refused_in_one_line_that_names_it(name: str, place: str, value: object) -> None:
    with pytest.raises(ModelError) as refused:
        parse(changed(name, place, value))
    message = str(refused.value)
    assert message.startswith("x.json: ")
    assert place.split(".")[0] in message
    assert place.split(".")[-1] in message
    assert len(message.splitlines()) == 1
    assert len(message) < 400
    assert message.isprintable()


@pytest.mark.parametrize("place", ["a\nb", "\ud800", "calibration.\x1b[31m", "architecture.a\nb"])
def test_a_field_with_an_unprintable_name_is_refused_in_one_printable_line(place: str) -> None:
    with pytest.raises(ModelError) as refused:
        parse(changed("human", place, 1))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("field", ["name", "task", "engine", "species", "sha256", "strand_trusted", "format_version"])
def test_a_missing_field_is_named(field: str) -> None:
    values = values_of("human")
    del values[field]
    with pytest.raises(ModelError, match=rf"x\.json: {field} is missing"):
        parse(values)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ' * 100_000,
        "[" * 100_000,
        '{"name": ' + "9" * 5000 + "}",
        '{"name": "x"',
        "",
        "[]",
        "null",
        '"card"',
        "5",
    ],
    ids=["objects", "lists", "digits", "cut", "empty", "list", "null", "text", "number"],
)
def test_what_is_no_card_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ModelError, match=r"x\.json: not a model card: ") as refused:
        Card.parse(text, "x.json")
    assert len(str(refused.value)) < 200


def test_notes_that_nest_too_deep_are_refused() -> None:
    values: dict[str, Any] = {}
    for _ in range(150):
        values = {"a": values}
    with pytest.raises(ModelError, match=r"x\.json: training nests more than 100 levels deep"):
        parse(changed("human", "training", values))


def test_metrics_that_are_not_finite_become_null() -> None:
    card = parse(changed("human", "metrics", {"dev": {"pearson": NAN}}))
    assert card.metrics == {"dev": {"pearson": None}}
    text = dataclasses.replace(card, metrics={"dev": NAN}, headline={"a": math.inf, "b": 0.5}).to_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    again = Card.parse(text, "x.json")
    assert again.metrics == {"dev": None}
    assert again.headline == {"b": 0.5}


def test_a_card_that_never_ends_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "x.json").symlink_to("/dev/zero")
    with pytest.raises(ModelError, match=r"x\.json: not a model card"):
        read_card(tmp_path / "x.safetensors")


def test_a_card_that_cannot_be_read_is_refused_in_plain_words(tmp_path: Path) -> None:
    weights, card = tmp_path / "x.safetensors", tmp_path / "x.json"
    with pytest.raises(ModelError) as refusal:
        read_card(weights)
    cure = "keep the two together"
    assert str(refusal.value) == f"{weights}: cannot read its card x.json: No such file or directory; {cure}"
    card.write_bytes(b'{"name": "\xff"}')
    with pytest.raises(ModelError) as refusal:
        read_card(weights)
    assert str(refusal.value) == f"{weights}: cannot read its card x.json: not UTF-8 text; {cure}"


def test_an_insert_of_another_length_than_the_window_is_refused() -> None:
    with pytest.raises(ModelError, match=r"x\.json: window .*\(80, None, 'ATGCN'\), not \(81, None, 'ATGCN'\)"):
        parse(changed("yeast-strength", "strength.reporter.insert", 81))


def test_numbers_of_the_parts_have_bounds_in_python_too() -> None:
    for wrong in ({"clearance": -1}, {"tolerance": 1 << 63}, {"fp_per_mb": NAN}, {"fp_per_mb": 10**400}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Scale(**wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="layers must be at most"):
        Architecture(layers=10**9)
    with pytest.raises(InputError, match="length must be at most"):
        ExpressionArchitecture(length=10**9)


def test_reading_cards_loads_no_torch() -> None:
    code = (
        "import sys; from promscan.networks.card import read_card; from promscan.networks.model_files import find_model"
    )
    code += "; read_card(find_model('human')); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_bundled_cards_are_whole() -> None:
    for path in EARLIER:
        card = read_card(find_model(path.stem))
        assert card.name == path.stem
        assert re.fullmatch("[0-9a-f]{64}", card.sha256)


def test_a_field_that_comes_twice_is_refused(tmp_path: Path) -> None:
    """JSON would let the last one win, without a word."""
    text = TINY.with_suffix(".json").read_text()
    path = tmp_path / "x.safetensors"
    path.with_suffix(".json").write_text(
        text.replace('"strand_trusted": true', '"strand_trusted": true, "strand_trusted": false')
    )
    with pytest.raises(ModelError, match=r"x\.json: not a model card: the field 'strand_trusted' comes twice$"):
        read_card(path)
    path.with_suffix(".json").write_bytes(b"\xef\xbb\xbf" + text.encode())  # as editors on Windows save it
    assert read_card(path) == read_card(TINY)
