"""The prepared command for a machine with a GPU: what it packs, how it keeps its time, and all of it on a CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from genomes import TINY, random_bases, tiny_streaming

from promscan.io.genome import Genome
from promscan.networks.weights import load_model
from promscan.seq import dna

GPU = Path(__file__).parents[1] / "benchmarks" / "gpu"


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(GPU))


def script(name: str) -> ModuleType:
    """A script without a suffix, as a module."""
    spec = spec_from_loader(name, SourceFileLoader(name, str(GPU / name)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(GPU / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    folder = tmp_path / "packed"
    done = run("pack", "--synthetic", "--no-wheels", "--checkpoint", tiny_streaming(), "-o", folder)
    assert done.returncode == 0, done.stderr
    assert "in all, of 45" in done.stdout
    return folder


@pytest.mark.parametrize("bases", [1, 2, 3, 4, 61, 240])
def test_packed_sequence_comes_back_as_it_was(tmp_path, bases):
    from packed import read_packed, write_fasta, write_packed

    letters = {"chr1": random_bases(bases, 1), "chr2": "NN" + random_bases(7, 2) + "N", "chr3": "N"}
    contigs = {name: dna.encode(sequence) for name, sequence in letters.items()}
    write_packed(tmp_path / "genome.npz", contigs)
    write_fasta(tmp_path / "genome.fa", read_packed(tmp_path / "genome.npz"))
    read = {chunk.chrom: dna.decode(chunk.codes) for chunk in Genome(tmp_path / "genome.fa").read_chunks(10**6)}
    assert read == letters


def test_the_first_bases_of_contigs_end_where_they_should():
    from packed import first_bases

    contigs = {name: np.zeros(10, dtype=np.uint8) for name in "abc"}
    assert {name: len(codes) for name, codes in first_bases(contigs, 15).items()} == {"a": 10, "b": 5}
    assert first_bases(contigs, 100).keys() == contigs.keys()


def test_starts_of_rampage_are_added_where_training_may_learn_from_them(tmp_path):
    from training import merged_starts

    listed, rampage, out = (tmp_path / name for name in ("tss.bed", "rampage.bed", "starts.bed"))
    listed.write_text("chr1:0-9\t1000\t1001\tA_1\t0\t+\nchr9:0-9\t50\t51\tB_1\t0\t-\n")
    rampage.write_text(
        "chr1:0-9\t900\t901\tnear\t50\t+\t9\n"
        "chr1:0-9\t899\t900\tfar\t50\t+\t9\n"
        "chr1:0-9\t1000\t1001\tother strand\t50\t-\t9\n"
        "chr1:0-9\t5000\t5001\tweak\t9.9\t+\t9\n"
        "chr9:0-9\t7000\t7001\tdev\t50\t+\t9\n"
    )
    assert merged_starts(listed, rampage, ["chr9"], out) == 2
    names = [line.split("\t")[3] for line in out.read_text().splitlines()]
    assert names == ["A_1", "B_1", "far", "other strand"]
    assert merged_starts(listed, tmp_path / "none.bed", ["chr9"], out) == 0


def test_a_part_that_fails_or_never_ends_does_not_stop_the_next(tmp_path, capsys):
    from parts import Parts

    parts = Parts(tmp_path, tmp_path, time.monotonic() + 60, {})
    python = [sys.executable, "-c"]
    assert not parts.run("failing", [*python, "print('before'); raise SystemExit(3)"], 30)
    assert not parts.run("endless", [*python, "import time; print('begun', flush=True); time.sleep(600)"], 2)
    assert parts.run("good", [*python, "print('done')"], 30)
    parts.deadline = time.monotonic()
    assert not parts.run("late", [*python, "print('never')"], 30)
    rows = json.loads((tmp_path / "summary.json").read_text())
    assert [row["state"] for row in rows] == ["failed (3)", "stopped at its time limit", "ok", "no time left"]
    assert rows[1]["seconds"] < 20
    log = (tmp_path / "log.txt").read_text()
    assert log.startswith("==> failing\nbefore\n\n==> endless\nbegun\n")
    assert log.endswith("\n==> good\ndone\n\n")
    assert capsys.readouterr().out.count("\n") == 4


@pytest.mark.slow
def test_tests_that_run_out_of_time_still_report(tmp_path):
    from parts import Parts

    (tmp_path / "test_some.py").write_text("import time\ndef test_good(): pass\ndef test_endless(): time.sleep(600)\n")
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", f"--junitxml={report}", "-p", "no:cacheprovider", tmp_path]
    assert not Parts(tmp_path, tmp_path, time.monotonic() + 120, os.environ).run("tests", command, 40)
    assert script("run").junit(report)["tests"] >= 1


def test_what_a_part_has_written_is_saved_while_it_runs(tmp_path):
    """So that nothing is lost if the machine goes away."""
    from parts import Parts

    calls = []
    Parts(tmp_path, tmp_path, time.monotonic() + 60, {}).run(
        "part", [sys.executable, "-c", "import time; time.sleep(1.2)"], 30, lambda: calls.append(1)
    )
    assert len(calls) >= 3


def test_a_training_is_as_long_as_the_time_that_is_left():
    from training import FULL, SMALL, fitted

    assert fitted(0.05, FULL, 300) == (1200, 4)
    assert fitted(0.05, FULL, 30) == (1200, 1)
    assert fitted(600, FULL, 300) == (1, 1)
    assert fitted(0.05, SMALL, 300) == (10, 2)


def test_the_weights_of_each_epoch_come_out(tmp_path):
    from training import Saver

    run, out = tmp_path / "run", tmp_path / "out"
    for folder in (run, out):
        folder.mkdir()
    save = Saver(run, out, {"epochs": 2})
    save()
    assert json.loads((out / "training.json").read_text()) == {"epochs": 2, "epochs_done": []}
    for name in ("last.safetensors", "best.safetensors"):
        (run / name).write_bytes(b"weights")
    (run / "best.json").write_text('{"name": "run"}')
    (run / "metrics.tsv").write_text("epoch\trecall\n1\t0.25\n")
    (run / "state.safetensors").write_bytes(b"state")
    (run / "learning_curves.png").write_bytes(b"plot")
    save()
    told = json.loads((out / "training.json").read_text())
    assert (told["epochs_done"], told["card"]) == ([{"epoch": 1.0, "recall": 0.25}], {"name": "run"})
    with tarfile.open(out / "training.tar") as archive:
        assert {name.partition("/")[2] for name in archive.getnames()} == {
            "last.safetensors", "best.safetensors", "best.json", "metrics.tsv", "state.safetensors",
        }  # fmt: skip


def test_more_than_may_travel_is_refused_and_changes_nothing(tmp_path, monkeypatch):
    pack = script("pack")
    monkeypatch.setattr(pack, "LIMIT", 1000)
    folder = tmp_path / "packed"
    folder.mkdir()
    (folder / "old").touch()
    monkeypatch.setattr(sys, "argv", ["pack", "--synthetic", "--no-wheels", "-o", str(folder)])
    with pytest.raises(SystemExit, match="too much to travel"):
        pack.main()
    assert [path.name for path in tmp_path.iterdir()] == ["packed"]
    assert [path.name for path in folder.iterdir()] == ["old"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--data", "nowhere"), "nowhere: there is no such folder"),
        (("--synthetic", "--checkpoint", "nowhere"), "no such file"),
    ],
)
def test_what_cannot_be_packed_is_one_line(tmp_path, monkeypatch, arguments, reason):
    monkeypatch.setattr(sys, "argv", ["pack", "--no-wheels", "-o", str(tmp_path / "packed"), *arguments])
    with pytest.raises(SystemExit) as stop:
        script("pack").main()
    assert isinstance(stop.value.code, str)  # which Python writes as a line, and exits with status 1
    assert "\n" not in stop.value.code
    assert reason in stop.value.code
    assert not list(tmp_path.iterdir())


def test_the_wheels_are_those_of_what_setup_cfg_asks_for_and_the_machine_lacks():
    names = {script("pack")._package(line) for line in script("pack").requirements()}
    assert {"pysam", "pyfaidx"} <= names
    assert not names & {"torch", "numpy", "pybedtools", "ruff", "pytest"}


def test_nothing_runs_without_what_was_packed(tmp_path):
    done = run("run", "--out", tmp_path / "out", "--packed", tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"run: {tmp_path} is not filled; run benchmarks/gpu/pack first\n"
    assert "no part 'test'" in run("run", "--out", tmp_path / "out", "--parts", "test").stderr


def test_a_report_of_pytest_says_what_failed(tmp_path):
    suite = tmp_path / "test_some.py"
    suite.write_text("def test_good(): pass\ndef test_bad(): assert 1 == 2\n")
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", str(suite), "-p", "no:cacheprovider"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    result = script("run").junit(report)
    assert (result["tests"], result["failures"]) == (2, 1)
    assert result["failed"][0]["test"] == "test_some.test_bad"
    assert "assert 1 == 2" in result["failed"][0]["report"]
    assert "no report" in script("run").junit(tmp_path / "none.xml")["error"]


@pytest.mark.slow
def test_the_environment_is_reported(tmp_path, packed):
    out = tmp_path / "out"
    options = ("--out", out, "--packed", packed, "--device", "cpu", "--small", "--parts", "environment")
    done = run("run", *options, "--minutes", 4)
    assert done.returncode == 0, (out / "log.txt").read_text()
    told = json.loads((out / "environment.json").read_text())
    assert told["versions"]["torch"]
    assert told["device"]["device"] == "cpu"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_everything_runs_from_what_was_packed(tmp_path, packed):
    out = tmp_path / "out"
    done = run("run", "--out", out, "--packed", packed, "--device", "cpu", "--small", "--minutes", 20)
    log = (out / "log.txt").read_text()
    assert done.returncode == 0, done.stdout + log
    files = {path.name: path.stat().st_size for path in out.iterdir()}
    assert files.keys() == {
        "summary.json", "environment.json", "tests.json", "measurements.json", "profile.txt", "training.json",
        "training.tar", "log.txt",
    }  # fmt: skip
    assert max(files.values()) < 16 * 2**20
    tests, measured, trained = (
        json.loads((out / f"{name}.json").read_text()) for name in ("tests", "measurements", "training")
    )
    assert (tests["kernels"]["failures"], tests["gpu"]["errors"]) == (0, 0)
    assert tests["kernels"]["tests"] > 0
    assert measured["scan"]["random"]["mb_per_second"] > 0
    assert measured["precision"]["plain_steps_float32"]["most"] == 0
    assert measured["engines"]["floor"]["share_reached"] > 0
    assert measured["engines"]["training_by_plain_steps"]["seconds"] > 0
    assert measured["profile"]["streaming"]["seconds_a_unit"] > 0
    assert "aten::" in (out / "profile.txt").read_text()
    assert len(trained["epochs_done"]) == trained["epochs"] == 2
    with tarfile.open(out / "training.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    network, card = load_model(str(tmp_path / "run" / "last.safetensors"))
    start = load_model(str(TINY))[1]
    assert network.architecture.sizes == load_model(str(TINY))[0].architecture.sizes
    assert card.training["init"]["sha256"] == start.sha256
