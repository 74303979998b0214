"""The command line: options in, one pipeline call, messages and exit status out.

Exit status: 0 done, 1 failed (one line says why), 2 wrong usage, 130 interrupted. Commands load the heavy libraries
when they run, so that help is instant.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn, TextIO

import click

from promscan import log
from promscan.cli.calibrate import calibrate
from promscan.cli.design import design
from promscan.cli.evaluate import evaluate
from promscan.cli.merge import merge
from promscan.cli.models import models, version_text
from promscan.cli.scan import scan
from promscan.cli.score import score
from promscan.cli.train import train
from promscan.errors import PromscanError
from promscan.io.files import open_text_output

INTERRUPTED = 130


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        with open_text_output("-") as file:
            click.echo(version_text(), file)
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version.",
)  # fmt: skip
def cli() -> None:
    """Find promoters in DNA, and grade how strong they are.

    \b
    promscan scan genome.fa -o hits.bed         call promoters in a genome
    promscan merge part*.bed -o hits.bed        join the parts of a divided scan
    promscan score windows.fa -o scores.tsv     grade single 70-bp sequences
    promscan design --strength 12 -o new.fa     propose inserts of a wanted strength
    promscan train windows train.csv ...        train a model of your own
    promscan calibrate model.safetensors ...    measure its false hits per Mb on your background
    promscan evaluate hits.bed --tss ...        judge hits by known transcription starts
    promscan models                             list the bundled models

    'promscan COMMAND --help' explains a command and all of its options.
    """


for command in (scan, merge, score, design, train, calibrate, evaluate, models):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status; failures that a user can mend are one line on standard error.

    When the reader of a pipe has gone, as in `promscan ... | head`, click leaves with status 1 and without a word.
    """
    # A cluster stops jobs with SIGTERM, a terminal that is closed with SIGHUP: leave as after Ctrl-C, so that temporary
    # files are removed. Under nohup the latter is ignored, and stays so.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    if sys.stderr is None:  # closed (`2>&-`): messages have nowhere to go, and results still do
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the life of the process
    try:
        status = cli.main(arguments, prog_name="promscan", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show(_messages())
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("promscan: interrupted", _messages())
        status = INTERRUPTED
    except (PromscanError, OSError) as error:
        click.echo(f"promscan: error: {error}", _messages())
        status = 1
    _drop_what_standard_output_refuses()
    sys.exit(status)


def _messages() -> TextIO:
    """Standard error; nowhere in the further processes of torchrun, which end for the same reason as the first."""
    return sys.stderr if log.is_first_process() else io.StringIO()


def _drop_what_standard_output_refuses() -> None:
    """Python writes at its exit what is still held back, and would complain a second time about a full disk."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
