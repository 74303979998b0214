"""`promscan models`: the bundled models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

import promscan
from promscan.io.files import open_text_output
from promscan.networks.card import Card, read_card
from promscan.networks.model_files import bundled_models, find_model

COLUMNS = ("name", "species", "task", "engine", "strand", "size", "licence", "metrics", "sha256")
SHORT = 8
"""Digits of a checksum in the table, as in the header of hits."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="All fields of the cards as JSON, with the whole checksums.")
def models(as_json: bool) -> None:
    """List the bundled models: name, species, task, size, licence, metrics and checksum.

    `strand` says whether the strand of a hit is reliable. The metrics are those of the card, on test data that the
    card names.
    """
    paths = [find_model(name) for name in bundled_models()]
    with open_text_output("-") as file:
        if as_json:
            click.echo(json.dumps([_all_fields(path) for path in paths], indent=2), file)
            return
        click.echo("\t".join(COLUMNS), file)
        for path in paths:
            click.echo("\t".join(_row(path, read_card(path))), file)


def _row(path: Path, card: Card) -> tuple[str, ...]:
    metrics = ", ".join(f"{key} {value:.3f}" for key, value in card.headline.items())
    strand = "trusted" if card.strand_trusted else "untrusted"
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    sha256 = card.sha256[:SHORT]
    return path.stem, card.species, card.task, card.engine, strand, size, card.licence, metrics, sha256


def _all_fields(path: Path) -> dict[str, Any]:
    """The card as it is written, with the size of the weights in bytes."""
    fields: dict[str, Any] = json.loads(read_card(path).to_json())
    return {**fields, "bytes": path.stat().st_size}


def version_text() -> str:
    """Name and version, for programs to parse."""
    return f"promscan {promscan.__version__}"
