"""Make a bundled model: run the steps of its recipe, one after the other.

A finished step is not run again, so a run that was stopped goes on where it was. Each step leaves a record of its
command and of the sha256 of what it read and wrote in OUT/steps.

    python -m recipes.make core70 --data DATA -o runs/core70        from the public data
    python -m recipes.make core70 --scale demo -o runs/demo         from made-up data, in a minute
    python -m recipes.make core70 --data DATA -o runs/core70 --list
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from promscan.io.files import atomic_path
from recipes.demo_data import write_demo_data
from recipes.recipe import SCALES, Recipe, RecipeError, Step, find_recipe, read_recipe

ROOT = Path(__file__).resolve().parent.parent
Execute = Callable[[Sequence[str]], int]
"""Runs a module with arguments, and returns its exit status."""


def in_subprocess(words: Sequence[str]) -> int:
    """Run `python -m` with these words."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", *words], check=False, env={**os.environ, "PYTHONPATH": path}
    ).returncode


class Workspace:
    """The folders of a recipe that is being made."""

    def __init__(self, data: Path, out: Path) -> None:
        self.data, self.out = data.resolve(), out.resolve()

    def path(self, word: str) -> str:
        """A word of a command with the folders put in."""
        folders = {"{data}": self.data, "{out}": self.out, "{project}": ROOT}
        for name, folder in folders.items():
            word = word.replace(name, str(folder))
        return word

    def record_of(self, step: Step) -> Path:
        return self.out / "steps" / f"{step.name}.json"

    def outputs(self, step: Step) -> dict[str, str]:
        """The sha256 of the files that a step makes; files that are missing are left out."""
        paths = {name: self.out / name for name in step.makes}
        return {name: sha256_of(path) for name, path in paths.items() if path.is_file()}

    def inputs(self, step: Step) -> dict[str, str]:
        """The sha256 of the files that a command names and does not make."""
        return {word: sha256_of(Path(self.path(word))) for word in self._files_read(step)}

    def _files_read(self, step: Step) -> Iterator[str]:
        made = {f"{{out}}/{name}" for name in step.makes}
        for word in step.run:
            name = word.partition("=")[2] or word
            is_input = name.startswith(("{data}", "{out}", "{project}")) and name not in made
            if is_input and Path(self.path(name)).is_file():
                yield name

    def is_done(self, step: Step) -> bool:
        """Whether a step has run on these files.

        Raises:
            RecipeError: it has run with another command or on other files, or its record is damaged.
        """
        record = self.record_of(step)
        if not record.is_file():
            return False
        try:
            written = json.loads(record.read_text(encoding="utf-8"))
            command, inputs, outputs = (written[key] for key in ("command", "inputs", "outputs"))
        except (ValueError, KeyError, TypeError) as error:
            raise RecipeError(f"{record}: not a record of a step; give a new folder with -o") from error
        if command != list(step.run) or inputs != self.inputs(step):
            raise RecipeError(f"{record}: this step ran with another command or other files; give a new folder with -o")
        if outputs != self.outputs(step):
            raise RecipeError(f"{record}: what this step made has changed since; give a new folder with -o")
        return True

    def make(self, step: Step, execute: Execute) -> None:
        """Run a step and record it.

        Raises:
            RecipeError: it failed, or did not write what it makes.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        words = [self.path(word) for word in step.run]
        if step.run[:2] == ("promscan", "train") and (self.out / step.makes[0]).parent.is_dir():
            words.append("--resume")
        inputs, began = self.inputs(step), time.monotonic()
        status = execute(words)
        if status != 0:
            raise RecipeError(f"step {step.name} ended with exit status {status}; the same command goes on from here")
        outputs = self.outputs(step)
        if missing := [name for name in step.makes if name not in outputs]:
            raise RecipeError(f"step {step.name} did not write {', '.join(missing)}")
        record: dict[str, Any] = {"command": step.run, "inputs": inputs, "outputs": outputs}
        record["seconds"] = round(time.monotonic() - began, 1)
        self.record_of(step).parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.record_of(step)) as temporary:
            temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make(recipe: Recipe, workspace: Workspace, execute: Execute = in_subprocess) -> None:
    """Run the steps that have not run yet.

    Raises:
        RecipeError: a step failed, or ran before with another command or on other files.
    """
    for number, step in enumerate(recipe.steps, start=1):
        done = workspace.is_done(step)
        print(f"[{number}/{len(recipe.steps)}] {step.name}{': done before' if done else ''}", flush=True)
        if not done:
            workspace.make(step, execute)


def show(recipe: Recipe, workspace: Workspace) -> None:
    """What the recipe needs and gives, and its steps."""
    print(recipe.about.strip())
    print(f"full scale: {recipe.facts['hours']} h, threads {recipe.facts['threads']}, dev: {recipe.facts['dev']}")
    for step in recipe.steps:
        print(f"{'done' if workspace.is_done(step) else 'to do'}\t{step.name}\t{' '.join(step.run)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="Name of a bundled model, or a TOML file.")
    parser.add_argument("--data", type=Path, help="Folder of the public data.  [default: $PROMSCAN_DATA]")
    parser.add_argument("-o", "--output", type=Path, required=True, help="Folder for everything that is made.")
    parser.add_argument("--scale", choices=SCALES, default="full", help="demo: tiny networks, made-up data.")
    parser.add_argument("--list", action="store_true", help="Show the steps, and run none.")
    arguments = parser.parse_args()
    data = arguments.data or (Path(os.environ["PROMSCAN_DATA"]) if "PROMSCAN_DATA" in os.environ else None)
    if arguments.scale == "demo":
        data = arguments.output / "data"
    elif data is None or not data.is_dir():
        parser.error(f"--data: {data or 'no folder given'}; give the folder of the public data (see CONTRIBUTING.md)")
    try:
        recipe = read_recipe(find_recipe(arguments.recipe), arguments.scale)
        workspace = Workspace(data, arguments.output)
        if arguments.list:
            show(recipe, workspace)
            return
        if arguments.scale == "demo":
            write_demo_data(data)
        make(recipe, workspace)
    except RecipeError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
