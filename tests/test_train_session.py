"""What a training does to the process it runs in, its threads, and how it ends when it is stopped or lacks memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import strength_tables as tables
import torch
from test_torch_settings import OTHERS, flags, other_flags  # noqa: F401 - a fixture
from test_train import SMALL, planted, recipe
from test_train_genome import train as train_on_genome

from promscan.errors import DeviceError, RunError
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.seq import dna
from promscan.train import windows
from promscan.train.data.unlabelled import UnlabelledSequences
from promscan.train.loop import session
from promscan.train.loop.distributed import ProcessGroup
from promscan.train.loop.run import choose_threads
from promscan.train.loop.session import default_threads
from promscan.train.pretrain import PretrainRecipe, train_unlabelled
from promscan.train.strength import train_strength
from promscan.train.windows import train_windows

pytestmark = pytest.mark.usefixtures("blank_pictures")

ROOT = Path(__file__).parent.parent
SEQUENCES = UnlabelledSequences([np.zeros(90, np.uint8)], "one", "")
TRAININGS = {
    "windows": lambda out: train_windows(planted(64, 1), planted(64, 2), out / "run", recipe(epochs=1), threads=3),
    "pretrain": lambda out: train_unlabelled(
        SEQUENCES, [], out / "run", PretrainRecipe(architecture=SMALL, epochs=1, windows_per_epoch=128), threads=3
    ),
    "genome": lambda out: train_on_genome(out / "run", threads=3),
    "strength": lambda out: train_strength(
        [tables.measurements(out, 100, 1)], out / "run", tables.recipe(epochs=1), threads=3
    ),
}


@pytest.mark.usefixtures("other_flags")
@pytest.mark.parametrize("kind", TRAININGS)
def test_a_training_gives_back_what_it_sets_in_torch(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    card = TRAININGS[kind](tmp_path)
    assert flags() == OTHERS
    assert torch.get_num_threads() == threads
    assert torch.tensor(1e-39) * 1 > 0  # denormal numbers are numbers again
    assert torch.equal(torch.rand(3), expected)
    assert card.training["threads"] == 3
    assert json.loads((tmp_path / "run" / "config.json").read_text())["threads"] == 3


def test_small_networks_train_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "available_threads", lambda: 12)
    assert default_threads(lambda: BiGRUAttention(SMALL)) == 1
    assert default_threads(lambda: BiGRUAttention(Architecture(64))) == 1
    assert default_threads(lambda: BiGRUAttention(Architecture(128))) == 12
    for name, value in {"RUN_ID": "x", "RESTART_COUNT": "0"}.items():
        monkeypatch.setenv(f"TORCHELASTIC_{name}", value)
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert default_threads(lambda: BiGRUAttention(Architecture(128))) == 3


def test_a_resumed_run_keeps_its_threads(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train_windows(planted(64, 1), planted(64, 2), out, recipe(epochs=1), threads=2)
    again = train_windows(planted(64, 1), planted(64, 2), out, recipe(epochs=1), resume=True)
    assert again.training["threads"] == 2
    with pytest.raises(RunError, match="trains on 2 CPU threads, and another number gives other weights"):
        train_windows(planted(64, 1), planted(64, 2), out, recipe(epochs=1), threads=1, resume=True)


@pytest.mark.parametrize("recorded", ['{"threads": "2"}', '{"threads": true}', '{"threads": -1}', "[]", "", "{}"])
def test_a_damaged_record_of_threads_counts_for_nothing(tmp_path: Path, recorded: str) -> None:
    (tmp_path / "config.json").write_text(recorded)
    group = ProcessGroup(torch.device("cpu"))
    assert choose_threads(None, lambda: BiGRUAttention(SMALL), tmp_path, group, resume=True) == 1


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")])
def test_too_little_memory_for_a_training_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(windows._Trainer, "_step", fail)
    with pytest.raises(DeviceError, match=r"^the memory of this machine is too small; train with"):
        train_windows(planted(64, 1), planted(64, 2), tmp_path / "run", recipe(), threads=1)


def test_too_little_memory_for_a_genome_is_one_line(
    tmp_path: Path, promscan_cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("promscan.train.data.labelled_genome.read_labelled_genome", fail)
    data = ROOT / "tests" / "data"
    command = ["train", "genome", data / "demo.fa", data / "demo_tss.bed", "--dev", "demo2", "--species", "Synthetic"]
    outcome = promscan_cli(*command, "-o", tmp_path / "run")
    assert outcome.status == 1
    assert outcome.err.startswith("promscan: error: the memory of this machine is too small; train with a smaller")
    assert outcome.err.count("\n") == 1


def write_windows(folder: Path) -> list[object]:
    for name, seed in (("train", 1), ("dev", 2)):
        data = planted(128, seed)
        rows = [f"{dna.decode(codes)},{label}" for codes, label in zip(data.codes, data.labels, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["sequence,label", *rows]) + "\n")
    command = ["train", "windows", folder / "train.csv", "--dev", folder / "dev.csv", "-o", folder / "run"]
    return [*command, "--hidden", 8, "--epochs", 2, "--threads", 1]


def test_a_stopped_training_says_how_to_go_on(tmp_path: Path, promscan_cli, monkeypatch: pytest.MonkeyPatch) -> None:
    command, save = write_windows(tmp_path), windows._save_epoch
    calls = list[int]()

    def stop_in_the_second_epoch(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        save(*arguments)

    monkeypatch.setattr(windows, "_save_epoch", stop_in_the_second_epoch)
    outcome = promscan_cli(*command)
    assert outcome.status == 130
    said = [line for line in outcome.err.splitlines() if line][1:]
    assert said == [
        f"{tmp_path / 'run'}: 1 of 2 epochs are finished; give the same command with --resume to go on",
        "promscan: interrupted",
    ]
    assert not list((tmp_path / "run").glob(".*"))
    assert promscan_cli(*command, "--resume").status == 0
    monkeypatch.undo()
    peace = [word if word != tmp_path / "run" else tmp_path / "peace" for word in command]
    assert promscan_cli(*peace).status == 0
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / "peace" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_plots_are_silent_where_no_folder_can_be_written(tmp_path: Path) -> None:
    script = (
        "import os; from pathlib import Path\n"
        "from promscan.plots.figure import new_figure, require_matplotlib, save_figure\n"
        "before = dict(os.environ); require_matplotlib(); figure, _ = new_figure(1)\n"
        f"save_figure(figure, Path({str(tmp_path / 'x.png')!r})); assert dict(os.environ) == before"
    )
    hidden = ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment |= {"HOME": "/dev/null", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "x.png").stat().st_size


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--hidden", 10**9), ("--layers", 10**9), ("--kernel", 10**9), ("--epochs", 10**12), ("--batch-size", 10**12),
        ("--seed", 1 << 40), ("--threads", 10**6), ("--patience", 10**9), ("--convolutions", 10**6),
        ("--kernel", 257), ("--kernel", 8),  # what no network has is refused by the name of the option
    ],
)  # fmt: skip
def test_whole_numbers_have_bounds(tmp_path: Path, promscan_cli, option: str, value: int) -> None:
    outcome = promscan_cli(*write_windows(tmp_path), option, value)
    assert outcome.status == 2
    assert option in outcome.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("folder", "species"), [("r\nun", "x"), ("run\udcff", "x"), ("run", "a\tb"), ("run", "\x1b[1m")]
)
def test_what_cannot_stand_in_a_card_is_refused_before_the_training(
    tmp_path: Path, promscan_cli, folder: str, species: str
) -> None:
    command = write_windows(tmp_path)
    command[command.index("-o") + 1] = tmp_path / "out" / folder
    outcome = promscan_cli(*command, "--species", species)
    assert outcome.status == 1
    assert "stands in the card, and must be printable UTF-8 in one line; change it" in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_paths_are_read(tmp_path: Path) -> None:
    write_windows(tmp_path)
    card = train_windows(
        str(tmp_path / "train.csv"), tmp_path / "dev.csv", str(tmp_path / "run"), recipe(epochs=1), threads=1
    )
    assert card.training["data"]["rows"] == card.splits["dev"]["rows"] == 128
    assert card.species == "unknown"
