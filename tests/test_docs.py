"""The documents are true: examples run, option tables and numbers are current, links lead somewhere.

`PROMSCAN_UPDATE_GOLDEN=1` rewrites what the examples print.
"""

from __future__ import annotations

import ast
import doctest
import importlib.util
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import docs_examples as examples
import pysam
import pytest

import promscan
from promscan.cli import cli
from promscan.networks.card import DEFAULT_MODEL
from promscan.networks.model_files import bundled_models

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
DATA = ROOT / "tests" / "data"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
"""What users read; what they show is run."""
INTERNALS = sorted((DOCS / "internals").glob("*.md"))
LINKED = [*PAGES, *INTERNALS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
MOST_WORDS = 12_000
OLD_WORDS = r"\b(?:so many|lest|founding|bearable|beats?|beside|whatever|told|telling|kept|figures?)\b"
"""Words that promscan once used in senses of its own."""
UPDATE = os.environ.get("PROMSCAN_UPDATE_GOLDEN") == "1"


def load(path: Path) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


counting = load(DOCS / "count_words.py")
prose, count_words = counting.prose, counting.count_words


def test_every_page_is_in_the_navigation_of_the_site():
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    assert [page for page in pages if f" {page}\n" not in site + "\n"] == []


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    """The commands that do something, by the name of their page: `train windows` is on train-windows.md."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        here = (*path, name)
        found |= leaves(command, here) if isinstance(command, click.Group) else {"-".join(here): command}
    return found


COMMANDS = leaves(cli)
PAGES_OF = {name: DOCS / f"{name}.md" for name in COMMANDS}


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
    """Run a command of a `console` block; what it prints, standard output first.

    promscan runs in this process, tabix is that of pysam, and everything else, such as what a pipe ends in, is bash.
    """
    first, _, rest = line.partition(" | ")
    program, *arguments = shlex.split(first)
    if program == "promscan":
        outcome = promscan_cli(*arguments)
        return ((bash(rest, outcome.out) if rest else outcome.out) + outcome.err).splitlines()
    if program == "tabix":
        name, region = arguments
        with pysam.TabixFile(name) as file:
            return list(file.fetch(region=region))
    if "bedtools" in line and shutil.which("bedtools") is None:
        pytest.skip("bedtools is not installed")
    return bash(line).splitlines()


def bash(line: str, standard_input: str = "") -> str:
    """What a line of bash prints, standard output first."""
    settings = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        ["bash", "-c", line], input=standard_input, capture_output=True, text=True, check=False, env=settings
    )
    return done.stdout + done.stderr


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_example_shows_wrong_usage(page: Path) -> None:
    """What examples print can be rewritten from a run, and a wrong command would then stay on the page."""
    shown = [line for block in examples.blocks(page) for line in block.body.splitlines()]
    assert [line for line in shown if line.startswith(("Usage: promscan ", "Error: "))] == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_python_examples_print_what_the_page_shows(page: Path, folder: Path) -> None:
    text = "".join(block.body for block in examples.blocks(page) if block.language == "python")
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    failures = list[str]()
    runner = doctest.DocTestRunner(examples.Checker(), verbose=False, optionflags=doctest.ELLIPSIS)
    runner.run(test, out=failures.append)
    assert not failures, "".join(failures)


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


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script or module of the checkout."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_pages_show_the_options_that_the_commands_have() -> None:
    check = run_python("docs/write_options.py", "--check")
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_each_page_has_the_usage_and_every_option_of_its_command(name: str) -> None:
    text = PAGES_OF[name].read_text(encoding="utf-8")
    usage = " ".join(
        ["promscan", *name.split("-"), *COMMANDS[name].collect_usage_pieces(click.Context(COMMANDS[name]))]
    )
    assert f"\n{usage}\n" in text
    options = [parameter for parameter in COMMANDS[name].params if isinstance(parameter, click.Option)]
    rows = re.findall(r"^\| `-.+$", text, re.MULTILINE)
    assert len(rows) == len(options)
    for option, row in zip(options, rows, strict=True):
        cell, default, meaning = (part.strip() for part in re.split(r"(?<!\\)\|", row.strip("|")))
        assert re.findall(r"(?<![\w-])--?[a-z][a-z-]*", cell) == [*option.opts, *option.secondary_opts]
        assert (default == "required") == option.required
        assert default
        assert meaning
        assert "[default" not in row


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


@pytest.mark.parametrize("folder", [DOCS, DOCS / "internals"], ids=["docs", "internals"])
def test_every_page_is_in_the_index_of_its_folder(folder: Path) -> None:
    index = (folder / "index.md").read_text(encoding="utf-8")
    assert [
        page.name for page in folder.glob("*.md") if page.name != "index.md" and f"({page.name})" not in index
    ] == []


# Words


def test_users_need_to_read_few_words() -> None:
    count = run_python("docs/count_words.py", "--limit", str(MOST_WORDS))
    assert count.returncode == 0, count.stderr


@pytest.mark.parametrize(("text", "words"), [
    ("Two words.", 2),
    ("| a | table |\n| --- | --- |\n\nOne\n", 1),
    ("```sh\nnot this\n```\nbut [this one](link.md)\n", 3),
    ("<!-- not\nthis -->\nThis - yes.", 2),
])  # fmt: skip
def test_words_of_prose_are_counted(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize("page", [*PAGES, *INTERNALS], ids=lambda page: page.stem)
def test_pages_use_the_words_of_the_field(page: Path) -> None:
    found = re.findall(OLD_WORDS, prose(page.read_text(encoding="utf-8")), re.IGNORECASE)
    assert found == []


@pytest.mark.parametrize("path", sorted((ROOT / "weights").glob("*.json")), ids=lambda path: path.stem)
def test_cards_use_the_words_of_the_field(path: Path) -> None:
    card = json.loads(path.read_text(encoding="utf-8"))
    texts = [*(str(card[key]) for key in ("description", "limits", "threshold_basis")), *card["headline"]]
    assert re.findall(OLD_WORDS, " ".join(texts), re.IGNORECASE) == []


def test_the_tutorial_gives_igv_files_that_its_steps_write() -> None:
    found = examples.blocks(DOCS / "tutorial.md")
    script_of_igv = next(block.body for block in found if block.title == "demo.igv")
    commands = "".join(block.body for block in found if block.language == "console")
    loaded = re.findall(r"^(?:genome|load) (.+)$", script_of_igv, re.MULTILINE)
    assert loaded
    assert [name for name in loaded if f"-o {name}" not in commands and not (DATA / name).is_file()] == []


# Measured numbers


def measured(name: str) -> Any:
    """A result, the newest if several versions were measured."""
    return json.loads(sorted((ROOT / "benchmarks" / "results").rglob(f"{name}.json"))[-1].read_text(encoding="utf-8"))


def test_numbers_in_the_text_of_the_readme_were_measured() -> None:
    human, promid = (
        measured(f"side_by_side.{name}")["tolerance_100"]["at_fp_per_mb"]["10"] for name in ("human", "promid")
    )
    default = measured("genome_recall.human")["all"]["asked"]["10"]
    starts = measured("genome_recall.human")["default"]
    scan = measured("species_speed")["scans"]["human"]
    strength = measured("strength.yeast-strength")["sets"]
    text = " ".join(README.read_text(encoding="utf-8").split())
    for number in (
        f"{default['recall']:.0%} of all 158 listed TSSs",
        f"{starts['main']['recall']:.0%} of the main TSSs",
        f"of the {starts['alternative']['tss']} alternative TSSs, the scan found {starts['alternative']['recall']:.0%}",
        *("{:.0%} to {:.0%}".format(*starts[kind]["recall_interval95"]) for kind in ("all", "main")),
        f"{default['fp_per_mb']:.1f} FP/Mb",
        f"{human['recall']:.0%} of the TSSs",
        f"PromID {promid['recall']:.0%}",
        f"{scan['kb_per_second']:.0f} kb per second",
        f"{scan['peak_memory_bytes'] / 1e9:.2f} GB",
        f"r = {strength['random']['pearson']:.3f}",
        f"{strength['native']['pearson']:.3f}",
    ):
        assert number in text, number


def text_of(page: str) -> str:
    return " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())


def values_of(part: Any, key: str) -> set[int]:
    """The numbers with this key, however deep they stand in a card."""
    parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    deeper = {number for inner in parts for number in values_of(inner, key)}
    return deeper | ({part[key]} if isinstance(part, dict) and isinstance(part.get(key), int) else set())


def test_the_page_of_species_says_what_the_models_learned_from() -> None:
    text = text_of("species.md")
    training = {
        name: json.loads((ROOT / "weights" / f"{name}.json").read_text(encoding="utf-8"))["training"]
        for name in ("human", "yeast", "pombe")
    }
    for name in ("yeast", "pombe"):
        learned = training[name]["genome"]
        assert re.search(rf"{learned['bases'] / 1e6:.1f} Mb with {learned['starts']:,} ?(listed TSSs)?\b", text), name
    human = re.search(r"([\d,]+) listed TSSs and ([\d,]+) strong RAMPAGE summits, and from ([\d,]+) promoter", text)
    assert human is not None
    listed, summits, promoters = (int(number.replace(",", "")) for number in human.groups())
    assert listed + summits in values_of(training["human"], "starts")
    assert promoters in values_of(training["human"], "used")


def test_the_page_of_species_says_the_rates_of_bacteria() -> None:
    rates = [each["asked"]["100"]["fp_per_mb"] for each in measured("bacteria.bacteria")["species"].values()]
    assert f"the rates of the test parts were {min(rates):.0f} to {max(rates):.0f}" in text_of("species.md")


def test_numbers_about_explanations_were_measured() -> None:
    text = text_of("explain.md")
    human, yeast, bacteria = (measured(f"motifs.{name}") for name in ("human", "yeast", "bacteria"))
    agreement = measured("explanations.human")["rank_correlation_of_attention"]
    element = [bacteria["mean_contribution"][f"{offset}"] for offset in range(-36, -32)]
    for number in (
        f"At {human['starts']} main human TSSs",
        f"the bases -1 and 0 add {human['mean_contribution']['0']:.2f} each",
        f"adds {min(element):.2f} to {max(element):.2f} at its bases -36 to -33",
        f"the -10 element up to {bacteria['mean_contribution']['-12']:.2f}",
        f"the TSS itself adds most ({yeast['mean_contribution']['0']:.2f})",
        "the median is {median:.2f}, from {lowest:.2f} to {highest:.2f}".format(**agreement),
        f"`bacteria` at {bacteria['starts']} it is {bacteria['rank_correlation_of_attention']:.2f}",
        f"`yeast` at {yeast['starts']} {yeast['rank_correlation_of_attention']:.2f}",
    ):
        assert number in text, number


def test_numbers_are_those_that_were_measured() -> None:
    check = run_python("-m", "benchmarks.write_results", "--check")
    assert check.returncode == 0, check.stderr
