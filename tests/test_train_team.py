"""Training by several processes: real ones, started by torchrun on the CPU, end where one would have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from genomes import DATA, tiny_streaming
from safetensors.torch import load_file

from promscan.errors import DeviceError, RunError
from promscan.train import genome_trainer
from promscan.train.genome_trainer import GenomeRecipe, GenomeTrainer
from promscan.train.loop.distributed import ProcessGroup, process_group, single_process

# A setup and a test may each start processes on a busy machine.
pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("blank_pictures")]

ROOT = Path(__file__).parent.parent
COMMAND = ["train", "genome", DATA / "demo.fa", DATA / "demo_tss.bed", "--dev", "demo2", "--device", "cpu"]
COMMAND += ["--species", "Synthetic"]
# Five segments are shared by two and three.
SIZES = ["--hidden", 4, "--dropout", 0, "--epochs", 2, "--segments-per-epoch", 15, "--batch-size", 5, "--threads", 1]
OPTIONS = [*COMMAND, *SIZES, "--averaging", 0.9]
PROCESS = """\
import os, pathlib, signal, sys, time
from promscan.cli import main
from promscan.train import genome_trainer
from promscan.train.loop.run_folder import RunFolder

genome_trainer.MINED_FALSE_HITS = 1
{trouble}
try:
    main()
finally:
    tasks = pathlib.Path("/proc/self/task")  # there is none but on Linux
    threads = [path.read_text() for path in tasks.glob("*/comm")]
    sys.stderr.write(f"threads of gloo: {{sum('gloo' in name for name in threads)}}\\n")
"""
KILLED = """
if os.environ["TORCHELASTIC_RESTART_COUNT"] == "1":
    time.sleep(8 * (os.environ["RANK"] == "0"))  # the other one must wait for it, and not look for the killed one
save = RunFolder.save_state
def save_once(folder, groups, history):
    if len(history) == 2 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    save(folder, groups, history)
RunFolder.save_state = save_once
"""
DIVERGING = """
new_classifier = genome_trainer.new_classifier
def moved(*arguments):
    network = new_classifier(*arguments)
    network.attention.bias.data += int(os.environ["RANK"])
    return network
genome_trainer.new_classifier = moved
"""


def torchrun(out: Path, *options: str, trouble: str = "", restarts: int = 0) -> tuple[int, str]:
    """Train in two processes into `out`, until all is done or some trouble; returns exit status and messages."""
    script = out.parent / f"{out.name}.py"
    script.write_text(PROCESS.format(trouble=trouble))
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", f"--max-restarts={restarts}"]
    command = [sys.executable, *launcher, script, *OPTIONS, "-o", out, *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(list(map(str, command)), env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            _, messages = process.communicate(timeout=280)
        finally:
            process.terminate()  # it takes its processes along
    return process.returncode, messages


def threads_left(messages: str) -> set[int]:
    """Threads of gloo in each process after the end of its group; one of them may abort the process at its exit."""
    return set(map(int, re.findall("threads of gloo: ([0-9]+)", messages)))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of two processes."""
    out = tmp_path_factory.mktemp("team") / "two"
    status, messages = torchrun(out)
    assert status == 0, messages
    assert messages.count("best epoch") == 1
    assert threads_left(messages) == {0}
    return out


