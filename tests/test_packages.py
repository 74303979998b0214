"""Recipes of packages agree with the project: one version, the same requirements, options that exist."""

from __future__ import annotations

import configparser
import hashlib
import importlib.util
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import jinja2
import pytest
import yaml

import promscan
from promscan.cli import cli
from promscan.networks.card import read_card

ROOT = Path(__file__).parent.parent
GALAXY = ROOT / "packaging" / "galaxy"
RECIPE = ROOT / "conda-recipe" / "meta.yaml"
CONDA_NAMES = {"torch": "pytorch"}
"""Packages that conda knows by another name."""


@pytest.fixture(scope="module")
def release():
    spec = importlib.util.spec_from_file_location("release", ROOT / "packaging" / "release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_files_name_one_version(release, capsys):
    assert set(release.versions().values()) == {promscan.__version__}
    assert release.main([]) == 0
    assert capsys.readouterr().out == f"promscan {promscan.__version__}\n"


def test_versions_that_differ_are_listed(release, capsys, monkeypatch):
    monkeypatch.setattr(release, "versions", lambda: {"a": "0.1.0", "b": "0.2.0"})
    assert release.main([]) == 1
    assert capsys.readouterr().err == "a: 0.1.0\nb: 0.2.0\n"


def test_the_checksum_of_the_released_archive_is_written(release, tmp_path, monkeypatch):
    archive, recipe = tmp_path / f"promscan-{promscan.__version__}.tar.gz", tmp_path / "meta.yaml"
    archive.write_bytes(b"an archive")
    recipe.write_text(RECIPE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(release, "RECIPE", recipe)
    assert release.main([str(archive)]) == 0
    assert f'sha256 = "{hashlib.sha256(b"an archive").hexdigest()}"' in recipe.read_text(encoding="utf-8")


def test_an_archive_of_another_version_is_refused(release, tmp_path, capsys):
    assert release.main([str(tmp_path / "promscan-9.9.9.tar.gz")]) == 1
    assert "promscan-9.9.9.tar.gz: is not the source distribution" in capsys.readouterr().err


def test_links_of_the_readme_lead_to_the_released_version(release, tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    page.write_text((ROOT / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(release, "README", page)
    assert release.main(["--links", "https://example.org/promscan/"]) == 0
    text, version = page.read_text(encoding="utf-8"), promscan.__version__
    assert f"](https://example.org/promscan/blob/v{version}/docs/scan.md#shards)" in text
    assert f"](https://example.org/promscan/raw/v{version}/docs/images/report.png)" in text
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_the_conda_recipe_has_the_parts_that_bioconda_asks_for():
    def pinned(name, max_pin):
        return f"{name} pinned to {max_pin}"

    text = jinja2.Template(RECIPE.read_text(encoding="utf-8")).render(PYTHON="python", pin_subpackage=pinned)
    recipe = yaml.safe_load(text)
    assert recipe["package"] == {"name": "promscan", "version": promscan.__version__}
    assert recipe["source"]["url"].endswith(f"/p/promscan/promscan-{promscan.__version__}.tar.gz")
    assert re.search(r"^  sha256: [0-9a-f]{64}$", text, re.MULTILINE)
    build = recipe["build"]
    assert (build["number"], build["noarch"], build["run_exports"]) == (0, "python", ["promscan pinned to x.x"])
    assert build["entry_points"] == ["promscan = promscan.__main__:main"]
    assert recipe["test"]["imports"] == ["promscan"]
    assert recipe["test"]["commands"]
    assert {"home", "license", "license_family", "license_file", "summary"} <= recipe["about"].keys()
    assert recipe["extra"]["recipe-maintainers"]


def test_hadolint_finds_nothing_in_the_dockerfile():
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run([program, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


PROFILES = sorted((ROOT / "workflow" / "profiles").iterdir())


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.name)
def test_a_profile_names_its_plugins_and_groups_small_genomes(profile):
    text = (profile / "config.yaml").read_text(encoding="utf-8")
    settings = yaml.safe_load(text)
    if profile.name == "default":
        assert "executor" not in settings
        return
    assert settings["executor"] == profile.name
    plugins = re.findall(r"snakemake-(?:executor|storage)-plugin-[a-z0-9-]+", text)
    assert plugins[0] == f"snakemake-executor-plugin-{profile.name}"
    storage = settings.get("default-storage-provider")
    assert plugins[1:] == ([] if storage is None else [f"snakemake-storage-plugin-{storage}"])
    assert f"snakemake --profile workflow/profiles/{profile.name}" in text
    assert settings["group-components"] == ["small_genomes=20"]


def test_conda_requires_what_pip_requires():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    of_pip = set()
    for line in config["options"]["install_requires"].split("\n"):
        if requirement := line.partition(";")[0].strip():
            name, least = requirement.split(">=")
            of_pip.add(f"{CONDA_NAMES.get(name, name)} >={least}")
    of_pip |= {f"python {config['options']['python_requires']}", "bedtools"}
    run = re.search(r"^  run:\n((?:    - .+\n)+)", RECIPE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"- (.+)", run.group(1))) == of_pip


@pytest.mark.parametrize("wrapper", sorted(GALAXY.glob("promscan_*.xml")), ids=lambda path: path.stem)
def test_a_galaxy_wrapper_uses_options_that_exist(wrapper):
    tool = ET.parse(wrapper).getroot()
    command = cli.commands[wrapper.stem.removeprefix("promscan_")]
    known = {name for parameter in command.params for name in parameter.opts}
    lines = tool.find("command").text.splitlines()
    used = {word for line in lines if not line.strip().startswith("#") for word in re.findall(r"--[a-z-]+", line)}
    used |= {param.get("truevalue") for param in tool.iter("param") if param.get("truevalue")}
    assert used
    assert used - known == set()


def test_galaxy_offers_the_models_of_genomes():
    tool = ET.parse(GALAXY / "promscan_scan.xml").getroot()
    offered = {option.get("value") for option in tool.findall(".//param[@argument='--model']/option")}
    cards = [read_card(card) for card in (ROOT / "weights").glob("*.json")]
    assert offered == {card.name for card in cards if card.engine == "streaming"}


def test_galaxy_expects_the_lines_that_a_scan_writes(promscan_cli, tmp_path):
    tests = ET.parse(GALAXY / "promscan_scan.xml").getroot().findall("tests/test")
    of_bed = next(test for test in tests if test.find("output[@name='hits'][@ftype='bed']") is not None)
    expected = [line.get("expression") for line in of_bed.iter("has_line_matching")]
    hits = tmp_path / "hits.bed"
    promscan_cli("scan", GALAXY / "test-data" / "demo.fa", "-o", hits, "--strength", "none", "--device", "cpu")
    lines = hits.read_text().splitlines()
    assert expected
    assert [words for words in expected if not any(re.fullmatch(words, line) for line in lines)] == []


def test_galaxy_files_are_small_and_the_genome_is_the_demo():
    sizes = [path.stat().st_size for path in (GALAXY / "test-data").iterdir()]
    assert sum(sizes) < 1_000_000
    assert (GALAXY / "test-data" / "demo.fa").read_bytes() == (ROOT / "tests" / "data" / "demo.fa").read_bytes()
