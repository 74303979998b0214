"""What a release promises about itself: one version everywhere, a licence, a modest size, no traces of a machine."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import promscan

ROOT = Path(__file__).parent.parent
MEGABYTE = 1_000_000
SIZE_LIMIT = 60 * MEGABYTE


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The files that git tracks."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout, or git is not installed")
    # A checkout often belongs to another user than the one who tests it; git would refuse to list it.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="module")
def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def test_citation_names_the_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.MULTILINE) == [promscan.__version__]


def test_changelog_names_the_version():
    """As a release of its own or, before that, in the section of what is to come."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## \[(.+?)\].*\n((?:(?!## ).*\n?)*)", changelog, re.MULTILINE))
    version = promscan.__version__
    assert version in sections or re.search(rf"\b{re.escape(version)}\b", sections["Unreleased"])


def test_version_is_written_once(setup_cfg):
    assert setup_cfg["metadata"]["version"] == "attr: promscan.__version__"


def test_licence_is_there_and_agrees(setup_cfg):
    assert (ROOT / setup_cfg["metadata"]["license_files"]).read_text(encoding="utf-8").startswith("MIT License\n")
    assert setup_cfg["metadata"]["license"] == "MIT"
    assert "\nlicense: MIT\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_torch_is_asked_for_as_a_plain_range(setup_cfg):
    """No pin, no build tag, no address: which torch fits the machine is for its owner to say."""
    wanted = setup_cfg["options"]["install_requires"].split()
    torch = [requirement for requirement in wanted if re.match(r"torch\b", requirement)]
    assert len(torch) == 1
    assert re.fullmatch(r"torch>=\d+(\.\d+)*(,<\d+(\.\d+)*)?", torch[0])


def test_every_package_is_installed(setup_cfg):
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "promscan").rglob("__init__.py")}
    assert set(setup_cfg["options"]["packages"].split()) == packages | {"promscan.demo", "promscan.weights"}


def test_no_tracked_file_is_huge(tracked):
    assert [path for path in tracked if path.stat().st_size > SIZE_LIMIT] == []


def test_bundled_weights_stay_small():
    assert sum(path.stat().st_size for path in (ROOT / "weights").glob("*")) < SIZE_LIMIT


def test_no_tracked_text_names_the_folders_of_a_machine(tracked):
    # Put together here, or this file would be the first to fail.
    folders = "|".join(("work", "root", "tmp/venv"))
    machine_path = re.compile(rf"(?<![\w.$}}])/(?:{folders})/".encode())
    guilty = []
    for path in tracked:
        content = path.read_bytes()
        if b"\0" not in content and machine_path.search(content):
            guilty.append(path.relative_to(ROOT))
    assert guilty == []