@pytest.mark.slow
def test_two_processes_train_as_one_does(
    tmp_path: Path, two: Path, promscan_cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of several false calls, two that are nearly equal could change places by rounding.
    monkeypatch.setattr(genome_trainer, "MINED_FALSE_HITS", 1)
    assert promscan_cli(*OPTIONS, "-o", tmp_path / "one").status == 0
    assert {path.name for path in (tmp_path / "one").iterdir()} == {path.name for path in two.iterdir()}
    require_alike(two, tmp_path / "one")


def require_alike(two: Path, one: Path) -> None:
    """Compare weights; not their bits, as sums over a batch are sums of two, and products of fewer rows round anew."""
    weights = [load_file(run / "last.safetensors") for run in (two, one)]
    torch.testing.assert_close(*weights, rtol=1e-5, atol=1e-6)


def losses_by_teachers(run: Path) -> list[float]:
    header, *rows = [line.split("\t") for line in (run / "metrics.tsv").read_text().splitlines()]
    return [float(row[header.index("loss_teaching")]) for row in rows]


@pytest.mark.slow
def test_two_processes_learn_from_teachers_as_one_does(
    tmp_path: Path, two: Path, promscan_cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genome_trainer, "MINED_FALSE_HITS", 1)
    taught = ["--teacher", tiny_streaming(), "--allow-seen"]
    status, messages = torchrun(tmp_path / "two", *map(str, taught))
    assert status == 0, messages
    assert promscan_cli(*OPTIONS, *taught, "-o", tmp_path / "one").status == 0
    require_alike(tmp_path / "two", tmp_path / "one")
    losses = [losses_by_teachers(tmp_path / run) for run in ("two", "one")]
    assert min(losses[0]) > 0
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    with pytest.raises(AssertionError):  # teachers change what is learned
        require_alike(tmp_path / "two", two)


@pytest.mark.slow
def test_killed_processes_resume_to_the_same_weights(tmp_path: Path, two: Path) -> None:
    status, messages = torchrun(tmp_path / "killed", "--resume", trouble=KILLED, restarts=1)
    assert status == 0, messages
    assert "exitcode: -9" in messages
    assert threads_left(messages) == {0}
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / "killed" / name).read_bytes() == (two / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trouble", "message"), [("", "not empty; choose another folder"), (DIVERGING, "no longer hold the same weights")]
)
def test_an_error_is_written_once(tmp_path: Path, trouble: str, message: str) -> None:
    run = tmp_path / "run"
    if not trouble:
        run.mkdir()
        (run / "notes.txt").touch()
    status, messages = torchrun(run, trouble=trouble)
    assert status != 0
    (told,) = [line for line in messages.splitlines() if line.startswith("promscan:")]
    assert message in told
    assert threads_left(messages) == {0}
    assert str(ROOT / "promscan") not in messages  # torchrun itself shows a traceback; none of them is ours


# What each process is told by torchrun


@pytest.fixture
def second_of_two(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """This process, as if torchrun had started it."""
    for name, value in {"RUN_ID": "test", "RESTART_COUNT": "0"}.items():
        monkeypatch.setenv(f"TORCHELASTIC_{name}", value)
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_only_the_first_process_speaks(tmp_path: Path, promscan_cli, second_of_two: pytest.MonkeyPatch) -> None:
    bad = [*COMMAND, "-o", tmp_path / "run", "--leave-out", "chr9"]
    assert promscan_cli(*bad) == (1, "", "")
    second_of_two.setenv("RANK", "0")
    outcome = promscan_cli(*bad)
    assert outcome.status == 1
    reading, settings, error = outcome.err.splitlines()
    assert "20 TSSs" in reading
    assert settings.startswith("settings for ")
    assert error.startswith("promscan: error: there is no contig 'chr9'")


@pytest.mark.parametrize(
    ("device", "devices", "message"),
    [
        ("cuda:1", 2, "device cuda:1: processes of torchrun cannot share it"),
        ("mps", 2, "device mps: processes of torchrun cannot share it"),
        ("cuda", 1, "device cuda: 2 processes, but this machine has 1 CUDA device;"),
        ("auto", 1, "device auto: 2 processes, but this machine has 1 CUDA device;"),
    ],
)
def test_every_process_has_a_device_of_its_own(
    second_of_two: pytest.MonkeyPatch, device: str, devices: int, message: str
) -> None:
    second_of_two.setattr(torch.cuda, "is_available", lambda: True)
    second_of_two.setattr(torch.cuda, "device_count", lambda: devices)
    with pytest.raises(DeviceError, match=message), process_group(device):
        pass


def test_other_trainings_run_in_one_process(second_of_two: pytest.MonkeyPatch, tmp_path: Path, promscan_cli) -> None:
    second_of_two.setenv("RANK", "0")
    table = tmp_path / "windows.csv"
    table.write_text("sequence,label\n" + f"{'A' * 70},0\n{'C' * 70},1\n")
    outcome = promscan_cli("train", "windows", table, "--dev", table, "-o", tmp_path / "run", "--device", "cpu")
    assert outcome.status == 1
    assert "only `promscan train genome` runs in several processes" in outcome.err
    assert not (tmp_path / "run").exists()
    second_of_two.setenv("WORLD_SIZE", "1")
    assert single_process("cpu") == ProcessGroup(torch.device("cpu"))


@pytest.mark.parametrize(("rows", "size"), [(5, 1), (5, 2), (32, 5), (4, 4)])
def test_every_row_is_computed_once(rows: int, size: int) -> None:
    shares = [range(rows)[ProcessGroup(torch.device("cpu"), rank, size).own_rows(rows)] for rank in range(size)]
    assert [row for share in shares for row in share] == list(range(rows))
    assert all(shares)


def test_a_batch_has_a_segment_for_each_process() -> None:
    with pytest.raises(RunError, match="3 processes cannot share a batch of 2; start fewer"):
        GenomeTrainer(GenomeRecipe(batch_size=2), None, None, ProcessGroup(torch.device("cpu"), 0, 3), 1)
