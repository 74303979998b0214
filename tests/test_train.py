import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from promscan.errors import DeviceError, InputError, ModelError, RunError
from promscan.networks.card import read_card
from promscan.networks.classifier import Architecture
from promscan.networks.weights import load_model
from promscan.seq import dna
from promscan.train.data.labelled_windows import LabelledWindows, read_windows
from promscan.train.data.scramble import PIECE_OF_BASE, scramble
from promscan.train.data.unlabelled import UnlabelledSequences
from promscan.train.loop.run_folder import RunFolder
from promscan.train.pretrain import PretrainRecipe, share_no_kmer, train_unlabelled
from promscan.train.windows import WindowRecipe, predict_logits, train_windows

pytestmark = pytest.mark.usefixtures("blank_pictures")

SMALL = Architecture(hidden=12, dropout=0.1)


def planted(n: int, seed: int) -> LabelledWindows:
    """Random windows; those of label 1 hold a TATA box at index 3."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, 70), dtype=np.uint8)
    labels = (np.arange(n) % 2).astype(np.float32)
    codes[labels == 1, 3:11] = dna.encode("TATAAAAG")
    return LabelledWindows(codes, labels, "planted", str(seed))


def recipe(**changes: object) -> WindowRecipe:
    values = {"architecture": SMALL, "epochs": 4, "learning_rate": 1e-2, "batch_size": 64, "reverse_complement": False}
    return WindowRecipe(**{**values, **changes})


def test_the_defaults_of_the_recipes() -> None:
    """The defaults of the baseline recipe, and those that a pretraining changes."""
    common = {"weight_decay": 0.01, "batch_size": 128, "clip": 1.0, "reverse_complement": True, "averaging": 0.0}
    common |= {"architecture": dataclasses.asdict(Architecture()), "precision": "auto", "seed": 1}
    windows = {"learning_rate": 1e-4, "epochs": 50, "patience": 15, "sampler": "balanced", "label_smoothing": 0.0}
    windows["surroundings"] = 0
    pretraining = {"learning_rate": 2e-3, "epochs": 10, "windows_per_epoch": 48_000}
    assert dataclasses.asdict(WindowRecipe()) == common | windows
    assert dataclasses.asdict(PretrainRecipe()) == common | pretraining


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last weights of a model that has learned the planted motif."""
    run = tmp_path_factory.mktemp("learned") / "run"
    train_windows(planted(1200, 1), planted(300, 2), run, recipe(), threads=1)
    return run / "last.safetensors"


def test_a_planted_motif_is_learned(learned: Path) -> None:
    card = read_card(learned.with_name("best.safetensors"))
    assert card.metrics["dev"]["auc"] > 0.95
    assert card.strand_trusted


def test_what_a_teacher_is_not_sure_of_is_learned_as_such(tmp_path: Path) -> None:
    sure = planted(1200, 1)
    taught = LabelledWindows(sure.codes, 0.2 + 0.6 * sure.labels, "taught", "")
    train_windows(taught, planted(300, 2), tmp_path / "run", recipe(), threads=1)
    model, _ = load_model(str(tmp_path / "run" / "last.safetensors"))
    fresh = planted(400, 3)
    probabilities = 1 / (1 + np.exp(-predict_logits(model, fresh, next(model.parameters()).device)))
    assert probabilities[fresh.promoters].mean() == pytest.approx(0.8, abs=0.07)
    assert probabilities[~fresh.promoters].mean() == pytest.approx(0.2, abs=0.07)


def test_a_device_that_is_not_there_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DeviceError):
        train_windows(planted(64, 1), planted(64, 2), tmp_path / "run", recipe(), device="cuda:99")
    assert not (tmp_path / "run").exists()


def test_a_run_folder_is_complete(tmp_path: Path, drawn_pictures: None) -> None:
    train_windows(planted(128, 1), planted(64, 2), tmp_path / "run", recipe(epochs=2), threads=1)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    weights = {f"{which}.{suffix}" for which in ("best", "last") for suffix in ("safetensors", "json")}
    assert names == weights | {
        "config.json", "metrics.tsv", "state.safetensors", "learning_curves.png", "dev_curves.png",
    }  # fmt: skip
    header, *rows = (tmp_path / "run" / "metrics.tsv").read_text().splitlines()
    assert len(rows) == 2
    for split in ("train", "dev"):
        assert {f"{split}_{x}" for x in ("loss", "accuracy", "f1", "mcc", "auc", "auprc")} <= set(header.split("\t"))
    for picture in ("learning_curves.png", "dev_curves.png"):
        assert (tmp_path / "run" / picture).read_bytes().startswith(b"\x89PNG")


