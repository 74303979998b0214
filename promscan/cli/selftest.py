"""`promscan selftest`: check an installation."""

from __future__ import annotations

import click

from promscan import log
from promscan.cli.options import device_options
from promscan.errors import RunError
from promscan.io.files import open_text_output


@click.command()
@device_options
def selftest(device: str, threads: int | None) -> None:
    """Run every bundled model on the demo genome and compare its scores with stored ones.

    It needs no network and takes seconds. One line per model says 'ok' or what differs; the exit status is 1 if any
    model differs. Scores may differ by 0.01, because processors and versions of PyTorch round differently.

    \b
    promscan selftest
    promscan selftest --device cuda
    """
    log.configure(quiet=True)
    from promscan.commands.selftest import selftest as run

    failed = 0
    with open_text_output("-") as file:
        for check in run(device=device, threads=threads):
            failed += check.problem is not None
            said = check.problem or f"ok, {check.compared} scores, largest difference {check.difference:.4f}"
            click.echo(f"{check.model}\t{said}", file)
    if failed:
        raise RunError(f"selftest: {log.counted(failed, 'model')} of this installation cannot be trusted")
