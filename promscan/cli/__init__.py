"""The command line: options in, one call of a command, messages and exit status out.

Exit status: 0 done, 1 failed (one line says why), 2 wrong usage, 130 interrupted. Commands load the heavy libraries
when they run, so that help is instant.
"""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, TextIO

import click

from promscan import log
from promscan.cli.annotate import annotate
from promscan.cli.calibrate import calibrate
from promscan.cli.completion import complete_files
from promscan.cli.design import design
from promscan.cli.evaluate import evaluate
from promscan.cli.explain import explain
from promscan.cli.merge import merge
from promscan.cli.models import models, version_text
from promscan.cli.report import report
from promscan.cli.scan import scan
from promscan.cli.score import score
from promscan.cli.selftest import selftest
from promscan.cli.train import train
from promscan.cli.variants import variants
from promscan.errors import FEWER_THREADS, DeviceError, PromscanError, is_lack_of_memory, shortened
from promscan.io.files import cure_of, open_text_output, standard_output

INTERRUPTED = 130
LEAST_MEMORY = 768 << 20
"""Bytes of address space below which the libraries that promscan needs end a process without a word."""
LEAST_MEMORY_TO_TRAIN = 1536 << 20
"""The same for training, which loads more of them while it runs."""


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        with open_text_output("-") as file:
            click.echo(version_text(), file)
        context.exit()


class _Commands(click.Group):
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write nothing: the text of the help lists the commands already, in the order of their use."""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version.",
)  # fmt: skip
def cli() -> None:
    """Find promoters in DNA, and predict how strong they are.

    \b
    promscan scan genome.fa -o hits.bed         find promoters in a genome
    promscan merge part*.bed -o hits.bed        join the shards of a divided scan
    promscan annotate hits.bed genes.gff3 ...   find the nearest genes of hits
    promscan score windows.fa -o scores.tsv     score single 70-bp sequences
    promscan variants v.vcf.gz ...              say what variants do to promoters
    promscan explain hits.bed ...               say why hits have their scores
    promscan design --strength 12 -o new.fa     propose inserts of a wanted strength
    promscan train genome g.fa tss.bed ...      train a model of your own
    promscan calibrate model.safetensors ...    measure its false positives per Mb on your background
    promscan evaluate hits.bed --tss ...        measure hits against known TSSs
    promscan report hits.bed --genome ...       show hits in one HTML file
    promscan models                             list the bundled models
    promscan selftest                           check this installation

    'promscan COMMAND --help' explains a command and all of its options.
    """
    command = click.get_current_context().invoked_subcommand
    if command != models.name:
        _check_memory_limit(LEAST_MEMORY_TO_TRAIN if command == train.name else LEAST_MEMORY)


COMMANDS = (
    scan, merge, annotate, report, variants, explain, score, design, train, calibrate, evaluate, models, selftest,
)  # fmt: skip
for command in COMMANDS:
    cli.add_command(command)
complete_files(cli)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status; a failure that a user can correct is one line on standard error.

    When the reader of a pipe has gone, as in `promscan ... | head`, click leaves with status 1 and without a word.
    """
    try:
        with _stopped_by_signals():
            status = _run(arguments)
    except KeyboardInterrupt:  # it came when the command had ended
        status = INTERRUPTED
    sys.exit(status)


def _run(arguments: Sequence[str] | None) -> int:
    """Run the command line, say what went wrong, and return the exit status."""
    if sys.stderr is None:  # closed (`2>&-`): messages have nowhere to go, and results still do
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the life of the process
    if sys.stdout is not None:
        standard_output()  # help, too, is UTF-8
    try:
        status = int(cli.main(arguments, prog_name="promscan", standalone_mode=False) or 0)
    except click.ClickException as error:
        _show(error)
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("promscan: interrupted", _messages())
        status = INTERRUPTED
    except (PromscanError, OSError) as error:
        cure = _cure_of(error) if isinstance(error, OSError) else None
        text = shortened(str(error)) + (f"; {cure}" if cure else "")
        click.echo(log.one_line(f"promscan: error: {text}"), _messages())
        status = 1
    except (MemoryError, RuntimeError, ImportError) as error:
        if not is_lack_of_memory(error):
            raise
        click.echo(f"promscan: error: the memory of this machine is too small; {FEWER_THREADS}", _messages())
        status = 1
    _drop_what_standard_output_refuses()
    return status


def _show(error: click.ClickException) -> None:
    """Show wrong usage; its message may repeat any value, and is one short line all the same."""
    text = io.StringIO()
    error.show(text)
    usage, label, message = text.getvalue().partition("Error: ")
    click.echo(usage + label + log.one_line(shortened(" ".join(message.split()))), _messages())


def _cure_of(error: OSError) -> str | None:
    if "No usable temporary directory" in str(error):
        return "let TMPDIR name a folder that takes files, and check the limit of their size (ulimit -f)"
    return cure_of(error.errno)


def _check_memory_limit(least: int) -> None:
    """Refuse a limit of memory (`ulimit -v`) under which a library would abort while it is loaded.

    Raises:
        DeviceError: the limit is too low.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit not in (resource.RLIM_INFINITY, -1) and limit < least:
        raise DeviceError(
            f"this process may take {limit >> 20:,} MiB of memory (ulimit -v), and promscan needs at least "
            f"{least >> 20:,} MiB; raise the limit"
        )


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM, by which a cluster stops jobs, and SIGHUP, of a terminal that is closed, act like Ctrl-C.

    So temporary files are removed. Under nohup SIGHUP is ignored, and stays so. At the end the signals act as before,
    so that no handler runs, and shows a traceback, while the process exits.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        for number, action in before.items():
            if action is not signal.SIG_IGN:
                signal.signal(number, _interrupt)
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action or signal.SIG_DFL)


def _messages() -> TextIO:
    """Standard error; nowhere in the other processes of torchrun, which end for the same reason as the first."""
    return sys.stderr if log.is_first_process() else io.StringIO()


def _drop_what_standard_output_refuses() -> None:
    """Empty the buffer, which Python would do at its exit, and complain a second time about a full disk."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
