"""`promscan models`: what is bundled."""

from __future__ import annotations

import click

import promscan
from promscan.io.files import open_text_output
from promscan.networks.card import bundled_models, find_model, read_card

COLUMNS = ("name", "species", "task", "engine", "strand", "size", "figures", "sha256")


@click.command()
def models() -> None:
    """List the bundled models: name, species, task, size, figures and checksum.

    `strand` says whether a scan may trust the strand that the model calls. Figures are those of the card, on held-out
    data that the card names.
    """
    with open_text_output("-") as file:
        click.echo("\t".join(COLUMNS), file)
        for name in bundled_models():
            path = find_model(name)
            card = read_card(path)
            figures = ", ".join(f"{key} {value:.3f}" for key, value in card.headline.items())
            strand = "trusted" if card.strand_trusted else "untrusted"
            size = f"{path.stat().st_size / 1e6:.1f} MB"
            row = (name, card.species, card.task, card.engine, strand, size, figures, card.sha256)
            click.echo("\t".join(row), file)


def version_text() -> str:
    """Version, and the first letters of the checksum of each bundled model."""
    bundled = ", ".join(f"{name} {read_card(find_model(name)).sha256[:8]}" for name in bundled_models())
    return f"promscan {promscan.__version__} (models: {bundled or 'none'})"
