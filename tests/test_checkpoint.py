import dataclasses
import errno
import json
from pathlib import Path

import pytest
import torch

from promscan.errors import ModelError, RunError
from promscan.networks.card import STRENGTH, Card, read_card
from promscan.networks.card_parts import Construct, StrengthPart
from promscan.networks.classifier import Architecture, BiGRUAttention, count_parameters
from promscan.networks.model_files import bundled_models, find_model, weights_folder
from promscan.networks.weights import load_model, load_strength, load_tensors, save_model, save_tensors


def draft(**changes: object) -> Card:
    card = Card(
        name="x", task="promoter", engine="windowed", species="none", architecture={}, sha256="", strand_trusted=True
    )
    return dataclasses.replace(card, **changes)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "x.safetensors"
    save_model(path, BiGRUAttention(Architecture(hidden=4, convolutions=1, kernel=3)), draft())
    return path


def edit(path: Path, **changes: object) -> None:
    card = path.with_suffix(".json")
    card.write_text(json.dumps({**json.loads(card.read_text()), **changes}))


def test_what_is_saved_comes_back(saved: Path) -> None:
    torch.manual_seed(0)
    original = BiGRUAttention(Architecture(hidden=4, convolutions=1, kernel=3)).eval()
    model, card = load_model(str(saved))
    codes = torch.randint(0, 5, (4, 70)).to(torch.uint8)
    assert torch.equal(model(codes), original(codes))
    assert not model.training
    assert card.architecture == original.architecture.describe()
    assert card == read_card(saved)


def test_a_card_path_finds_its_weights(saved: Path) -> None:
    assert find_model(str(saved.with_suffix(".json"))) == saved


@pytest.mark.parametrize("name", ["weights/mine.safetensors", "./mine", "mine.safetensors", "mine.json"])
def test_a_weights_file_that_does_not_exist_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"^[a-z/]*mine[.a-z]*: there is no such file; give a weights file") as error:
        find_model(name)
    assert "human" not in str(error.value)


@pytest.mark.parametrize("name", ["mine", "", "hunam", "core70.1"])
def test_a_name_of_no_model_brings_the_names_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=rf"^no model '{name}': give a weights file .*\(.*core70, .*human, "):
        load_model(name)


def test_a_folder_is_no_model(saved: Path) -> None:
    with pytest.raises(ModelError, match=r": is a folder; give a weights file in it, such as .*/best\.safetensors$"):
        find_model(str(saved.parent))


def test_a_pipe_is_no_model() -> None:
    with pytest.raises(ModelError, match=r"^/dev/null: is no regular file; save the weights to one"):
        find_model("/dev/null")


def test_damaged_weights_are_refused(saved: Path) -> None:
    raw = bytearray(saved.read_bytes())
    raw[-1] ^= 1
    saved.write_bytes(raw)
    with pytest.raises(ModelError, match="sha256"):
        load_model(str(saved))


def test_weights_of_another_size_are_refused(saved: Path) -> None:
    edit(saved, architecture={**read_card(saved).architecture, "hidden": 5})
    with pytest.raises(ModelError, match="do not fit"):
        load_model(str(saved))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 99}, "version"),
        ({"surprise": 1}, "version"),
        ({"window": 80}, "window"),
        ({"alphabet": "ACGTN"}, "alphabet"),
        ({"architecture": {"hidden": "many"}}, "architecture does not fit: hidden must be a whole number"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(saved: Path, changes: dict[str, object], message: str) -> None:
    edit(saved, **changes)
    with pytest.raises(ModelError, match=message):
        load_model(str(saved))


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json", "\xff"])
def test_a_file_that_is_no_card_is_refused(saved: Path, text: str) -> None:
    saved.with_suffix(".json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match="card"):
        load_model(str(saved))


def test_a_missing_card_is_named(saved: Path) -> None:
    saved.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"x\.json"):
        load_model(str(saved))


def test_a_card_that_cannot_be_written_leaves_the_model_that_was_there(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in saved.parent.iterdir()}
    network, card = load_model(str(saved))

    def fail(_: Card) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Card, "to_json", fail)
    with pytest.raises(RunError, match=r"\.json: cannot be written: No space left on device"):
        save_model(saved, network, dataclasses.replace(card, name="another"))
    assert {path.name: path.read_bytes() for path in saved.parent.iterdir()} == before


def test_a_pickle_is_not_opened(saved: Path) -> None:
    import hashlib
    import pickle

    raw = pickle.dumps({"a": 1})
    saved.write_bytes(raw)
    edit(saved, sha256=hashlib.sha256(raw).hexdigest())
    with pytest.raises(ModelError, match="do not fit"):
        load_model(str(saved))


@pytest.mark.parametrize(("changes", "fits"), [({}, True), ({"alphabet": "ACGTN"}, False)])
def test_a_card_of_strength_has_another_geometry(changes: dict[str, str], fits: bool) -> None:
    """Its window is that of an insert, and nothing in it is a transcription start; the alphabet still counts."""
    strength = StrengthPart("expression", Construct())
    card = Card("x", STRENGTH, "whole", "none", {}, "", True, window=80, tss_index=None, strength=strength, **changes)
    if fits:
        assert Card.parse(card.to_json(), "x.json") == card
    else:
        with pytest.raises(ModelError, match="made for window"):
            Card.parse(card.to_json(), "x.json")


@pytest.mark.parametrize("smoothing", [0, 2, -1, 1.5, None, "x"])
def test_a_card_that_smooths_over_no_odd_width(smoothing: object) -> None:
    card = Card("x", "promoter", "streaming", "none", {}, "", True)
    text = card.to_json().replace('"smoothing": 1', f'"smoothing": {json.dumps(smoothing)}')
    with pytest.raises(ModelError, match="smoothing must be an odd width in bp"):
        Card.parse(text, "x.json")


def test_training_state_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_tensors(path, {"a": torch.arange(3)}, {"epoch": 2})
    tensors, notes = load_tensors(path)
    assert tensors["a"].tolist() == [0, 1, 2]
    assert notes == {"epoch": 2}
    path.write_bytes(b"broken")
    with pytest.raises(ModelError, match="training state"):
        load_tensors(path)


def test_every_bundled_model_loads_and_states_its_limits() -> None:
    assert weights_folder().is_dir()
    for name in bundled_models():
        load = load_strength if read_card(find_model(name)).task == STRENGTH else load_model
        model, card = load(name)
        assert card.name == name
        assert card.limits
        assert card.splits
        assert card.headline
        assert count_parameters(model) < 5_000_000
