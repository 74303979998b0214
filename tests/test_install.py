"""The bundled weights are found wherever promscan runs from: a checkout, a wheel, an editable installation."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import click
import numpy
import pytest

pytest.importorskip("setuptools", minversion="70.1", reason="wheels are built offline, by this or a newer setuptools")

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def run(*command: object, **options) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy to build from, with the tiny model among its weights."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("promscan", "weights"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    (folder / "weights").mkdir(exist_ok=True)
    for path in DATA.glob("tiny.*"):
        shutil.copy(path, folder / "weights")
    shutil.copytree(DATA, folder / "tests" / "data")
    return folder


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """What listing the models needs, and nothing else of the environment of the tests."""
    folder = tmp_path_factory.mktemp("libraries")
    for package in (click, numpy):
        for path in Path(package.__file__).parents[1].glob(f"{package.__name__}*"):
            (folder / path.name).symlink_to(path)
    return folder


def test_the_source_distribution_is_the_whole_project(tmp_path):
    """Every tracked file is in it but for those of the repository itself, so that its tests run from it."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout, or git is not installed")
    tracked = run("git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", cwd=ROOT).split("\0")
    wanted = {name for name in tracked if (ROOT / name).is_file() and not name.startswith(".git")}
    for name in wanted:
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "copy" / name)
    run(sys.executable, "-c", BUILD, "build_sdist", tmp_path, cwd=tmp_path / "copy")
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        packed = {name.partition("/")[2] for name in file.getnames()}
    assert wanted - packed == set()


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def models(python, cwd, *pythonpath):
    environment = {"PYTHONPATH": ":".join(map(str, pythonpath)), "PYTHONDONTWRITEBYTECODE": "1"}
    return run(python, "-m", "promscan", "models", cwd=cwd, env=environment)


@pytest.fixture
def listing(checkout, elsewhere):
    """What the checkout bundles."""
    return models(sys.executable, elsewhere, checkout)


def test_a_checkout_finds_its_weights(listing, checkout):
    bundled = sorted(path.stem for path in (checkout / "weights").glob("*.safetensors"))
    assert "tiny" in bundled
    assert [line.split("\t")[0] for line in listing.splitlines()[1:]] == bundled


@pytest.mark.parametrize("kind", ["build_wheel", "build_editable"])
def test_an_installation_finds_its_weights(kind, checkout, listing, libraries, elsewhere, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    run(sys.executable, "-c", BUILD, kind, wheels, cwd=checkout)
    (wheel,) = wheels.iterdir()
    if kind == "build_wheel":  # what `promscan selftest` needs
        with zipfile.ZipFile(wheel) as file:
            assert {"promscan/demo/demo.fa", "promscan/demo/selftest.json"} <= set(file.namelist())
    venv.create(tmp_path / "environment", symlinks=True)
    python = tmp_path / "environment" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    code = "import promscan; print(promscan.__file__)"
    where = run(python, "-c", code, cwd=elsewhere, env={}).strip()
    home = checkout if kind == "build_editable" else tmp_path / "environment"
    assert Path(where).is_relative_to(home)
    assert models(python, elsewhere, libraries) == listing
    assert (python.parent / "promscan").is_file()
