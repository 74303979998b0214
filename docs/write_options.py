"""Write the usage and the options of each command into its page, from the command itself.

They stand between `<!-- OPTIONS COMMAND: from the command line -->` and `<!-- END -->`.

    python docs/write_options.py             write them
    python docs/write_options.py --check     exit with 1 if a page shows others than the command has
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import click

from promscan.cli import cli

DOCS = Path(__file__).resolve().parent
BLOCK = re.compile(r"(<!-- OPTIONS ([\w ]+): from the command line -->\n).*?(<!-- END -->)", re.DOTALL)

_DEFAULT = re.compile(r"\s*\[default: (.+?)\]")
_NAMES_OF_TYPES = {
    "whole number": "N", "number": "X", "text": "TEXT",
}  # fmt: skip


def command_of(name: str) -> click.Command:
    """The command of this name; that of a group has two words."""
    command: click.Command = cli
    for word in name.split():
        assert isinstance(command, click.Group), name
        command = command.commands[word]
    return command


def options_of(command: click.Command) -> Iterator[click.Option]:
    """Its options without `--help`, in the order of its help."""
    return (parameter for parameter in command.params if isinstance(parameter, click.Option) and not parameter.hidden)


def block(name: str) -> str:
    """Usage and option table of a command."""
    command = command_of(name)
    usage = " ".join(["promscan", name, *command.collect_usage_pieces(click.Context(command))])
    rows = [f"| {spelling(option)} | {default_of(option)} | {meaning(option)} |\n" for option in options_of(command)]
    table = ["| option | default | meaning |\n", "| --- | --- | --- |\n", *rows] if rows else []
    return "".join(["\n```text\n", usage, "\n```\n\n", *table, "\n" if table else ""])


def spelling(option: click.Option) -> str:
    """The names of an option and the placeholder of its value, as code."""
    names = [f"`{name}`" for name in [*option.opts, *option.secondary_opts]]
    if not option.is_flag and not option.count:
        names[-1] = f"{names[-1][:-1]} {escaped(placeholder(option))}`"
    return ", ".join(names)


def placeholder(option: click.Option) -> str:
    """What stands for the value of an option."""
    if option.metavar is not None:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return _NAMES_OF_TYPES.get(option.type.name, option.type.name.upper())


def default_of(option: click.Option) -> str:
    """The default of an option: its value, or what its help says in brackets."""
    if option.required:
        return "required"
    written = _DEFAULT.search(option.help or "")
    if written is not None:
        return escaped(written[1])
    value = option.get_default(click.Context(click.Command("any")))
    if option.is_flag:
        return f"`{(option.opts if value else option.secondary_opts)[0]}`" if option.secondary_opts else "off"
    # click marks a missing default by an object of its own.
    return f"`{escaped(str(value))}`" if isinstance(value, str | int | float) and not option.multiple else "none"


def meaning(option: click.Option) -> str:
    """The help of an option without its default."""
    return escaped(_DEFAULT.sub("", option.help or "").strip())


def escaped(text: str) -> str:
    """Text for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write or check the blocks of all pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        fresh = BLOCK.sub(lambda match: f"{match[1]}{block(match[2])}{match[3]}", text)
        if check and fresh != text:
            raise SystemExit(f"{page.name} shows other options than its command has: run docs/write_options.py")
        if fresh != text:
            page.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
