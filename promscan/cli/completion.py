"""Completion of file names in a shell; `complete_models` in the options completes names of models."""

from __future__ import annotations

from collections.abc import Iterator

import click

FILES = frozenset(
    {"DEV", "FASTA", "FILE", "FILE.TSV", "FOLDER", "GENES", "GENOME", "HITS", "OUT", "OUT.HTML", "OUT.TSV", "PREFIX",
     "RUN", "SEQS", "SHARD", "TABLE", "TRAIN", "TSS", "VCF"}
)  # fmt: skip
"""What an argument or option is called in help if its value is a file or a folder."""


def complete_files(command: click.Command) -> None:
    """Let a shell complete file names where a command, or one below it, takes a file."""
    for parameter in parameters(command):
        if parameter.type is click.STRING and takes_file(parameter):
            parameter.type = click.Path()


def takes_file(parameter: click.Parameter) -> bool:
    """Whether the value of an argument or option is a file, by its name in help."""
    shown = parameter.metavar or (parameter.name or "")
    return not FILES.isdisjoint(shown.strip("[].").upper().split("|"))


def parameters(command: click.Command) -> Iterator[click.Parameter]:
    """The arguments and options of a command and of those below it."""
    yield from command.params
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from parameters(below)
