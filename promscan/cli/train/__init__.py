"""`promscan train`: a command for each kind of training data."""

from __future__ import annotations

import click

from promscan.cli.train.genome import genome
from promscan.cli.train.pretrain import pretrain
from promscan.cli.train.strength import strength
from promscan.cli.train.windows import windows


@click.group()
def train() -> None:
    """Train a model of your own."""


for command in (windows, pretrain, genome, strength):
    train.add_command(command)
