"""The documents tell the truth: their examples run, their option tables are those of the commands, their links lead on.

`PROMSCAN_UPDATE_GOLDEN=1` rewrites what the examples print.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import docs_examples as examples
import pytest

import promscan
from promscan.cli import cli
from promscan.networks.card import DEFAULT_MODEL, bundled_models

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
DATA = ROOT / "tests" / "data"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
UPDATE = os.environ.get("PROMSCAN_UPDATE_GOLDEN") == "1"


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    """The commands that do something, by the name of their page: `train windows` is on train-windows.md."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        here = (*path, name)
        found |= leaves(command, here) if isinstance(command, click.Group) else {"-".join(here): command}
    return found


COMMANDS = leaves(cli)
PAGES_OF = {name: DOCS / f"{'inserts' if name == 'design' else name}.md" for name in COMMANDS}
"""docs/design.md is the design of promscan."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an example runs: the files of tests/data, there and under that path, and those that the pages show."""
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    shutil.copytree(DATA, tmp_path / "tests" / "data")
    for page in PAGES:
        for block in examples.blocks(page):
            if block.title is not None:
                (tmp_path / block.title).write_text(block.body, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def perform(line: str, promscan_cli: Callable[..., Any]) -> list[str]:
    """Run a command of a `console` block; what it prints."""
    program, *arguments = shlex.split(line)
    if program == "promscan":
        outcome = promscan_cli(*arguments)
        return (outcome.out + outcome.err).splitlines()
    if program == "cat":
        return "".join(Path(name).read_text(encoding="utf-8") for name in arguments).splitlines()
    if program == "ls":
        return sorted(str(path) for pattern in arguments for path in Path().glob(pattern))
    pytest.fail(f"the examples know promscan, cat and ls, but not {program}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_print_what_the_page_shows(
    page: Path, folder: Path, promscan_cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")  # help and usage are wrapped to the terminal
    found = [c for b in examples.blocks(page) if b.language == "console" for c in examples.commands(b.body)]
    if page == README and DEFAULT_MODEL not in bundled_models():
        pytest.skip(f"{DEFAULT_MODEL} is not bundled")
    for command in found:
        printed = perform(command.line, promscan_cli)
        if UPDATE and not examples.same(command.shown, printed):
            examples.rewrite(page, command, printed)
        elif not examples.same(command.shown, printed):
            assert list(map(str.split, command.shown)) == list(map(str.split, printed)), command.line


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_python_examples_print_what_the_page_shows(page: Path, folder: Path) -> None:
    text = "".join(block.body for block in examples.blocks(page) if block.language == "python")
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    told = list[str]()
    doctest.DocTestRunner(examples.Checker(), verbose=False, optionflags=doctest.ELLIPSIS).run(test, out=told.append)
    assert not told, "".join(told)


def test_the_keywords_of_a_scan_and_their_defaults_are_those_of_the_call() -> None:
    shown: dict[str, Any] = {}
    section = re.split("^## ", (DOCS / "python.md").read_text(), flags=re.MULTILINE)[1]
    for names, default in re.findall(r"^\| (`[^|]+`) \| `([^|`]+)` \|.*\|$", section, re.MULTILINE):
        shown |= {name: ast.literal_eval(default) for name in re.findall("`([^`]+)`", names)}
    parameters = list(inspect.signature(promscan.scan).parameters.values())
    assert shown == {parameter.name: parameter.default for parameter in parameters[1:]}


def test_python_in_the_readme_is_python() -> None:
    found = [block.body for block in examples.blocks(README) if block.language == "python"]
    assert found
    for body in found:
        ast.parse(body)


# Options


def test_each_command_has_its_page() -> None:
    assert [name for name in COMMANDS if not PAGES_OF[name].is_file()] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_shows_the_usage(name: str) -> None:
    context = click.Context(COMMANDS[name])
    usage = " ".join(["promscan", *name.split("-"), *COMMANDS[name].collect_usage_pieces(context)])
    assert f"\n{usage}\n" in PAGES_OF[name].read_text(encoding="utf-8")


def default_of(option: click.Option) -> str:
    """What the option table has to say about a default."""
    value = option.get_default(click.Context(click.Command("any")))
    if option.required:
        return "required"
    if option.is_flag and option.secondary_opts:
        return (option.opts if value else option.secondary_opts)[0]
    if option.is_flag:
        return "off"
    if (
        isinstance(value, str | int | float) and not option.multiple
    ):  # click marks a missing one by an object of its own
        return str(value)
    told = re.search(r"\[default: (.+)\]", option.help or "")
    return told[1] if told else "none"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_option_table_is_that_of_the_command(name: str) -> None:
    options = [parameter for parameter in COMMANDS[name].params if isinstance(parameter, click.Option)]
    expected = {" ".join(sorted([*o.opts, *o.secondary_opts])): default_of(o) for o in options}
    shown = {}
    for row in re.findall(r"^\| `-.+$", PAGES_OF[name].read_text(encoding="utf-8"), re.MULTILINE):
        cell, default, _ = (part.strip() for part in re.split(r"(?<!\\)\|", row.strip("|")))
        names = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", cell)
        shown[" ".join(sorted(names))] = default.replace("`", "")
    assert shown == expected


def test_commands_that_are_not_run_can_be_read() -> None:
    """Every other command line of the documents has a syntax that its command accepts."""
    count = 0
    for page in LINKED:
        for block in examples.blocks(page):
            for line in block.body.replace("\\\n", " ").splitlines() if block.language == "sh" else ():
                for _, arguments in re.findall(r"(^|[\s/])promscan ([^|>#&]+)", line):
                    parse(shlex.split(arguments))
                    count += 1
    assert count


def parse(words: list[str]) -> None:
    command: click.Command = cli
    while isinstance(command, click.Group) and not words[0].startswith("-"):
        command = command.commands[words.pop(0)]
    if command is not cli:
        command.make_context("promscan", words)


# Set-up and links


def test_the_readme_sets_up_what_the_tests_run_in() -> None:
    text = README.read_text(encoding="utf-8")
    for script in (ROOT / "tests" / "run", ROOT / ".ci" / "run"):
        assert "bash tests/run" in script.read_text(encoding="utf-8")
    assert "\nbash tests/run\n" in text
    assert "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/promscan scan tests/data/demo.fa" in text


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.stem)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)\s]+)\)", page.read_text(encoding="utf-8"))
    dead = []
    for link in links:
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if page.name != "index.md" and f"({page.name})" not in index] == []


def test_figures_are_those_that_were_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.write_results", "--check"]
    check = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert check.returncode == 0, check.stderr