def test_the_card_describes_the_data_and_the_recipe(tmp_path: Path) -> None:
    card = train_windows(planted(128, 1), planted(64, 2), tmp_path / "run", recipe(epochs=1, seed=7), threads=1)
    assert card.training["data"] == {"rows": 128, "positives": 64, "negatives": 64, "sha256": "1"}
    assert card.training["recipe"]["seed"] == 7
    assert card.splits["dev"]["rows"] == 64


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train_windows(planted(128, 1), planted(64, 2), tmp_path / name, recipe(epochs=2, seed=seed), threads=1)
    a, b, c = (load_model(str(tmp_path / name / "last.safetensors"))[1].sha256 for name in "abc")
    assert a == b != c


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    """SIGKILL after the first epoch, resume until done, and compare with a run that was left in peace."""
    script = (
        "import sys; from pathlib import Path; from test_train import planted, recipe\n"
        "from promscan.train.windows import train_windows\n"
        "train_windows(planted(320, 1), planted(64, 2), Path(sys.argv[1]), recipe(epochs=3, averaging=0.9),"
        " threads=1, resume=True)"
    )
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    command = [sys.executable, "-c", script]
    subprocess.run([*command, str(tmp_path / "peace")], check=True, env=environment)
    process = subprocess.Popen([*command, str(tmp_path / "killed")], env=environment)
    while process.poll() is None and not (tmp_path / "killed" / "state.safetensors").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    subprocess.run([*command, str(tmp_path / "killed")], check=True, env=environment)
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / "peace" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()


def test_a_used_folder_is_not_overwritten(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_windows(planted(64, 1), planted(64, 2), run, recipe(epochs=1), threads=1)
    with pytest.raises(RunError, match="not empty"):
        train_windows(planted(64, 1), planted(64, 2), run, recipe(epochs=1), threads=1)
    with pytest.raises(RunError, match="another recipe"):
        train_windows(planted(64, 1), planted(64, 2), run, recipe(epochs=2), threads=1, resume=True)


def test_a_configuration_is_compared_by_what_it_says(tmp_path: Path) -> None:
    config = {"recipe": {"learning_rate": 1e-4, "seed": 1}, "init": ""}
    folder = RunFolder(tmp_path)
    assert not folder.begin(config, resume=False)
    folder.save_state({}, [])
    path = tmp_path / "config.json"
    path.write_text('{"init": "", "recipe": {"seed": 1, "learning_rate": 0.0001}}')
    assert folder.begin(config, resume=True)
    for other in ('{"init": "", "recipe": {"seed": 2, "learning_rate": 0.0001}}', '{"init": ""'):
        path.write_text(other)
        with pytest.raises(RunError, match="another recipe"):
            folder.begin(config, resume=True)


@pytest.mark.slow
def test_training_stops_when_dev_gets_no_better(tmp_path: Path) -> None:
    noise = planted(128, 1)
    shuffled = LabelledWindows(noise.codes, np.random.default_rng(0).permutation(noise.labels), "noise", "")
    train_windows(shuffled, planted(64, 2), tmp_path / "run", recipe(epochs=60, patience=2), threads=1)
    rows = (tmp_path / "run" / "metrics.tsv").read_text().splitlines()[1:]
    best = max(range(len(rows)), key=lambda i: float(rows[i].split("\t")[12]))
    assert len(rows) < 60
    assert len(rows) == best + 3


def test_a_training_that_diverges_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"^the training has diverged: .* smaller --learning-rate"):
        train_windows(planted(64, 1), planted(64, 2), tmp_path / "run", recipe(learning_rate=1e9), threads=1)
    sequences = UnlabelledSequences(list(planted(10, 1).codes), "x", "")
    settings = PretrainRecipe(architecture=SMALL, learning_rate=1e9, epochs=9, windows_per_epoch=64, batch_size=8)
    with pytest.raises(RunError, match=r"^the training has diverged: "):
        train_unlabelled(sequences, [], tmp_path / "start", settings, threads=1)


def test_training_starts_from_given_weights(tmp_path: Path, learned: Path) -> None:
    still = recipe(epochs=1, learning_rate=1e-9, weight_decay=0.0)
    train_windows(planted(64, 1), planted(64, 2), tmp_path / "second", still, threads=1, init=learned)
    models = [load_model(str(path))[0] for path in (learned, tmp_path / "second" / "last.safetensors")]
    first, second = (predict_logits(model, planted(64, 3), next(model.parameters()).device) for model in models)
    assert np.allclose(first, second, atol=1e-4)
    other = recipe(architecture=Architecture(hidden=5))
    with pytest.raises(ModelError, match="architecture"):
        train_windows(planted(64, 1), planted(64, 2), tmp_path / "third", other, init=learned)


