"""What tests share: the length of hypothesis's search, the command line in process, device, public data, a genome."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pysam
import pytest
import torch
from fasta_files import Layout, drawn_sequence
from hypothesis import settings

from promscan import log
from promscan.cli import main

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before any test imports Triton

settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("PROMSCAN_HYPOTHESIS", "dev"))

# On tensors as small as those of the tests, threads mostly wait for each other.
torch.set_num_threads(1)

DATA = Path(__file__).parent / "data"

# benchmarks and recipes stand at the top of the checkout and are not installed.
sys.path.append(str(Path(__file__).parent.parent))


class Outcome(NamedTuple):
    """What a command line did."""

    status: int
    out: str
    err: str


@pytest.fixture
def promscan_cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the real command line in process: `promscan_cli("scan", path, "-o", out)`."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Outcome(int(stop.value.code or 0), out, err)

    return run


@pytest.fixture(autouse=True)
def _logger_as_imported() -> Iterator[None]:
    """The command line sets up the logger of the process; the next test finds it as it was."""
    handlers, propagate, level = log.logger.handlers, log.logger.propagate, log.logger.level
    yield
    log.logger.handlers, log.logger.propagate = handlers, propagate
    log.logger.setLevel(level)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    """Every kind of device: CUDA too, where there is one."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return str(request.param)


@pytest.fixture(params=["windowed", "streaming"])
def model(request: pytest.FixtureRequest) -> Path:
    """The tiny model, run by either engine."""
    from genomes import TINY, tiny_streaming  # whose settings of hypothesis are made from the profile above

    return TINY if request.param == "windowed" else tiny_streaming()


@cache
def _savefig() -> Any:
    """The method of matplotlib that draws a figure into a file, as it is before any test replaces it."""
    from matplotlib.figure import Figure

    return Figure.savefig


def _write_blank(_figure: object, path: Path, **_options: object) -> None:
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n")


@pytest.fixture(scope="module")
def blank_pictures() -> Iterator[None]:
    """Pictures are not drawn: a training draws after each epoch, which takes longer than an epoch of the tests."""
    _savefig()
    with mock.patch("matplotlib.figure.Figure.savefig", _write_blank):
        yield


@pytest.fixture
def drawn_pictures() -> Iterator[None]:
    """Pictures are drawn in this test of a module with blank ones."""
    with mock.patch("matplotlib.figure.Figure.savefig", _savefig()):
        yield


@pytest.fixture
def shared_data() -> Path:
    """The public data that is never committed; CONTRIBUTING.md says where to put it."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("PROMSCAN_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"needs the public data in {folder} (PROMSCAN_DATA)")
    return folder


@pytest.fixture
def file_size() -> Callable[[int], AbstractContextManager[None]]:
    """No file grows beyond a number of bytes: `with file_size(1000): ...`; the rest is refused as by a full disk."""

    @contextmanager
    def limited(most: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture
def chr1() -> str:
    """A sequence of 1,000 letters of every kind."""
    return drawn_sequence(1000, seed=1)


@pytest.fixture
def indexed(tmp_path: Path, chr1: str) -> Path:
    """A genome of chr1 and its first 200 bases, with its .fai."""
    path = Layout().write(tmp_path, {"chr1": chr1, "chr2": chr1[:200]})
    pysam.faidx(str(path))
    return path


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--slow` runs the slow tests as well."""
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` where there is no CUDA device, and those marked `slow` without `--slow`."""
    skipped = {"slow": "slow: run with --slow"} if not config.getoption("--slow") else {}
    if not torch.cuda.is_available():
        skipped["gpu"] = "no CUDA device"
    for item in items:
        for marker, reason in skipped.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
