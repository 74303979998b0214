"""The Nextflow module, as far as it can be checked without Nextflow: its parts agree, and its command lines run."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from genomes import DATA, TINY

import promscan

yaml = pytest.importorskip("yaml")

MODULE = Path(__file__).parent.parent / "packaging" / "nextflow" / "modules" / "nf-core" / "promscan" / "scan"
MAIN = (MODULE / "main.nf").read_text(encoding="utf-8")
META = yaml.safe_load((MODULE / "meta.yml").read_text(encoding="utf-8"))
TEST = (MODULE / "tests" / "main.nf.test").read_text(encoding="utf-8")
SNAPSHOT = json.loads((MODULE / "tests" / "main.nf.test.snap").read_text(encoding="utf-8"))
STUB = "sarscov2 - fasta - bed - stub"


def block(name: str) -> str:
    """What a block of the process runs, as Groovy text."""
    return re.search(rf'\n    {name}:\n.*?"""\n(.*?)    """', MAIN, re.DOTALL)[1]


def rendered(name: str, **values: object) -> str:
    """The lines of a block as Nextflow gives them to bash."""
    text = re.sub(r"\$\{([\w.]+)\}", lambda match: str(values[match[1].replace(".", "_")]), block(name))
    return text.replace("\\\\", "\\")


def outputs() -> dict[str, str]:
    """Channel to its pattern of files."""
    return {emit: pattern for pattern, emit in re.findall(r'path\("([^"]+)"\)\s*, emit: (\w+)', MAIN)}


def names_of(pattern: str, prefix: str, format: str) -> list[str]:
    """File patterns without braces."""
    pattern = pattern.replace("${prefix}", prefix).replace("${format}", format)
    choice = re.search(r"\{(.+?)\}", pattern)
    return [pattern] if choice is None else [pattern.replace(choice[0], one) for one in choice[1].split(",")]


@pytest.fixture
def run(tmp_path):
    """Run lines in bash, with promscan as a program on the path; the names of the files that they leave."""
    program = tmp_path / "bin" / "promscan"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m promscan "$@"\n')
    program.chmod(0o755)
    (work := tmp_path / "work").mkdir()

    def run(lines: str) -> list[str]:
        settings = {"PATH": f"{program.parent}:/usr/bin:/bin", "PYTHONPATH": str(MODULE.parents[5])}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=work,
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return sorted(path.name for path in work.iterdir())

    return run


def test_the_channels_of_the_process_are_those_of_its_description():
    emitted = re.findall(r"emit: (\w+)", MAIN)
    assert emitted == list(META["output"])
    for name, pattern in outputs().items():
        assert pattern in META["output"][name][0][1]
    inputs = re.search(r"input:\n(.*?)\n\n", MAIN, re.DOTALL)[1]
    described = [
        list(part) if isinstance(part, dict) else [key for one in part for key in one] for part in META["input"]
    ]
    found = [re.findall(r"(?:val|path)\(?\s*(\w+)", line) for line in inputs.splitlines()]
    assert found == described


def test_the_version_goes_to_the_topic_by_a_command_that_the_description_repeats(run):
    command = re.search(r'eval\("(.+?)"\), emit: versions_promscan, topic: versions', MAIN)[1]
    for described in (META["output"]["versions_promscan"], META["topics"]["versions"]):
        assert [key for part in described[0] for key in part] == ["${task.process}", "promscan", command]
    run(f"{command} > version")
    (content,) = SNAPSHOT[STUB]["content"][-1].values()
    assert content == [["PROMSCAN_SCAN", "promscan", promscan.__version__]]


def test_brackets_and_quotes_are_closed():
    for text in (MAIN, TEST):
        assert text.count('"""') % 2 == 0
        bare = re.sub(r'"""(.|\n)*?"""|"[^"\n]*"|\'[^\'\n]*\'|//[^\n]*', "", text)
        assert all(bare.count(one) == bare.count(other) for one, other in ("()", "[]", "{}"))


def test_the_command_line_writes_every_output(run):
    lines = rendered(
        "script", fasta=DATA / "demo.fa", prefix="test", format="bed", track_arg="--track test", task_cpus=1,
        args=f"--model {TINY} --strength none --device cpu --region demo1:21,001-22,000",
    )  # fmt: skip
    written = run(lines)
    for emit, pattern in outputs().items():
        assert set(names_of(pattern, "test", "bed")) & set(written), emit
    declared = [name for pattern in outputs().values() for name in names_of(pattern, "test", "bed")]
    assert all(any(fnmatch(name, one) for one in declared) for name in written)


def test_the_stub_writes_what_its_snapshot_says(run, tmp_path):
    content = SNAPSHOT[STUB]["content"]
    run(rendered("stub", prefix="test", format="bed", track_cmd=""))
    expected = dict(channel[0][1].split(":md5,") for channel in content[:-1] if channel)
    found = {}
    for path in (tmp_path / "work").iterdir():
        # nf-test compares what a compressed file holds.
        held = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found[path.name] = hashlib.md5(held, usedforsecurity=False).hexdigest()
    assert found == expected
    assert set(re.findall(r'test\("(.+?)"\)', TEST)) == set(SNAPSHOT)


def test_all_files_name_one_version():
    version = re.escape(promscan.__version__)
    environment = yaml.safe_load((MODULE / "environment.yml").read_text(encoding="utf-8"))
    assert environment["dependencies"] == [f"bioconda::promscan={promscan.__version__}"]
    assert len(re.findall(rf"promscan:{version}--", MAIN)) == 2