def test_pieces_lie_where_the_benchmark_has_them() -> None:
    edges = np.flatnonzero(np.diff(PIECE_OF_BASE)) + 1
    assert edges.tolist() == [9, 24, 39, 54, 69]


def test_scrambling_replaces_whole_pieces_only() -> None:
    codes = np.zeros((4000, 70), dtype=np.uint8)
    scrambled, replaced = scramble(codes, np.random.default_rng(0))
    assert (scrambled[~replaced] == 0).all()
    assert 0.7 < (scrambled[replaced] != 0).mean() < 0.8
    assert 0.58 < replaced.mean() < 0.62
    for piece in np.unique(PIECE_OF_BASE):
        inside = replaced[:, piece == PIECE_OF_BASE]
        assert (inside.all(axis=1) | ~inside.any(axis=1)).all()


def test_sequences_too_close_to_held_out_windows_are_left_out() -> None:
    rng = np.random.default_rng(0)
    held_out = rng.integers(0, 4, (5, 70), dtype=np.uint8)
    far, close = rng.integers(0, 4, (2, 100), dtype=np.uint8)
    close[60:85] = held_out[3, 40:65]
    almost = far.copy()
    almost[60:84] = held_out[3, 40:64]
    almost[[59, 84]] = held_out[3, [39, 64]] ^ 1
    assert share_no_kmer([far, close], held_out)[0] is far
    assert len(share_no_kmer([far, close], held_out)) == 1
    assert len(share_no_kmer([almost], held_out)) == 1


def test_pretraining_learns_and_serves_as_a_start(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    natural = UnlabelledSequences([rng.integers(2, 4, 90, dtype=np.uint8) for _ in range(50)], "GC only", "")
    settings = PretrainRecipe(
        architecture=SMALL, epochs=3, windows_per_epoch=1280, learning_rate=1e-2, reverse_complement=False
    )
    card = train_unlabelled(natural, [planted(10, 1)], tmp_path / "start", settings, threads=1)
    assert card.metrics["train"]["base_auc"] > 0.8
    assert card.training["sequences"]["used"] == 50
    assert train_unlabelled(natural, [planted(10, 1)], tmp_path / "start", settings, threads=1, resume=True) == card
    start = tmp_path / "start" / "last.safetensors"
    train_windows(planted(64, 1), planted(64, 2), tmp_path / "run", recipe(epochs=1), threads=1, init=start)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["init"] == card.sha256


@pytest.mark.parametrize("batch_size", [2, 3, 10, 16, 18])
def test_small_batches_of_a_pretraining_have_a_metric_of_bases(tmp_path: Path, batch_size: int) -> None:
    settings = PretrainRecipe(architecture=SMALL, epochs=1, windows_per_epoch=batch_size, batch_size=batch_size)
    sequences = UnlabelledSequences(list(planted(10, 1).codes), "x", "")
    card = train_unlabelled(sequences, [], tmp_path / "run", settings, threads=1)
    assert all(0 <= card.metrics["train"][name] <= 1 for name in ("base_auc", "window_auc"))


def test_pretraining_refuses_to_learn_from_nothing(tmp_path: Path) -> None:
    held_out = planted(4, 1)
    seen = UnlabelledSequences(list(held_out.codes), "all held out", "")
    with pytest.raises(InputError, match="none is left"):
        train_unlabelled(seen, [held_out], tmp_path / "start", PretrainRecipe(architecture=SMALL))


@pytest.mark.gpu
def test_training_works_on_cuda(tmp_path: Path) -> None:
    card = train_windows(planted(1200, 1), planted(300, 2), tmp_path / "run", recipe(epochs=6), device="cuda")
    assert card.metrics["dev"]["auc"] > 0.95


def test_command_line_trains(tmp_path: Path, promscan_cli) -> None:
    for name, seed in (("train", 1), ("dev", 2)):
        data = planted(64, seed)
        rows = [f"{dna.decode(codes)},{label}" for codes, label in zip(data.codes, data.labels, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["sequence,label", *rows]) + "\n")
    run = tmp_path / "run"
    arguments = [
        "train", "windows", tmp_path / "train.csv", "--dev", tmp_path / "dev.csv", "-o", run,
        "--hidden", 8, "--epochs", 1, "--threads", 1,
    ]  # fmt: skip
    assert promscan_cli(*arguments).status == 0
    assert read_windows(str(tmp_path / "train.csv")).describe()["positives"] == 32
    assert not load_model(str(run / "best.safetensors"))[1].strand_trusted
    again = promscan_cli(*arguments)
    assert again.status == 1
    assert again.err.count("\n") == 1
    assert "--resume" in again.err
    assert promscan_cli(*arguments, "--resume").status == 0
