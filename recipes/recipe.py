"""Recipes: TOML files that say which steps make a model, at full scale and as a demo."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
SCALES = ("full", "demo")
FOLDERS = {name: f"{{{name}}}" for name in ("data", "out", "project")}
"""Names in commands that stand for folders, and stay until a step is run."""


class RecipeError(Exception):
    """A recipe that cannot be run: one line with the cure."""


@dataclass(frozen=True)
class Step:
    """One command of a recipe.

    run: a module and its arguments, in which {data}, {out}, {project} and the values of the scale stand in braces.
    makes: the files that it writes, in the output folder.
    """

    name: str
    run: tuple[str, ...]
    makes: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """The steps that make a model at one scale.

    facts: hours, threads and the expected metric on dev.
    """

    model: str
    about: str
    scale: str
    facts: Mapping[str, Any]
    steps: tuple[Step, ...]


def find_recipe(name: str) -> Path:
    """The file of a recipe, by the name of its model or by its path."""
    path = FOLDER / f"{name}.toml"
    if path.is_file():
        return path
    if not Path(name).is_file():
        known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.toml")))
        raise RecipeError(f"there is no recipe {name!r}: give one of {known}, or a TOML file")
    return Path(name)


def read_recipe(path: Path, scale: str) -> Recipe:
    """The recipe of a file, with the values of a scale put into its commands; the folders stay."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        values = {**FOLDERS, **content[scale]["values"]}
        steps = tuple(
            Step(
                step["name"],
                tuple(str(word).format_map(values) for word in step["run"]),
                tuple(step["makes"]),
            )
            for step in content["step"]
            if scale in step.get("scales", SCALES)
        )
        facts = {key: content["full"][key] for key in ("hours", "threads", "dev")}
        return Recipe(content["model"], content["about"], scale, facts, steps)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not a TOML file: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecipeError(f"{path}: not a recipe: {type(error).__name__} {error}; see recipes/README.md") from error
